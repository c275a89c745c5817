"""Page-table entries, and the page frames that they name."""

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
    """Map a page if the entry is empty, as one step under the page-table lock; say whether it was."""


@operation()
def make_pte_writable(mm: Mm, address: int, pfn: int) -> bool:
    """Replace a present read-only entry by a writable, dirty one and flush it; say whether there was one."""


@operation()
def zap_pte(mm: Mm, address: int) -> bool:
    """Empty the entry of an address and flush its translations; say whether it was present."""


@operation()
def alloc_page(byte: int) -> int:
    """Give the number of a free page frame, filled with `byte`."""


@operation(turn=False)
def my_zero_pfn() -> int:
    """Give the number of the shared zero page's frame."""


@operation(turn=False)
def pte_pfn(pte: int) -> int:
    """Give the frame number that a page-table entry holds."""
