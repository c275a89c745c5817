"""One page-fault handler for every architecture but x86: the row of the architecture decides what it does.

Models the functions that `pyemu.arches` names, of Linux v5.6 and v5.7 [fact:arch-handlers]. In Linux each is
written out, and most are copies of one another; what differs is asked for as a policy here, or read in the
row. Error codes, page table and exception table are those of the emulated x86: what differs is the handler.

References
----------
Linux v5.7, arch/*/mm/fault.c, and arch/um/kernel/trap.c.
"""

from __future__ import annotations

from typing import Any

from pyemu.arches import Accounting, PageFaults, PerfFlt, Reaction
from pyemu.calls.fault import bad_area_nosemaphore, mm_fault_error, no_context, pagefault_out_of_memory
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.counters import count, perf_sw_event
from pyemu.effects.entries import get_pte
from pyemu.effects.handles import Mm, current
from pyemu.effects.locks import up_read
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import fatal_signal_pending, force_sig_fault
from pyemu.flags import (
    BUS_ADRERR,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    SEGV_ACCERR,
    SIGBUS,
    VM_FAULT_COMPLETED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
)
from pyemu.kernel import implements
from pyemu.kernel.accounting import count_served, mm_account_fault
from pyemu.kernel.fault import find_area, first_flags, lock_mm, try_area_lock, wait_for_mm
from pyemu.kernel.fault_errors import end_bad_area


@implements
async def do_arch_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address.

    Entry: no lock held. Exit: no lock held, whatever happened, but for two faults of the originals: csky
    keeps mmap_sem when memory ran out [fact:arch-csky-oom], and sh releases it twice
    [fact:b6-sh-double-unlock].
    """
    policy = await policies()
    mm = await current.mm
    if await current.pagefault_disabled:
        await bad_area_nosemaphore(regs, error_code, address)
        return
    flags = first_flags(policy, regs, error_code)
    if policy.page_faults is PageFaults.ENTRY:
        await perf_sw_event("page-faults")
    if policy.vma_lock_first and user_mode(regs):
        flags = await try_area_lock(mm, regs, error_code, address, flags)
        if not flags:
            return
    vma, major = None, 0
    locked = await lock_mm(policy, mm, regs)
    while True:
        if not locked:
            await bad_area_nosemaphore(regs, error_code, address)
            return
        if vma is None:
            vma = await find_area(mm, regs, error_code, address)
        if vma is None:
            if policy.page_faults is PageFaults.END:
                await perf_sw_event("page-faults")
            return
        fault = await handle_mm_fault(vma, address, flags)
        await mm_account_fault(None if policy.arch.reaction is Reaction.OPEN else regs, flags, fault)
        major |= fault & VM_FAULT_MAJOR
        if await ends_early(policy, mm, regs, error_code, address, flags, fault):
            return
        if policy.arch.accounting is Accounting.GATED and flags & FAULT_FLAG_ALLOW_RETRY:
            await count_fault(policy, fault & VM_FAULT_MAJOR)
        if fault & VM_FAULT_RETRY and flags & FAULT_FLAG_ALLOW_RETRY:
            # The callee dropped mmap_sem (I1), and all is looked up again.
            flags = next_flags(policy, flags)
            vma = None
            locked = await wait_for_mm(mm)
            continue
        if policy.arch.until_mapped:
            pte = await get_pte(mm, address)
            if not pte:
                continue
        break
    await up_read(mm)
    await count_at_end(policy, flags, fault, major)


def next_flags(policy: Any, flags: int) -> int:
    """Give the flags of another attempt."""
    if policy.retry_once:
        flags &= ~FAULT_FLAG_ALLOW_RETRY
    return flags | FAULT_FLAG_TRIED if policy.sets_tried else flags


async def ends_early(
    policy: Any, mm: Mm, regs: Regs, error_code: int, address: int, flags: int, fault: int
) -> bool:
    """End a fault for a signal, or for an error of the attempt; say whether it is over.

    The signal is asked about first, whoever asks. sh once asked whether the task was being killed,
    and told it of no error then [fact:p08-sh].
    """
    if policy.swallows_errors_when_killed and fault & VM_FAULT_ERROR:
        doomed = await fatal_signal_pending(current)
        if doomed:
            await up_read(mm)
            await leave(policy, regs, error_code, address)
            return True
    if await fault_signal_pending(fault, regs):
        await leave(policy, regs, error_code, address)
        return True
    if fault & VM_FAULT_COMPLETED:
        return True  # served, and the callee dropped the lock
    if policy.page_faults is PageFaults.ATTEMPT:
        await perf_sw_event("page-faults")
    if fault & VM_FAULT_ERROR:
        await end_in_error(policy, mm, regs, error_code, address, fault)
        return True
    if policy.page_faults is PageFaults.SERVED:
        await perf_sw_event("page-faults")
    if fault & VM_FAULT_RETRY and not flags & FAULT_FLAG_ALLOW_RETRY and policy.leaves_late_retry:
        await leave(policy, regs, error_code, address)
        return True
    return False


async def leave(policy: Any, regs: Regs, error_code: int, address: int) -> None:
    """Leave for a signal: a user access is made again after it, kernel code takes its fixup, or should.

    Where it only returns, the same instruction of the kernel runs again, and faults again, until the wait is
    over [fact:b7-livelock]. um has no exception table: it tells its caller, a copy page by page, and sends
    user mode a SIGSEGV that comes too late [fact:arch-um].
    """
    if policy.arch.reaction is Reaction.OPEN:
        await end_bad_area(regs, error_code, address, SEGV_ACCERR)
    elif not user_mode(regs) and not policy.repeats_when_killed:
        await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)


async def end_in_error(policy: Any, mm: Mm, regs: Regs, error_code: int, address: int, fault: int) -> None:
    """Release mmap_sem, and do what the error bits ask for."""
    if policy.oom_keeps_lock and fault & VM_FAULT_OOM:
        await pagefault_out_of_memory()
        return
    await up_read(mm)
    if policy.releases_twice and not fault & VM_FAULT_OOM:
        await up_read(mm)
    if policy.page_faults is PageFaults.END:
        await perf_sw_event("page-faults")
    if fault & VM_FAULT_SIGBUS and policy.arch.kernel_sigbus and not user_mode(regs):
        await force_sig_fault(SIGBUS, BUS_ADRERR, address)
    await mm_fault_error(regs, error_code, address, fault)


async def count_fault(policy: Any, major: int) -> None:
    """Count for the task, and for perf if it is told; from v5.9 on that is done already [fact:count-once]."""
    if policy.account_in_handle_mm_fault:
        return
    if policy.arch.perf_flt is PerfFlt.WITH:
        await count_served(major)
    else:
        await count("maj_flt" if major else "min_flt")


async def count_at_end(policy: Any, flags: int, fault: int, major: int) -> None:
    """Count a fault that was served, where that is done at its end.

    xtensa looks for VM_FAULT_MAJOR in the flags, where the same bit is ALLOW_RETRY: what perf hears there
    says nothing of the disk [fact:arch-xtensa-perf].
    """
    if policy.page_faults in (PageFaults.END, PageFaults.DONE):
        await perf_sw_event("page-faults")
    match policy.arch.accounting:
        case Accounting.ORED:
            await count_fault(policy, major)
        case Accounting.LAST | Accounting.EACH:
            await count_fault(policy, fault & VM_FAULT_MAJOR)
    if policy.arch.perf_flt is PerfFlt.FLAGS and not policy.account_in_handle_mm_fault:
        await perf_sw_event("major-faults" if flags & VM_FAULT_MAJOR else "minor-faults")
