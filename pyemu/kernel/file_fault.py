"""A missing page of a file: read, private write, shared write.

Models `mm/memory.c` of Linux v5.6 and v5.7 (do_fault and what it calls) [fact:fault-around]
[fact:private-file-write] [fact:dirty-shared-drops-lock] [fact:dirty-shared-completes]. Which function finds
the page is the file's business: `filemap_fault` for a disk, `shmem_fault` for shared memory.
"""

from __future__ import annotations

from pyemu.calls.filemap import failing_fault, faulty_fault, filemap_fault, shmem_fault
from pyemu.effects.entries import get_pte, mk_pte, set_pte_if_same
from pyemu.effects.files import copy_page, map_cached_pages, set_page_dirty
from pyemu.effects.handles import Vma
from pyemu.effects.machine import policies
from pyemu.effects.pages import alloc_page, lock_page, look_at_page, put_page, unlock_page
from pyemu.effects.records import Found
from pyemu.effects.sleeping import schedule_timeout, set_current_state
from pyemu.flags import (
    FAULT_FLAG_WRITE,
    PAGE_DIRTY,
    PAGE_MASK,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGE_USER,
    TASK_KILLABLE,
    VM_FAULT_COMPLETED,
    VM_FAULT_ERROR,
    VM_FAULT_LOCKED,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_SHARED,
    VM_UFFD_MINOR,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.apparatus import FAILING
from pyemu.kernel.retry import maybe_unlock_mmap_for_io

FAULT_AROUND = 16  # pages: 64 KiB (mm/memory.c, fault_around_bytes)
TABLE = 512 * PAGE_SIZE  # bytes that one page table covers
NO_PAGE = VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY


def entry_rights(vm_flags: int, ops: str, write: bool) -> int:
    """Give the bits of a fresh entry.

    Shared memory is mapped writable at once. A page of a disk file is not: its first write has to fault, so
    that the file system learns of it.
    """
    rights = PAGE_PRESENT | PAGE_USER
    if write and vm_flags & VM_WRITE:
        return rights | PAGE_RW | PAGE_DIRTY
    if vm_flags & VM_WRITE and vm_flags & VM_SHARED and ops != "file":
        return rights | PAGE_RW
    return rights


@implements
async def do_fault(vma: Vma, address: int, flags: int) -> int:
    """Serve a missing page of a file, by what the access wants.

    Entry: mmap_sem held for reading. Exit: held, except with RETRY or COMPLETED.
    """
    vm_flags = await vma.vm_flags
    if not flags & FAULT_FLAG_WRITE:
        return await do_read_fault(vma, address, flags)
    if not vm_flags & VM_SHARED:
        return await do_cow_fault(vma, address, flags)
    return await do_shared_fault(vma, address, flags)


async def call_fault(vma: Vma, address: int, flags: int) -> Found:
    """Let the file find the page; with LOCKED, it is locked and held (``__do_fault``)."""
    ops = await vma.vm_ops
    if ops == "shmem":
        return await shmem_fault(vma, address, flags)
    if ops == "faulty":
        return await faulty_fault(vma, address, flags)
    if ops in FAILING:
        return await failing_fault(vma, address, flags)
    return await filemap_fault(vma, address, flags)


async def finish_fault(vma: Vma, address: int, pfn: int, write: bool) -> int:
    """Map the page if the entry is still empty; with NOPAGE it was not, and your reference is still yours."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    ops = await vma.vm_ops
    entry = await mk_pte(pfn, entry_rights(vm_flags, ops, write))
    mapped = await set_pte_if_same(mm, address & PAGE_MASK, 0, entry)
    return 0 if mapped else VM_FAULT_NOPAGE


async def do_fault_around(vma: Vma, address: int) -> int:
    """Map the cached pages around the address, in a window of 64 KiB; NOPAGE if its own page was among them.

    The window begins at a multiple of 64 KiB of the virtual address, but not before the area, and ends
    with the area or the page table.
    """
    mm = await vma.vm_mm
    file = await vma.vm_file
    pgoff = await vma.vm_pgoff
    start = await vma.vm_start
    end = await vma.vm_end
    vm_flags = await vma.vm_flags
    ops = await vma.vm_ops
    if ops == "faulty" or ops in FAILING or vm_flags & VM_UFFD_MINOR:
        return 0  # these map page by page, or their monitor wants to hear of each page
    first = max(address & ~(FAULT_AROUND * PAGE_SIZE - 1), start)
    last = min(first + FAULT_AROUND * PAGE_SIZE, end, (first // TABLE + 1) * TABLE)
    pages = (last - first) >> PAGE_SHIFT
    index = pgoff + ((first - start) >> PAGE_SHIFT)
    await map_cached_pages(mm, first, file, index, pages, entry_rights(vm_flags, ops, False))
    pte = await get_pte(mm, address)
    return VM_FAULT_NOPAGE if pte else 0


async def do_read_fault(vma: Vma, address: int, flags: int) -> int:
    """Serve a read: what is cached nearby is mapped as well."""
    mapped = await do_fault_around(vma, address)
    if mapped:
        return mapped
    found = await call_fault(vma, address, flags)
    if found.bits & NO_PAGE:
        return found.bits
    bits = await finish_fault(vma, address, found.page, False)
    await unlock_page(found.page)
    if bits & NO_PAGE:
        await put_page(found.page)
    return found.bits | bits


async def do_cow_fault(vma: Vma, address: int, flags: int) -> int:
    """Serve a write to a private mapping: the writer gets a copy, the file's page stays as it is."""
    own = await alloc_page(0)
    found = await call_fault(vma, address, flags)
    if found.bits & NO_PAGE:
        await put_page(own)
        return found.bits
    await copy_page(own, found.page)
    bits = await finish_fault(vma, address, own, True)
    await unlock_page(found.page)
    await put_page(found.page)
    if bits & NO_PAGE:
        await put_page(own)
    return found.bits | bits


async def do_shared_fault(vma: Vma, address: int, flags: int) -> int:
    """Serve a write to a shared mapping: the page itself is mapped writable, and becomes dirty."""
    found = await call_fault(vma, address, flags)
    if found.bits & NO_PAGE:
        return found.bits
    ops = await vma.vm_ops
    has_mkwrite = ops == "file"
    if has_mkwrite:
        await unlock_page(found.page)
        bits = await do_page_mkwrite(vma, found.page)
        if not bits or bits & (VM_FAULT_ERROR | VM_FAULT_NOPAGE):
            await put_page(found.page)
            return bits
    bits = await finish_fault(vma, address, found.page, True)
    if bits & NO_PAGE:
        await unlock_page(found.page)
        await put_page(found.page)
        return found.bits | bits
    bits = await fault_dirty_shared_page(vma, found.page, flags, has_mkwrite)
    return found.bits | bits


async def do_page_mkwrite(vma: Vma, pfn: int) -> int:
    """Ask the file system whether the page may be written; with LOCKED, it is locked, and to be made dirty.

    References
    ----------
    Linux v5.7, mm/memory.c, do_page_mkwrite; fs/ext4/inode.c, ext4_page_mkwrite [fact:shared-file-write].
    """
    file = await vma.vm_file
    await lock_page(pfn)
    page = await look_at_page(pfn)
    size = await file.size
    if page.mapping != file.id or page.index >= size:
        await unlock_page(pfn)  # it was truncated: the access is made again
        return VM_FAULT_NOPAGE
    return VM_FAULT_LOCKED


@implements
async def fault_dirty_shared_page(vma: Vma, pfn: int, flags: int, made_writable: bool) -> int:
    """Make the page dirty, unlock it, and let the writer wait if too much is dirty.

    Entry: mmap_sem held, the page locked. Exit: the page unlocked. A first attempt drops mmap_sem for the
    wait, whether or not there is one: it gives RETRY (later kernels: COMPLETED), though the page is mapped.
    """
    policy = await policies()
    mm = await vma.vm_mm
    file = await vma.vm_file
    throttle = await file.throttle
    dirtied = await set_page_dirty(pfn)
    page = await look_at_page(pfn)
    await unlock_page(pfn)
    if page.anonymous or not (dirtied or made_writable):
        return 0
    dropped = await maybe_unlock_mmap_for_io(mm, flags, False)
    await balance_dirty_pages(throttle)
    if not dropped:
        return 0
    return VM_FAULT_COMPLETED if policy.dirty_wait_completes else VM_FAULT_RETRY


async def balance_dirty_pages(ticks: int) -> None:
    """Make a writer wait while the disk catches up."""
    if ticks:
        await set_current_state(TASK_KILLABLE)
        await schedule_timeout(ticks)
