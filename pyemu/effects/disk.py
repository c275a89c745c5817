"""The disk: requests, and what their end brings."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import File
from pyemu.effects.operations import operation


@operation()
def submit_read(file: File, first: int, pages: int) -> None:
    """Ask the disk for pages in the cache, which you have locked: their locks are the disk's now."""


@operation()
def submit_write(file: File, first: int, pages: int) -> None:
    """Give pages in the cache to the disk; they are under writeback until it has them."""


@operation()
def next_request() -> int:
    """Begin with the oldest request; sleep until there is one. Gives the time it takes. For the disk."""


@operation()
def end_request() -> None:
    """End the request: pages read are uptodate and unlocked, pages written no longer under writeback."""


@operation()
def wait_on_page_writeback(pfn: int) -> None:
    """Sleep in state D until the disk has written a page."""
