"""Pipes: their lock, their buffers, and who waits for data or for room."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Pipe
from pyemu.effects.operations import operation
from pyemu.effects.records import PipeBuffer


@operation()
def make_pipe() -> Pipe:
    """Make an empty pipe."""


@operation()
def pipe_lock(pipe: Pipe) -> None:
    """Take the pipe's lock; sleep in state D while somebody else has it."""


@operation()
def pipe_unlock(pipe: Pipe) -> None:
    """Release the pipe's lock; the first who waits for it gets it."""


@operation()
def pipe_first(pipe: Pipe) -> PipeBuffer | None:
    """Give the oldest buffer; None when the pipe is empty. The pipe's lock is held."""


@operation()
def pipe_append(pipe: Pipe, pfn: int) -> None:
    """Add an empty buffer that lies in a frame; the pipe's lock is held, and there is room."""


@operation()
def pipe_fill(pipe: Pipe, n: int) -> None:
    """Say that the newest buffer holds `n` bytes more; the pipe's lock is held."""


@operation()
def pipe_take(pipe: Pipe, n: int) -> int:
    """Take `n` bytes from the oldest buffer; give its frame when that is empty now, else 0."""


@operation()
def pipe_queue(pipe: Pipe, side: str) -> None:
    """Queue for data (``read``) or room (``write``) and set the state to INTERRUPTIBLE, as one step."""


@operation()
def pipe_dequeue(pipe: Pipe, side: str) -> None:
    """Set the state to RUNNING and leave the queue."""


@operation()
def pipe_wake(pipe: Pipe, side: str) -> None:
    """Wake the first who waits for data or for room: one, as each wants all that there is."""
