"""Holes that are being punched into shared memory (``struct shmem_falloc``) [fact:shmem-punch]."""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.handles import File
from pyemu.flags import TASK_UNINTERRUPTIBLE
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Hole, Location

Places = tuple[list[Location], list[Location]]


def place(file: File) -> Location:
    """Give the location of the hole that is being punched into a file: there is one at a time."""
    return ("hole", file.id)


def note(world: World, task: Task, file: File, hole: Hole, what: str) -> None:
    """Record what became of a hole."""
    name = world.state.data["file", file.id].name
    world.event(task, "hole", f"pages {hole.first} to {hole.end - 1} of {name}", what)


@semantics(lambda world, task, file, first, end: ([], [place(file)]))
def begin_hole(world: World, task: Task, file: File, first: int, end: int) -> None:
    """Begin; the file's lock keeps others out."""
    hole = Hole(first, end)
    world.state.set(place(file), hole)
    note(world, task, file, hole, "is being punched")


def sleepers(world: World, task: Task, file: File) -> Places:
    """Footprint of ending: the hole, and who sleeps for it."""
    hole: Hole | None = world.state.data.get(place(file))
    return [], [place(file), *(("state", one) for one in (hole.waiters if hole is not None else ()))]


@semantics(sleepers)
def end_hole(world: World, task: Task, file: File) -> None:
    """End, and wake who waits."""
    hole: Hole = world.state.get(place(file))
    world.state.set(place(file), None)
    note(world, task, file, hole, "is there")
    for one in hole.waiters:
        world.wake(world.tasks[one], "the hole is there")


def queued(world: World, task: Task, file: File, *index: int) -> Places:
    """Footprint of a look, or of queueing and leaving: the hole, one's own state."""
    if world.state.data.get(place(file)) is None:
        return [place(file)], [("state", task.id)] if not index else []
    return [], [place(file), ("state", task.id)]


@semantics(queued)
def hole_queue(world: World, task: Task, file: File, index: int) -> bool:
    """Queue, if the page lies in a hole."""
    hole: Hole | None = world.state.get(place(file))
    if hole is None or not hole.first <= index < hole.end:
        return False
    world.state.set(place(file), replace(hole, waiters=(*hole.waiters, task.id)))
    world.set_state(task, TASK_UNINTERRUPTIBLE)
    return True


@semantics(queued)
def hole_dequeue(world: World, task: Task, file: File) -> None:
    """Stop the sleep and leave."""
    world.set_state(task, 0)
    hole: Hole | None = world.state.get(place(file))
    if hole is not None:
        rest = tuple(one for one in hole.waiters if one != task.id)
        world.state.set(place(file), replace(hole, waiters=rest))
