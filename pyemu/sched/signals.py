"""Signals: pending sets, what ends which sleep, delivery.

A signal is queued by an effect of its sender. A blocked signal is queued and not pending; an ignored one is
dropped when sent. ``("signal", task)`` holds the signals pending for a thread, ``("shared_signal", process)``
those for a process.
"""

from __future__ import annotations

from pyemu.effects import Siginfo
from pyemu.effects import Task as TaskHandle
from pyemu.flags import SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, Signal, TaskState
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]
IGNORED_BY_DEFAULT = frozenset({SIGCHLD, SIGCONT})


def target(world: World, task: Task, handle: TaskHandle) -> Task:
    """Give the task that a handle means; 0 is the running one."""
    return task if handle.id == 0 else world.tasks[handle.id]


def words(task: Task) -> list[Location]:
    """Give the locations that decide what is pending for a task."""
    return [("signal", task.id), ("shared_signal", task.process)]


def pending(world: World, task: Task) -> list[Siginfo]:
    """Give what is pending for a task and not blocked, in order."""
    queued = (
        *world.state.get(("siginfo", task.id), ()),
        *world.state.get(("shared_signal", task.process), ()),
    )
    return [info for info in queued if info.signal == SIGKILL or info.signal not in task.blocked]


def has_fatal(world: World, task: Task) -> bool:
    """Say whether SIGKILL is pending for this thread."""
    return SIGKILL in world.state.get(("signal", task.id), ())


def ends_sleep(world: World, task: Task) -> bool:
    """Say whether a signal ends the sleep that the task's state asks for (``signal_pending_state``)."""
    state = world.state.get(("state", task.id), TaskState(0))
    if state & TaskState.WAKEKILL and has_fatal(world, task):
        return True
    return bool(state & TaskState.INTERRUPTIBLE and pending(world, task))


def queue_private(world: World, task: Task, info: Siginfo) -> None:
    """Queue a signal for one thread; one of a kind is pending at a time."""
    queued = world.state.get(("siginfo", task.id), ())
    if all(one.signal != info.signal for one in queued):
        world.state.set(("siginfo", task.id), (*queued, info))
        world.state.set(("signal", task.id), tuple(one.signal for one in (*queued, info)))


def threads(world: World, process: int) -> list[Task]:
    """Give the living tasks of a process."""
    return [task for task in world.tasks.values() if task.process == process and not task.ended]


def forget(world: World, process: int, signals: frozenset[int]) -> None:
    """Take signals out of every queue of a process."""
    for place in (("shared_signal", process), *(("siginfo", one.id) for one in threads(world, process))):
        rest = tuple(info for info in world.state.get(place, ()) if info.signal not in signals)
        world.state.set(place, rest)
        if place[0] == "siginfo":
            world.state.set(("signal", place[1]), tuple(info.signal for info in rest))


def action_of(task: Task, signal: int) -> str:
    """Say what the task asked for, or the default."""
    if signal == SIGKILL:
        return "kill"
    if signal == SIGSTOP:
        return "stop"
    asked = task.actions.get(signal, "default")
    if asked != "default":
        return "handler" if asked == "restart" else asked
    return "ignore" if signal in IGNORED_BY_DEFAULT else "kill"


def sent(world: World, task: Task, handle: TaskHandle, signal: int) -> Places:
    """Footprint of sending: every word and state of the process."""
    victims = threads(world, target(world, task, handle).process)
    writes: list[Location] = [("shared_signal", target(world, task, handle).process)]
    for one in victims:
        writes += [("signal", one.id), ("siginfo", one.id), ("state", one.id)]
    return [], writes


@semantics(sent)
def send_signal(world: World, task: Task, handle: TaskHandle, signal: int) -> None:
    """Send a signal to a process."""
    victim = target(world, task, handle)
    group = threads(world, victim.process)
    world.event(task, "signal_sent", signal, victim.id)
    if not group:
        return
    if signal == SIGCONT:
        forget(world, victim.process, frozenset({SIGSTOP}))
        for one in group:
            if one.stopped:
                one.stopped = False
                world.wake(one, "SIGCONT")
    elif signal == SIGSTOP:
        forget(world, victim.process, frozenset({SIGCONT}))
    elif signal == SIGKILL:
        for one in group:  # fatal for the whole process: each thread gets its own
            queue_private(world, one, Siginfo(SIGKILL))
            if one.stopped:
                one.stopped = False
                world.wake(one, "SIGKILL")
        return
    if action_of(victim, signal) == "ignore" and signal not in victim.blocked:
        world.event(task, "signal_dropped", signal, victim.id)
        return
    queued = world.state.get(("shared_signal", victim.process), ())
    if all(info.signal != signal for info in queued):
        world.state.set(("shared_signal", victim.process), (*queued, Siginfo(signal)))


@semantics(lambda world, task, *_: ([], [("signal", task.id), ("siginfo", task.id)]))
def force_sig_fault(world: World, task: Task, signal: int, code: int, address: int) -> None:
    """Queue a signal for the running thread that it can't ignore or block."""
    world.event(task, "fault_signal", signal, address)
    task.actions = {one: act for one, act in task.actions.items() if not (one == signal and act == "ignore")}
    task.blocked = task.blocked - {signal}
    queue_private(world, task, Siginfo(signal, code, address))


def word(world: World, task: Task, handle: TaskHandle) -> Places:
    """Footprint of asking for pending signals."""
    one = target(world, task, handle)
    return [*words(one), ("siginfo", one.id)], []


@semantics(word)
def signal_pending(world: World, task: Task, handle: TaskHandle) -> bool:
    """Say whether any signal is pending."""
    found = bool(pending(world, target(world, task, handle)))
    world.event(task, "signal_seen", int(found))
    return found


@semantics(word)
def fatal_signal_pending(world: World, task: Task, handle: TaskHandle) -> bool:
    """Say whether SIGKILL is pending."""
    return has_fatal(world, target(world, task, handle))


def own_words(world: World, task: Task, *_: object) -> Places:
    """Footprint of taking one's signals."""
    others: list[Location] = []
    for one in threads(world, task.process):
        others += [("signal", one.id), ("siginfo", one.id)]
    return [], [("shared_signal", task.process), *others]


@semantics(own_words)
def dequeue_signal(world: World, task: Task) -> Siginfo | None:
    """Take the next signal: SIGKILL, then one's own, then the process's."""
    if has_fatal(world, task):
        return Siginfo(SIGKILL)
    for info in pending(world, task):
        for place in (("siginfo", task.id), ("shared_signal", task.process)):
            queued = world.state.get(place, ())
            if info in queued:
                rest = tuple(one for one in queued if one is not info)
                world.state.set(place, rest)
                if place[0] == "siginfo":
                    world.state.set(("signal", task.id), tuple(one.signal for one in rest))
                return info
    return None


@semantics(own_words)
def flush_signals(world: World, task: Task, handle: TaskHandle) -> None:
    """Throw every pending signal away: those with a handler are lost."""
    one = target(world, task, handle)
    lost = [info.signal for info in pending(world, one)]
    forget(world, one.process, frozenset(lost))
    for signal in lost:
        one.stats["signals_lost"] += 1
        world.violation(
            task, "lost signal", f"{Signal(signal).name} was pending for {one.name} and was thrown away."
        )


@semantics(lambda world, task, signal: ([], []))
def deliver_signal(world: World, task: Task, signal: int) -> str:
    """Do what the task asked for."""
    action = action_of(task, signal)
    world.event(task, "signal_taken", signal, action)
    if action == "handler":
        task.stats["handler_runs"] += 1
    return action
