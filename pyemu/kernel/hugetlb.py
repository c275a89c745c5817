"""Faults on huge pages of hugetlbfs.

Models `mm/hugetlb.c` of Linux v5.6 and v5.7 [fact:hugetlb-fault] [fact:hugetlb-no-page]. A fault holds the
mutex of its page, so that two tasks don't take two pages from the pool for one place; v5.7 to v6.0 hold the
lock of the file's mappings as well [fact:hugetlb-i-mmap]. Whoever waits for a monitor releases both first. Up
to v5.10 they were taken again afterwards, though mmap_sem was gone by then, and perhaps the file
[fact:hugetlb-touch-after-drop] [fact:hugetlb-handle-userfault].

What is left out: migration and poisoned pages, page tables that processes share with the lock for that
(v6.1), and the copy for which an owner takes a page away from its children: the pool has to be large enough.
"""

from __future__ import annotations

from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.entries import mk_pte, pte_pfn
from pyemu.effects.file_locks import (
    hugetlb_fault_mutex_lock,
    hugetlb_fault_mutex_unlock,
    i_mmap_lock_read,
    i_mmap_unlock_read,
)
from pyemu.effects.files import add_to_page_cache, set_page_dirty, set_page_uptodate
from pyemu.effects.handles import File, Vma
from pyemu.effects.hugetlb import (
    copy_huge_page,
    dequeue_huge_page,
    get_huge_pte,
    set_huge_pte_if_same,
)
from pyemu.effects.machine import policies
from pyemu.effects.pages import (
    get_page,
    lock_page,
    look_at_page,
    put_page,
    trylock_page,
    unlock_page,
    wait_on_page_locked,
)
from pyemu.flags import (
    FAULT_FLAG_WRITE,
    HPAGE_MASK,
    HPAGE_SHIFT,
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PSE,
    PAGE_RW,
    PAGE_SHIFT,
    PAGE_USER,
    VM_FAULT_SIGBUS,
    VM_SHARED,
    VM_UFFD_MINOR,
    VM_UFFD_MISSING,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.shmem import find_lock_page

HUGE = PAGE_PRESENT | PAGE_USER | PAGE_PSE
ORDER = HPAGE_SHIFT - PAGE_SHIFT  # of a huge page; an area counts its place in a file in small pages


async def vma_hugecache_offset(vma: Vma, address: int) -> int:
    """Give the huge page of the file that an address shows."""
    start: int = await vma.vm_start
    pgoff: int = await vma.vm_pgoff
    return ((address - start) >> HPAGE_SHIFT) + (pgoff >> ORDER)


async def lock_huge_fault(file: File, index: int) -> None:
    """Take what a fault on a huge page holds."""
    policy = await policies()
    if policy.hugetlb_takes_i_mmap:
        await i_mmap_lock_read(file)
    await hugetlb_fault_mutex_lock(file, index)


async def unlock_huge_fault(file: File, index: int) -> None:
    """Release what a fault on a huge page holds."""
    policy = await policies()
    await hugetlb_fault_mutex_unlock(file, index)
    if policy.hugetlb_takes_i_mmap:
        await i_mmap_unlock_read(file)


@implements
async def hugetlb_fault(vma: Vma, address: int, flags: int) -> int:
    """Serve a fault: a page that is missing, or a write to one that is read-only.

    Entry: mmap_sem held for reading. Exit: held, except with RETRY from the monitor.
    """
    mm = await vma.vm_mm
    file = await vma.vm_file
    index = await vma_hugecache_offset(vma, address)
    await lock_huge_fault(file, index)
    pte = await get_huge_pte(mm, address)
    if not pte:
        return await hugetlb_no_page(vma, file, index, address, flags)
    return await serve_present(vma, file, index, address, flags, pte)


async def serve_present(vma: Vma, file: File, index: int, address: int, flags: int, pte: int) -> int:
    """Serve a fault on a page that is there; the locks of the fault are held, and released.

    The page is locked for it. If somebody else has its lock, the fault only waits for that, with no lock of
    its own: the access is made again.
    """
    vm_flags = await vma.vm_flags
    writes = bool(flags & FAULT_FLAG_WRITE and not pte & PAGE_RW)
    cached = 0
    if writes and not vm_flags & VM_SHARED:
        cached = await find_lock_page(file, index)
    page = await pte_pfn(pte)
    mine = page == cached
    if not mine:
        mine = await trylock_page(page)
    bits = 0
    if mine:
        await get_page(page)
        if writes:
            bits = await hugetlb_cow(vma, address, pte, cached)
        if page != cached:
            await unlock_page(page)
        await put_page(page)
    if cached:
        await unlock_page(cached)
        await put_page(cached)
    await unlock_huge_fault(file, index)
    if not mine:
        await wait_on_page_locked(page)
    return bits


@implements
async def hugetlb_no_page(vma: Vma, file: File, index: int, address: int, flags: int) -> int:
    """Find the page in the cache of the file, ask the monitor for it, or take one from the pool.

    Entry: mmap_sem and the locks of the fault held. Exit: these locks are not.
    """
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    shared = bool(vm_flags & VM_SHARED)
    page = await find_lock_page(file, index)
    if page and vm_flags & VM_UFFD_MINOR:
        await unlock_page(page)
        await put_page(page)
        return await hugetlb_handle_userfault(vma, file, index, address, flags, VM_UFFD_MINOR)
    if not page:
        size = await file.size
        if index >= size:
            await unlock_huge_fault(file, index)
            return VM_FAULT_SIGBUS
        if vm_flags & VM_UFFD_MISSING:
            return await hugetlb_handle_userfault(vma, file, index, address, flags, VM_UFFD_MISSING)
        page = await alloc_huge_page(vma, address, False, 0)
        if not page:
            await unlock_huge_fault(file, index)
            return VM_FAULT_SIGBUS
        await set_page_uptodate(page)
        if shared:
            # The mutex keeps everybody else from adding it.
            await huge_add_to_page_cache(file, index, page)
        else:
            await lock_page(page)
    writable = shared and bool(vm_flags & VM_WRITE)
    pte = await mk_pte(page, HUGE | (PAGE_RW | PAGE_DIRTY if writable else 0))
    await set_huge_pte_if_same(mm, address, 0, pte)
    bits = 0
    if flags & FAULT_FLAG_WRITE and not shared:
        cached = await page_in_cache(page)
        bits = await hugetlb_cow(vma, address, pte, cached)
    await unlock_page(page)
    await unlock_huge_fault(file, index)
    return bits


async def huge_add_to_page_cache(file: File, index: int, page: int) -> bool:
    """Add a huge page, locked; it is dirty from the start, for it has no other place."""
    added = await add_to_page_cache(file, index, page)
    if added:
        await set_page_dirty(page)
    return added


async def page_in_cache(page: int) -> int:
    """Give a page that belongs to the cache of its file, 0 for one that doesn't."""
    seen = await look_at_page(page)
    return 0 if seen.anonymous else page


@implements
async def hugetlb_handle_userfault(
    vma: Vma, file: File, index: int, address: int, flags: int, reason: int
) -> int:
    """Release the locks of the fault, and let the monitor bring the page.

    Up to Linux v5.10 they are taken again, to be released where every fault does that. But mmap_sem is gone:
    the area may be unmapped by now, and if nothing else maps the file, the file is freed with its locks
    [fact:hugetlb-touch-after-drop].
    """
    policy = await policies()
    await unlock_huge_fault(file, index)
    bits = await handle_userfault(vma, address & HPAGE_MASK, flags, reason)
    if policy.hugetlb_takes_locks_again:
        await lock_huge_fault(file, index)
        await unlock_huge_fault(file, index)
    return bits


@implements
async def hugetlb_cow(vma: Vma, address: int, pte: int, cached: int) -> int:
    """Make the entry writable if the page is the writer's alone, else give the writer a copy.

    The owner of the mapping spares its reservation for pages that it has not touched yet.
    """
    mm = await vma.vm_mm
    page = await pte_pfn(pte)
    vm_flags = await vma.vm_flags
    seen = await look_at_page(page)
    if vm_flags & VM_SHARED or (seen.anonymous and seen.mapcount == 1):
        await set_huge_pte_if_same(mm, address, pte, pte | PAGE_RW | PAGE_DIRTY | PAGE_ACCESSED)
        return 0
    owner = await vma.is_resv_owner
    fresh = await alloc_huge_page(vma, address, owner and page != cached, 0)
    if not fresh:
        return VM_FAULT_SIGBUS
    await copy_huge_page(fresh, page)
    await set_page_uptodate(fresh)
    new = await mk_pte(fresh, HUGE | PAGE_RW | PAGE_DIRTY | PAGE_ACCESSED)
    await set_huge_pte_if_same(mm, address, pte, new)  # mmap_sem and the mutex keep it as it was
    return 0


@implements
async def alloc_huge_page(vma: Vma, address: int, avoid_reserve: bool, byte: int) -> int:
    """Take a page that was reserved for this place, or one that was promised to nobody.

    Only the process that made a private mapping has reservations, and only it may have to spare them
    [fact:hugetlb-reserve].
    """
    index = await vma_hugecache_offset(vma, address)
    return await dequeue_huge_page(vma, index, avoid_reserve, byte)
