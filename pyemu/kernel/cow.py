"""A write to a page that is mapped read-only: ask the monitor, reuse the page, share it, or copy it.

Models `mm/memory.c` of Linux v5.6 and v5.7 (do_wp_page and what it calls) [fact:zero-page-write].
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.memory import fault_dirty_shared_page
from pyemu.calls.swap import reuse_swap_page, try_to_free_swap
from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.entries import (
    get_mapped_page,
    mk_pte,
    my_zero_pfn,
    pte_pfn,
    set_pte_if_same,
)
from pyemu.effects.files import copy_page
from pyemu.effects.handles import Vma
from pyemu.effects.machine import policies
from pyemu.effects.pages import alloc_page, lock_page, look_at_page, put_page, trylock_page, unlock_page
from pyemu.effects.records import Page
from pyemu.flags import (
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_UFFD_WP,
    PAGE_USER,
    VM_FAULT_ERROR,
    VM_FAULT_NOPAGE,
    VM_FAULT_WRITE,
    VM_SHARED,
    VM_UFFD_WP,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.file_fault import do_page_mkwrite

WRITTEN = PAGE_DIRTY | PAGE_ACCESSED


@implements
async def do_wp_page(vma: Vma, address: int, flags: int, pte: int) -> int:
    """Serve a write to a read-only page.

    Entry: mmap_sem held for reading. Exit: held, except with RETRY from the monitor or from a throttled
    write to a shared file.
    """
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    if pte & PAGE_UFFD_WP and vm_flags & VM_UFFD_WP:
        return await handle_userfault(vma, address, flags, VM_UFFD_WP)
    zero = await my_zero_pfn()
    pfn = await pte_pfn(pte)
    if pfn == zero:
        return await wp_page_copy(vma, address, pte, 0)
    held = await get_mapped_page(mm, address, pte)
    if not held:
        return 0  # the entry has changed: the access is made again and finds what is there now
    page = await look_at_page(pfn)
    if page.anonymous:
        if await may_reuse(pfn):
            return await wp_page_reuse(vma, address, pte, pfn)
    elif vm_flags & VM_SHARED:
        return await wp_page_shared(vma, address, flags, pte, pfn)
    return await wp_page_copy(vma, address, pte, pfn)


def is_mine_alone(policy: Any, page: Page) -> bool:
    """Say whether the writer may have the page: nobody else maps it, or nobody else holds it in any way.

    One reference is the writer's own, which looks at the page.
    """
    if policy.cow_counts_references:
        return page.mapcount == 1 and page.refcount == 2
    return page.mapcount == 1


async def may_reuse(pfn: int) -> bool:
    """Say whether a page of anonymous memory belongs to the writer alone; the page lock keeps it so.

    References
    ----------
    Linux v5.7, mm/swapfile.c, reuse_swap_page [fact:cow-by-mapcount] [fact:cow-by-references].
    """
    policy = await policies()
    locked = await trylock_page(pfn)
    if not locked:
        if policy.cow_counts_references:
            return False  # who holds the lock may be about to take a reference: a copy is safe
        await lock_page(pfn)
    page = await look_at_page(pfn)
    mine = is_mine_alone(policy, page)
    if page.swapcache:
        mine = await may_leave_swap_cache(policy, pfn, page)
    await unlock_page(pfn)
    return mine


async def may_leave_swap_cache(policy: Any, pfn: int, page: Page) -> bool:
    """Say the same of a page that has a slot on the swap device: others may come to it from there."""
    if not policy.cow_counts_references:
        return await reuse_swap_page(pfn)
    if not policy.cow_frees_swap or page.mapcount != 1 or page.refcount != 3:
        return False  # the swap cache holds it as well
    return await try_to_free_swap(pfn)


async def wp_page_reuse(vma: Vma, address: int, pte: int, pfn: int) -> int:
    """Make the entry dirty, and writable if the area is; the reference to the page is given back.

    get_user_pages may write by force where the program may not: then the dirty entry says that it has.
    """
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    rights = WRITTEN | (PAGE_RW if vm_flags & VM_WRITE else 0)
    done = await set_pte_if_same(mm, address, pte, pte | rights)
    await put_page(pfn)
    return VM_FAULT_WRITE if done else 0


async def wp_page_copy(vma: Vma, address: int, pte: int, source: int) -> int:
    """Give the writer a page of its own: a copy of `source`, or zeros for 0. That reference is given back."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    fresh = await alloc_page(0)
    if source:
        await copy_page(fresh, source)
    # Who writes by force into an area that forbids it (FOLL_FORCE) gets a copy that stays read-only.
    rights = PAGE_PRESENT | PAGE_USER | WRITTEN | (PAGE_RW if vm_flags & VM_WRITE else 0)
    new = await mk_pte(fresh, rights)
    mapped = await set_pte_if_same(mm, address, pte, new)
    if not mapped:
        await put_page(fresh)
    if source:
        await put_page(source)
    return VM_FAULT_WRITE if mapped else 0


async def wp_page_shared(vma: Vma, address: int, flags: int, pte: int, pfn: int) -> int:
    """Let a shared page of a file be written: the file system agrees first, then the page is dirty.

    References
    ----------
    Linux v5.7, mm/memory.c, wp_page_shared and finish_mkwrite_fault [fact:shared-file-write].
    """
    mm = await vma.vm_mm
    ops = await vma.vm_ops
    has_mkwrite = ops == "file"
    if has_mkwrite:
        bits = await do_page_mkwrite(vma, pfn)
        if not bits or bits & (VM_FAULT_ERROR | VM_FAULT_NOPAGE):
            await put_page(pfn)
            return bits
    done = await set_pte_if_same(mm, address, pte, pte | PAGE_RW | WRITTEN)
    if not done:
        if has_mkwrite:
            await unlock_page(pfn)
        await put_page(pfn)
        return VM_FAULT_NOPAGE
    if not has_mkwrite:
        await lock_page(pfn)
    bits = await fault_dirty_shared_page(vma, pfn, flags, has_mkwrite)
    await put_page(pfn)
    return bits | VM_FAULT_WRITE
