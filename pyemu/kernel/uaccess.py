"""Touching user memory from kernel code: copies with short counts, single values, pages faulted in.

Models `arch/x86/lib/copy_user_64.S`, `arch/x86/lib/usercopy_64.c`, `lib/usercopy.c` and `mm/gup.c` of Linux
v5.4 to 7.1 [fact:copy-user-tail] [fact:clear-user-single] [fact:get-user-single]; the functions that fault
pages in have the names and results of v5.16 (before: 0 or -EFAULT [fact:fault-in-pages]). A fault of these
instructions is an ordinary page fault in kernel mode: if it is served, the instruction goes on; if not, it
goes on at its fixup, and the function reports what is left. In this model a copy asks for one user page after
the other, and bytes come from and go to a page frame of the kernel.
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.fault import do_page_fault
from pyemu.effects.entries import my_zero_pfn
from pyemu.effects.exceptions import pagefault_disable, pagefault_enable, take_fixup
from pyemu.effects.extable import (
    CLEAR_USER,
    CLEAR_USER_END,
    COPY_USER,
    COPY_USER_END,
    COPY_USER_TAIL,
    GET_USER,
    PUT_USER,
)
from pyemu.effects.hardware import access_user, copy_user
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs
from pyemu.flags import EFAULT, PAGE_MASK, PAGE_SIZE
from pyemu.kernel import implements


async def fault_in_kernel(ip: int, error_code: int, address: int) -> int:
    """Take the exception of a kernel instruction; give the instruction at which its code goes on."""
    await do_page_fault(Regs(user=False, ip=ip), error_code, address)
    fixup = await take_fixup()
    return fixup or ip


async def copy_user_generic(address: int, kind: str, n: int, pfn: int, offset: int) -> int:
    """Copy a block; give the number of bytes left.

    A fault that isn't served ends the block's own instruction. Its fixup tries what is left once more, byte
    by byte, to report the exact count: so one copy may make two exceptions, and each is a fault of its own.
    """
    policy = await policies()
    ip, left = COPY_USER if policy.copy_tries_rest_again else COPY_USER_TAIL, n
    while left and ip != COPY_USER_END:
        done: Any = await copy_user(address, kind, left, pfn, offset)
        if done.value is None:
            ip = await fault_in_kernel(ip, done.error_code, address)
        else:
            address, offset, left = address + done.value, offset + done.value, left - done.value
    return left


@implements
async def copy_from_user(address: int, n: int, pfn: int, offset: int) -> int:
    """Copy from user memory."""
    return await copy_user_generic(address, "read", n, pfn, offset)


@implements
async def copy_to_user(address: int, n: int, pfn: int, offset: int) -> int:
    """Copy to user memory."""
    return await copy_user_generic(address, "write", n, pfn, offset)


@implements
async def copy_from_user_inatomic(address: int, n: int, pfn: int, offset: int) -> int:
    """Copy while the caller must not sleep: it holds a page lock, or a mapping of this CPU alone."""
    await pagefault_disable()
    left = await copy_user_generic(address, "read", n, pfn, offset)
    await pagefault_enable()
    return left


@implements
async def clear_user(address: int, n: int) -> int:
    """Write zeros; its fixup reports what is left at once."""
    zeros = await my_zero_pfn()
    ip, left = CLEAR_USER, n
    while left and ip != CLEAR_USER_END:
        done: Any = await copy_user(address, "write", left, zeros, 0)
        if done.value is None:
            ip = await fault_in_kernel(ip, done.error_code, address)
        else:
            address, left = address + done.value, left - done.value
    return left


@implements
async def get_user(address: int) -> int:
    """Read one byte."""
    ip = GET_USER
    while ip == GET_USER:
        done: Any = await access_user(address, "read", 0)
        if done.value is not None:
            byte: int = done.value
            return byte
        ip = await fault_in_kernel(ip, done.error_code, address)
    return -EFAULT


@implements
async def put_user(address: int, byte: int) -> int:
    """Write one byte."""
    ip = PUT_USER
    while ip == PUT_USER:
        done: Any = await access_user(address, "write", byte)
        if done.value is not None:
            return 0
        ip = await fault_in_kernel(ip, done.error_code, address)
    return -EFAULT


@implements
async def fault_in_readable(address: int, n: int) -> int:
    """Read a byte of each page of the range, up to the first that can't be had."""
    end = address + n
    while address < end:
        byte = await get_user(address)
        if byte < 0:
            return end - address
        address = (address & PAGE_MASK) + PAGE_SIZE
    return 0


@implements
async def fault_in_writeable(address: int, n: int) -> int:
    """Write a zero to each page, up to the first that can't be had: what comes next overwrites it."""
    end = address + n
    while address < end:
        error = await put_user(address, 0)
        if error:
            return end - address
        address = (address & PAGE_MASK) + PAGE_SIZE
    return 0
