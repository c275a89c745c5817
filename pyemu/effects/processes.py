"""Processes: how one begins, and how its memory ends."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Mm, Task
from pyemu.effects.operations import operation


@operation()
def wake_up_new_task(task: Task) -> None:
    """Let a new task run."""


@operation()
def wait_for_fork() -> None:
    """Be not there yet: a task that another one will fork begins with this."""


@operation()
def get_task_mm(task: Task) -> Mm | None:
    """Give the address space of a task, and be one of its users until `mmput`; None when the task is gone."""


@operation()
def mmput(mm: Mm) -> bool:
    """Say goodbye to an address space; give whether nobody uses it now, so that it must be torn down."""
