"""Sending signals: who is told, what is dropped, what is deadly at once.

A signal to a process is queued there, and one thread that can take it is told. A blocked signal is queued and
tells nobody; an ignored one is dropped when it is sent. A deadly signal (SIGKILL; any whose default is to end
the process without a core file) becomes SIGKILL for each thread the moment somebody can take it; what the
process dies of is its first one.

References
----------
Linux v5.7, kernel/signal.c, prepare_signal, __send_signal, wants_signal, complete_signal
[fact:signal-stop-cont] [fact:signal-who] [fact:signal-group-fatal] [fact:signal-not-queued].
"""

from __future__ import annotations

from pyemu.effects.handles import Task as TaskHandle
from pyemu.effects.records import Siginfo
from pyemu.errors import HandlerError
from pyemu.flags import SIGCONT, SIGKILL, Signal, TaskState
from pyemu.sched.semantics import World, semantics
from pyemu.sched.sigactions import STOPS, SYNCHRONOUS, action_of, deadly_when_sent, signal_name
from pyemu.sched.sigqueue import (
    blocked,
    enqueue,
    flag,
    forget,
    group_words,
    has_fatal,
    is_flagged,
    put,
    queues,
    recalc,
    retarget,
    threads,
    words,
)
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]


def target(world: World, task: Task, handle: TaskHandle) -> Task:
    """Give the task that a handle means; 0 is the running one."""
    return task if handle.id == 0 else world.tasks[handle.id]


# ------------------------------------------------------------------------------------ who is told


def wants(world: World, task: Task, signal: int) -> bool:
    """Say whether a thread can take a signal now (``wants_signal``).

    Linux asks whether the thread is on a CPU; here, whether it can run.
    """
    if signal in blocked(world, task) and signal != SIGKILL:
        return False
    if task.ended or task.exiting:
        return False
    state = world.state.get(("state", task.id), TaskState(0))
    if signal == SIGKILL:
        return True
    if state & TaskState.STOPPED:
        return False
    return not state or not is_flagged(world, task)


def chosen(world: World, victim: Task, group: list[Task], signal: int, private: bool) -> Task | None:
    """Choose the thread that is told: the one that was meant, else the next that can take it."""
    if wants(world, victim, signal):
        return victim
    if private:
        return None
    place = ("curr_target", victim.process)
    start = world.state.get(place)
    ids = [one.id for one in group]
    first = ids.index(start) if start in ids else 0
    for one in (*group[first:], *group[:first]):
        if wants(world, one, signal):
            world.state.set(place, one.id)
            return one
    return None


def complete(world: World, victim: Task, group: list[Task], signal: int, private: bool) -> None:
    """Tell a thread of a signal that was queued, or make it deadly for all."""
    told = chosen(world, victim, group, signal, private)
    if told is None:
        return
    if deadly_when_sent(victim, signal):
        kill_group(world, group, signal)
    else:
        flag(world, told)


def kill_group(world: World, group: list[Task], signal: int) -> None:
    """Make a signal deadly for each of these threads at once; the first one is what the process dies of."""
    for one in group:
        place = ("exit_signal", one.process)
        if not world.state.get(place):
            world.state.set(place, signal)
        enqueue(world, ("siginfo", one.id), Siginfo(SIGKILL))
        flag(world, one)
    go_on(world, group, "SIGKILL")


def go_on(world: World, group: list[Task], reason: str) -> None:
    """Let stopped threads go on."""
    for one in group:
        if one.stopped:
            one.stopped = False
            world.wake(one, reason)


# ------------------------------------------------------------------------------------ sending


def sent(world: World, task: Task, handle: TaskHandle, signal: int) -> Places:
    """Footprint of sending."""
    process = target(world, task, handle).process
    return [("actions", process)], group_words(world, process)


def send(world: World, task: Task, handle: TaskHandle, signal: int, private: bool) -> None:
    """Send a signal to a process, or to one thread."""
    if signal not in Signal.__members__.values():
        known = ", ".join(f"{one.name} ({one.value})" for one in Signal)
        raise HandlerError(f"{signal} is no signal of this model; it has {known}.")
    victim = target(world, task, handle)
    group = threads(world, victim.process)
    world.event(task, "signal_sent", signal, victim.id)
    if not group or (private and victim.ended):
        return
    if signal == SIGCONT:
        forget(world, group, victim.process, STOPS)
        go_on(world, group, "SIGCONT")
    elif signal in STOPS:
        forget(world, group, victim.process, frozenset({SIGCONT}))
    if action_of(victim, signal) == "ignore" and signal not in blocked(world, victim):
        world.event(task, "signal_dropped", signal, victim.id)
        return
    if enqueue(world, queues(victim)[not private], Siginfo(signal)):
        complete(world, victim, group, signal, private)


@semantics(sent)
def send_signal(world: World, task: Task, handle: TaskHandle, signal: int) -> None:
    """Send a signal to a process."""
    send(world, task, handle, signal, private=False)


@semantics(sent)
def send_signal_to_thread(world: World, task: Task, handle: TaskHandle, signal: int) -> None:
    """Send a signal to one thread."""
    send(world, task, handle, signal, private=True)


@semantics(
    lambda world, task, *_: (
        [],
        [("siginfo", task.id), ("blocked", task.id), ("actions", task.process), *words(task)],
    )
)
def force_sig_fault(world: World, task: Task, signal: int, code: int, address: int) -> None:
    """Queue a signal for the running thread that it can't ignore or block: to try ends the process."""
    if signal not in SYNCHRONOUS:
        raise HandlerError(
            f"{signal_name(signal)} is no signal of a fault; an access causes SIGBUS or SIGSEGV."
        )
    world.event(task, "fault_signal", signal, address)
    mask = blocked(world, task)
    if signal in mask or task.actions.get(signal) == "ignore":
        reset_action(task, signal)
        world.state.set(("blocked", task.id), mask - {signal})
    enqueue(world, ("siginfo", task.id), Siginfo(signal, code, address))
    flag(world, task)


def reset_action(task: Task, signal: int) -> None:
    """Give a signal back its default."""
    task.actions.pop(signal, None)


# ------------------------------------------------------------------------------------ asking, blocking


def word(world: World, task: Task, handle: TaskHandle) -> Places:
    """Footprint of asking for pending signals."""
    return [*words(target(world, task, handle))], []


@semantics(word)
def signal_pending(world: World, task: Task, handle: TaskHandle) -> bool:
    """Say whether a thread was told of a signal."""
    found = is_flagged(world, target(world, task, handle))
    world.event(task, "signal_seen", int(found))
    return found


@semantics(word)
def fatal_signal_pending(world: World, task: Task, handle: TaskHandle) -> bool:
    """Say whether SIGKILL is pending."""
    return has_fatal(world, target(world, task, handle))


def every_word(world: World, task: Task, *_: object) -> Places:
    """Footprint of what may concern every thread of one's process."""
    return [], group_words(world, task.process)


@semantics(every_word)
def set_current_blocked(world: World, task: Task, signal: int, block: bool) -> None:
    """Block or unblock a signal; one that is pending is told to another thread, or taken from now on."""
    if signal not in Signal.__members__.values():
        raise HandlerError(f"{signal} is no signal of this model.")
    old = blocked(world, task)
    changed = frozenset({signal}) - {SIGKILL, Signal.SIGSTOP}  # nobody can block these: asked for, ignored
    new = old | changed if block else old - changed
    world.state.set(("blocked", task.id), new)
    if is_flagged(world, task) and new - old:
        retarget(world, task, threads(world, task.process), new - old)
    recalc(world, task)


def flushed(world: World, task: Task, handle: TaskHandle) -> Places:
    """Footprint of throwing signals away."""
    one = target(world, task, handle)
    return [], [*queues(one), *words(one)]


@semantics(flushed)
def flush_signals(world: World, task: Task, handle: TaskHandle) -> None:
    """Throw away every signal of a thread and its process, blocked ones as well."""
    one = target(world, task, handle)
    for place in queues(one):
        for info in world.state.get(place, ()):
            one.stats["signals_lost"] += 1
            name = signal_name(info.signal)
            world.violation(task, "lost signal", f"{name} was pending for {one.name} and was thrown away.")
        put(world, place, ())
    world.state.set(("sigpending", one.id), False)
