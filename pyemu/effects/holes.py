"""Holes that are being punched into shared memory: faults there wait until it is done."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import File
from pyemu.effects.operations import operation


@operation()
def begin_hole(file: File, first: int, end: int) -> None:
    """Say that pages of a file, up to but not `end`, are being taken out."""


@operation()
def end_hole(file: File) -> None:
    """Say that the hole is there, and wake every fault that waits for that."""


@operation()
def hole_queue(file: File, index: int) -> bool:
    """Queue for the end of a hole that is being punched at a page, and set state UNINTERRUPTIBLE.

    That is one step. Say whether there is such a hole; without one, nothing is queued.
    """


@operation()
def hole_dequeue(file: File) -> None:
    """Set the state to RUNNING and leave the queue of a hole, if it is there still."""
