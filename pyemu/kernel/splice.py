"""vmsplice(2): put the program's own pages into a pipe, without a copy.

Models `fs/splice.c` of Linux v5.6 and v5.7 [fact:vmsplice]. The pipe's lock is held while pages are got, so
who reads the pipe waits as long as the page does. A page that nobody has taken out stays pinned.
"""

from __future__ import annotations

from pyemu.calls.pins import iov_iter_get_pages
from pyemu.calls.pipe import wait_for_pipe
from pyemu.effects.handles import Pipe
from pyemu.effects.pipes import pipe_append, pipe_fill, pipe_lock, pipe_unlock, pipe_wake
from pyemu.flags import PAGE_SIZE
from pyemu.kernel import implements
from pyemu.kernel.gup import put_pages

BATCH = 16  # pages


async def wait_for_space(pipe: Pipe) -> int:
    """Wait until the pipe has room; its lock is held, and given up meanwhile."""
    while True:
        has_room = await pipe.has_room
        if has_room:
            return 0
        await pipe_unlock(pipe)
        error = await wait_for_pipe(pipe, "write")
        await pipe_lock(pipe)
        if error:
            return error


async def add_pages(pipe: Pipe, pages: tuple[int, ...], n: int) -> int:
    """Put pages that hold `n` bytes into the pipe while it has room; the others go back."""
    done = 0
    while pages:
        has_room = await pipe.has_room
        if not has_room:
            break
        size = min(PAGE_SIZE, n - done)
        await pipe_append(pipe, pages[0])
        await pipe_fill(pipe, size)
        done += size
        pages = pages[1:]
    await put_pages(pages)
    return done


async def iter_to_pipe(pipe: Pipe, address: int, n: int) -> int:
    """Get pages in batches and put them into the pipe, until it is full."""
    done = 0
    while done < n:
        got = await iov_iter_get_pages(address + done, n - done, BATCH)
        if got.n <= 0:
            return done or got.n
        added = await add_pages(pipe, got.pages, got.n)
        done += added
        if added < got.n:
            break
    return done


@implements
async def sys_vmsplice(pipe: Pipe, address: int, n: int) -> int:
    """Put pages into a pipe; wait for room, but only once."""
    await pipe_lock(pipe)
    done = await wait_for_space(pipe)
    if not done:
        done = await iter_to_pipe(pipe, address, n)
    await pipe_unlock(pipe)
    if done > 0:
        await pipe_wake(pipe, "read")
    return done
