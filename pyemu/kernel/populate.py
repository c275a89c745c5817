"""Populating: fault in the pages of a range, for mlock(2) and MAP_POPULATE.

Models `mm/gup.c` of Linux v5.6 and v5.7 [fact:mm-populate]. Each round after a RETRY is a first try again:
flags never say TRIED, so a page may be waited for any number of times, before the series as well.
"""

from __future__ import annotations

from pyemu.calls.gup import __get_user_pages
from pyemu.effects.areas import find_vma
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import GupResult
from pyemu.flags import (
    FOLL_FORCE,
    FOLL_MLOCK,
    FOLL_POPULATE,
    FOLL_TOUCH,
    FOLL_WRITE,
    PAGE_SIZE,
    VM_EXEC,
    VM_LOCKONFAULT,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from pyemu.kernel import implements


@implements
async def populate_vma_page_range(vma: Vma, start: int, end: int, locked: int | None) -> GupResult:
    """Fault in a range of an area: how many pages, or the error.

    Entry: mmap_sem held. Exit: dropped if `locked` was 1 and is 0 now.
    """
    mm = await vma.vm_mm
    vm_flags = await vma.vm_flags
    flags = FOLL_TOUCH | FOLL_MLOCK
    if not vm_flags & VM_LOCKONFAULT:
        flags |= FOLL_POPULATE
    if vm_flags & (VM_WRITE | VM_SHARED) == VM_WRITE:
        flags |= FOLL_WRITE  # break copy-on-write now; a shared page would only get dirty by that
    if vm_flags & (VM_READ | VM_WRITE | VM_EXEC):
        flags |= FOLL_FORCE
    return await __get_user_pages(current, mm, start, (end - start) // PAGE_SIZE, flags, locked)


@implements
async def __mm_populate(start: int, length: int, ignore_errors: bool) -> int:
    """Fault in a range, area by area; a hole at its end is no error."""
    mm = await current.mm
    end = start + length
    locked: int | None = 0
    vma: Vma | None = None
    error = 0
    while start < end:
        if not locked:
            locked = 1
            await down_read(mm)
        vma = await find_vma(mm, start)
        if vma is None:
            break
        first = await vma.vm_start
        last = await vma.vm_end
        if first >= end:
            break
        start = max(start, first)
        got = await populate_vma_page_range(vma, start, min(end, last), locked)
        locked = got.locked
        if got.n >= 0:
            start += got.n * PAGE_SIZE
        elif ignore_errors:
            start = min(end, last)
        else:
            error = got.n
            break
    if locked:
        await up_read(mm)
    return error
