"""Signals: pending sets, what ends which sleep, delivery.

A signal is queued by an effect of its sender. A blocked signal is queued and not pending; an ignored one is
dropped when sent. ``("signal", task)`` holds the signals pending for a thread, ``("shared_signal", process)``
those for a process.

A deadly signal (SIGKILL; any whose default is to end the process without a core file) becomes SIGKILL for
each thread the moment it is sent, as in `complete_signal`; what the process dies of is its first one. Where a
process has several threads, this model shows each of them what is pending for the process; Linux picks one.
"""

from __future__ import annotations

from pyemu.effects.handles import Task as TaskHandle
from pyemu.effects.records import Siginfo
from pyemu.errors import HandlerError
from pyemu.flags import SIGBUS, SIGCHLD, SIGCONT, SIGKILL, SIGSEGV, SIGSTOP, Signal, TaskState
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]
IGNORED_BY_DEFAULT = frozenset({SIGCHLD, SIGCONT})
SYNCHRONOUS = frozenset({SIGBUS, SIGSEGV})  # caused by an access: taken first; fatal, they leave a core file


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


def enqueue(world: World, place: Location, info: Siginfo) -> None:
    """Queue a signal for a thread or a process; one of a kind is pending at a time."""
    queued = world.state.get(place, ())
    if all(one.signal != info.signal for one in queued):
        world.sent_at[place, info.signal] = world.step
        put(world, place, (*queued, info))


def put(world: World, place: Location, queue: tuple[Siginfo, ...]) -> None:
    """Replace a queue; what is pending for a thread alone follows it."""
    world.state.set(place, queue)
    if place[0] == "siginfo":
        world.state.set(("signal", place[1]), tuple(info.signal for info in queue))


def threads(world: World, process: int) -> list[Task]:
    """Give the living tasks of a process."""
    return [task for task in world.tasks.values() if task.process == process and not task.ended]


def forget(world: World, process: int, signal: int) -> None:
    """Take a signal out of every queue of a process."""
    for place in (("shared_signal", process), *(("siginfo", one.id) for one in threads(world, process))):
        put(world, place, tuple(info for info in world.state.get(place, ()) if info.signal != signal))


def go_on(world: World, group: list[Task], reason: str) -> None:
    """Let stopped threads go on."""
    for one in group:
        if one.stopped:
            one.stopped = False
            world.wake(one, reason)


def kill_group(world: World, group: list[Task], signal: int) -> None:
    """Make a signal deadly for each of these threads at once; the first one is what the process dies of."""
    for one in group:
        place = ("exit_signal", one.process)
        if not world.state.get(place):
            world.state.set(place, signal)
        enqueue(world, ("siginfo", one.id), Siginfo(SIGKILL))
    go_on(world, group, "SIGKILL")


def signal_name(signal: int) -> str:
    """Name a signal, or give its number."""
    return Signal(signal).name if signal in Signal.__members__.values() else f"signal {signal}"


def action_of(task: Task, signal: int) -> str:
    """Say what the task asked for, or the default."""
    if signal == SIGKILL:
        return "kill"
    if signal == SIGSTOP:
        return "stop"
    asked = task.actions.get(signal, "default")
    if asked != "default":
        return asked
    return "ignore" if signal in IGNORED_BY_DEFAULT else "kill"


def group_words(world: World, process: int) -> list[Location]:
    """Give every word and state of a process that a signal may change."""
    places: list[Location] = [("shared_signal", process), ("exit_signal", process)]
    for one in threads(world, process):
        places += [("signal", one.id), ("siginfo", one.id), ("state", one.id)]
    return places


def sent(world: World, task: Task, handle: TaskHandle, signal: int) -> Places:
    """Footprint of sending."""
    process = target(world, task, handle).process
    return [("actions", process)], group_words(world, process)


@semantics(sent)
def send_signal(world: World, task: Task, handle: TaskHandle, signal: int) -> None:
    """Send a signal to a process."""
    if signal not in Signal.__members__.values():
        known = ", ".join(f"{one.name} ({one.value})" for one in Signal)
        raise HandlerError(f"{signal} is no signal of this model; it has {known}.")
    victim = target(world, task, handle)
    group = threads(world, victim.process)
    world.event(task, "signal_sent", signal, victim.id)
    if not group:
        return
    if signal == SIGCONT:
        forget(world, victim.process, SIGSTOP)
        go_on(world, group, "SIGCONT")
    elif signal == SIGSTOP:
        forget(world, victim.process, SIGCONT)
    action = action_of(victim, signal)
    if action == "ignore" and signal not in victim.blocked:
        world.event(task, "signal_dropped", signal, victim.id)
        return
    enqueue(world, ("shared_signal", victim.process), Siginfo(signal))
    wanted = signal == SIGKILL or any(signal not in one.blocked for one in group)
    if action == "kill" and wanted and signal not in SYNCHRONOUS:
        kill_group(world, group, signal)


@semantics(
    lambda world, task, *_: ([], [("signal", task.id), ("siginfo", task.id), ("actions", task.process)])
)
def force_sig_fault(world: World, task: Task, signal: int, code: int, address: int) -> None:
    """Queue a signal for the running thread that it can't ignore or block: to try ends the process."""
    if signal not in SYNCHRONOUS:
        raise HandlerError(
            f"{signal_name(signal)} is no signal of a fault; an access causes SIGBUS or SIGSEGV."
        )
    world.event(task, "fault_signal", signal, address)
    if signal in task.blocked or task.actions.get(signal) == "ignore":
        task.actions.pop(signal, None)
        task.blocked -= {signal}
    enqueue(world, ("siginfo", task.id), Siginfo(signal, code, address))


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
    """Footprint of taking one's signals: a stop takes the other threads along."""
    return [], group_words(world, task.process)


@semantics(own_words)
def dequeue_signal(world: World, task: Task) -> Siginfo | None:
    """Take the next signal: a deadly one, then one's own, then the process's."""
    if has_fatal(world, task):
        return Siginfo(world.state.get(("exit_signal", task.process)))
    place: Location
    for place in (("siginfo", task.id), ("shared_signal", task.process)):
        queued = world.state.get(place, ())
        ready = [info for info in queued if info.signal not in task.blocked]
        if ready:
            info: Siginfo = min(ready, key=lambda one: (one.signal not in SYNCHRONOUS, one.signal))
            put(world, place, tuple(one for one in queued if one is not info))
            if info.signal == SIGSTOP:
                begin_stop(world, task, everyone=place[0] == "shared_signal")
            return info
    return None


def begin_stop(world: World, task: Task, everyone: bool) -> None:
    """Note that a task has taken SIGSTOP; from here on SIGCONT finds it stopped. The others stop as well."""
    task.stopped = True
    if everyone:
        for other in threads(world, task.process):
            if other is not task:
                enqueue(world, ("siginfo", other.id), Siginfo(SIGSTOP))


def flushed(world: World, task: Task, handle: TaskHandle) -> Places:
    """Footprint of throwing signals away."""
    one = target(world, task, handle)
    return [], [*words(one), ("siginfo", one.id)]


@semantics(flushed)
def flush_signals(world: World, task: Task, handle: TaskHandle) -> None:
    """Throw away every signal of a thread and its process, blocked ones as well."""
    one = target(world, task, handle)
    place: Location
    for place in (("siginfo", one.id), ("shared_signal", one.process)):
        for info in world.state.get(place, ()):
            one.stats["signals_lost"] += 1
            name = Signal(info.signal).name
            world.violation(task, "lost signal", f"{name} was pending for {one.name} and was thrown away.")
        put(world, place, ())


@semantics(lambda world, task, signal: ([("actions", task.process)], []))
def deliver_signal(world: World, task: Task, signal: int) -> str:
    """Do what the task asked for."""
    action = action_of(task, signal)
    runs = action in ("handler", "restart")
    world.event(task, "signal_taken", signal, "handler" if runs else action)
    task.stats["handler_runs"] += runs
    return action
