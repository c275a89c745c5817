"""Steps that pass time, send signals and look at other tasks."""

from __future__ import annotations

from pyemu.calls.syscalls import sys_nanosleep
from pyemu.effects.handles import Task
from pyemu.effects.machine import report
from pyemu.effects.signals import send_signal
from pyemu.program.perform import performs
from pyemu.scenario import Action, ResolvedStep


@performs(Action.PAUSE)
async def pause(step: ResolvedStep) -> None:
    """Sleep for a time."""
    await sys_nanosleep(step.ticks)


@performs(Action.SIGNAL)
async def signal(step: ResolvedStep) -> None:
    """Send a signal to a task's process."""
    await send_signal(Task(step.task), step.signal)


@performs(Action.SAMPLE)
async def sample(step: ResolvedStep) -> None:
    """Tell the state of a task."""
    state = await Task(step.task).state
    await report(f"sample {step.label}", state)
