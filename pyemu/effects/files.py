"""Files: the cache of their pages, what is read ahead, and who maps them."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import File, Mm
from pyemu.effects.operations import operation
from pyemu.effects.records import Window


@operation()
def find_get_page(file: File, index: int) -> int | None:
    """Find a page in the cache and take a reference to it; None when it is not there."""


@operation()
def add_to_page_cache(file: File, index: int, pfn: int) -> bool:
    """Put your page into the cache and lock it; say whether the place was free. The cache holds it, too."""


@operation()
def delete_from_page_cache(pfn: int) -> bool:
    """Take a page out of its cache, which drops its reference; say whether it was in one."""


@operation()
def cached_pages(file: File, first: int) -> tuple[int, ...]:
    """Give the numbers of the file's cached pages from `first` on."""


@operation()
def set_page_uptodate(pfn: int) -> None:
    """Say that the page holds what the file says."""


@operation()
def set_page_dirty(pfn: int) -> bool:
    """Say that the page differs from the disk; give whether that is news."""


@operation()
def clear_page_dirty_for_io(pfn: int) -> bool:
    """Make a page clean, and every shared entry of it read-only; say whether it was dirty."""


@operation()
def set_page_readahead(pfn: int) -> None:
    """Mark a page: meeting it asks for the next window."""


@operation()
def test_clear_page_readahead(pfn: int) -> bool:
    """Say whether meeting this page asks for the next window; it does so once."""


@operation()
def next_window(file: File, index: int, met: bool) -> Window:
    """Choose what to read ahead: around a missing page, or what follows when the marked page was met."""


@operation()
def memfd_create() -> File:
    """Make an empty file in memory, which no directory knows."""


@operation()
def set_file_size(file: File, pages: int) -> None:
    """Set the length of a file; what lies beyond is gone."""


@operation()
def map_cached_pages(mm: Mm, address: int, file: File, index: int, pages: int, flags: int) -> int:
    """Map the cached pages of a range where the entries are empty, under one hold of the page-table lock.

    A page that is locked, not uptodate or marked for readahead is left out. `flags` are the bits of the
    entries; gives how many pages were mapped.
    """


@operation()
def unmap_file_page(file: File, index: int, even_cows: bool) -> int:
    """Empty every entry, of whatever address space, that shows a page of a file; give their number.

    Private copies are the same place of the file, and go only with `even_cows`.
    """


@operation()
def copy_page(target: int, source: int) -> None:
    """Copy the bytes of one frame to another."""


@operation()
def count_faulty_call(file: File) -> int:
    """Count a fault of the test apparatus; give the number of it."""
