"""read(2) and write(2) (`pyemu.kernel.read_write`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function


@kernel_function
def sys_read_zero(address: int, n: int) -> int:
    """read(2) of /dev/zero; the number of bytes, or -EFAULT (drivers/char/mem.c, read_iter_zero)."""


@kernel_function
def sys_tmpfs_write(address: int, n: int) -> int:
    """pwrite(2) to the start of a fresh memfd; the number of bytes, or an error (mm/shmem.c)."""


@kernel_function
def generic_perform_write(address: int, n: int) -> int:
    """Copy from user memory to the pages of a file; the number of bytes, or an error (mm/filemap.c)."""
