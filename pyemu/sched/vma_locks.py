"""The lock of a single area, so that a fault need not take mmap_sem [fact:vma-lock].

A reader never waits: it takes the lock, or goes by way of mmap_sem. A writer holds mmap_sem for writing,
waits until the readers of the area have left, and keeps new ones out until it releases mmap_sem: one step
frees all the areas that it has locked.
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects import Effect
from pyemu.effects.handles import Mm, Vma
from pyemu.flags import TASK_UNINTERRUPTIBLE
from pyemu.sched import lockdep
from pyemu.sched.areas import areas_of, check_use
from pyemu.sched.lockdep import LockClass
from pyemu.sched.semantics import Again, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location, VmaLock, VmaState

Places = tuple[list[Location], list[Location]]
FREE = VmaLock()


def lock_of(world: World, vma: int) -> VmaLock:
    """Give the lock of an area."""
    lock: VmaLock = world.state.get(("vma_lock", vma), FREE)
    return lock


def looked_up(world: World, task: Task, mm: Mm, address: int) -> Places:
    """Footprint of finding and locking: all areas, who has locked which for writing, the area's lock."""
    locks: list[Location] = [("vma_lock", vma) for vma in world.state.data["vmas", mm.id]]
    return [*areas_of(world, mm.id), ("vmas_written", mm.id)], locks


@semantics(looked_up)
def lock_vma_under_rcu(world: World, task: Task, mm: Mm, address: int) -> Vma | None:
    """Lock for reading, or not."""
    vma = world.state.find_vma(mm.id, address)
    area: VmaState | None = world.state.get(("vma", vma)) if vma is not None else None
    if vma is None or area is None or address < area.start:
        world.event(task, "vma_lock_missed", address, "there is no area")
        return None
    lock = lock_of(world, vma)
    if lock.writer is not None or vma in world.state.get(("vmas_written", mm.id), ()):
        world.event(task, "vma_lock_missed", address, "somebody changes the area")
        return None
    world.state.set(("vma_lock", vma), replace(lock, readers=(*lock.readers, task.id)))
    lockdep.took(task, LockClass.AREA, vma)
    world.event(task, "vma_lock", vma, "taken")
    return Vma(vma)


def held_area(world: World, task: Task, mm: int) -> int | None:
    """Give the area of an address space that a task has locked for reading."""
    held = (number for kind, number in task.locks if kind == LockClass.AREA)
    return next((vma for vma in held if world.state.data["vma", vma].mm == mm), None)


def let_go(world: World, task: Task, mm: Mm) -> Places:
    """Footprint of releasing: the area's lock, and the state of who waits for it."""
    vma = held_area(world, task, mm.id)
    if vma is None:
        return [], []
    writer = world.state.data["vma_lock", vma].writer
    return [], [("vma_lock", vma), *([("state", writer)] if writer is not None else [])]


@semantics(let_go)
def vma_end_read(world: World, task: Task, mm: Mm) -> None:
    """Release; the last reader wakes the writer that waits."""
    vma = held_area(world, task, mm.id)
    if vma is None:
        world.violation(
            task, "bad unlock balance", f"{task.name} releases the lock of an area, but holds none."
        )
        return
    lockdep.gave_back(task, LockClass.AREA, vma)
    world.event(task, "vma_lock", vma, "released")
    lock = lock_of(world, vma)
    readers = tuple(one for one in lock.readers if one != task.id)
    world.state.set(("vma_lock", vma), replace(lock, readers=readers))
    if lock.writer is not None and not readers:
        world.wake(world.tasks[lock.writer], "the area's lock")


def written(world: World, task: Task, vma: Vma) -> Places:
    """Footprint of locking for writing."""
    mm = world.state.data["vma", vma.id].mm
    return [("vma", vma.id)], [("vma_lock", vma.id), ("vmas_written", mm), ("state", task.id)]


@semantics(written)
def vma_start_write(world: World, task: Task, vma: Vma) -> Again | None:
    """Keep readers out, and wait for those who are in."""
    area = check_use(world, task, vma)
    lock = lock_of(world, vma.id)
    if lock.readers:
        world.state.set(("vma_lock", vma.id), replace(lock, writer=task.id))
        world.set_state(task, TASK_UNINTERRUPTIBLE)
        return Again(Effect("vma_write_wait", (vma,)))
    world.state.set(("vma_lock", vma.id), FREE)
    marked = world.state.get(("vmas_written", area.mm), ())
    if vma.id not in marked:
        world.state.set(("vmas_written", area.mm), (*marked, vma.id))
        world.event(task, "vma_lock", vma.id, "taken for writing")
    return None


@semantics(
    written,
    name="vma_write_wait",
    enabled=lambda world, task, vma: not lock_of(world, vma.id).readers,
)
def vma_write_wait(world: World, task: Task, vma: Vma) -> None:
    """Go on when the last reader has left."""
    vma_start_write(world, task, vma)
