"""Page frames: references, and the page lock.

The page lock is a bit of the page with a queue of waiters, first come, first served. Some want the lock, some
only want it to be released once (`wait_on_page_locked`). A release wakes the waiters in order, up to the
first one who wants the lock: that one has it now. Whoever reads a page from disk holds its lock while it
does, so the lock of a page under I/O is released by the disk, not by who took it.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects import Effect
from pyemu.effects.records import Page
from pyemu.flags import EINTR, SIGKILL, TASK_KILLABLE, TASK_UNINTERRUPTIBLE
from pyemu.hugepages import POOL, POOL_PFN, head
from pyemu.pages import get_frame, release_frame
from pyemu.sched import lockdep
from pyemu.sched.semantics import Again, World, only_wait, semantics
from pyemu.sched.tasks import Task
from pyemu.state import ZERO_PFN, FrameState, Location

Places = tuple[list[Location], list[Location]]
BAD_PAGE_UNLOCK = "page unlock without lock"


def taken(world: World) -> list[Location]:
    """Give the locations that taking a frame changes."""
    return [("arena", world.state.arena), freed(world)]


def freed(world: World) -> Location:
    """Give the location of the frames that were given back."""
    return ("free_frames", world.state.arena)


def next_frame(world: World) -> int:
    """Give the frame that would be taken next."""
    free: tuple[int, ...] = world.state.data[freed(world)]
    return free[-1] if free else int(world.state.data["arena", world.state.arena][0])


def fresh(world: World, task: Task, byte: int) -> Places:
    """Footprint of taking a frame: the free ones, and the one that it will be."""
    pfn = next_frame(world)
    return [], [*taken(world), ("frame", pfn), ("bytes", pfn)]


@semantics(fresh)
def alloc_page(world: World, task: Task, byte: int) -> int:
    """Take a frame."""
    return world.state.alloc_page(byte & 0xFF)


@semantics(lambda world, task, pfn: ([("frame", pfn)], []))
def look_at_page(world: World, task: Task, pfn: int) -> Page:
    """Read a frame's fields."""
    frame = get_frame(world.state, pfn)
    return Page(
        frame.mapping,
        frame.index,
        frame.mapcount,
        frame.refcount,
        frame.uptodate,
        frame.dirty,
        frame.locked_by is not None,
        frame.writeback,
    )


@semantics(lambda world, task, pfn: ([], [("frame", head(pfn))]))
def get_page(world: World, task: Task, pfn: int) -> None:
    """Take a reference; nobody counts those to the zero page."""
    if pfn == ZERO_PFN:
        return
    frame = get_frame(world.state, head(pfn))
    world.state.set(("frame", head(pfn)), replace(frame, refcount=frame.refcount + 1))


def dropped(world: World, task: Task, pfn: int) -> Places:
    """Footprint of dropping a reference: the frame, and where it goes when it was the last one."""
    if pfn >= POOL_PFN:
        return [], [("frame", head(pfn)), ("bytes", head(pfn)), POOL]
    return [], [("frame", pfn), freed(world)]


@semantics(dropped)
def put_page(world: World, task: Task, pfn: int) -> None:
    """Drop a reference; nobody counts those to the zero page."""
    if pfn != ZERO_PFN:
        release_frame(world.state, pfn)


# ------------------------------------------------------------------------------------ the page lock


def own(world: World, task: Task, pfn: int, *_: object) -> Places:
    """Footprint of locking: the page and one's own state."""
    return [], [("frame", pfn), ("state", task.id)]


def queue(world: World, task: Task, pfn: int, *_: object) -> Places:
    """Footprint of releasing, or of leaving the queue: the page and the states of those who wait."""
    frame: FrameState | None = world.state.data.get(("frame", pfn))
    waiters = frame.waiters if frame is not None else ()
    states: list[Location] = [("state", one) for one, _ in waiters]
    return [("signal", task.id)], [("frame", pfn), ("state", task.id), *states]


def take(world: World, task: Task, pfn: int, exclusive: bool, killable: bool) -> int | Again:
    """Take the lock, or see that nobody has it; else join the queue."""
    frame = get_frame(world.state, pfn)
    if frame.locked_by is None:
        if exclusive:
            world.state.set(("frame", pfn), replace(frame, locked_by=task.id))
            lockdep.took(task, lockdep.LockClass.PAGE, pfn)
            world.event(task, "page_lock", pfn, "taken")
        return 0
    world.state.set(("frame", pfn), replace(frame, waiters=(*frame.waiters, (task.id, exclusive))))
    world.set_state(task, TASK_KILLABLE if killable else TASK_UNINTERRUPTIBLE)
    world.event(task, "page_wait", pfn, "waits for the lock" if exclusive else "waits for the release")
    return Again(Effect("page_wait", (pfn, killable)))


@semantics(own)
def trylock_page(world: World, task: Task, pfn: int) -> bool:
    """Take the lock if it is free."""
    if get_frame(world.state, pfn).locked_by is not None:
        return False
    take(world, task, pfn, exclusive=True, killable=False)
    return True


@semantics(own)
def lock_page(world: World, task: Task, pfn: int) -> Again | None:
    """Take the lock, whatever signal comes."""
    return only_wait(take(world, task, pfn, exclusive=True, killable=False))


@semantics(own)
def lock_page_killable(world: World, task: Task, pfn: int) -> int | Again:
    """Take the lock; SIGKILL ends the wait."""
    return take(world, task, pfn, exclusive=True, killable=True)


@semantics(own)
def wait_on_page_locked(world: World, task: Task, pfn: int) -> Again | None:
    """Wait for a release, whatever signal comes."""
    return only_wait(take(world, task, pfn, exclusive=False, killable=False))


@semantics(own)
def wait_on_page_locked_killable(world: World, task: Task, pfn: int) -> int | Again:
    """Wait for a release; SIGKILL ends the wait."""
    return take(world, task, pfn, exclusive=False, killable=True)


def hand_on(world: World, pfn: int) -> None:
    """Release the lock: wake the waiters in order, up to the first that wants the lock, and give it that."""
    frame = get_frame(world.state, pfn)
    if frame.locked_by in world.tasks:
        lockdep.gave_back(world.tasks[frame.locked_by], lockdep.LockClass.PAGE, pfn)
    waiters, owner = frame.waiters, None
    while waiters and owner is None:
        task_id, exclusive = waiters[0]
        waiters = waiters[1:]
        waiter = world.tasks[task_id]
        if exclusive:
            owner = task_id
            lockdep.took(waiter, lockdep.LockClass.PAGE, pfn)
            world.event(waiter, "page_lock", pfn, "granted")
        world.wake(waiter, "page unlocked")
    world.state.set(("frame", pfn), replace(frame, locked_by=owner, waiters=waiters))


@semantics(queue)
def unlock_page(world: World, task: Task, pfn: int) -> None:
    """Release the lock."""
    if get_frame(world.state, pfn).locked_by is None:
        world.violation(task, BAD_PAGE_UNLOCK, f"{task.name} unlocks page {pfn}, which nobody has locked.")
        return
    world.event(task, "page_lock", pfn, "released")
    hand_on(world, pfn)


def in_queue(world: World, task: Task, pfn: int) -> bool:
    """Say whether a task still stands in a page's queue; who holds no reference may find the frame free."""
    frame: FrameState | None = world.state.get(("frame", pfn))
    return frame is not None and any(waiter == task.id for waiter, _ in frame.waiters)


def woken_or_killed(world: World, task: Task, pfn: int, killable: bool) -> bool:
    """Say whether a waiting task may go on."""
    return not in_queue(world, task, pfn) or (
        killable and SIGKILL in world.state.get(("signal", task.id), ())
    )


@semantics(queue, name="page_wait", enabled=woken_or_killed)
def page_wait(world: World, task: Task, pfn: int, killable: bool) -> int | None:
    """Go on after the wait: as the queue said, or without the page after SIGKILL."""
    if not in_queue(world, task, pfn):
        return 0 if killable else None
    frame = get_frame(world.state, pfn)
    rest = tuple(one for one in frame.waiters if one[0] != task.id)
    world.state.set(("frame", pfn), replace(frame, waiters=rest))
    world.set_state(task, 0)
    task.asleep = False
    world.event(task, "page_wait", pfn, "SIGKILL ends the wait")
    return -EINTR
