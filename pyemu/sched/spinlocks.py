"""Spinlocks of page tables: one for each table, which holds the entries of 2 MiB.

Each operation on an entry is one critical section under this lock, so kernel code seldom names it. Code that
takes it may change several entries as one step, and must not sleep meanwhile. Who waits for it does not
sleep: its state stays RUNNING.
"""

from __future__ import annotations

from pyemu.effects import Effect
from pyemu.effects.handles import Mm
from pyemu.sched import lockdep
from pyemu.sched.lockdep import LockClass
from pyemu.sched.semantics import Again, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]
TABLE_SHIFT = 21  # bytes that one page table maps: 2 MiB


def table(mm: int, address: int) -> Location:
    """Give the location of a page table's lock."""
    return ("ptl", mm, address >> TABLE_SHIFT)


def own_table(world: World, task: Task, mm: Mm, address: int) -> Places:
    """Footprint of taking or releasing a page table's lock."""
    return [], [table(mm.id, address)]


def is_free(world: World, task: Task, mm: Mm, address: int, *_: object) -> bool:
    """Say whether a task may change entries of a table: nobody else has its lock."""
    return world.state.get(table(mm.id, address)) in (None, task.id)


@semantics(own_table)
def spin_lock(world: World, task: Task, mm: Mm, address: int) -> Again | None:
    """Take the lock, or spin until it is free."""
    place = table(mm.id, address)
    if world.state.get(place) == task.id:
        start = place[2] << TABLE_SHIFT
        world.violation(
            task, "recursive lock", f"{task.name} takes the page-table lock of {start:#x}, which it holds."
        )
        return Again(Effect("spin_wait", (mm, address)))
    if world.state.get(place) is not None:
        return Again(Effect("spin_wait", (mm, address)))
    spin_wait(world, task, mm, address)
    return None


@semantics(
    own_table,
    name="spin_wait",
    enabled=lambda world, task, mm, address: world.state.get(table(mm.id, address)) is None,
)
def spin_wait(world: World, task: Task, mm: Mm, address: int) -> None:
    """Have the lock."""
    place = table(mm.id, address)
    world.state.set(place, task.id)
    lockdep.took(task, LockClass.PTE, place[2] << TABLE_SHIFT)
    world.event(task, "spinlock", place[2] << TABLE_SHIFT, "taken")


@semantics(own_table)
def spin_unlock(world: World, task: Task, mm: Mm, address: int) -> None:
    """Release the lock; a task that doesn't hold it is told so."""
    place = table(mm.id, address)
    start = place[2] << TABLE_SHIFT
    if world.state.get(place) != task.id:
        world.violation(
            task,
            "bad unlock balance",
            f"{task.name} releases the page-table lock of {start:#x}, which it doesn't hold.",
        )
        return
    lockdep.gave_back(task, LockClass.PTE, start)
    world.state.set(place, None)
    world.event(task, "spinlock", start, "released")
