"""mlock(2) and munlock(2): mark a range, and fault in what is missing of it.

Models `mm/mlock.c` of Linux v5.6 and v5.7 [fact:mlock-populates]. A page that is locked in memory is not
reclaimed. The errors of populating are renamed for POSIX, and a
range that has gone meanwhile is no error [fact:mlock-result].
"""

from __future__ import annotations

from pyemu.calls.gup import __mm_populate
from pyemu.effects.areas import set_vma_flags
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_write_killable, up_write
from pyemu.flags import EAGAIN, EFAULT, EINTR, ENOMEM, VM_LOCKED, VM_LOCKONFAULT
from pyemu.kernel import implements
from pyemu.kernel.areas import isolate


def posix_error(error: int) -> int:
    """Name an error as POSIX wants it: memory that is not there, and a lack of memory."""
    return {-EFAULT: -ENOMEM, -ENOMEM: -EAGAIN}.get(error, error)


async def apply_vma_lock_flags(mm: Mm, start: int, end: int, flags: int) -> int:
    """Set the lock flags of every area of a range; a hole ends it, and what comes before is done."""
    place = start
    areas: tuple[Vma, ...] = await isolate(mm, start, end)
    while areas:
        first = await areas[0].vm_start
        if first > place:
            break
        vm_flags = await areas[0].vm_flags
        await set_vma_flags(areas[0], vm_flags & ~(VM_LOCKED | VM_LOCKONFAULT) | flags)
        place = await areas[0].vm_end
        areas = areas[1:]
    return 0 if place >= end else -ENOMEM


async def set_locked(mm: Mm, start: int, end: int, flags: int) -> int:
    """Change the areas of a range under mmap_sem."""
    if await down_write_killable(mm):
        return -EINTR
    error = await apply_vma_lock_flags(mm, start, end, flags)
    await up_write(mm)
    return error


@implements
async def sys_mlock(start: int, length: int) -> int:
    """Mark the range, then wait for its pages, as often as it takes."""
    mm = await current.mm
    error = await set_locked(mm, start, start + length, int(VM_LOCKED))
    if error:
        return error
    error = await __mm_populate(start, length, False)
    return posix_error(error)


@implements
async def sys_munlock(start: int, length: int) -> int:
    """Take the mark away."""
    mm = await current.mm
    return await set_locked(mm, start, start + length, 0)
