"""One attempt to serve a fault: which function serves it, and what becomes of anonymous memory.

Models `mm/memory.c` of Linux v5.6 and v5.7: the dispatch, demand-zero pages and the shared zero page
[fact:demand-zero] [fact:missing-before-alloc].
"""

from __future__ import annotations

from pyemu.calls.hugetlb import hugetlb_fault
from pyemu.calls.memory import do_fault, do_wp_page
from pyemu.calls.swap import do_swap_page
from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.counters import count_vm_event
from pyemu.effects.entries import get_pte, my_zero_pfn, set_pte_if_none
from pyemu.effects.handles import Vma
from pyemu.effects.machine import policies
from pyemu.effects.pages import alloc_page, put_page
from pyemu.effects.swapops import pte_present
from pyemu.flags import FAULT_FLAG_WRITE, PAGE_RW, VM_HUGETLB, VM_UFFD_MISSING, VM_WRITE
from pyemu.kernel import implements


@implements
async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
    """Make one attempt.

    Entry: mmap_sem held for reading. Exit: still held, except with VM_FAULT_RETRY (and not RETRY_NOWAIT):
    then the callee dropped it, and `vma` is dead.
    """
    policy = await policies()
    if not policy.pgfault_counts_faults:
        await count_vm_event("pgfault")
    vm_flags = await vma.vm_flags
    if vm_flags & VM_HUGETLB:
        return await hugetlb_fault(vma, address, flags)
    return await handle_pte_fault(vma, address, flags)


async def handle_pte_fault(vma: Vma, address: int, flags: int) -> int:
    """Choose by the page-table entry: missing, not in its place, or there and read-only.

    References
    ----------
    Linux v5.7, mm/memory.c, handle_pte_fault [fact:missing-before-alloc].
    """
    mm = await vma.vm_mm
    pte = await get_pte(mm, address)
    if not pte:
        if await vma.vm_ops:
            return await do_fault(vma, address, flags)
        return await do_anonymous_page(vma, address, flags)
    if not pte_present(pte):
        return await do_swap_page(vma, address, flags, pte)
    if flags & FAULT_FLAG_WRITE and not pte & PAGE_RW:
        return await do_wp_page(vma, address, flags, pte)
    return 0  # somebody else was faster; the CPU sets A and D when the access is made again


@implements
async def do_anonymous_page(vma: Vma, address: int, flags: int) -> int:
    """Serve a missing page: by the monitor, by the zero page for a read, by a fresh page for a write."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    if vm_flags & VM_UFFD_MISSING:
        pte = await get_pte(mm, address)
        if pte:
            return 0
        return await handle_userfault(vma, address, flags, VM_UFFD_MISSING)
    if flags & FAULT_FLAG_WRITE:
        pfn = await alloc_page(0)
        # get_user_pages may write where the program may not: the entry stays as the area allows.
        mapped = await set_pte_if_none(mm, address, pfn, bool(vm_flags & VM_WRITE))
        if not mapped:
            await put_page(pfn)
        return 0
    zero = await my_zero_pfn()
    await set_pte_if_none(mm, address, zero, False)
    return 0
