"""UFFDIO_CONTINUE: a page that is in the cache, and that the monitor has looked at, is mapped.

Models `mm/userfaultfd.c` of Linux v6.1 [fact:uffd-continue]; the ioctl came with v5.13.
"""

from __future__ import annotations

from pyemu.calls.hugetlb import mcopy_atomic_hugetlb
from pyemu.effects.entries import mk_pte, set_pte_if_same
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import put_page, unlock_page
from pyemu.effects.signals import fatal_signal_pending
from pyemu.flags import (
    EEXIST,
    EFAULT,
    EINTR,
    EINVAL,
    ENOENT,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_SHIFT,
    PAGE_SIZE,
    PAGE_USER,
    VM_SHARED,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.mcopy import find_dst_vma
from pyemu.kernel.shmem import find_lock_page


@implements
async def mcopy_continue(mm: Mm, start: int, length: int) -> int:
    """Map pages that are in the cache; give the bytes mapped, or what stopped the first page."""
    await down_read(mm)
    vma = await find_dst_vma(mm, start, length)
    if vma is None:
        await up_read(mm)
        return -ENOENT
    ops = await vma.vm_ops
    done = -EINVAL
    if ops == "hugetlb":
        done = await mcopy_atomic_hugetlb(vma, start, length, 0, True)
    elif ops == "shmem":
        done = await continue_range(vma, start, length)
    await up_read(mm)
    return done


async def continue_range(vma: Vma, start: int, length: int) -> int:
    """Map pages of shared memory that are in the cache, up to the first that fails."""
    address = start
    error = 0
    while address < start + length and not error:
        error = await mcontinue_atomic_pte(vma, address)
        if not error:
            address += PAGE_SIZE
            if await fatal_signal_pending(current):
                error = -EINTR
    return address - start if address > start else error


async def mcontinue_atomic_pte(vma: Vma, address: int) -> int:
    """Map a page that is in the cache; 0, -EEXIST, or -EFAULT when it isn't there."""
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
