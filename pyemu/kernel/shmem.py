"""Shared memory: files whose only place is the page cache.

Models `mm/shmem.c` of Linux v5.6 and v5.7 [fact:shmem-missing] [fact:shmem-plain]. A page that is missing in
the cache is made at once, or asked for: then the fault waits for its monitor inside this function. From v5.14
on a monitor may ask for pages that are there, too [fact:uffd-minor-shmem]. And a fault in a hole that is
being punched waits for the end of that [fact:shmem-punch].
"""

from __future__ import annotations

from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.entries import mk_pte, set_pte_if_same
from pyemu.effects.files import (
    add_to_page_cache,
    delete_from_page_cache,
    find_get_page,
    set_page_dirty,
    set_page_uptodate,
)
from pyemu.effects.handles import File, Vma
from pyemu.effects.holes import hole_dequeue, hole_queue
from pyemu.effects.pages import alloc_page, lock_page, look_at_page, put_page, unlock_page
from pyemu.effects.records import Found
from pyemu.effects.sleeping import schedule
from pyemu.flags import (
    EEXIST,
    EFAULT,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SHIFT,
    PAGE_USER,
    VM_FAULT_LOCKED,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_SHARED,
    VM_UFFD_MINOR,
    VM_UFFD_MISSING,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.retry import maybe_unlock_mmap_for_io


@implements
async def shmem_fault(vma: Vma, address: int, flags: int) -> Found:
    """Find the page or make it; with a userfaultfd, a page that is missing in the cache is the monitor's.

    Entry: mmap_sem held for reading. Exit: held with LOCKED or SIGBUS, else as handle_userfault says.
    """
    file = await vma.vm_file
    vm_flags = await vma.vm_flags
    start = await vma.vm_start
    pgoff = await vma.vm_pgoff
    index = pgoff + ((address - start) >> PAGE_SHIFT)
    if await hole_queue(file, index):
        bits = await wait_for_hole(vma, file, flags)
        return Found(bits)
    while True:
        page = await find_lock_page(file, index)
        if page and vm_flags & VM_UFFD_MINOR:
            await unlock_page(page)
            await put_page(page)
            bits = await handle_userfault(vma, address, flags, VM_UFFD_MINOR)
            return Found(bits)
        if page:
            return Found(VM_FAULT_LOCKED, page)
        size = await file.size
        if index >= size:
            return Found(VM_FAULT_SIGBUS)
        if vm_flags & VM_UFFD_MISSING:
            bits = await handle_userfault(vma, address, flags, VM_UFFD_MISSING)
            return Found(bits)
        page = await make_page(file, index)
        if page:
            return Found(VM_FAULT_LOCKED, page)


async def wait_for_hole(vma: Vma, file: File, flags: int) -> int:
    """Wait until a hole is there, whatever signal comes; the fault stands in its queue.

    A first attempt drops mmap_sem meanwhile and gives RETRY; another one keeps it and gives NOPAGE, so that
    the access is made again [fact:shmem-punch].
    """
    mm = await vma.vm_mm
    dropped = await maybe_unlock_mmap_for_io(mm, flags, False)
    await schedule()
    await hole_dequeue(file)
    return VM_FAULT_RETRY if dropped else VM_FAULT_NOPAGE


async def find_lock_page(file: File, index: int) -> int:
    """Give the cached page, locked and held; 0 without one. The wait ends for no signal."""
    while True:
        page = await find_get_page(file, index)
        if page is None:
            return 0
        await lock_page(page)
        seen = await look_at_page(page)
        if seen.mapping == file.id:
            return page
        await unlock_page(page)  # it was truncated while we waited
        await put_page(page)


async def make_page(file: File, index: int) -> int:
    """Put a page of zeros into the cache, locked and held; 0 when somebody else was faster."""
    page = await alloc_page(0)
    if await add_to_page_cache(file, index, page):
        await set_page_uptodate(page)
        return page
    await put_page(page)
    return 0


async def mcontinue_atomic_pte(vma: Vma, address: int) -> int:
    """Map a page that is in the cache; 0, -EEXIST, or -EFAULT when it isn't there.

    References
    ----------
    Linux v6.1, mm/userfaultfd.c, mcontinue_atomic_pte [fact:uffd-continue].
    """
    mm = await vma.vm_mm
    file = await vma.vm_file
    vm_flags = await vma.vm_flags
    start = await vma.vm_start
    pgoff = await vma.vm_pgoff
    page = await find_lock_page(file, pgoff + ((address - start) >> PAGE_SHIFT))
    if not page:
        return -EFAULT
    writable = vm_flags & VM_WRITE and vm_flags & VM_SHARED
    entry = await mk_pte(page, PAGE_PRESENT | PAGE_USER | PAGE_DIRTY | (PAGE_RW if writable else 0))
    mapped = await set_pte_if_same(mm, address, 0, entry)
    await unlock_page(page)
    if mapped:
        return 0
    await put_page(page)
    return -EEXIST


async def shmem_mfill_atomic_pte(vma: Vma, address: int, byte: int) -> int:
    """Put a page that a monitor filled into the cache and map it; 0, or -EEXIST when one was there.

    References
    ----------
    Linux v5.7, mm/shmem.c, shmem_mfill_atomic_pte [fact:shmem-missing].
    """
    mm = await vma.vm_mm
    file = await vma.vm_file
    vm_flags = await vma.vm_flags
    start = await vma.vm_start
    pgoff = await vma.vm_pgoff
    page = await alloc_page(byte)
    added = await add_to_page_cache(file, pgoff + ((address - start) >> PAGE_SHIFT), page)
    if not added:
        await put_page(page)
        return -EEXIST
    await set_page_uptodate(page)
    await set_page_dirty(page)
    rights = PAGE_PRESENT | PAGE_USER | PAGE_DIRTY | (PAGE_RW if vm_flags & VM_WRITE else 0)
    entry = await mk_pte(page, rights)
    mapped = await set_pte_if_same(mm, address, 0, entry)
    if not mapped:
        await delete_from_page_cache(page)
    await unlock_page(page)
    if mapped:
        return 0
    await put_page(page)
    return -EEXIST
