"""Page frames: their lock, their references, and what they hold."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.operations import operation
from pyemu.effects.records import Page


@operation()
def alloc_page(byte: int) -> int:
    """Give the number of a free page frame, filled with `byte`; you hold the one reference to it."""


@operation()
def look_at_page(pfn: int) -> Page:
    """Read what is known of a page: its file, who uses it, its state."""


@operation()
def get_page(pfn: int) -> None:
    """Take a reference, so that the frame is not freed."""


@operation()
def put_page(pfn: int) -> None:
    """Drop a reference; the last one frees the frame."""


@operation()
def trylock_page(pfn: int) -> bool:
    """Take the page lock if nobody has it; say whether it was taken."""


@operation()
def lock_page(pfn: int) -> None:
    """Take the page lock; sleep in state D while somebody else has it."""


@operation()
def lock_page_killable(pfn: int) -> int:
    """Take the page lock; give 0, or -EINTR (-4) when SIGKILL ended the wait."""


@operation()
def unlock_page(pfn: int) -> None:
    """Release the page lock: who waits for the unlock wakes, and the first who wants the lock gets it."""


@operation()
def wait_on_page_locked(pfn: int) -> None:
    """Sleep in state D until the page was unlocked once; the lock is not taken."""


@operation()
def wait_on_page_locked_killable(pfn: int) -> int:
    """Sleep until the page was unlocked once; give 0, or -EINTR (-4) when SIGKILL ended the wait."""
