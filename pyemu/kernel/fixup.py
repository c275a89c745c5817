"""fixup_user_fault: resolve by hand a fault that was met where nobody may sleep.

Models `mm/gup.c` of Linux v5.6 and v5.7 [fact:fixup-user-fault]. Unlike get_user_pages it gives no page, and
it always returns with mmap_sem held: `unlocked` tells whether the lock was lost in between.
"""

from __future__ import annotations

from pyemu.calls.memory import handle_mm_fault
from pyemu.effects.handles import Mm, Task, Vma, current
from pyemu.effects.locks import down_read
from pyemu.effects.machine import policies
from pyemu.effects.records import FixupResult
from pyemu.effects.signals import fatal_signal_pending
from pyemu.flags import (
    EFAULT,
    EINTR,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_WRITE,
    VM_FAULT_COMPLETED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_READ,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.accounting import count_gup_attempt
from pyemu.kernel.gup import find_area, vm_fault_to_errno


async def vma_permits_fault(vma: Vma, fault_flags: int) -> bool:
    """Say whether an area allows this access."""
    vm_flags = await vma.vm_flags
    return bool(vm_flags & (VM_WRITE if fault_flags & FAULT_FLAG_WRITE else VM_READ))


@implements
async def fixup_user_fault(
    tsk: Task | None, mm: Mm, address: int, fault_flags: int, unlocked: bool | None
) -> FixupResult:
    """Resolve a fault by hand.

    Entry and exit: mmap_sem held. It may be dropped in between if `unlocked` is not None.
    """
    policy = await policies()
    loops = not policy.gup_retries_once and not policy.fixup_ends_at_second_retry
    if unlocked is not None:
        fault_flags |= FAULT_FLAG_ALLOW_RETRY
        if policy.gup_is_killable:
            fault_flags |= FAULT_FLAG_KILLABLE
    major = 0
    killed = False
    while True:
        vma = await find_area(mm, address)
        if vma is None:
            return FixupResult(-EFAULT, unlocked)
        permitted = await vma_permits_fault(vma, fault_flags)
        if not permitted:
            return FixupResult(-EFAULT, unlocked)
        if loops and fault_flags & FAULT_FLAG_KILLABLE:
            killed = await fatal_signal_pending(current)
        if killed:
            return FixupResult(-EINTR, unlocked)
        fault = await handle_mm_fault(vma, address, fault_flags)
        major |= fault & VM_FAULT_MAJOR
        if fault & VM_FAULT_ERROR:
            await count_gup_attempt(tsk, fault_flags, fault)
            return FixupResult(vm_fault_to_errno(fault, 0), unlocked)
        if not fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED):
            break
        await down_read(mm)
        if fault & VM_FAULT_COMPLETED:
            unlocked = True  # the page is there, only the lock was lost
            break
        if fault_flags & FAULT_FLAG_TRIED and not loops:
            break  # and so 0, success, for a page that nobody has brought
        unlocked = True
        fault_flags |= FAULT_FLAG_TRIED
        if policy.gup_retries_once:
            fault_flags &= ~FAULT_FLAG_ALLOW_RETRY
    await count_gup_attempt(tsk, fault_flags, fault & ~(VM_FAULT_RETRY | VM_FAULT_MAJOR) | major)
    return FixupResult(0, unlocked)
