"""Sleeping: what a task announces, what ends it; exit.

`schedule` is enabled when the state is RUNNING again or a signal ends this kind of sleep. A wake sets the
state to RUNNING; so a wake that comes between the announcement and `schedule` is not lost.
"""

from __future__ import annotations

from pyemu.effects import Effect
from pyemu.sched.semantics import Again, TaskEnded, World, semantics
from pyemu.sched.signals import Places, kill_group
from pyemu.sched.sigqueue import ends_sleep, group_words, threads, words
from pyemu.sched.tasks import Task


def own_state(world: World, task: Task, *_: object) -> Places:
    """Footprint of ending a sleep: who was woken looks at no signal."""
    if not world.state.data.get(("state", task.id)):
        return [("state", task.id)], []
    return words(task), [("state", task.id)]


def own_timer(world: World, task: Task, *_: object) -> Places:
    """Footprint of a sleep with a timer."""
    return words(task), [("state", task.id), ("timer", task.id), ("time", task.id)]


@semantics(lambda world, task, state: ([], [("state", task.id)]))
def set_current_state(world: World, task: Task, state: int) -> None:
    """Announce a sleep."""
    world.set_state(task, state)


def may_go_on(world: World, task: Task) -> bool:
    """Say whether a sleeping task may run: it was woken, or a signal ends this sleep."""
    return not world.state.get(("state", task.id)) or ends_sleep(world, task)


@semantics(own_state, enabled=may_go_on)
def schedule(world: World, task: Task) -> None:
    """Go on after a sleep."""
    world.wake(task, "signal")


@semantics(lambda world, task, ticks: ([("time", task.id)], [("timer", task.id)]))
def schedule_timeout(world: World, task: Task, ticks: int) -> Again:
    """Set the timer, then sleep."""
    task.deadline = world.now(task) + max(0, ticks)
    world.state.set(("timer", task.id), task.deadline)
    return Again(Effect("timer_wait"))


def timer_over(world: World, task: Task) -> bool:
    """Say whether a sleep with a timer may end."""
    return world.is_over(world.state.get(("timer", task.id), 0)) or may_go_on(world, task)


@semantics(own_timer, name="timer_wait", enabled=timer_over)
def timer_wait(world: World, task: Task) -> int:
    """Go on after a sleep with a timer."""
    left = world.time_left(task, world.state.get(("timer", task.id), 0), may_go_on(world, task))
    world.wake(task, "signal" if ends_sleep(world, task) else "time")
    world.state.set(("timer", task.id), None)
    return left


def last_words(world: World, task: Task, signal: int) -> Places:
    """Footprint of ending: with a signal, the whole process ends."""
    return [], [("state", task.id), *(group_words(world, task.process) if signal else ())]


@semantics(last_words)
def do_exit(world: World, task: Task, signal: int) -> None:
    """End the task, and with a signal its whole process (``do_group_exit``)."""
    if signal:
        kill_group(world, [one for one in threads(world, task.process) if one is not task], signal)
    raise TaskEnded(signal=signal)
