"""The x86 page-fault exception, from the CPU's error code to the retry loop.

Models `arch/x86/mm/fault.c` of Linux v5.6 and v5.7 for faults that come from user mode. What differs between
the trees is asked for as a policy.
"""

from __future__ import annotations

from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.areas import find_vma
from pyemu.effects.counters import count, perf_sw_event
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import force_sig_fault
from pyemu.flags import (
    BUS_ADRERR,
    BUS_MCEERR_AR,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INSTRUCTION,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    SEGV_ACCERR,
    SEGV_MAPERR,
    SIGBUS,
    SIGSEGV,
    VM_EXEC,
    VM_FAULT_ERROR,
    VM_FAULT_HWPOISON,
    VM_FAULT_HWPOISON_LARGE,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_READ,
    VM_WRITE,
    X86_PF_INSTR,
    X86_PF_PROT,
    X86_PF_WRITE,
)
from pyemu.kernel import implements


@implements
async def do_page_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle one exception. Faults on kernel addresses don't occur in this model."""
    await do_user_addr_fault(regs, error_code, address)


@implements
async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address.

    Entry: no lock held. Exit: no lock held, whatever happened; a signal may have been sent.
    """
    policy = await policies()
    mm = await current.mm
    flags = policy.default_flags
    if user_mode(regs):
        flags |= FAULT_FLAG_USER
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    await perf_sw_event("page-faults")
    major = 0
    while True:
        await down_read(mm)
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
        major |= fault & VM_FAULT_MAJOR
        if await fault_signal_pending(fault, regs):
            return
        if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
            # The callee dropped mmap_sem (I1): the area found above may be gone, so all is looked up again.
            if policy.retry_once:
                flags &= ~FAULT_FLAG_ALLOW_RETRY
            flags |= FAULT_FLAG_TRIED
            continue
        if fault & VM_FAULT_RETRY and policy.leaves_late_retry:
            return  # the lock is gone; the access faults again
        break
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)
        return
    if major:
        await count("maj_flt")
        await perf_sw_event("major-faults")
    else:
        await count("min_flt")
        await perf_sw_event("minor-faults")


@implements
async def access_error(error_code: int, vma: Vma) -> bool:
    """Say whether the area forbids the access."""
    vm_flags = await vma.vm_flags
    if error_code & X86_PF_WRITE:
        return not vm_flags & VM_WRITE
    if error_code & X86_PF_PROT:
        return True  # a read of a present page was refused: nothing to map
    return not vm_flags & (VM_READ | VM_EXEC | VM_WRITE)


@implements
async def bad_area(regs: Regs, error_code: int, address: int) -> None:
    """Release mmap_sem and send SIGSEGV: there is no area."""
    mm = await current.mm
    await up_read(mm)
    await force_sig_fault(SIGSEGV, SEGV_MAPERR, address)


@implements
async def bad_area_access_error(regs: Regs, error_code: int, address: int) -> None:
    """Release mmap_sem and send SIGSEGV: the area forbids the access."""
    mm = await current.mm
    await up_read(mm)
    await force_sig_fault(SIGSEGV, SEGV_ACCERR, address)


@implements
async def mm_fault_error(regs: Regs, error_code: int, address: int, fault: int) -> None:
    """Send the signal that fits the error bits; mmap_sem is released already."""
    poison = fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)
    if poison or fault & VM_FAULT_SIGBUS:
        await force_sig_fault(SIGBUS, BUS_MCEERR_AR if poison else BUS_ADRERR, address)
    else:
        await force_sig_fault(SIGSEGV, SEGV_MAPERR, address)
