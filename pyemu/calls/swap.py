"""Pages that are not in their place (`pyemu.kernel.swap`, `reclaim`, `migrate`, `khugepaged`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Mm, Task, Vma


@kernel_function("mm/memory.c")
def do_swap_page(vma: Vma, address: int, flags: int, pte: int) -> int:
    """Serve a page that is swapped out or migrating."""


@kernel_function("mm/swapfile.c")
def reuse_swap_page(pfn: int) -> bool:
    """Say whether a locked page has one user at most, and may be written; it leaves the swap cache then."""


@kernel_function("mm/swapfile.c")
def try_to_free_swap(pfn: int) -> bool:
    """Free the slot of a locked page if no entry names it; say whether."""


@kernel_function("mm/vmscan.c", "shrink_page_list")
def shrink_page(pfn: int, address: int) -> bool:
    """Reclaim one page of private memory as far as it goes; say whether its frame is free now."""


@kernel_function("mm/madvise.c", "madvise_pageout")
def sys_madvise_pageout(start: int, length: int) -> int:
    """Reclaim the pages of a range at once (MADV_PAGEOUT; Linux v5.4)."""


@kernel_function("mm/vmscan.c", "shrink_inactive_list")
def shrink_range(task: Task, start: int, length: int) -> int:
    """Reclaim the pages of a range of a process, as memory pressure does; give how many frames are free."""


@kernel_function("mm/migrate.c", "do_pages_move")
def sys_move_pages(task: Task, start: int, length: int, ticks: int) -> int:
    """Move the pages of a range of a process to other frames; give how many stayed."""


@kernel_function("mm/migrate.c", "__unmap_and_move")
def unmap_and_move(pfn: int, address: int, ticks: int) -> bool:
    """Move one page of private memory to a fresh frame; say whether it was moved."""


@kernel_function("mm/khugepaged.c")
def collapse_huge_page(task: Task, start: int, length: int) -> int:
    """Bring the swapped pages of a range in, for a huge page: how many, or a negative error."""


@kernel_function("mm/khugepaged.c", "__collapse_huge_page_swapin")
def collapse_huge_page_swapin(mm: Mm, vma: Vma, start: int, length: int) -> int:
    """Ask for each page that is not in its place, with ALLOW_RETRY alone."""
