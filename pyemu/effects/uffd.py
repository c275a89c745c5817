"""The queues of a userfaultfd, and the monitors that sleep in poll()."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Context, Wait
from pyemu.effects.operations import operation
from pyemu.effects.records import Message


@operation()
def userfaultfd_queue(context: Context, address: int, message_flags: int, state: int) -> Wait:
    """Queue a message for the monitor and set the task's state, as one step under the queue's lock."""


@operation()
def userfaultfd_dequeue(wait: Wait) -> None:
    """Set the state to RUNNING and take the entry out of its queue."""


@operation()
def wake_up_poll(context: Context) -> None:
    """Wake a monitor that sleeps in poll() on this userfaultfd."""


@operation()
def userfaultfd_next_message(context: Context) -> Message | None:
    """Move the oldest pending message to those that were read, and give it."""


@operation(turn=False)
def last_message() -> int:
    """Give the page of the message that the running task read last; 0 if it has read none."""


@operation()
def wake_userfault(context: Context, start: int, length: int) -> int:
    """Wake the tasks whose message lies in a range; give their number."""


@operation()
def set_released(context: Context) -> None:
    """Mark a userfaultfd as closed."""


@operation()
def poll_queue(context: Context) -> None:
    """Queue for messages and set the state to INTERRUPTIBLE, as one step under the queue's lock."""


@operation()
def poll_dequeue(context: Context) -> None:
    """Set the state to RUNNING and leave the queue for messages."""
