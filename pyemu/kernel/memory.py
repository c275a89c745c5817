"""One attempt to serve a fault: what `handle_mm_fault` decides for anonymous memory.

Models `mm/memory.c` of Linux v5.6 and v5.7: demand-zero pages, the shared zero page, the write that breaks
it [fact:demand-zero] [fact:zero-page-write] [fact:missing-before-alloc].
"""

from __future__ import annotations

from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.counters import count_vm_event
from pyemu.effects.entries import get_pte, mk_pte, my_zero_pfn, set_pte_if_none, set_pte_if_same
from pyemu.effects.handles import Vma
from pyemu.effects.pages import alloc_page, put_page
from pyemu.flags import (
    FAULT_FLAG_WRITE,
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_UFFD_WP,
    PAGE_USER,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
)
from pyemu.kernel import implements


@implements
async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
    """Make one attempt.

    Entry: mmap_sem held for reading. Exit: still held, except with VM_FAULT_RETRY (and not RETRY_NOWAIT):
    then the callee dropped it, and `vma` is dead.
    """
    await count_vm_event("pgfault")
    mm = await vma.vm_mm
    pte = await get_pte(mm, address)
    if not pte:
        return await do_anonymous_page(vma, address, flags)
    if flags & FAULT_FLAG_WRITE and not pte & PAGE_RW:
        return await do_wp_page(vma, address, flags, pte)
    return 0  # somebody else was faster


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
        mapped = await set_pte_if_none(mm, address, pfn, True)
        if not mapped:
            await put_page(pfn)
        return 0
    zero = await my_zero_pfn()
    await set_pte_if_none(mm, address, zero, False)
    return 0


@implements
async def do_wp_page(vma: Vma, address: int, flags: int, pte: int) -> int:
    """Break the zero page: the write gets a fresh page of its own. Other shared pages come with fork."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    if vm_flags & VM_UFFD_WP and pte & PAGE_UFFD_WP:
        return await handle_userfault(vma, address, flags, VM_UFFD_WP)
    pfn = await alloc_page(0)
    fresh = await mk_pte(pfn, PAGE_PRESENT | PAGE_USER | PAGE_RW | PAGE_DIRTY | PAGE_ACCESSED)
    mapped = await set_pte_if_same(mm, address, pte, fresh)
    if not mapped:
        await put_page(pfn)
    return 0
