"""Posts: how programs keep to an order. Each task has a number of posts, and may wait until it isn't 0.

Linux programs do this with an eventfd or a word in shared memory; which one makes no difference here.
"""

from __future__ import annotations

from pyemu.effects.handles import Task as TaskHandle
from pyemu.flags import TASK_INTERRUPTIBLE
from pyemu.sched.semantics import World, semantics
from pyemu.sched.signals import target
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]
NONE = (0, False)  # posts that nobody has taken; does the task wait for one?


def posted(world: World, task: Task, handle: TaskHandle) -> Places:
    """Footprint of telling another task."""
    one = target(world, task, handle)
    return [], [("posts", one.id), ("state", one.id)]


def own_posts(world: World, task: Task) -> Places:
    """Footprint of waiting for a post."""
    return [], [("posts", task.id), ("state", task.id)]


@semantics(posted)
def post(world: World, task: Task, handle: TaskHandle) -> None:
    """Count a post, and wake who waits for it."""
    one = target(world, task, handle)
    n, waits = world.state.get(("posts", one.id), NONE)
    world.state.set(("posts", one.id), (n + 1, False))
    if waits:
        world.wake(one, "post")


@semantics(own_posts)
def post_queue(world: World, task: Task) -> bool:
    """Announce the wait."""
    n, _ = world.state.get(("posts", task.id), NONE)
    world.state.set(("posts", task.id), (n, not n))
    world.set_state(task, TASK_INTERRUPTIBLE)
    return bool(n)


@semantics(own_posts)
def post_dequeue(world: World, task: Task) -> bool:
    """End the wait, and take one."""
    world.set_state(task, 0)
    n, _ = world.state.get(("posts", task.id), NONE)
    world.state.set(("posts", task.id), (max(0, n - 1), False))
    return bool(n)
