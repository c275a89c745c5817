"""The page-fault exception on x86, from the CPU's error code to the retry loop.

Models `arch/x86/mm/fault.c` of Linux v5.6 and v5.7, for faults from user mode and from kernel code that
touches user memory [fact:x86-retry-5-6] [fact:x86-retry-5-7]. What differs between the trees is asked for as
a policy. How a fault ends without a page stands in `pyemu.kernel.fault_errors`, and what other architectures
do in `pyemu.kernel.arch_fault`: it begins with the same steps.
"""

from __future__ import annotations

from typing import Any

from pyemu.arches import X86
from pyemu.calls.fault import (
    bad_area,
    bad_area_access_error,
    bad_area_nosemaphore,
    do_arch_fault,
    mm_fault_error,
    no_context,
)
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.areas import expand_stack, find_vma
from pyemu.effects.counters import count_vm_event, perf_sw_event
from pyemu.effects.extable import search_exception_tables
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_read, down_read_killable, down_read_trylock, up_read
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import force_sig_fault
from pyemu.effects.vma_locks import lock_vma_under_rcu, vma_end_read
from pyemu.flags import (
    BUS_ADRERR,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INSTRUCTION,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_VMA_LOCK,
    FAULT_FLAG_WRITE,
    SEGV_ACCERR,
    SIGBUS,
    SIGSEGV,
    VM_EXEC,
    VM_FAULT_COMPLETED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_GROWSDOWN,
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
    if not policy.allows_retry:
        return int(FAULT_FLAG_WRITE) if error_code & X86_PF_WRITE else 0
    flags: int = policy.default_flags
    if user_mode(regs) or policy.arch.copies_as_user:
        flags |= FAULT_FLAG_USER
    elif not policy.interruptible_in_kernel_mode:
        flags &= ~FAULT_FLAG_INTERRUPTIBLE
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    if error_code & X86_PF_INSTR:
        flags |= FAULT_FLAG_INSTRUCTION
    return flags


async def lock_mm(policy: Any, mm: Mm, regs: Regs) -> bool:
    """Take mmap_sem; say no, without waiting, when kernel code faulted that must not.

    Such code may hold the lock itself: to wait for it would hide the oops behind a deadlock [fact:x86-lock];
    some architectures do [fact:arch-lock]. Later kernels let SIGKILL end the wait [fact:x86-lock-killable].
    """
    if await down_read_trylock(mm):
        return True
    if policy.waits_with_table and not user_mode(regs) and not search_exception_tables(regs.ip):
        return False
    return await wait_for_mm(mm)


async def wait_for_mm(mm: Mm) -> bool:
    """Take mmap_sem, however long it takes; say no if SIGKILL ended the wait."""
    policy = await policies()
    if not policy.fault_lock_is_killable:
        await down_read(mm)
        return True
    killed = await down_read_killable(mm)
    return not killed


async def find_area(mm: Mm, regs: Regs, error_code: int, address: int) -> Vma | None:
    """Give the area of a fault; None if it is over: mmap_sem is released, what is wrong was told."""
    vma = await find_vma(mm, address)
    if vma is None:
        await bad_area(regs, error_code, address)
        return None
    start = await vma.vm_start
    if start > address:
        vm_flags = await vma.vm_flags
        grown = False
        if vm_flags & VM_GROWSDOWN:
            grown = await expand_stack(vma, address)
        if not grown:
            await bad_area(regs, error_code, address)
            return None
    if await access_error(error_code, vma):
        await bad_area_access_error(regs, error_code, address)
        return None
    return vma


async def lock_area(mm: Mm, address: int) -> Vma | None:
    """Lock the area of an address alone; None if that can't be done at once, or not for such an area.

    Linux says no as well for anonymous memory in which nothing was ever written (it has no anon_vma yet);
    here all areas count as written to.
    """
    policy = await policies()
    vma = await lock_vma_under_rcu(mm, address)
    if vma is None or not policy.vma_lock_anonymous_only:
        return vma
    ops = await vma.vm_ops
    context = await vma.vm_userfaultfd_ctx
    if not ops and context is None:
        return vma
    await vma_end_read(mm)
    return None


async def try_area_lock(mm: Mm, regs: Regs, error_code: int, address: int, flags: int) -> int:
    """Make an attempt under the lock of the area alone; only user mode does [fact:x86-vma-first].

    Gives the flags with which to go on under mmap_sem, or 0 if the fault is over. RETRY says here no more
    than "not like this", so TRIED is set only if the attempt did work for it: MAJOR [fact:x86-vma-tried].
    """
    policy = await policies()
    vma = await lock_area(mm, address)
    if vma is None:
        await count_vm_event("vma_lock_abort")
        return flags
    if await access_error(error_code, vma):
        await vma_end_read(mm)
        if not policy.vma_lock_ends_bad_access:
            return flags
        await count_vm_event("vma_lock_success")
        await force_sig_fault(SIGSEGV, SEGV_ACCERR, address)
        return 0
    fault = await handle_mm_fault(vma, address, flags | FAULT_FLAG_VMA_LOCK)
    await mm_account_fault(regs, flags, fault)
    if not fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED):
        await vma_end_read(mm)
    if not fault & VM_FAULT_RETRY:
        await count_vm_event("vma_lock_success")
        if fault & VM_FAULT_ERROR:
            await mm_fault_error(regs, error_code, address, fault)
        return 0
    await count_vm_event("vma_lock_retry")
    if await fault_signal_pending(fault, regs):
        return 0
    return flags | FAULT_FLAG_TRIED if policy.vma_lock_marks_tried and fault & VM_FAULT_MAJOR else flags


@implements
async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
    """Handle a fault on a user address; on another architecture than x86 its row does.

    Entry: no lock held. Exit: no lock held, whatever happened; a signal may have been sent, or the kernel
    code that faulted goes on at its fixup.
    """
    policy = await policies()
    if policy.arch is not X86:
        await do_arch_fault(regs, error_code, address)
        return
    mm = await current.mm
    if await current.pagefault_disabled:
        await bad_area_nosemaphore(regs, error_code, address)
        return
    flags = first_flags(policy, regs, error_code)
    await perf_sw_event("page-faults")
    if policy.vma_lock_first and user_mode(regs):
        flags = await try_area_lock(mm, regs, error_code, address, flags)
        if not flags:
            return
    major = 0
    locked = await lock_mm(policy, mm, regs)
    while True:
        if not locked:
            await bad_area_nosemaphore(regs, error_code, address)
            return
        vma = await find_area(mm, regs, error_code, address)
        if vma is None:
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
            locked = await wait_for_mm(mm)
            continue
        if fault & VM_FAULT_RETRY and policy.leaves_late_retry:
            # The lock is gone. In user mode the access faults again; kernel code must go on at its fixup.
            if not user_mode(regs):
                await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)
            return
        break
    if policy.reads_area_after_fault:
        await vma.vm_flags  # for the protection key that a SIGSEGV would tell
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
