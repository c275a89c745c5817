"""get_user_pages and its family (`pyemu.kernel.gup`, `gup_locked`, `fixup`, `populate`).

Where C passes ``int *locked``, we pass its value and get the new one back with the result: None stands for a
null pointer, 1 for "mmap_sem is held", 0 for "it was dropped".
"""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Mm, Task, Vma
from pyemu.effects.records import FaultinResult, FixupResult, GupResult


@kernel_function("mm/gup.c")
def follow_page_mask(vma: Vma, address: int, foll_flags: int) -> int:
    """Give the page of an address, or 0 when it must be faulted in."""


@kernel_function("mm/gup.c")
def faultin_page(
    tsk: Task | None, vma: Vma, address: int, foll_flags: int, locked: int | None
) -> FaultinResult:
    """Make one attempt for get_user_pages, and count it for `tsk`."""


@kernel_function("mm/gup.c")
def check_vma_flags(vma: Vma, gup_flags: int) -> int:
    """Say whether an area allows this: 0 or -EFAULT."""


@kernel_function("mm/gup.c")
def __get_user_pages(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, gup_flags: int, locked: int | None
) -> GupResult:
    """Get pages until one fails; mmap_sem must be held."""


@kernel_function("mm/gup.c")
def __get_user_pages_locked(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, locked: int | None, flags: int
) -> GupResult:
    """Get pages, and try again where a fault said RETRY; mmap_sem must be held."""


@kernel_function("mm/gup.c")
def get_user_pages(start: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages of one's own without ever dropping mmap_sem, which is held."""


@kernel_function("mm/gup.c")
def get_user_pages_locked(start: int, nr_pages: int, gup_flags: int, locked: int | None) -> GupResult:
    """Get pages of one's own; mmap_sem is held, and may be dropped."""


@kernel_function("mm/gup.c")
def get_user_pages_unlocked(start: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages of one's own, taking and releasing mmap_sem itself."""


@kernel_function("mm/gup.c")
def get_user_pages_remote(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, gup_flags: int, locked: int | None
) -> GupResult:
    """Get pages of an address space that may be another's; faults count for `tsk`."""


@kernel_function("mm/gup.c")
def get_user_pages_fast(start: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages of one's own without a lock where the page table allows it."""


@kernel_function("mm/gup.c")
def fixup_user_fault(
    tsk: Task | None, mm: Mm, address: int, fault_flags: int, unlocked: bool | None
) -> FixupResult:
    """Resolve a fault by hand; mmap_sem is held, on return as well."""


@kernel_function("mm/gup.c")
def populate_vma_page_range(vma: Vma, start: int, end: int, locked: int | None) -> GupResult:
    """Fault in a range of an area, and get no pages."""


@kernel_function("mm/gup.c")
def __mm_populate(start: int, length: int, ignore_errors: bool) -> int:
    """Fault in a range: 0, or the error; it takes and releases mmap_sem itself."""
