"""Pages of files on a disk: find or read a page for a fault, and wait for its lock.

Models `mm/filemap.c` of Linux v5.6 and v5.7 [fact:file-fault-steps] [fact:file-drops-lock-first]. A fault
waits in three places: for pages that are read ahead, for the lock of a page that somebody else reads, and for
a page that it reads itself. At the first attempt it drops mmap_sem for each; what it waited for is then
looked up again by the next attempt.
"""

from __future__ import annotations

from typing import Any

from pyemu.effects.counters import count_vm_event
from pyemu.effects.disk import submit_read
from pyemu.effects.files import add_to_page_cache, find_get_page
from pyemu.effects.handles import File, Mm, Vma
from pyemu.effects.machine import policies
from pyemu.effects.pages import (
    alloc_page,
    lock_page,
    lock_page_killable,
    look_at_page,
    put_page,
    trylock_page,
    unlock_page,
    wait_on_page_locked,
    wait_on_page_locked_killable,
)
from pyemu.effects.records import Found, PageLock
from pyemu.flags import (
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    PAGE_SHIFT,
    VM_FAULT_LOCKED,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_RAND_READ,
)
from pyemu.kernel import implements
from pyemu.kernel.readahead import do_async_mmap_readahead, do_sync_mmap_readahead
from pyemu.kernel.retry import may_drop_lock, maybe_unlock_mmap_for_io, release_fault_lock


@implements
async def filemap_fault(vma: Vma, address: int, flags: int) -> Found:
    """Find the page in the cache, or have it read, and lock it.

    Entry: mmap_sem held for reading. Exit: held with LOCKED or SIGBUS; dropped with RETRY (and not
    RETRY_NOWAIT): the page stays in the cache, and the next attempt finds it.
    """
    mm = await vma.vm_mm
    file = await vma.vm_file
    vm_flags = await vma.vm_flags
    start = await vma.vm_start
    pgoff = await vma.vm_pgoff
    index = pgoff + ((address - start) >> PAGE_SHIFT)
    random = bool(vm_flags & VM_RAND_READ)
    size = await file.size
    if index >= size:
        return Found(VM_FAULT_SIGBUS)
    bits, pinned = 0, False
    page = await find_get_page(file, index)
    if page is None:
        await count_vm_event("pgmajfault")
        bits = VM_FAULT_MAJOR
        pinned = await do_sync_mmap_readahead(mm, file, index, flags, random)
    elif not flags & FAULT_FLAG_TRIED:
        pinned = await do_async_mmap_readahead(mm, file, index, page, flags, random)
    return await lock_or_read(mm, file, index, page, flags, bits, pinned)


async def lock_or_read(
    mm: Mm, file: File, index: int, page: int | None, flags: int, bits: int, pinned: bool
) -> Found:
    """Lock the page; read it if nobody has; look it up again if it was truncated meanwhile."""
    while True:
        if page is None:
            page = await find_or_create_page(file, index)
        lock = await lock_page_maybe_drop_mmap(page, mm, flags, pinned)
        pinned = lock.pinned
        if not lock.locked:
            await put_page(page)
            return Found(bits | VM_FAULT_RETRY)
        seen = await look_at_page(page)
        if seen.mapping == file.id and seen.uptodate:
            return await finish(file, index, page, bits, pinned)
        if seen.mapping != file.id:
            await unlock_page(page)
            await put_page(page)
            page = None
            continue
        pinned = await maybe_unlock_mmap_for_io(mm, flags, pinned)
        error = await readpage(file, index, page)
        await put_page(page)
        page = None
        if pinned:
            return Found(bits | VM_FAULT_RETRY)
        if error:
            return Found(bits | VM_FAULT_SIGBUS)


async def finish(file: File, index: int, page: int, bits: int, pinned: bool) -> Found:
    """Give the locked page; without mmap_sem it is of no use, and beyond the end there is none."""
    size = await file.size
    if not pinned and index < size:
        return Found(bits | VM_FAULT_LOCKED, page)
    await unlock_page(page)
    await put_page(page)
    return Found(bits | VM_FAULT_RETRY if pinned else VM_FAULT_SIGBUS)


async def find_or_create_page(file: File, index: int) -> int:
    """Give the cached page, or a fresh one that is not uptodate; you hold a reference.

    References
    ----------
    Linux v5.7, mm/filemap.c, pagecache_get_page with FGP_CREAT and FGP_FOR_MMAP [fact:file-fault-steps].
    """
    while True:
        page = await find_get_page(file, index)
        if page is not None:
            return page
        page = await alloc_page(0)
        if await add_to_page_cache(file, index, page):
            await unlock_page(page)
            return page
        await put_page(page)


async def readpage(file: File, index: int, page: int) -> int:
    """Read one page, whose lock is held, and wait; 0, or an error when the wait was killed.

    The wait is a plain one in 5.7: not even SIGKILL ends it [fact:file-own-read]
    [fact:file-own-read-killable].
    """
    policy = await policies()
    await submit_read(file, index, 1)
    if policy.read_wait_is_killable:
        return await wait_on_page_locked_killable(page)
    await wait_on_page_locked(page)
    return 0


@implements
async def lock_page_maybe_drop_mmap(pfn: int, mm: Mm, flags: int, pinned: bool) -> PageLock:
    """Lock a page of the cache (table 5.4, the file's form) [fact:page-lock-file].

    Exit: without the lock, and not RETRY_NOWAIT, mmap_sem is dropped as well; that a caller gets to know
    from the RETRY which it gives back.
    """
    if await trylock_page(pfn):
        return PageLock(True, pinned)
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        return PageLock(False, pinned)
    pinned = await maybe_unlock_mmap_for_io(mm, flags, pinned)
    if not flags & FAULT_FLAG_KILLABLE:
        await lock_page(pfn)
        return PageLock(True, pinned)
    killed = await lock_page_killable(pfn)
    if killed and not pinned:
        await release_fault_lock(mm, flags)  # who made the fault looks for SIGKILL only if the lock is gone
    return PageLock(not killed, pinned)


@implements
async def lock_page_or_retry(pfn: int, mm: Mm, flags: int) -> bool:
    """Lock a page that was swapped in (table 5.4, the form of swap) [fact:page-lock-swap].

    Exit: with True the page is locked and mmap_sem held. With False the fault says RETRY; mmap_sem is
    dropped, except with RETRY_NOWAIT. A first attempt waits for the unlock and does not take the lock.
    """
    policy: Any = await policies()
    if await trylock_page(pfn):
        return True
    if may_drop_lock(policy, flags):
        if flags & FAULT_FLAG_RETRY_NOWAIT:
            return False
        await release_fault_lock(mm, flags)
        if flags & FAULT_FLAG_KILLABLE:
            await wait_on_page_locked_killable(pfn)
        else:
            await wait_on_page_locked(pfn)
        return False
    if not flags & FAULT_FLAG_KILLABLE:
        await lock_page(pfn)
        return True
    killed = await lock_page_killable(pfn)
    if killed:
        await release_fault_lock(mm, flags)
    return not killed
