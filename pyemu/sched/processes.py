"""Processes: a new task begins to run, an address space loses its users."""

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.effects.handles import Task as TaskHandle
from pyemu.flags import TaskState
from pyemu.sched.semantics import World, semantics
from pyemu.sched.signals import Places, target
from pyemu.sched.tasks import Task


@semantics(lambda world, task, child: ([], [("state", child.id)]))
def wake_up_new_task(world: World, task: Task, child: TaskHandle) -> None:
    """Let the child run."""
    world.set_state(world.tasks[child.id], 0)
    world.tasks[child.id].asleep = False
    world.event(task, "fork", child.id)


@semantics(
    lambda world, task: ([("state", task.id)], []),
    enabled=lambda world, task: not world.state.get(("state", task.id), TaskState(0)) & TaskState.NEW,
)
def wait_for_fork(world: World, task: Task) -> None:
    """Begin."""


def user_of(world: World, task: Task, handle: TaskHandle) -> Places:
    """Footprint of using another task's memory: whether it lives, and how many do so."""
    one = target(world, task, handle)
    return [("ended", one.id)], [("mm_users", one.mm)]


@semantics(user_of)
def get_task_mm(world: World, task: Task, handle: TaskHandle) -> Mm | None:
    """Count one user more, where users are counted."""
    one = target(world, task, handle)
    if one.ended:
        return None
    users = world.state.get(("mm_users", one.mm))
    if users is not None:
        world.state.set(("mm_users", one.mm), users + 1)
    return Mm(one.mm)


@semantics(lambda world, task, mm: ([], [("mm_users", mm.id)]))
def mmput(world: World, task: Task, mm: Mm) -> bool:
    """Count one user less; only address spaces of processes that fork or were forked are counted."""
    users = world.state.get(("mm_users", mm.id))
    if users is None:
        return False
    world.state.set(("mm_users", mm.id), users - 1)
    return bool(users == 1)
