"""System calls that change what is mapped: map over, unmap, give pages back.

Models `mm/mmap.c` and `mm/madvise.c` of Linux v5.6 and v5.7 [fact:vma-split] [fact:madv-dontneed].
"""

from __future__ import annotations

from pyemu.effects.areas import free_vma, insert_vma
from pyemu.effects.entries import zap_pte
from pyemu.effects.handles import Mm, current
from pyemu.effects.locks import down_read, down_write, up_read, up_write
from pyemu.flags import PAGE_SIZE, VM_HUGETLB
from pyemu.kernel import implements
from pyemu.kernel.areas import isolate
from pyemu.kernel.hugetlb_areas import unmap_hugetlb_area


async def unmap(start: int, length: int) -> None:
    """Free the areas of a range and empty their entries; mmap_sem is held for writing."""
    mm = await current.mm
    areas = await isolate(mm, start, start + length)
    small = not areas
    while areas:
        vm_flags = await areas[0].vm_flags
        if vm_flags & VM_HUGETLB:
            await unmap_hugetlb_area(mm, areas[0])
        else:
            await free_vma(areas[0])
            small = True
        areas = areas[1:]
    if small:
        await zap_range(mm, start, start + length)


async def zap_range(mm: Mm, start: int, end: int) -> None:
    """Empty the entries of a range."""
    address = start
    while address < end:
        await zap_pte(mm, address)
        address += PAGE_SIZE


@implements
async def sys_mmap_fixed(start: int, length: int, vm_flags: int) -> None:
    """Map fresh memory over a range: what was there is gone."""
    mm = await current.mm
    await down_write(mm)
    await unmap(start, length)
    await insert_vma(mm, start, start + length, vm_flags)
    await up_write(mm)


@implements
async def sys_munmap(start: int, length: int) -> None:
    """Unmap a range."""
    mm = await current.mm
    await down_write(mm)
    await unmap(start, length)
    await up_write(mm)


@implements
async def sys_madvise_dontneed(start: int, length: int) -> None:
    """Give the pages back; the area stays, and the next access faults."""
    mm = await current.mm
    await down_read(mm)
    await zap_range(mm, start, start + length)
    await up_read(mm)
