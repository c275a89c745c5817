"""Kernel code that touches user memory (`pyemu.kernel.uaccess`)."""

# A declared function has a name, parameters and a text, and no body: the kernel's own code stands elsewhere.
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from pyemu.calls.declare import kernel_function


@kernel_function("lib/usercopy.c", "_copy_from_user")
def copy_from_user(address: int, n: int, pfn: int, offset: int) -> int:
    """Copy from user memory into a frame; give the number of bytes *not* copied."""


@kernel_function("lib/usercopy.c", "_copy_to_user")
def copy_to_user(address: int, n: int, pfn: int, offset: int) -> int:
    """Copy from a frame to user memory; give the number of bytes *not* copied."""


@kernel_function("include/linux/uaccess.h", "__copy_from_user_inatomic")
def copy_from_user_inatomic(address: int, n: int, pfn: int, offset: int) -> int:
    """Copy as `copy_from_user`, with page faults off: what is absent is not waited for."""


@kernel_function("arch/x86/lib/usercopy_64.c")
def clear_user(address: int, n: int) -> int:
    """Write zeros to user memory; give the number of bytes *not* written."""


@kernel_function("arch/x86/include/asm/uaccess.h")
def get_user(address: int) -> int:
    """Read one byte of user memory; the byte, or -EFAULT."""


@kernel_function("arch/x86/include/asm/uaccess.h")
def put_user(address: int, byte: int) -> int:
    """Write one byte of user memory; 0, or -EFAULT."""


@kernel_function("include/linux/pagemap.h", "fault_in_pages_readable")
def fault_in_readable(address: int, n: int) -> int:
    """Read a byte of each page, so that it is there; the number of bytes *not* reached."""


@kernel_function("include/linux/pagemap.h", "fault_in_pages_writeable")
def fault_in_writeable(address: int, n: int) -> int:
    """Write a byte of each page, so that it is there; the number of bytes *not* reached."""
