"""Changing what a range allows: the areas say so, and so must every entry that exists already.

Models `mm/mprotect.c` of Linux v5.6 and v5.7 [fact:mprotect-leaves-read-only] [fact:mprotect-maps-writable]
[fact:mprotect-none]. A page-table entry is never more permissive than its area; it
may be less so, and then the next access faults and is served.
"""

from __future__ import annotations

from pyemu.effects.areas import set_vma_flags
from pyemu.effects.entries import (
    get_mapped_page,
    get_pte,
    modify_pte,
    my_zero_pfn,
    pte_pfn,
    set_pte_if_same,
)
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.machine import policies
from pyemu.effects.pages import look_at_page, put_page
from pyemu.effects.records import Page
from pyemu.effects.swapops import is_migration_entry, pte_present
from pyemu.flags import (
    ENOMEM,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SIZE,
    PAGE_SWP_WRITE,
    PAGE_UFFD_WP,
    VM_EXEC,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from pyemu.kernel import implements
from pyemu.kernel.areas import isolate
from pyemu.kernel.hugetlb_areas import hugetlb_change_protection

ACCESS = VM_READ | VM_WRITE | VM_EXEC


@implements
async def sys_mprotect(start: int, length: int, vm_flags: int) -> int:
    """Set what a range allows; mmap_sem is held for writing throughout."""
    mm = await current.mm
    await down_write(mm)
    areas = await isolate(mm, start, start + length)
    if not areas:
        await up_write(mm)
        return -ENOMEM
    while areas:
        old = await areas[0].vm_flags
        new = old & ~ACCESS | vm_flags
        if new != old:
            await set_vma_flags(areas[0], new)
            await change_protection(mm, areas[0], new)
        areas = areas[1:]
    await up_write(mm)
    return 0


async def change_protection(mm: Mm, vma: Vma, vm_flags: int) -> None:
    """Change the entries of an area that name a page; after that, one that is moved is not writable."""
    address = await vma.vm_start
    end = await vma.vm_end
    ops = await vma.vm_ops
    if ops == "hugetlb":
        await hugetlb_change_protection(mm, vma, entry_bits(vm_flags, bool(vm_flags & VM_WRITE)))
        return
    while address < end:
        pte = await get_pte(mm, address)
        if pte & PAGE_SWP_WRITE and is_migration_entry(pte):
            await set_pte_if_same(mm, address, pte, pte & ~PAGE_SWP_WRITE)
        elif pte_present(pte):
            writable = await may_be_writable(mm, address, pte, vm_flags, ops)
            rights = entry_bits(vm_flags, writable)
            await modify_pte(mm, address, PAGE_PRESENT | PAGE_RW | PAGE_PROTNONE, rights)
        address += PAGE_SIZE


def entry_bits(vm_flags: int, writable: bool) -> int:
    """Give the bits of an entry that say what is allowed."""
    if not vm_flags & ACCESS:
        return PAGE_PROTNONE
    return PAGE_PRESENT | (PAGE_RW if writable else 0)


async def may_be_writable(mm: Mm, address: int, pte: int, vm_flags: int, ops: str) -> bool:
    """Say whether an entry becomes writable at once, rather than by a fault at the next write.

    Shared memory: yes. A shared file's page: if it is dirty, for then the file system knows. A private page:
    no; later kernels map a dirty one that nobody else uses.
    """
    if not vm_flags & VM_WRITE or pte & PAGE_UFFD_WP:
        return False
    if vm_flags & VM_SHARED:
        return ops != "file" or bool(pte & PAGE_DIRTY)
    policy = await policies()
    zero = await my_zero_pfn()
    pfn = await pte_pfn(pte)
    if not policy.mprotect_maps_writable or not pte & PAGE_DIRTY or pfn == zero:
        return False
    return await is_exclusive(mm, address, pte, pfn)


async def is_exclusive(mm: Mm, address: int, pte: int, pfn: int) -> bool:
    """Say whether an entry's page belongs to no file, and to nobody else."""
    held = await get_mapped_page(mm, address, pte)
    if not held:
        return False
    page: Page = await look_at_page(pfn)
    await put_page(pfn)
    return page.anonymous and page.mapcount == 1 and page.refcount == 2
