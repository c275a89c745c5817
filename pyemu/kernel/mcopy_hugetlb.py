"""Filling missing huge pages of a served process, and mapping those that are in the cache.

Models `mm/userfaultfd.c` and `mm/hugetlb.c` of Linux v5.7, and of v6.1 for what is in the cache
[fact:hugetlb-uffd-copy] [fact:uffd-continue]. Each page takes the locks of a fault, so that no fault brings
it at the same time.
"""

from __future__ import annotations

from pyemu.calls.hugetlb import alloc_huge_page
from pyemu.effects.entries import mk_pte
from pyemu.effects.files import set_page_uptodate
from pyemu.effects.handles import File, Vma, current
from pyemu.effects.hugetlb import get_huge_pte, set_huge_pte_if_same
from pyemu.effects.pages import put_page, unlock_page
from pyemu.effects.signals import fatal_signal_pending
from pyemu.flags import (
    EEXIST,
    EFAULT,
    EINTR,
    EINVAL,
    ENOMEM,
    HPAGE_MASK,
    HPAGE_SIZE,
    PAGE_ACCESSED,
    PAGE_DIRTY,
    PAGE_RW,
    VM_SHARED,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.hugetlb import (
    HUGE,
    huge_add_to_page_cache,
    lock_huge_fault,
    unlock_huge_fault,
    vma_hugecache_offset,
)
from pyemu.kernel.shmem import find_lock_page


@implements
async def mcopy_atomic_hugetlb(vma: Vma, start: int, length: int, byte: int, continues: bool) -> int:
    """Fill missing huge pages, or map those in the cache; give the bytes done, or what stopped the first.

    Entry and exit: mmap_sem held for reading.
    """
    if (start | length) & ~HPAGE_MASK:
        return -EINVAL
    file = await vma.vm_file
    address = start
    error = 0
    while address < start + length and not error:
        index = await vma_hugecache_offset(vma, address)
        await lock_huge_fault(file, index)
        if continues:
            error = await hugetlb_mcontinue_pte(vma, file, index, address)
        else:
            error = await hugetlb_mcopy_atomic_pte(vma, file, index, address, byte)
        await unlock_huge_fault(file, index)
        if not error:
            address += HPAGE_SIZE
            if await fatal_signal_pending(current):
                error = -EINTR
    return address - start if address > start else error


@implements
async def hugetlb_mcopy_atomic_pte(vma: Vma, file: File, index: int, address: int, byte: int) -> int:
    """Map a fresh huge page that is filled with a byte; if the mapping is shared, the cache has it, too."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    if await get_huge_pte(mm, address):
        return -EEXIST
    page = await alloc_huge_page(vma, address, False, byte)
    if not page:
        return -ENOMEM
    await set_page_uptodate(page)
    shared = bool(vm_flags & VM_SHARED)
    if shared:
        added = await huge_add_to_page_cache(file, index, page)
        if not added:
            await put_page(page)
            return -EEXIST
    rights = HUGE | PAGE_DIRTY | PAGE_ACCESSED | (PAGE_RW if vm_flags & VM_WRITE else 0)
    entry = await mk_pte(page, rights)
    await set_huge_pte_if_same(mm, address, 0, entry)
    if shared:
        await unlock_page(page)
    return 0


async def hugetlb_mcontinue_pte(vma: Vma, file: File, index: int, address: int) -> int:
    """Map a huge page that is in the cache; 0, -EEXIST, or -EFAULT when it isn't there."""
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    page = await find_lock_page(file, index)
    if not page:
        return -EFAULT
    writable = vm_flags & VM_WRITE and vm_flags & VM_SHARED
    entry = await mk_pte(page, HUGE | PAGE_DIRTY | PAGE_ACCESSED | (PAGE_RW if writable else 0))
    mapped = await set_huge_pte_if_same(mm, address, 0, entry)
    await unlock_page(page)
    if mapped:
        return 0
    await put_page(page)
    return -EEXIST
