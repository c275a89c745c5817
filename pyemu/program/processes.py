"""Steps on processes: fork."""

from __future__ import annotations

from pyemu.calls.mmap import sys_fork
from pyemu.effects.handles import Task
from pyemu.program.perform import performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.FORK)
async def fork(step: ResolvedStep) -> None:
    """Make a child, which runs the program of its task."""
    await sys_fork(Task(step.task))
