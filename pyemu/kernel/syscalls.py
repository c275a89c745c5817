"""System calls that the programs of a scenario make: poll, sleep, map, unmap."""

from __future__ import annotations

from pyemu.effects.areas import free_vma, insert_vma
from pyemu.effects.entries import zap_pte
from pyemu.effects.handles import Context, current
from pyemu.effects.locks import down_read, down_write, up_read, up_write
from pyemu.effects.posts import post_dequeue, post_queue
from pyemu.effects.sleeping import schedule, schedule_timeout, set_current_state
from pyemu.effects.uffd import poll_dequeue, poll_queue
from pyemu.flags import PAGE_SIZE, TASK_INTERRUPTIBLE
from pyemu.kernel import implements
from pyemu.kernel.areas import isolate


@implements
async def sys_poll(context: Context, ticks: int) -> bool:
    """Sleep until a message is there, or the time is over; -1 waits for ever."""
    await poll_queue(context)
    pending = await context.pending
    if not pending:
        if ticks < 0:
            await schedule()
        else:
            await schedule_timeout(ticks)
    await poll_dequeue(context)
    n_pending: int = await context.pending
    return n_pending > 0


@implements
async def sys_nanosleep(ticks: int) -> None:
    """Sleep for a time; a signal ends it early."""
    await set_current_state(TASK_INTERRUPTIBLE)
    await schedule_timeout(ticks)


@implements
async def sys_wait_post(ticks: int) -> bool:
    """Wait for a post, as a read of an eventfd does; a signal ends it early."""
    there = await post_queue()
    if not there:
        if ticks < 0:
            await schedule()
        else:
            await schedule_timeout(ticks)
    return await post_dequeue()


async def unmap(start: int, length: int) -> None:
    """Free the areas of a range and empty their entries; mmap_sem is held for writing."""
    mm = await current.mm
    areas = await isolate(mm, start, start + length)
    while areas:
        await free_vma(areas[0])
        areas = areas[1:]
    await zap_range(start, length)


async def zap_range(start: int, length: int) -> None:
    """Empty the entries of a range."""
    mm = await current.mm
    address = start
    while address < start + length:
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
    await zap_range(start, length)
    await up_read(mm)
