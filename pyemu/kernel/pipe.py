"""read(2) and write(2) of a pipe: copies under the pipe's lock, and sleeps that any signal ends.

Models `fs/pipe.c` of Linux v5.6 and v5.7 [fact:pipe-copy]. Both ends stay open. On x86-64 there is no
prefault: a copy that isn't served makes its two exceptions (see `pyemu.kernel.uaccess`), with the lock held.
"""

from __future__ import annotations

from typing import Any

from pyemu.calls.uaccess import copy_from_user, copy_to_user
from pyemu.effects.handles import Pipe, current
from pyemu.effects.pages import alloc_page, put_page
from pyemu.effects.pipes import (
    pipe_append,
    pipe_dequeue,
    pipe_fill,
    pipe_first,
    pipe_lock,
    pipe_queue,
    pipe_take,
    pipe_unlock,
    pipe_wake,
)
from pyemu.effects.signals import signal_pending
from pyemu.effects.sleeping import schedule
from pyemu.flags import EFAULT, ERESTARTSYS, PAGE_SIZE
from pyemu.kernel import implements


@implements
async def wait_for_pipe(pipe: Pipe, side: str) -> int:
    """Announce the sleep first, look afterwards: what comes in between is not missed."""
    while True:
        await pipe_queue(pipe, side)
        if side == "read":
            ready = await pipe.has_data
        else:
            ready = await pipe.has_room
        signalled = await signal_pending(current)
        if ready or signalled:
            await pipe_dequeue(pipe, side)
            return 0 if ready else -ERESTARTSYS
        await schedule()


@implements
async def pipe_read(pipe: Pipe, address: int, n: int) -> int:
    """Give what there is, up to `n` bytes; wait only while there is nothing."""
    done, waited = 0, False
    await pipe_lock(pipe)
    had_room = await pipe.has_room
    while done < n:
        buffer: Any = await pipe_first(pipe)
        if buffer is None:
            if done:
                break
            await pipe_unlock(pipe)
            if not had_room:
                await pipe_wake(pipe, "write")
            error = await wait_for_pipe(pipe, "read")
            if error:
                return error
            waited = True
            await pipe_lock(pipe)
            had_room = await pipe.has_room
            continue
        chunk = min(n - done, buffer.length)
        left = await copy_to_user(address + done, chunk, buffer.pfn, buffer.offset)
        if left:
            done = done or -EFAULT
            break
        done += chunk
        freed = await pipe_take(pipe, chunk)
        if freed:
            await put_page(freed)
    more = await pipe.has_data
    await pipe_unlock(pipe)
    if not had_room:
        await pipe_wake(pipe, "write")
    if waited and more:
        await pipe_wake(pipe, "read")  # each wake is for one: hand on what is left
    return done


@implements
async def pipe_write(pipe: Pipe, address: int, n: int) -> int:
    """Put all of it in, a page at a time; wait while there is no room.

    What a failed copy has copied of its page is lost; its empty buffer stays and is skipped by readers.
    """
    done, error, waited = 0, 0, False
    await pipe_lock(pipe)
    had_data = await pipe.has_data
    while done < n and not error:
        if await pipe.has_room:
            chunk = min(PAGE_SIZE, n - done)
            page = await alloc_page(0)
            await pipe_append(pipe, page)
            left = await copy_from_user(address + done, chunk, page, 0)
            if left:
                error = -EFAULT
            else:
                await pipe_fill(pipe, chunk)
                done += chunk
        elif await signal_pending(current):
            error = -ERESTARTSYS
        else:
            await pipe_unlock(pipe)
            if not had_data:
                await pipe_wake(pipe, "read")
            await wait_for_pipe(pipe, "write")
            waited = True
            await pipe_lock(pipe)
            had_data = await pipe.has_data
    more = await pipe.has_room
    await pipe_unlock(pipe)
    if not had_data:
        await pipe_wake(pipe, "read")
    if waited and more:
        await pipe_wake(pipe, "write")
    return done or error
