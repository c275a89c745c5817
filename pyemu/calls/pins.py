"""System calls that get at user memory through get_user_pages (`pyemu.kernel.process_vm`, `futex`, ...)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import OURS, kernel_function
from pyemu.effects.handles import Mm, Pipe, Task
from pyemu.effects.records import GupResult


@kernel_function("mm/process_vm_access.c", "process_vm_rw_core")
def sys_process_vm_readv(task: Task, local: int, remote: int, n: int) -> int:
    """Copy a process's memory to one's own: how many bytes, or an error."""


@kernel_function("lib/iov_iter.c")
def iov_iter_get_pages(address: int, n: int, max_pages: int) -> GupResult:
    """Get the pages behind a buffer, for reading from it: how many *bytes*, or an error."""


@kernel_function("fs/splice.c", "vmsplice_to_pipe")
def sys_vmsplice(pipe: Pipe, address: int, n: int) -> int:
    """Put pages of one's own into a pipe, without copying: how many bytes, or an error."""


@kernel_function("fs/iomap/direct-io.c", "iomap_dio_rw")
def sys_odirect_write(address: int, n: int) -> int:
    """Write one's pages to a disk past the page cache: how many bytes, or an error."""


@kernel_function("fs/proc/base.c", "mem_rw")
def sys_procmem_read(task: Task, buffer: int, address: int, n: int) -> int:
    """Read pages of ``/proc/PID/mem``: how many bytes, or an error."""


@kernel_function("mm/memory.c", "__access_remote_vm")
def access_remote_vm(mm: Mm, address: int, page: int) -> int:
    """Copy a page of an address space, which may be another's, to a frame: how many bytes."""


@kernel_function("mm/mlock.c", "do_mlock")
def sys_mlock(start: int, length: int) -> int:
    """Lock the pages of a range in memory: 0, or an error."""


@kernel_function("mm/mlock.c")
def sys_munlock(start: int, length: int) -> int:
    """Let the pages of a range go again: 0, or an error."""


@kernel_function("kernel/futex.c", "futex_wake_op")
def sys_futex_wake_op(first: int, second: int) -> int:
    """Shared FUTEX_WAKE_OP: write 1 to the second word; how many were woken."""


@kernel_function("kernel/futex.c")
def get_futex_key(address: int, write: bool) -> int:
    """Find out which memory a shared futex is: 0, or an error."""


@kernel_function("kernel/futex.c")
def fault_in_user_writeable(address: int) -> int:
    """Make a word writable after an atomic write to it has failed: 0, or an error."""


@kernel_function("mm/mempolicy.c", "do_get_mempolicy")
def sys_get_mempolicy(address: int) -> int:
    """Tell the node of the page at an address; 0, or an error."""


@kernel_function("mm/mempolicy.c")
def lookup_node(mm: Mm, address: int) -> int:
    """Give the node of a page, or an error; mmap_sem is held, and released here."""


@kernel_function(OURS)
def sys_pin(entry: str, address: int, nr_pages: int, gup_flags: int) -> int:
    """Let a driver get pages by one of the entries of get_user_pages: how many, or an error."""
