"""userfaultfd's queues: entries of waiting tasks, messages, monitors that sleep in poll()."""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects.handles import Context, Mm, Wait
from pyemu.effects.records import Message
from pyemu.flags import PAGE_SIZE, TASK_INTERRUPTIBLE
from pyemu.sched import lockdep
from pyemu.sched.semantics import World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import ContextState, Location, WaitState

Places = tuple[list[Location], list[Location]]


def context_of(world: World, context: int) -> ContextState:
    """Give the state of a userfaultfd."""
    found: ContextState = world.state.get(("context", context))
    return found


def entry_of(world: World, wait: int) -> WaitState:
    """Give the state of a queue entry."""
    found: WaitState = world.state.get(("wait", wait))
    return found


def own_entry(world: World, task: Task, first: Context | Wait, *_: object) -> Places:
    """Footprint of queueing or leaving: the queue, the entry, one's own state."""
    if isinstance(first, Wait):
        entry = world.state.data["wait", first.id]
        return [], [("context", entry.context), ("wait", first.id), ("state", task.id)]
    fresh: Location = ("wait", next_wait(world, task, first))
    return [], [("context", first.id), fresh, ("state", task.id)]


def next_wait(world: World, task: Task, context: Context) -> int:
    """Give the number of a task's next entry.

    An entry lies on its task's kernel stack, so it is the same place again and again; only who never left the
    queue needs another one.
    """
    queue: ContextState = world.state.data["context", context.id]
    number = task.id * 1_000_000
    while number in (*queue.pending, *queue.read):
        number += 1
    return number


@semantics(own_entry)
def userfaultfd_queue(
    world: World, task: Task, context: Context, address: int, message_flags: int, state: int
) -> Wait:
    """Queue a message and announce the sleep."""
    wait = next_wait(world, task, context)
    world.state.set(("wait", wait), WaitState(task.id, context.id, address, message_flags))
    old = context_of(world, context.id)
    world.state.set(("context", context.id), replace(old, pending=(*old.pending, wait)))
    world.set_state(task, state)
    lockdep.on_queue(world, task, context, address, message_flags)
    task.stats["messages_queued"] += 1
    world.event(task, "message", address, message_flags)
    return Wait(wait)


@semantics(own_entry)
def userfaultfd_dequeue(world: World, task: Task, wait: Wait) -> None:
    """Stop the sleep and leave the queue; a message that nobody read vanishes."""
    world.set_state(task, 0)
    task.missed = ()
    context = entry_of(world, wait.id).context
    old = context_of(world, context)
    pending = tuple(one for one in old.pending if one != wait.id)
    read = tuple(one for one in old.read if one != wait.id)
    world.state.set(("context", context), replace(old, pending=pending, read=read))


@semantics(lambda world, task, wait, field: ([("wait", wait.id)], []))
def read_wait(world: World, task: Task, wait: Wait, field: str) -> bool:
    """Read whether the entry was woken."""
    return entry_of(world, wait.id).waken


CONSTANT = frozenset({"mm", "features", "user_mode_only"})  # nobody changes these


@semantics(lambda world, task, context, field: ([] if field in CONSTANT else [("context", context.id)], []))
def read_context(world: World, task: Task, context: Context, field: str) -> bool | int | Mm:
    """Read a field; ``pending`` is the number of messages that nobody has read."""
    constant: ContextState = world.state.data["context", context.id]
    match field:
        case "pending":
            return len(context_of(world, context.id).pending)
        case "mm":
            return Mm(constant.mm)
        case "released":
            return context_of(world, context.id).released
        case "features":
            return constant.features
        case _:
            return constant.user_mode_only


def pollers(world: World, task: Task, context: Context) -> Places:
    """Footprint of waking monitors."""
    sleeping = world.state.data.get(("fd_wqh", context.id), ())
    return [("fd_wqh", context.id)], [("state", one) for one in sleeping]


@semantics(pollers)
def wake_up_poll(world: World, task: Task, context: Context) -> None:
    """Wake who sleeps in poll()."""
    sleeping = world.state.get(("fd_wqh", context.id), ())
    world.event(task, "poll_wake", context.id, len(sleeping))
    for one in sleeping:
        world.wake(world.tasks[one], "message")


@semantics(lambda world, task, context: ([], [("fd_wqh", context.id), ("state", task.id)]))
def poll_queue(world: World, task: Task, context: Context) -> None:
    """Queue for messages and announce the sleep."""
    world.state.set(("fd_wqh", context.id), (*world.state.get(("fd_wqh", context.id), ()), task.id))
    world.set_state(task, TASK_INTERRUPTIBLE)
    lockdep.on_poll(world, task, context)


@semantics(lambda world, task, context: ([], [("fd_wqh", context.id), ("state", task.id)]))
def poll_dequeue(world: World, task: Task, context: Context) -> None:
    """Stop the sleep and leave the queue for messages."""
    world.set_state(task, 0)
    task.missed = ()
    rest = tuple(one for one in world.state.get(("fd_wqh", context.id), ()) if one != task.id)
    world.state.set(("fd_wqh", context.id), rest)


@semantics(
    lambda world, task, context: (
        [("wait", one) for one in world.state.data["context", context.id].pending],
        [("context", context.id), ("last_message", task.id)],
    )
)
def userfaultfd_next_message(world: World, task: Task, context: Context) -> Message | None:
    """Read the oldest message."""
    old = context_of(world, context.id)
    if not old.pending:
        return None
    first = old.pending[0]
    entry = entry_of(world, first)
    world.state.set(("context", context.id), replace(old, pending=old.pending[1:], read=(*old.read, first)))
    world.state.set(("last_message", task.id), entry.address)
    task.stats["messages"] += 1
    world.event(task, "message_read", entry.address, entry.flags)
    return Message(entry.address, entry.flags)


@semantics(lambda world, task: ([("last_message", task.id)], []))
def last_message(world: World, task: Task) -> int:
    """Give the page of the last message."""
    return int(world.state.get(("last_message", task.id), 0))


def waiters(world: World, task: Task, context: Context, *_: object) -> Places:
    """Footprint of waking waiters: the queue, its entries, their states."""
    state = world.state.data["context", context.id]
    entries = (*state.pending, *state.read)
    tasks = [("state", world.state.data["wait", one].task) for one in entries]
    return [], [("context", context.id), *(("wait", one) for one in entries), *tasks]


@semantics(waiters)
def wake_userfault(world: World, task: Task, context: Context, start: int, length: int) -> int:
    """Wake every entry in a range."""
    state = context_of(world, context.id)
    hit = [
        one
        for one in (*state.pending, *state.read)
        if start < entry_of(world, one).address + PAGE_SIZE and entry_of(world, one).address < start + length
    ]
    world.event(task, "uffd", start, f"wakes {len(hit)} at")
    for one in hit:
        entry = entry_of(world, one)
        world.state.set(("wait", one), replace(entry, waken=True))
        sleeper = world.tasks[entry.task]
        if sleeper.pending is None or sleeper.pending.op != "rwsem_wait":
            # Who waits for mmap_sem by now (5.6, after a signal) would look, and wait on.
            world.wake(sleeper, "userfaultfd")
    # A wake takes its entries out of the queues: a message that nobody has read is gone.
    pending = tuple(one for one in state.pending if one not in hit)
    read = tuple(one for one in state.read if one not in hit)
    world.state.set(("context", context.id), replace(state, pending=pending, read=read))
    return len(hit)


@semantics(lambda world, task, context: ([], [("context", context.id)]))
def set_released(world: World, task: Task, context: Context) -> None:
    """Close."""
    world.state.set(("context", context.id), replace(context_of(world, context.id), released=True))
    world.event(task, "uffd", 0, "close")
