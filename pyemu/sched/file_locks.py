"""Locks of a file: of its mappings (i_mmap_rwsem), of faults on one huge page, of the file (i_rwsem).

Each is a queue, first come, first served, and a release hands it on; no signal ends a wait. A mutex is a lock
that is only taken for writing. Whoever takes the lock of a file's mappings must be sure of the file: it may
have been freed with its last mapping, and the lock with it.

The mutexes of huge faults stand in one table that is never freed. Here no two pages share one; in Linux a
hash chooses among eight for each CPU [fact:hugetlb-fault-mutex].
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyemu.effects import Effect
from pyemu.effects.handles import File
from pyemu.flags import TASK_UNINTERRUPTIBLE
from pyemu.sched import lockdep
from pyemu.sched.areas import USE_AFTER_FREE
from pyemu.sched.lockdep import LockClass
from pyemu.sched.locks import BAD_UNLOCK, with_reader
from pyemu.sched.semantics import Again, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import FileState, Location, RwSem

Places = tuple[list[Location], list[Location]]
FREE = RwSem()


@dataclass(frozen=True, slots=True)
class Lock:
    """Which lock: its class, its number among those, the file whose memory it lies in, if it does."""

    kind: LockClass
    number: int
    inside: int | None

    @property
    def place(self) -> Location:
        """Where it stands."""
        return ("file_lock", int(self.kind), self.number)

    @property
    def name(self) -> str:
        """Its name in a sentence."""
        return lockdep.name(self.kind, self.number)


def mappings(file: File) -> Lock:
    """Give the lock of a file's mappings."""
    return Lock(LockClass.I_MMAP, file.id, file.id)


def fault_mutex(file: File, index: int) -> Lock:
    """Give the mutex of faults on one huge page."""
    return Lock(LockClass.FAULT_MUTEX, file.id * lockdep.PAGES + index, None)


def whole(file: File) -> Lock:
    """Give the lock of a file."""
    return Lock(LockClass.INODE, file.id, file.id)


def check_alive(world: World, task: Task, lock: Lock, does: str) -> None:
    """Report the use of a lock that was freed."""
    if lock.inside is None:
        return
    file: FileState = world.state.get(("file", lock.inside))
    if not file.alive:
        world.violation(
            task,
            USE_AFTER_FREE,
            f"{task.name} {does} {lock.name}, which was freed with the file's last mapping.",
        )


def take(world: World, task: Task, lock: Lock, write: bool) -> Again | None:
    """Take a lock, or join its queue."""
    check_alive(world, task, lock, "takes")
    lockdep.check_order(world, task, lock.kind, lock.number)
    state: RwSem = world.state.get(lock.place, FREE)
    if write and state.free:
        world.state.set(lock.place, replace(state, writer=task.id))
    elif not write and state.free_for_reading:
        world.state.set(lock.place, with_reader(state, task.id))
    else:
        world.state.set(lock.place, replace(state, waiters=(*state.waiters, (task.id, write))))
        world.set_state(task, TASK_UNINTERRUPTIBLE)
        world.event(task, "file_lock", lock.name, "waited for")
        return Again(Effect("file_lock_wait", (int(lock.kind), lock.number)))
    lockdep.took(task, lock.kind, lock.number)
    world.event(task, "file_lock", lock.name, "taken")
    return None


def release(world: World, task: Task, lock: Lock, write: bool) -> None:
    """Release a lock and hand it on: to one writer, or to every reader up to the next writer."""
    check_alive(world, task, lock, "releases")
    if (lock.kind, lock.number) not in task.locks:
        text = f"{task.name} releases {lock.name}, which it doesn't hold."
        world.violation(task, BAD_UNLOCK, text)
        return
    lockdep.gave_back(task, lock.kind, lock.number)
    world.event(task, "file_lock", lock.name, "released")
    state: RwSem = world.state.get(lock.place)
    if write:
        state = replace(state, writer=None)
    else:
        place = state.readers.index(task.id)
        state = replace(state, readers=state.readers[:place] + state.readers[place + 1 :])
    while state.waiters:
        number, writes = state.waiters[0]
        if state.writer is not None or (writes and state.readers):
            break
        state = replace(state, writer=number) if writes else with_reader(state, number)
        state = replace(state, waiters=state.waiters[1:])
        waiter = world.tasks[number]
        lockdep.took(waiter, lock.kind, lock.number)
        world.event(waiter, "file_lock", lock.name, "granted")
        world.wake(waiter, "a lock of the file")
    world.state.set(lock.place, state)


def touched(world: World, task: Task, lock: Lock, to: bool) -> Places:
    """Footprint of taking (`to`) or releasing: the lock, who sleeps for it, the file that holds it."""
    state: RwSem = world.state.data.get(lock.place, FREE)
    waiters = [] if to else [one for one, _ in state.waiters]
    reads: list[Location] = [] if lock.inside is None else [("file", lock.inside)]
    sleepers = [task.id, *waiters] if waiters or (to and not state.free) else []
    return reads, [lock.place, *(("state", one) for one in sleepers)]


def has_come(world: World, task: Task, kind: int, number: int) -> bool:
    """Say whether a task that waits has been given the lock."""
    state: RwSem = world.state.get(("file_lock", kind, number))
    return all(waiter != task.id for waiter, _ in state.waiters)


@semantics(
    lambda world, task, kind, number: ([("file_lock", kind, number)], []),
    name="file_lock_wait",
    enabled=has_come,
)
def file_lock_wait(world: World, task: Task, kind: int, number: int) -> None:
    """Go on with the lock: the release gave it."""


@semantics(lambda world, task, file: touched(world, task, mappings(file), True))
def i_mmap_lock_read(world: World, task: Task, file: File) -> Again | None:
    """Take for reading."""
    return take(world, task, mappings(file), write=False)


@semantics(lambda world, task, file: touched(world, task, mappings(file), False))
def i_mmap_unlock_read(world: World, task: Task, file: File) -> None:
    """Release a read hold."""
    release(world, task, mappings(file), write=False)


@semantics(lambda world, task, file: touched(world, task, mappings(file), True))
def i_mmap_lock_write(world: World, task: Task, file: File) -> Again | None:
    """Take for writing."""
    return take(world, task, mappings(file), write=True)


@semantics(lambda world, task, file: touched(world, task, mappings(file), False))
def i_mmap_unlock_write(world: World, task: Task, file: File) -> None:
    """Release a write hold."""
    release(world, task, mappings(file), write=True)


@semantics(lambda world, task, file, index: touched(world, task, fault_mutex(file, index), True))
def hugetlb_fault_mutex_lock(world: World, task: Task, file: File, index: int) -> Again | None:
    """Take."""
    return take(world, task, fault_mutex(file, index), write=True)


@semantics(lambda world, task, file, index: touched(world, task, fault_mutex(file, index), False))
def hugetlb_fault_mutex_unlock(world: World, task: Task, file: File, index: int) -> None:
    """Release."""
    release(world, task, fault_mutex(file, index), write=True)


@semantics(lambda world, task, file: touched(world, task, whole(file), True))
def inode_lock(world: World, task: Task, file: File) -> Again | None:
    """Take for writing."""
    return take(world, task, whole(file), write=True)


@semantics(lambda world, task, file: touched(world, task, whole(file), False))
def inode_unlock(world: World, task: Task, file: File) -> None:
    """Release a write hold."""
    release(world, task, whole(file), write=True)
