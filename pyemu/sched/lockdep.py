"""Lockdep of our own: in which order locks are taken, what may not be done with one held, and lost wake-ups.

Each task has a list of the locks that it holds (`Task.locks`); mmap_sem is booked in `Task.holds`. The order
is the lock of a file, mmap_sem, the lock of an area, that of a file's mappings, the mutex of a huge fault,
the page lock, the lock of a page table: the outer one first [fact:lock-order]. A trylock can't wait, so it is
free of the order, as in Linux.
"""

from __future__ import annotations

from enum import IntEnum

from pyemu.effects import Effect
from pyemu.effects.handles import Context
from pyemu.flags import PAGE_RW, UFFD_PAGEFAULT_FLAG_WP
from pyemu.pages import covering
from pyemu.sched.semantics import SEMANTICS, World
from pyemu.sched.tasks import Task

ORDER = "lock order"
ATOMIC = "sleeping with a spinlock"
LOST_WAKE_UP = "lost wake-up"
TAKES_MMAP_SEM = frozenset({"down_read", "down_read_killable", "down_write"})
SLEEPS = ("schedule", "timer_wait")


class LockClass(IntEnum):
    """Kinds of locks, the outer ones first."""

    INODE = 1
    AREA = 2
    I_MMAP = 3
    FAULT_MUTEX = 4
    PAGE = 5
    PTE = 6


KINDS = {
    LockClass.INODE: "file lock",
    LockClass.AREA: "area lock",
    LockClass.I_MMAP: "file lock",
    LockClass.FAULT_MUTEX: "file lock",
    LockClass.PAGE: "page lock",
    LockClass.PTE: "spinlock",
}
PAGES = 1 << 16  # the number of a huge fault's mutex is that of its file, times this, plus that of the page


def took(task: Task, kind: LockClass, number: int) -> None:
    """Book a lock that a task has taken."""
    task.locks.append((kind, number))


def gave_back(task: Task, kind: LockClass, number: int) -> None:
    """Strike a lock off."""
    if (kind, number) in task.locks:
        task.locks.remove((kind, number))


def name(kind: int, number: int) -> str:
    """Name a lock in a sentence."""
    match kind:
        case LockClass.PTE:
            return f"the page-table lock of {number:#x}"
        case LockClass.FAULT_MUTEX:
            return f"the fault mutex of huge page {number % PAGES} of file {number // PAGES}"
        case LockClass.I_MMAP:
            return f"the lock of file {number}'s mappings"
        case LockClass.INODE:
            return f"the lock of file {number}"
    return f"the lock of {'page' if kind == LockClass.PAGE else 'vma'} {number}"


def might_sleep() -> frozenset[str]:
    """Give the operations that may sleep: those that can wait, and those that ask for memory."""
    waits = {key for key, one in SEMANTICS.items() if "Again" in str(one.apply.__annotations__.get("return"))}
    return frozenset(waits - {"spin_lock"} | {"schedule", "alloc_page"})


def before(world: World, task: Task, effect: Effect[object], sleepers: frozenset[str]) -> None:
    """Look at an operation that a task is about to make with a lock held."""
    kind, number = max(task.locks)
    if kind == LockClass.PTE and effect.op in sleepers:
        world.violation(
            task,
            ATOMIC,
            f"{task.name} calls {effect.title}, which may sleep, and holds {name(kind, number)}, a spinlock.",
        )
    elif effect.op in TAKES_MMAP_SEM and kind != LockClass.INODE:
        world.violation(task, ORDER, f"{task.name} takes mmap_sem and holds {name(kind, number)} already.")


def check_order(world: World, task: Task, kind: LockClass, number: int) -> None:
    """Look at a lock that a task is about to take while it holds others."""
    held = max(task.locks, default=(0, 0))
    if held[0] >= kind:
        text = f"{task.name} takes {name(kind, number)} and holds {name(*held)} already."
        world.violation(task, ORDER, text)


def on_user_mode(world: World, task: Task, ends: bool) -> None:
    """Check that a task takes no lock along to user mode, or to its end."""
    where = "exit" if ends else "return"
    does = "ended" if ends else "goes back to user mode"
    for kind, number in task.locks:
        rule = f"{KINDS[LockClass(kind)]} held on {where}"
        world.violation(task, rule, f"{task.name} {does} holding {name(kind, number)}.")


# ------------------------------------------------------------------------------------ lost wake-ups


def has_come(world: World, context: int, address: int, flags: int) -> bool:
    """Say whether what an entry of a userfaultfd's queue waits for is there."""
    state = world.state.data["context", context]
    world.look(("context", context))
    if state.released:
        return True
    places, entry = covering(world.state, state.mm, address)
    for place in places:
        world.look(place)
    return bool(entry & PAGE_RW) if flags & UFFD_PAGEFAULT_FLAG_WP else bool(entry)


def on_queue(world: World, task: Task, context: Context, address: int, flags: int) -> None:
    """Note whether what a task begins to wait for is there already: then it must look, and not sleep."""
    found = has_come(world, context.id, address, flags)
    task.missed = ("userfault", context.id, (address, flags)) if found else ()


def on_poll(world: World, task: Task, context: Context) -> None:
    """Note which messages are there already when a monitor begins to wait for one."""
    world.look(("context", context.id))
    task.missed = ("poll", context.id, world.state.data["context", context.id].pending)


def on_sleep(world: World, task: Task) -> None:
    """Look at a task that falls asleep."""
    missed, task.missed = task.missed, ()
    if not missed or task.pending is None or task.pending.op not in SLEEPS:
        return
    kind, context, what = missed
    if kind == "poll":
        world.look(("context", context))
        pending = world.state.data["context", context].pending
        if any(one in pending for one in what):
            world.violation(
                task, LOST_WAKE_UP, f"{task.name} sleeps in poll() though a message is there to be read."
            )
    elif has_come(world, context, *what):
        world.violation(
            task,
            LOST_WAKE_UP,
            f"{task.name} sleeps in the queue of its userfaultfd for something that was there before it "
            "stood in that queue: who brought it found nobody to wake.",
        )
