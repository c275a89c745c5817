"""System calls that programs make (`pyemu.kernel.syscalls`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Context


@kernel_function
def sys_poll(context: Context, ticks: int) -> bool:
    """Sleep until a message is there, at most `ticks` (-1: for ever); say whether one is."""


@kernel_function
def sys_nanosleep(ticks: int) -> None:
    """Sleep for `ticks` microseconds of virtual time."""


@kernel_function
def sys_wait_post(ticks: int) -> bool:
    """Sleep until another task has left a post, at most `ticks` (-1: for ever); say whether one has."""


@kernel_function
def sys_mmap_fixed(start: int, length: int, vm_flags: int) -> None:
    """Map fresh anonymous memory over a range of the running task's address space (MAP_FIXED)."""


@kernel_function
def sys_munmap(start: int, length: int) -> None:
    """Unmap a range of the running task's address space."""


@kernel_function
def sys_madvise_dontneed(start: int, length: int) -> None:
    """Give the pages of a range back; the area stays (MADV_DONTNEED)."""
