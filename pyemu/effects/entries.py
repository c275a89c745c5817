"""Page-table entries: one page each, read, compared and changed under the page-table lock."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.effects.operations import operation


@operation()
def get_pte(mm: Mm, address: int) -> int:
    """Read the page-table entry of an address; 0 when there is none."""


@operation()
def set_pte_if_none(mm: Mm, address: int, pfn: int, writable: bool) -> bool:
    """Map a page if the entry is empty, as one step under the page-table lock; say whether it was.

    The entry takes over your reference to the page; if it was not empty, you still have it.
    """


@operation()
def set_pte_if_same(mm: Mm, address: int, old: int, new: int) -> bool:
    """Replace an entry if it is still `old`, as one step under the page-table lock; say whether it was.

    What the hardware may have cached of the old entry is flushed. If the new entry names another page, it
    takes over your reference to that, and the reference of the old entry is dropped.
    """


@operation()
def zap_pte(mm: Mm, address: int) -> bool:
    """Empty the entry of an address and flush its translations; say whether it named a page."""


@operation(turn=False)
def my_zero_pfn() -> int:
    """Give the number of the shared zero page's frame."""


@operation(turn=False)
def pte_pfn(pte: int) -> int:
    """Give the frame number that a page-table entry holds."""


@operation(turn=False)
def mk_pte(pfn: int, flags: int) -> int:
    """Give an entry that names a page; `flags` are PAGE_* bits."""


@operation()
def pagemap(address: int) -> str:
    """Say of a page of the running task what /proc shows: ``present``, ``file/shared``, ``excl``, ..."""


@operation()
def get_mapped_page(mm: Mm, address: int, pte: int) -> bool:
    """Take a reference to the page of an entry if that is still `pte`; say whether it was."""


@operation()
def modify_pte(mm: Mm, address: int, clear: int, add: int) -> int:
    """Clear and set bits of an entry that names a page, and flush it; give what it was before."""


@operation()
def copy_pte(mm: Mm, address: int, child: Mm, clear: int, not_for_child: int) -> bool:
    """Give the child an entry like the parent's, both without the bits in `clear`; say whether there was one.

    The page gets a reference for the child's entry, which lacks the bits in `not_for_child` as well.
    """
