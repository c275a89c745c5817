"""Pending signals: two queues, a mask, and a flag for each thread.

``("siginfo", task)`` holds what is pending for a thread alone, ``("shared_signal", process)`` what is pending
for its process; one of a kind at a time. ``("blocked", task)`` holds the signals that a thread blocks.
``("sigpending", task)`` is the flag TIF_SIGPENDING: a thread looks at its queues only if it is set, and
whoever sends a signal sets it for one thread that can take it. So a signal of the process may be pending and
most of its threads know nothing of it.

References
----------
Linux v5.7, kernel/signal.c, recalc_sigpending, signal_wake_up_state, retarget_shared_pending
[fact:signal-pending] [fact:signal-fatal] [fact:signal-wakes].
"""

from __future__ import annotations

from pyemu.effects.records import Siginfo
from pyemu.flags import SIGKILL, TaskState
from pyemu.sched.semantics import World
from pyemu.sched.tasks import Task
from pyemu.state import Location

Queue = tuple[Siginfo, ...]
NOTHING: frozenset[int] = frozenset()


def blocked(world: World, task: Task) -> frozenset[int]:
    """Give the signals that a thread blocks."""
    mask: frozenset[int] = world.state.get(("blocked", task.id), NOTHING)
    return mask


def ready(world: World, task: Task, place: Location) -> list[Siginfo]:
    """Give what a thread may take from a queue."""
    mask = blocked(world, task)
    queue: Queue = world.state.get(place, ())
    return [info for info in queue if info.signal == SIGKILL or info.signal not in mask]


def queues(task: Task) -> tuple[Location, Location]:
    """Give a thread's queues, in the order in which it looks at them."""
    return ("siginfo", task.id), ("shared_signal", task.process)


def readers(world: World, place: Location) -> list[Task]:
    """Give the tasks whose queue this is."""
    return [task for task in world.tasks.values() if place in queues(task)]


def put(world: World, place: Location, queue: Queue) -> None:
    """Replace a queue; the set of what is pending for a thread alone follows it."""
    world.state.set(place, queue)
    if place[0] == "siginfo":
        world.state.set(("signal", place[1]), tuple(info.signal for info in queue))


def enqueue(world: World, place: Location, info: Siginfo) -> bool:
    """Queue a signal, unless one of its kind is pending there; say whether it was queued."""
    queue: Queue = world.state.get(place, ())
    if any(one.signal == info.signal for one in queue):
        return False
    put(world, place, (*queue, info))
    for task in readers(world, place):
        task.fresh.add((place, info.signal))
    return True


def forget(world: World, group: list[Task], process: int, signals: frozenset[int]) -> None:
    """Take signals out of every queue of a process; the flags stay as they are."""
    for place in (("shared_signal", process), *(("siginfo", one.id) for one in group)):
        queue: Queue = world.state.get(place, ())
        put(world, place, tuple(info for info in queue if info.signal not in signals))


def is_flagged(world: World, task: Task) -> bool:
    """Say whether a thread has something to look at (TIF_SIGPENDING)."""
    return bool(world.state.get(("sigpending", task.id), False))


def flag(world: World, task: Task) -> None:
    """Tell a thread that a signal is pending for it."""
    if not is_flagged(world, task):
        world.state.set(("sigpending", task.id), True)


def recalc(world: World, task: Task) -> None:
    """Set a thread's flag by what it may take now."""
    world.state.set(("sigpending", task.id), any(ready(world, task, place) for place in queues(task)))


def retarget(world: World, task: Task, group: list[Task], signals: frozenset[int]) -> None:
    """Tell other threads of signals of the process that this thread will not take any more."""
    waiting = {info.signal for info in world.state.get(("shared_signal", task.process), ())} & signals
    for other in group:
        takes = waiting - blocked(world, other)
        if other is not task and takes:
            flag(world, other)
            waiting -= takes


def has_fatal(world: World, task: Task) -> bool:
    """Say whether SIGKILL is pending for this thread."""
    return SIGKILL in world.state.get(("signal", task.id), ())


def ends_sleep(world: World, task: Task) -> bool:
    """Say whether a signal ends the sleep that the task's state asks for (``signal_pending_state``)."""
    state = world.state.get(("state", task.id), TaskState(0))
    if state & TaskState.WAKEKILL and has_fatal(world, task):
        return True
    return bool(state & TaskState.INTERRUPTIBLE and is_flagged(world, task))


def words(task: Task) -> list[Location]:
    """Give the locations that decide which of a thread's sleeps a signal ends."""
    return [("signal", task.id), ("sigpending", task.id)]


def threads(world: World, process: int) -> list[Task]:
    """Give the living tasks of a process."""
    return [task for task in world.tasks.values() if task.process == process and not task.ended]


def group_words(world: World, process: int) -> list[Location]:
    """Give every word and state of a process that a signal may change."""
    places: list[Location] = [("shared_signal", process), ("exit_signal", process), ("curr_target", process)]
    places += [("ended", one.id) for one in world.tasks.values() if one.process == process]
    for one in threads(world, process):
        places += [
            ("siginfo", one.id),
            ("blocked", one.id),
            *words(one),
            ("state", one.id),
        ]
    return places
