"""Posts: one task tells another to go on. Only programs use them; nothing on the way of a fault does."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Task
from pyemu.effects.operations import operation


@operation()
def post(task: Task) -> None:
    """Leave a post for a task, and wake it if it waits for one."""


@operation()
def post_queue() -> bool:
    """Set the state to INTERRUPTIBLE to wait for a post; say whether one is there already."""


@operation()
def post_dequeue() -> bool:
    """Set the state to RUNNING and take a post, if one is there; say whether one was."""
