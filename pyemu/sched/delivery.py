"""Taking signals on the way to user mode: which one is next, what it does, stopping.

References
----------
Linux v5.7, kernel/signal.c, next_signal, dequeue_signal, get_signal, do_signal_stop, exit_signals
[fact:signal-delivery] [fact:signal-stop-kernel].
"""

from __future__ import annotations

from pyemu.effects.records import Siginfo
from pyemu.flags import SIGALRM, SIGSTOP, TASK_STOPPED
from pyemu.sched import itimer
from pyemu.sched.semantics import World, semantics
from pyemu.sched.sigactions import HANDLERS, SYNCHRONOUS, action_of
from pyemu.sched.signals import Places, every_word, reset_action
from pyemu.sched.sigqueue import (
    blocked,
    enqueue,
    flag,
    has_fatal,
    is_flagged,
    put,
    queues,
    ready,
    recalc,
    retarget,
    threads,
)
from pyemu.sched.tasks import Task
from pyemu.state import Location


def own_words(world: World, task: Task) -> Places:
    """Footprint of taking a signal: the flag alone, while it isn't set; else one's process, and its timer."""
    if not world.state.data.get(("sigpending", task.id)):
        return [("sigpending", task.id)], []
    reads, writes = every_word(world, task)
    return reads, [*writes, *itimer.places(world, task.process)]


@semantics(own_words)
def dequeue_signal(world: World, task: Task) -> Siginfo | None:
    """Take the next signal: a deadly one, then one's own, then the process's."""
    if not is_flagged(world, task):
        return None
    if has_fatal(world, task):
        return Siginfo(world.state.get(("exit_signal", task.process)))
    for place in queues(task):
        found = ready(world, task, place)
        if found:
            info = min(found, key=lambda one: (one.signal not in SYNCHRONOUS, one.signal))
            take(world, task, place, info)
            return info
    recalc(world, task)
    return None


def take(world: World, task: Task, place: Location, info: Siginfo) -> None:
    """Take a signal out of its queue; who takes one that stops takes the other threads along."""
    put(world, place, tuple(one for one in world.state.get(place, ()) if one is not info))
    recalc(world, task)
    if info.signal == SIGALRM and place[0] == "shared_signal":
        itimer.on_dequeue(world, task.process)
    if action_of(task, info.signal) == "stop":
        task.stopped = True  # from here on SIGCONT finds it stopped
        for other in threads(world, task.process):
            if other is not task and not other.stopped:
                enqueue(world, ("siginfo", other.id), Siginfo(SIGSTOP))
                flag(world, other)


@semantics(lambda world, task, signal: ([("actions", task.process)], []))
def signal_action(world: World, task: Task, signal: int) -> str:
    """Look at what the task asked for."""
    return action_of(task, signal)


@semantics(lambda world, task, signal: ([], [("actions", task.process)]))
def reset_signal_action(world: World, task: Task, signal: int) -> None:
    """Forget what the process asked for."""
    reset_action(task, signal)


@semantics(lambda world, task, signal: ([("actions", task.process)], itimer.places(world, task.process)))
def deliver_signal(world: World, task: Task, signal: int) -> str:
    """Do what the task asked for."""
    action = action_of(task, signal)
    runs = action in ("handler", "restart")
    world.event(task, "signal_taken", signal, "handler" if runs else action)
    task.stats["handler_runs"] += runs
    if runs and signal == SIGALRM:
        itimer.on_handler(world, task.process)
    return action


@semantics(lambda world, task: ([], [("state", task.id)]))
def do_signal_stop(world: World, task: Task) -> bool:
    """Stop the task, unless SIGCONT came since it took the signal; say whether it stopped."""
    if task.stopped:
        world.set_state(task, TASK_STOPPED)
        task.stats["stops"] += 1
    return task.stopped


def exit_signals(world: World, task: Task) -> None:
    """Tell other threads of the process's signals that a thread leaves behind when it ends."""
    if is_flagged(world, task):
        pending = {info.signal for info in world.state.get(("shared_signal", task.process), ())}
        retarget(world, task, threads(world, task.process), frozenset(pending - blocked(world, task)))


def lost(world: World, task: Task) -> list[int]:
    """Give the handled signals that were there when a task last went to user mode, and that it never took."""
    if not is_flagged(world, task):
        return []
    return [
        info.signal
        for place in queues(task)
        for info in ready(world, task, place)
        if task.actions.get(info.signal) in HANDLERS and (place, info.signal) not in task.fresh
    ]
