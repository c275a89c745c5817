"""mmap_sem: a reader-writer semaphore, strictly first come, first served.

Joining the queue and being granted are two steps; the grant belongs to the effect that releases. A reader
behind a queued writer waits. A task that is killed leaves the queue, and those behind it are looked at again.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects import Effect
from pyemu.effects.handles import Mm
from pyemu.flags import EINTR, SIGKILL, TASK_KILLABLE, TASK_UNINTERRUPTIBLE
from pyemu.sched.semantics import Again, World, only_wait, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location, RwSem

BAD_UNLOCK = "bad unlock balance"


def sem(mm: Mm) -> Location:
    """Give the location of an address space's lock."""
    return ("mmap_sem", mm.id)


def written(mm: Mm) -> Location:
    """Give the location of the areas that are locked for writing until mmap_sem is released."""
    return ("vmas_written", mm.id)


def mode(write: bool) -> str:
    """Name a mode."""
    return "writing" if write else "reading"


def with_reader(lock: RwSem, task: int) -> RwSem:
    """Give a lock that one more task holds for reading; in which order they came makes no difference."""
    return replace(lock, readers=tuple(sorted((*lock.readers, task))))


def took(world: World, task: Task, mm: Mm, write: bool, kind: str) -> None:
    """Note that a task has the lock now."""
    task.holds.append((mm.id, mode(write)))
    task.hold += 1
    task.stats["acquisitions"] += 1
    world.event(task, kind, mm.id, mode(write))


def note_recursion(world: World, task: Task, mm: Mm) -> None:
    """Report a task that takes what it holds: with a writer queued in between, that is a deadlock."""
    if task.holds_lock(mm.id):
        world.violation(
            task,
            "recursive lock",
            f"{task.name} takes mmap_sem, which it holds already.",
        )


def take(world: World, task: Task, mm: Mm, write: bool, killable: bool) -> int | Again:
    """Take the lock, or join its queue."""
    note_recursion(world, task, mm)
    lock: RwSem = world.state.get(sem(mm))
    if write and lock.free:
        world.state.set(sem(mm), replace(lock, writer=task.id))
    elif not write and lock.free_for_reading:
        world.state.set(sem(mm), with_reader(lock, task.id))
    else:
        world.state.set(sem(mm), replace(lock, waiters=(*lock.waiters, (task.id, write))))
        world.set_state(task, TASK_KILLABLE if killable else TASK_UNINTERRUPTIBLE)
        world.event(task, "lock_queued", mm.id, mode(write))
        return Again(Effect("rwsem_wait", (mm, write, killable)))
    took(world, task, mm, write, "lock_taken")
    return 0


def grant(world: World, mm: Mm, lock: RwSem) -> None:
    """Hand a lock to those at the head of its queue: one writer, or every reader up to the next writer."""
    while lock.waiters:
        task_id, write = lock.waiters[0]
        if lock.writer is not None or (write and lock.readers):
            break
        lock = replace(lock, writer=task_id) if write else with_reader(lock, task_id)
        lock = replace(lock, waiters=lock.waiters[1:])
        waiter = world.tasks[task_id]
        took(world, waiter, mm, write, "lock_granted")
        world.wake(waiter, "mmap_sem granted")
    world.state.set(sem(mm), lock)


def release(world: World, task: Task, mm: Mm, write: bool) -> None:
    """Release the lock and hand it on; a task that doesn't hold it is told so."""
    if (mm.id, mode(write)) not in task.holds:
        held = [one for number, one in task.holds if number == mm.id]
        truth = f"holds it for {held[0]}" if held else "does not hold it"
        world.violation(
            task,
            BAD_UNLOCK,
            f"{task.name} releases mmap_sem for {mode(write)}, but {truth}.",
        )
        return
    task.holds.remove((mm.id, mode(write)))
    world.event(task, "lock_dropped", mm.id, mode(write))
    lock: RwSem = world.state.get(sem(mm))
    if write:
        lock = replace(lock, writer=None)
        if world.state.get(written(mm), ()):
            world.state.set(written(mm), ())  # vma_end_write_all: the areas are open to readers again
    else:
        place = lock.readers.index(task.id)
        lock = replace(lock, readers=lock.readers[:place] + lock.readers[place + 1 :])
    grant(world, mm, lock)


def own(world: World, task: Task, mm: Mm, *_: object) -> tuple[list[Location], list[Location]]:
    """Footprint of taking: the lock; who may have to wait sets its state."""
    lock: RwSem = world.state.data[sem(mm)]
    return [], [sem(mm)] if lock.free else [sem(mm), ("state", task.id)]


def queue(world: World, task: Task, mm: Mm, *_: object) -> tuple[list[Location], list[Location]]:
    """Footprint of releasing: the lock and the state of those who wait for it."""
    waiters = world.state.data[sem(mm)].waiters
    return [("signal", task.id)], [sem(mm), written(mm), *(("state", one) for one, _ in waiters)]


def given_back(world: World, task: Task, mm: Mm) -> tuple[list[Location], list[Location]]:
    """Footprint of releasing a read hold: the lock and the state of those who wait for it."""
    waiters = world.state.data[sem(mm)].waiters
    return [], [sem(mm), *(("state", one) for one, _ in waiters)]


@semantics(own)
def down_read(world: World, task: Task, mm: Mm) -> Again | None:
    """Take for reading."""
    return only_wait(take(world, task, mm, write=False, killable=False))


@semantics(own)
def down_read_killable(world: World, task: Task, mm: Mm) -> int | Again:
    """Take for reading; SIGKILL ends the wait."""
    return take(world, task, mm, write=False, killable=True)


@semantics(own)
def down_write(world: World, task: Task, mm: Mm) -> Again | None:
    """Take for writing."""
    return only_wait(take(world, task, mm, write=True, killable=False))


@semantics(own)
def down_write_killable(world: World, task: Task, mm: Mm) -> int | Again:
    """Take for writing; SIGKILL ends the wait."""
    return take(world, task, mm, write=True, killable=True)


@semantics(own)
def down_read_trylock(world: World, task: Task, mm: Mm) -> bool:
    """Take for reading if that needs no wait."""
    lock: RwSem = world.state.get(sem(mm))
    if not lock.free_for_reading:
        return False
    note_recursion(world, task, mm)
    world.state.set(sem(mm), with_reader(lock, task.id))
    took(world, task, mm, False, "lock_taken")
    return True


@semantics(given_back)
def up_read(world: World, task: Task, mm: Mm) -> None:
    """Release a read hold."""
    release(world, task, mm, write=False)


@semantics(queue)
def up_write(world: World, task: Task, mm: Mm) -> None:
    """Release a write hold."""
    release(world, task, mm, write=True)


def granted_or_killed(world: World, task: Task, mm: Mm, write: bool, killable: bool) -> bool:
    """Say whether a queued task may go on."""
    if all(waiter != task.id for waiter, _ in world.state.get(sem(mm)).waiters):
        return True
    return killable and SIGKILL in world.state.get(("signal", task.id), ())


@semantics(queue, name="rwsem_wait", enabled=granted_or_killed)
def rwsem_wait(world: World, task: Task, mm: Mm, write: bool, killable: bool) -> int | None:
    """Go on after the wait: with the lock, or without it after SIGKILL."""
    lock: RwSem = world.state.get(sem(mm))
    if all(waiter != task.id for waiter, _ in lock.waiters):
        return 0 if killable else None
    world.set_state(task, 0)
    task.asleep = False
    world.event(task, "lock_wait_killed", mm.id, mode(write))
    rest = tuple(one for one in lock.waiters if one[0] != task.id)
    grant(world, mm, replace(lock, waiters=rest))
    return -EINTR
