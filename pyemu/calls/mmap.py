"""System calls on one's own memory (`pyemu.kernel.mmap`, `mprotect`, `fork`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Task


@kernel_function("mm/mmap.c", "mmap_region")
def sys_mmap_fixed(start: int, length: int, vm_flags: int) -> None:
    """Map fresh anonymous memory over a range of the running task's address space (MAP_FIXED)."""


@kernel_function("mm/mmap.c", "__do_munmap")
def sys_munmap(start: int, length: int) -> None:
    """Unmap a range of the running task's address space."""


@kernel_function("mm/madvise.c", "madvise_dontneed_single_vma")
def sys_madvise_dontneed(start: int, length: int) -> None:
    """Give the pages of a range back; the area stays (MADV_DONTNEED)."""


@kernel_function("mm/mprotect.c", "do_mprotect_pkey")
def sys_mprotect(start: int, length: int, vm_flags: int) -> int:
    """Allow reading and writing (VM_READ, VM_WRITE) of a range, or forbid it."""


@kernel_function("kernel/fork.c", "dup_mmap")
def sys_fork(child: Task) -> int:
    """Give the child a copy of one's memory and let it run."""


@kernel_function("kernel/exit.c")
def exit_mm() -> None:
    """Leave one's address space; the last task tears it down (Linux v5.7, kernel/exit.c, mm/mmap.c)."""
