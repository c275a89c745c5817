"""Interval timers: SIGALRM for a process, again and again.

The timer is a device: a task of the machine that needs no CPU. It rings once, and is wound up again when its
signal is taken, as Linux does: so a process that can't take signals is told once, however often the time
passes.

References
----------
Linux v5.7, kernel/signal.c, dequeue_signal [fact:itimer-rings-once].
"""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.handles import Task as TaskHandle
from pyemu.flags import SIGALRM
from pyemu.sched.semantics import World, semantics
from pyemu.sched.signals import Places, send
from pyemu.sched.sigqueue import group_words, threads
from pyemu.sched.tasks import Task
from pyemu.state import Itimer, Location


def of(world: World, process: int) -> Itimer | None:
    """Give the timer of a process."""
    found: Itimer | None = world.state.get(("itimer", process))
    return found


def places(world: World, process: int) -> list[Location]:
    """Give the locations of a process's timer."""
    timer: Itimer | None = world.state.data.get(("itimer", process))
    return [("itimer", process), *([("timer", timer.task)] if timer is not None else ())]


def set_alarm(world: World, process: int, timer: Itimer) -> None:
    """Store a timer, and set its device to when it rings next."""
    world.state.set(("itimer", process), timer)
    world.state.set(("timer", timer.task), timer.expires)


@semantics(lambda world, task, *_: ([], places(world, task.process)))
def setitimer(world: World, task: Task, ticks: int, interval: int, count: int) -> None:
    """Set the timer of the running task's process."""
    timer = of(world, task.process)
    if timer is None:
        raise AssertionError("the machine makes a timer for each process that sets one")
    set_alarm(world, task.process, Itimer(timer.task, world.now(task) + ticks, interval, count))


def rings(world: World, task: Task, process: int) -> bool:
    """Say whether it is time."""
    expires = world.state.get(("timer", task.id))
    return expires is not None and world.is_over(expires)


def rung(world: World, task: Task, process: int) -> Places:
    """Footprint of ringing: the device's time, and what a signal may change."""
    return [("actions", process)], [("timer", task.id), *group_words(world, process)]


@semantics(rung, enabled=rings)
def itimer_rings(world: World, task: Task, process: int) -> None:
    """Send SIGALRM; the timer stands still until that is taken."""
    world.state.set(("timer", task.id), None)
    group = threads(world, process)
    if group:
        send(world, task, TaskHandle(group[0].id), SIGALRM, private=False)


def on_dequeue(world: World, process: int) -> None:
    """Wind the timer up: it rings at the next multiple of its interval."""
    timer = of(world, process)
    if timer is None or timer.expires is None or not timer.interval:
        return
    set_alarm(world, process, replace(timer, expires=world.next_ring(timer.expires, timer.interval)))


def on_handler(world: World, process: int) -> None:
    """Count a run of the handler; the one that was counted last switches the timer off."""
    timer = of(world, process)
    if timer is None or not timer.count:
        return
    left = timer.count - 1
    if left:
        world.state.set(("itimer", process), replace(timer, count=left))
    else:
        set_alarm(world, process, replace(timer, count=0, expires=None))
