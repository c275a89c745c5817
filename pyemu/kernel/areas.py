"""Memory areas as system calls cut them (`mm/mmap.c` of Linux v5.7) [fact:vma-split]."""

from __future__ import annotations

from pyemu.effects.areas import find_vma_intersection, split_vma
from pyemu.effects.handles import Mm, Vma
from pyemu.effects.machine import policies
from pyemu.effects.vma_locks import vma_start_write


async def lock_areas(areas: tuple[Vma, ...]) -> None:
    """Keep faults that take the lock of a single area out of these; mmap_sem is held for writing."""
    policy = await policies()
    while areas and policy.vma_lock_first:
        await vma_start_write(areas[0])
        areas = areas[1:]


async def isolate(mm: Mm, start: int, end: int) -> tuple[Vma, ...]:
    """Cut the areas at both ends of a range and give those inside it; mmap_sem is held for writing."""
    areas: tuple[Vma, ...] = await find_vma_intersection(mm, start, end)
    await lock_areas(areas)
    while areas:
        first = await areas[0].vm_start
        if first < start:
            await split_vma(areas[0], start)
        areas = areas[1:]
    areas = await find_vma_intersection(mm, start, end)
    remaining = areas
    while remaining:
        last = await remaining[0].vm_end
        if last > end:
            await split_vma(remaining[0], end)
        remaining = remaining[1:]
    areas = await find_vma_intersection(mm, start, end)
    await lock_areas(areas)
    return areas
