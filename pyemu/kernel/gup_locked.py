"""get_user_pages, the second half: what happens after a fault said RETRY, and the entries for callers.

Models `mm/gup.c` of Linux v5.6 and v5.7 [fact:gup-once-5-6] [fact:gup-many-5-7]. The protocol of `locked`
[fact:gup-locked-contract]: the caller passes 1 while it holds mmap_sem and allows it to be dropped. 0 comes
back if it was dropped, and then it is not held: not even if get_user_pages took it again meanwhile. Without
`locked` nothing may be dropped, so nothing may wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pyemu.calls.gup import __get_user_pages
from pyemu.effects.gup import gup_fast_pte
from pyemu.effects.handles import Mm, Task, current
from pyemu.effects.locks import down_read, down_read_killable, up_read
from pyemu.effects.machine import policies
from pyemu.effects.records import GupResult
from pyemu.effects.signals import fatal_signal_pending, signal_pending
from pyemu.flags import (
    EAGAIN,
    EINTR,
    FOLL_GET,
    FOLL_INTERRUPTIBLE,
    FOLL_REMOTE,
    FOLL_TOUCH,
    FOLL_TRIED,
    FOLL_WRITE,
    PAGE_SIZE,
)
from pyemu.kernel import implements

Repeat = Callable[[Task | None, Mm, int, int], Awaitable[GupResult]]


async def take_again(mm: Mm) -> GupResult:
    """Take mmap_sem again after RETRY: 0 pages and `locked` 1, or the error if SIGKILL ended the wait."""
    policy = await policies()
    if not policy.gup_is_killable:
        await down_read(mm)
        return GupResult(0, 1)
    refused = await down_read_killable(mm)
    if not refused:
        return GupResult(0, 1)
    # Noted before it was true: whoever believes that releases a lock that nobody here holds.
    return GupResult(refused, 1 if policy.gup_says_locked_too_early else 0)


async def gup_signal_pending(flags: int) -> bool:
    """Say whether a signal ends the retries: SIGKILL, or any if the caller asked for that.

    References
    ----------
    Linux v6.2, mm/gup.c, gup_signal_pending [fact:foll-interruptible].
    """
    policy = await policies()
    if await fatal_signal_pending(current):
        return True
    if not policy.knows_foll_interruptible or not flags & FOLL_INTERRUPTIBLE:
        return False
    return await signal_pending(current)


async def repeat_page(tsk: Task | None, mm: Mm, address: int, flags: int) -> GupResult:
    """Get the page whose fault said RETRY, trying again: 1 page, or why there is none.

    Entry: mmap_sem not held. Exit: held if the result says `locked` 1.
    """
    policy = await policies()
    signalled = False
    while True:
        if not policy.gup_retries_once:
            signalled = await gup_signal_pending(flags)  # else a killed task could go round for ever
        if signalled:
            return GupResult(0 if policy.gup_gives_zero_when_killed else -EINTR, 0)
        taken = await take_again(mm)
        if taken.n:
            return taken
        allowed = None if policy.gup_retries_once else 1
        got = await __get_user_pages(tsk, mm, address, 1, flags | FOLL_TRIED, allowed)
        if policy.gup_retries_once:
            return GupResult(got.n, 1, got.pages)
        if got.locked:
            return got


@implements
async def __get_user_pages_locked(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, locked: int | None, flags: int
) -> GupResult:
    """Get pages, and try again where a fault said RETRY.

    Entry: mmap_sem held. Exit: held if `locked` is 1 or None; not held if it is 0.
    """
    return await get_pages(tsk, mm, start, nr_pages, locked, flags, repeat_page)


async def get_pages(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, locked: int | None, flags: int, repeat: Repeat
) -> GupResult:
    """Get pages; `repeat` gets the one whose fault said RETRY, as `repeat_page` does."""
    pages: tuple[int, ...] = ()
    done = 0
    dropped = False
    while True:
        got = await __get_user_pages(tsk, mm, start + done * PAGE_SIZE, nr_pages - done, flags, locked)
        if locked is None:
            return got
        locked = got.locked
        pages += got.pages
        done += max(got.n, 0)
        if done == nr_pages:
            break
        if locked:
            done = done or got.n  # an error is told only if there is not one page
            break
        dropped = True
        got = await repeat(tsk, mm, start + done * PAGE_SIZE, flags)
        locked = got.locked
        pages += got.pages
        if got.n != 1:
            done = done or got.n
            break
        done += 1
        if done == nr_pages:
            break
    if dropped and locked:
        await up_read(mm)  # it was lost in between: whatever the caller protected with it is lost, too
        locked = 0
    return GupResult(done, locked, pages)


@implements
async def get_user_pages(start: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages of one's own without ever dropping mmap_sem: a page that has to be waited for fails."""
    mm = await current.mm
    flags = gup_flags | FOLL_TOUCH | FOLL_GET
    return await __get_user_pages_locked(current, mm, start, nr_pages, None, flags)


@implements
async def get_user_pages_locked(start: int, nr_pages: int, gup_flags: int, locked: int | None) -> GupResult:
    """Get pages of one's own; mmap_sem may be dropped."""
    mm = await current.mm
    flags = gup_flags | FOLL_TOUCH | FOLL_GET
    return await __get_user_pages_locked(current, mm, start, nr_pages, locked, flags)


@implements
async def get_user_pages_unlocked(start: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages of one's own, taking and releasing mmap_sem."""
    mm = await current.mm
    policy = await policies()
    killed = 0
    if policy.gup_takes_lock_killable:
        killed = await down_read_killable(mm)
    else:
        await down_read(mm)
    if killed:
        return GupResult(-EAGAIN)
    flags = gup_flags | FOLL_TOUCH | FOLL_GET
    got = await __get_user_pages_locked(current, mm, start, nr_pages, 1, flags)
    if got.locked:
        await up_read(mm)
    return GupResult(got.n, None, got.pages)


@implements
async def get_user_pages_remote(
    tsk: Task | None, mm: Mm, start: int, nr_pages: int, gup_flags: int, locked: int | None
) -> GupResult:
    """Get pages of an address space that may be another's."""
    flags = gup_flags | FOLL_TOUCH | FOLL_REMOTE | FOLL_GET
    return await __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags)


@implements
async def get_user_pages_fast(start: int, nr_pages: int, gup_flags: int) -> GupResult:
    """Get pages of one's own: without a lock as far as the page table goes, the rest the slow way."""
    policy = await policies()
    mm = await current.mm
    flags = gup_flags | FOLL_GET
    if policy.gup_read_breaks_cow:
        flags |= FOLL_WRITE
    pages: tuple[int, ...] = ()
    while len(pages) < nr_pages:
        page = await gup_fast_pte(mm, start + len(pages) * PAGE_SIZE, flags)
        if not page:
            break
        pages = (*pages, page)
    if len(pages) == nr_pages:
        return GupResult(nr_pages, None, pages)
    rest = await get_user_pages_unlocked(start + len(pages) * PAGE_SIZE, nr_pages - len(pages), gup_flags)
    if pages and rest.n < 0:
        return GupResult(len(pages), None, pages)
    return GupResult(len(pages) + rest.n, None, pages + rest.pages)
