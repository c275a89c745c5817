"""System calls that get at user memory through get_user_pages (`pyemu.kernel.process_vm`, `futex`, ...)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import Mm, Pipe, Task
from pyemu.effects.records import GupResult


@kernel_function
def sys_process_vm_readv(task: Task, local: int, remote: int, n: int) -> int:
    """Copy a process's memory to one's own: how many bytes, or an error (v5.7, mm/process_vm_access.c)."""


@kernel_function
def iov_iter_get_pages(address: int, n: int, max_pages: int) -> GupResult:
    """Get the pages behind a buffer, for reading from it: how many *bytes*, or an error (lib/iov_iter.c)."""


@kernel_function
def sys_vmsplice(pipe: Pipe, address: int, n: int) -> int:
    """Put pages of one's own into a pipe, without copying: how many bytes, or an error (fs/splice.c)."""


@kernel_function
def sys_odirect_write(address: int, n: int) -> int:
    """Write one's pages to a disk past the page cache: how many bytes, or an error (fs/iomap/direct-io.c)."""


@kernel_function
def sys_procmem_read(task: Task, buffer: int, address: int, n: int) -> int:
    """Read pages of ``/proc/PID/mem``: how many bytes, or an error (Linux v5.7, fs/proc/base.c, mem_rw)."""


@kernel_function
def access_remote_vm(mm: Mm, address: int, page: int) -> int:
    """Copy a page of an address space, which may be another's, to a frame: how many bytes (mm/memory.c)."""


@kernel_function
def sys_mlock(start: int, length: int) -> int:
    """Lock the pages of a range in memory: 0, or an error (Linux v5.7, mm/mlock.c, do_mlock)."""


@kernel_function
def sys_munlock(start: int, length: int) -> int:
    """Let the pages of a range go again: 0, or an error (Linux v5.7, mm/mlock.c)."""


@kernel_function
def sys_futex_wake_op(first: int, second: int) -> int:
    """Shared FUTEX_WAKE_OP: write 1 to the second word; how many were woken (Linux v5.7, kernel/futex.c)."""


@kernel_function
def get_futex_key(address: int, write: bool) -> int:
    """Find out which memory a shared futex is: 0, or an error (Linux v5.7, kernel/futex.c)."""


@kernel_function
def fault_in_user_writeable(address: int) -> int:
    """Make a word writable after an atomic write to it has failed: 0, or an error (kernel/futex.c)."""


@kernel_function
def sys_get_mempolicy(address: int) -> int:
    """Tell the node of the page at an address; 0, or an error (Linux v5.7, mm/mempolicy.c)."""


@kernel_function
def lookup_node(mm: Mm, address: int) -> int:
    """Give the node of a page, or an error; mmap_sem is held, and released here (mm/mempolicy.c)."""


@kernel_function
def sys_pin(entry: str, address: int, nr_pages: int, gup_flags: int) -> int:
    """Let a driver get pages by one of the entries of get_user_pages: how many, or an error."""
