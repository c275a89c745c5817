"""The x86 page-fault exception, from the CPU's error code to the retry loop.

Models `arch/x86/mm/fault.c` of Linux v5.6 and v5.7, for faults from user mode and from kernel code that
touches user memory [fact:x86-retry-5-6] [fact:x86-retry-5-7]. What differs between the trees is asked for as
a policy. How a fault ends without a page stands in `pyemu.kernel.fault_errors`.
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.fault import (
    bad_area,
    bad_area_access_error,
    bad_area_nosemaphore,
    mm_fault_error,
    no_context,
)
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.areas import find_vma
from pyemu.effects.counters import perf_sw_event
from pyemu.effects.extable import search_exception_tables
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_read, down_read_trylock, up_read
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs, user_mode
from pyemu.flags import (
    BUS_ADRERR,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INSTRUCTION,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    SIGBUS,
    VM_EXEC,
    VM_FAULT_COMPLETED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_READ,
    VM_WRITE,
    X86_PF_INSTR,
    X86_PF_PROT,
    X86_PF_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.accounting import count_served, mm_account_fault


@implements
async def do_page_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle one exception. Faults on kernel addresses don't occur in this model."""
    await do_user_addr_fault(regs, error_code, address)


def first_flags(policy: Any, regs: Regs, error_code: int) -> int:
    """Give the flags of the first attempt: what the tree allows, who faulted, what for."""
    flags: int = policy.default_flags
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    elif not policy.interruptible_in_kernel_mode:
        flags &= ~FAULT_FLAG_INTERRUPTIBLE
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    return flags


async def lock_mm(mm: Mm, regs: Regs) -> bool:
    """Take mmap_sem; say no, without waiting, when kernel code faulted that must not.

    Such code may hold the lock itself: to wait for it would hide the oops behind a deadlock.
    """
    if await down_read_trylock(mm):
        return True
    if not user_mode(regs) and not search_exception_tables(regs.ip):
        return False
    await down_read(mm)
    return True


@implements
async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address.

    Entry: no lock held. Exit: no lock held, whatever happened; a signal may have been sent, or the kernel
    code that faulted goes on at its fixup.
    """
    policy = await policies()
    mm = await current.mm
    if await current.pagefault_disabled:
        await bad_area_nosemaphore(regs, error_code, address)
        return
    flags = first_flags(policy, regs, error_code)
    await perf_sw_event("page-faults")
    major = 0
    locked = await lock_mm(mm, regs)
    if not locked:
        await bad_area_nosemaphore(regs, error_code, address)
        return
    while True:
        vma = await find_vma(mm, address)
        if vma is None:
            await bad_area(regs, error_code, address)
            return
        start = await vma.vm_start
        if start > address:
            await bad_area(regs, error_code, address)
            return
        if await access_error(error_code, vma):
            await bad_area_access_error(regs, error_code, address)
            return
        fault = await handle_mm_fault(vma, address, flags)
        await mm_account_fault(regs, flags, fault)
        major |= fault & VM_FAULT_MAJOR
        if await fault_signal_pending(fault, regs):
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        if fault & VM_FAULT_COMPLETED:
            return  # served, and the callee dropped the lock
        if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
            # The callee dropped mmap_sem (I1): the area found above may be gone, so all is looked up again.
            if policy.retry_once:
                flags &= ~FAULT_FLAG_ALLOW_RETRY
            flags |= FAULT_FLAG_TRIED
            await down_read(mm)
            continue
        if fault & VM_FAULT_RETRY and policy.leaves_late_retry:
            # The lock is gone. In user mode the access faults again; kernel code must go on at its fixup.
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        break
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
    elif not policy.account_in_handle_mm_fault:
        await count_served(major)


@implements
async def access_error(error_code: int, vma: Vma) -> bool:
    """Say whether the area forbids the access."""
    vm_flags = await vma.vm_flags
    if error_code & X86_PF_WRITE:
        return not vm_flags & VM_WRITE
    if error_code & X86_PF_PROT:
        return True  # a read of a present page was refused: nothing to map
    return not vm_flags & (VM_READ | VM_EXEC | VM_WRITE)
