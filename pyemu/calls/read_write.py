"""read(2) and write(2) (`pyemu.kernel.read_write`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function
from pyemu.effects.handles import File


@kernel_function("drivers/char/mem.c", "read_iter_zero")
def sys_read_zero(address: int, n: int) -> int:
    """read(2) of /dev/zero; the number of bytes, or -EFAULT."""


@kernel_function("fs/read_write.c", "ksys_pwrite64")
def sys_pwrite(file: File, address: int, n: int, position: int) -> int:
    """pwrite(2) to a file in memory; the number of bytes, or an error."""


@kernel_function("mm/filemap.c")
def generic_perform_write(file: File, address: int, n: int, position: int) -> int:
    """Copy from user memory to the pages of a file; the number of bytes, or an error."""


@kernel_function("mm/shmem.c")
def shmem_write_begin(file: File, index: int) -> int:
    """Give the page of a file in memory that is written next, locked and held."""


@kernel_function("mm/shmem.c")
def shmem_write_end(file: File, index: int, page: int) -> None:
    """Let go of a page that was written; the file may have become longer."""
