"""Huge pages of hugetlbfs (`pyemu.kernel.hugetlb`, `hugetlb_gup`, `hugetlb_areas`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import File, Mm, Vma
from pyemu.effects.records import HugetlbWalk


@kernel_function("mm/hugetlb.c")
def hugetlb_fault(vma: Vma, address: int, flags: int) -> int:
    """Make one attempt to serve a fault on a huge page; give VM_FAULT_* bits."""


@kernel_function("mm/hugetlb.c")
def hugetlb_no_page(vma: Vma, file: File, index: int, address: int, flags: int) -> int:
    """Serve a huge page that is missing; the locks of the fault are held, and released."""


@kernel_function("mm/hugetlb.c")
def hugetlb_handle_userfault(vma: Vma, file: File, index: int, address: int, flags: int, reason: int) -> int:
    """Hand the fault to the monitor; the locks of the fault are held, and released."""


@kernel_function("mm/hugetlb.c")
def hugetlb_cow(vma: Vma, address: int, pte: int, cached: int) -> int:
    """Let a read-only huge page of a private mapping be written: as it is, or as a copy."""


@kernel_function("mm/hugetlb.c")
def alloc_huge_page(vma: Vma, address: int, avoid_reserve: bool, byte: int) -> int:
    """Take a huge page from the pool for a place in a mapping; 0 when there is none."""


@kernel_function("mm/hugetlb.c")
def hugetlb_mcopy_atomic_pte(vma: Vma, file: File, index: int, address: int, byte: int) -> int:
    """Fill one missing huge page; 0, -EEXIST, -ENOMEM or -EFAULT."""


@kernel_function("mm/userfaultfd.c", "__mcopy_atomic_hugetlb")
def mcopy_atomic_hugetlb(vma: Vma, start: int, length: int, byte: int, continues: bool) -> int:
    """Fill missing huge pages, or map those in the cache; give the bytes done or an error."""


@kernel_function("fs/userfaultfd.c")
def userfaultfd_huge_must_wait(mm: Mm, address: int, reason: int) -> bool:
    """Say whether the monitor still has to do something for a huge page."""


@kernel_function("mm/hugetlb.c")
def follow_hugetlb_page(
    vma: Vma, position: int, nr_pages: int, done: int, foll_flags: int, locked: int | None
) -> HugetlbWalk:
    """Get pages of a huge-page area for get_user_pages, up to its end or until one fails."""
