"""Huge pages: their pool and its reservations, and the entries of page directories that name them."""

# A declared operation has a name, parameters and a text, and no body: what it does stands in pyemu.sched.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.effects.handles import File, Mm, Vma
from pyemu.effects.operations import operation


@operation()
def dequeue_huge_page(vma: Vma, index: int, avoid_reserve: bool, byte: int) -> int:
    """Take a huge page from the pool, filled with a byte; you hold the reference. 0 when there is none.

    `index` counts the huge pages of the file. A page that was reserved for this mapping uses that up, unless
    `avoid_reserve`.
    """


@operation()
def hugetlb_vm_op_close(vma: Vma) -> None:
    """Give back what a private mapping reserved and didn't use; mmap_sem is held for writing."""


@operation()
def iput(file: File) -> None:
    """Let a file go: one without a name that nothing maps is freed, with its pages and reservations."""


@operation()
def copy_huge_page(target: int, source: int) -> None:
    """Copy what a huge page holds."""


@operation()
def get_huge_pte(mm: Mm, address: int) -> int:
    """Read the entry of the huge page at an address; 0 when there is none."""


@operation()
def set_huge_pte_if_same(mm: Mm, address: int, old: int, new: int) -> bool:
    """Replace the entry of a huge page if it is still `old`; as `set_pte_if_same` does it for small ones."""


@operation()
def zap_huge_pte(mm: Mm, address: int) -> bool:
    """Empty the entry of a huge page and flush its translations; say whether it named a page."""


@operation()
def modify_huge_pte(mm: Mm, address: int, clear: int, add: int) -> int:
    """Clear and set bits of the entry of a huge page, and flush it; give what it was before."""


@operation()
def copy_huge_pte(mm: Mm, address: int, child: Mm, clear: int) -> bool:
    """Give the child an entry like the parent's, both without the bits in `clear`; as `copy_pte` does it."""


@operation()
def follow_huge_pte(mm: Mm, address: int, foll_flags: int, n: int) -> int:
    """Give the frame that an address has within its huge page, with `n` references; 0 without a page."""
