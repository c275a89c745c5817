"""System calls that the programs of a scenario make: poll, sleep, wait for a post."""

from __future__ import annotations

from pyemu.effects.handles import Context
from pyemu.effects.posts import post_dequeue, post_queue
from pyemu.effects.sleeping import schedule, schedule_timeout, set_current_state
from pyemu.effects.uffd import poll_dequeue, poll_queue
from pyemu.flags import ERESTART_RESTARTBLOCK, TASK_INTERRUPTIBLE
from pyemu.kernel import implements


@implements
async def sys_poll(context: Context, ticks: int) -> bool:
    """Sleep until a message is there, or the time is over; -1 waits for ever.

    What woke it may be gone when it looks: then it says so, and the caller may call again.
    """
    await poll_queue(context)
    pending = await context.pending
    if not pending:
        if ticks < 0:
            await schedule()
        else:
            await schedule_timeout(ticks)
        pending = await context.pending
    await poll_dequeue(context)
    return bool(pending)


@implements
async def sys_nanosleep(ticks: int) -> int:
    """Sleep for a time; a signal ends it early: for good, if its handler runs."""
    await set_current_state(TASK_INTERRUPTIBLE)
    left = await schedule_timeout(ticks)
    return -ERESTART_RESTARTBLOCK if left else 0


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
