"""Pages of files (`pyemu.kernel.filemap`, `shmem`, `writeback`, `truncate`, `apparatus`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import OURS, kernel_function
from pyemu.effects.handles import File, Mm, Vma
from pyemu.effects.records import Found, PageLock


@kernel_function("mm/filemap.c")
def filemap_fault(vma: Vma, address: int, flags: int) -> Found:
    """Find or read a page of a file on a disk, and lock it."""


@kernel_function("mm/filemap.c")
def lock_page_maybe_drop_mmap(pfn: int, mm: Mm, flags: int, pinned: bool) -> PageLock:
    """Lock a page of the cache; the first try waits without mmap_sem."""


@kernel_function("mm/shmem.c")
def shmem_fault(vma: Vma, address: int, flags: int) -> Found:
    """Find or make a page of shared memory, or ask the monitor for it."""


@kernel_function("mm/shmem.c")
def shmem_fallocate(file: File, first: int, pages: int) -> int:
    """Punch a hole: take pages out of a file of shared memory (FALLOC_FL_PUNCH_HOLE)."""


@kernel_function(OURS)
def faulty_fault(vma: Vma, address: int, flags: int) -> Found:
    """A driver that is wrong on purpose: it says RETRY twice, and drops mmap_sem, whatever was allowed."""


@kernel_function(OURS)
def failing_fault(vma: Vma, address: int, flags: int) -> Found:
    """Serve a fault as a driver does whose first one fails: test apparatus."""


@kernel_function(OURS)
def hold_page(file: File, index: int, ticks: int) -> None:
    """Lock a page of a file for a time, as somebody else's I/O does: a test apparatus."""


@kernel_function("mm/msync.c")
def sys_msync(start: int, length: int) -> int:
    """Write the dirty pages of a range to the disk and wait (MS_SYNC; Linux v5.7, mm/msync.c)."""


@kernel_function("mm/truncate.c", "truncate_setsize")
def sys_ftruncate(file: File, pages: int) -> int:
    """Set the length of a file: pages beyond it leave memory, mapped or not."""


@kernel_function("mm/fadvise.c", "generic_fadvise")
def sys_fadvise_dontneed(file: File) -> int:
    """Drop the clean pages of a file that nobody maps (POSIX_FADV_DONTNEED; Linux v5.7, mm/fadvise.c)."""
