"""A fault on a page that is not in its place: on the swap device, or on its way to another frame.

Models `mm/memory.c` (do_swap_page), `mm/swap_state.c` and `mm/swapfile.c` of Linux v5.6 and v5.7
[fact:swap-in] [fact:page-lock-swap] [fact:swap-exclusive-write]. How a page gets there stands in
`pyemu.kernel.reclaim` and `migrate`. Where the model is simpler: no page is read ahead, a read never fails,
and the device is never half full, so that a slot stays with its page until somebody writes or the last entry
goes.
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.memory import do_wp_page, lock_page_or_retry
from pyemu.effects.counters import count_vm_event
from pyemu.effects.disk import submit_read
from pyemu.effects.entries import get_pte, mk_pte, set_pte_if_same
from pyemu.effects.files import find_get_page
from pyemu.effects.handles import Vma
from pyemu.effects.locks import spin_lock, spin_unlock
from pyemu.effects.machine import policies
from pyemu.effects.pages import alloc_page, look_at_page, put_page, unlock_page
from pyemu.effects.swap import (
    add_to_swap_cache,
    delete_from_swap_cache,
    migration_entry_wait,
    swap_count,
)
from pyemu.effects.swapops import SWAP, is_migration_entry, swp_offset
from pyemu.flags import (
    FAULT_FLAG_VMA_LOCK,
    FAULT_FLAG_WRITE,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_UFFD_WP,
    PAGE_USER,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_FAULT_WRITE,
    VM_LOCKED,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.retry import release_fault_lock


@implements
async def do_swap_page(vma: Vma, address: int, flags: int, pte: int) -> int:
    """Bring a page back and map it; a write that still needs a copy or a monitor goes on from there.

    Entry: mmap_sem held for reading. Exit: held, except with RETRY. Who meets a page that is moved waits
    with mmap_sem held, for no signal ends that, and gives 0: the access is made again [fact:migration-waits].
    """
    policy: Any = await policies()
    mm = await vma.vm_mm
    if flags & FAULT_FLAG_VMA_LOCK and policy.swapin_needs_mmap_lock:
        await release_fault_lock(mm, flags)
        return VM_FAULT_RETRY
    if is_migration_entry(pte):
        await migration_entry_wait(mm, address, pte)
        return 0
    slot = swp_offset(pte)
    bits = 0
    page = await find_get_page(SWAP, slot)
    if page is None:
        page = await read_swap_cache_async(slot)
        if page is None:
            return 0  # nobody names the slot any more: the entry has changed
        await count_vm_event("pgmajfault")
        bits = VM_FAULT_MAJOR
    locked = await lock_page_or_retry(page, mm, flags)
    if not locked:
        await put_page(page)
        return bits | VM_FAULT_RETRY
    seen = await look_at_page(page)
    if seen.swapcache and seen.index == slot:
        return await map_swapped(vma, address, flags, pte, page, bits)
    await unlock_page(page)  # somebody was faster, and the page has lost its slot
    await put_page(page)
    return bits


async def read_swap_cache_async(slot: int) -> int | None:
    """Give the cached page of a slot; if there is none, ask the device for it. You hold a reference."""
    while True:
        page: int | None = await find_get_page(SWAP, slot)
        if page is not None:
            return page
        page = await alloc_page(0)
        if await add_to_swap_cache(slot, page):
            await submit_read(SWAP, slot, 1)
            return page
        await put_page(page)
        used = await swap_count(slot)
        if not used:
            return None


async def map_swapped(vma: Vma, address: int, flags: int, pte: int, page: int, bits: int) -> int:
    """Map a page of the swap cache, which is locked; the lock and the reference are given back.

    The entry gives up the slot. All of this is one hold of the page-table lock.
    """
    policy: Any = await policies()
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    await spin_lock(mm, address)
    now = await get_pte(mm, address)
    if now != pte:
        await spin_unlock(mm, address)
        await unlock_page(page)
        await put_page(page)
        return bits
    write = bool(flags & FAULT_FLAG_WRITE)
    exclusive = False
    if write:
        exclusive = await reuse_swap_page(page)
    elif policy.swapin_maps_writable:
        exclusive = await is_last_user(page, swp_offset(pte))
    rights = rights_of(policy, vm_flags, pte, write, exclusive)
    written = bool(rights & PAGE_DIRTY)
    new = await mk_pte(page, rights)
    await set_pte_if_same(mm, address, pte, new)
    if vm_flags & VM_LOCKED:
        await try_to_free_swap(page)
    await spin_unlock(mm, address)
    await unlock_page(page)
    if written:
        return bits | VM_FAULT_WRITE
    if not write:
        return bits
    more = await do_wp_page(vma, address, flags, new)
    return more & VM_FAULT_ERROR or bits | more


async def is_last_user(page: int, slot: int) -> bool:
    """Say whether the entry that is served is the last user of a page, which keeps its slot."""
    seen = await look_at_page(page)
    named = await swap_count(slot)
    return seen.mapcount + named == 1


def rights_of(policy: Any, vm_flags: int, pte: int, write: bool, exclusive: bool) -> int:
    """Give the bits of the new entry: dirty if the write is done with it.

    Up to Linux v6.8 a write to a page of one's own is done here. If the page is write-protected, its entry
    is read-only all the same: the next exception finds that. Later kernels do not call such a write done, and
    give a read the right to write as well [fact:swap-exclusive-write] [fact:swap-in-maps-writable].
    """
    protected = pte & PAGE_UFFD_WP
    rights = PAGE_PRESENT | PAGE_USER | protected
    writable = bool(vm_flags & VM_WRITE) and not protected
    if not exclusive or (policy.swapin_maps_writable and not writable):
        return rights
    return rights | (PAGE_DIRTY if write else 0) | (PAGE_RW if writable else 0)


@implements
async def reuse_swap_page(pfn: int) -> bool:
    """Count the users: entries that name the page, and entries that name its slot.

    Entry: the page is locked. The slot is given up for a page of a single user, unless the device is just
    writing it.
    """
    page = await look_at_page(pfn)
    users = page.mapcount
    if page.swapcache:
        named = await swap_count(page.index)
        users += named
    if users > 1:
        return False
    if page.swapcache and not page.writeback:
        await delete_from_swap_cache(pfn)
    return True


@implements
async def try_to_free_swap(pfn: int) -> bool:
    """Take the page out of the swap cache, so that its slot is free."""
    page = await look_at_page(pfn)
    if not page.swapcache or page.writeback:
        return False
    named = await swap_count(page.index)
    if named:
        return False
    await delete_from_swap_cache(pfn)
    return True
