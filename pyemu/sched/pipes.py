"""Pipes: a ring of buffers under a lock, and two queues."""

from __future__ import annotations

from dataclasses import replace

from pyemu.effects import Effect
from pyemu.effects.handles import Pipe
from pyemu.effects.records import PipeBuffer
from pyemu.errors import HandlerError
from pyemu.flags import TASK_INTERRUPTIBLE, TASK_UNINTERRUPTIBLE
from pyemu.sched.semantics import Again, World, semantics
from pyemu.sched.tasks import Task
from pyemu.state import Location, PipeState

Places = tuple[list[Location], list[Location]]
SIDES = ("read", "write")  # who waits for data, who waits for room


def pipe_of(world: World, pipe: Pipe) -> PipeState:
    """Give the state of a pipe."""
    found: PipeState = world.state.get(("pipe", pipe.id))
    return found


def put(world: World, pipe: Pipe, state: PipeState) -> None:
    """Replace the state of a pipe."""
    world.state.set(("pipe", pipe.id), state)


def looked_at(world: World, task: Task, pipe: Pipe, *_: object) -> Places:
    """Footprint of a look."""
    return [("pipe", pipe.id)], []


def changed(world: World, task: Task, pipe: Pipe, *_: object) -> Places:
    """Footprint of a change to the ring."""
    return [], [("pipe", pipe.id)]


def waited_for(world: World, task: Task, pipe: Pipe, *_: object) -> Places:
    """Footprint of queueing and leaving: the pipe, one's own state."""
    return [], [("pipe", pipe.id), ("state", task.id)]


def handed_on(world: World, task: Task, pipe: Pipe, *_: object) -> Places:
    """Footprint of waking: the pipe, and the states of all who wait at it."""
    state: PipeState = world.state.data["pipe", pipe.id]
    return [], [
        ("pipe", pipe.id),
        *(("state", one) for one in (*state.lockers, *state.reading, *state.writing)),
    ]


@semantics(lambda world, task: ([], [("pipe", task.id * 1_000_000 + task.next_id + 1)]))
def make_pipe(world: World, task: Task) -> Pipe:
    """Make a pipe."""
    pipe = Pipe(task.new_id())
    put(world, pipe, PipeState())
    return pipe


@semantics(looked_at)
def read_pipe(world: World, task: Task, pipe: Pipe, field: str) -> bool:
    """Read a field: whether there is data, whether there is room."""
    state = pipe_of(world, pipe)
    return bool(state.buffers) if field == "has_data" else len(state.buffers) < state.slots


@semantics(waited_for)
def pipe_lock(world: World, task: Task, pipe: Pipe) -> Again | None:
    """Take the lock, or join its queue."""
    state = pipe_of(world, pipe)
    if state.owner is None:
        put(world, pipe, replace(state, owner=task.id))
        return None
    put(world, pipe, replace(state, lockers=(*state.lockers, task.id)))
    world.set_state(task, TASK_UNINTERRUPTIBLE)
    return Again(Effect("pipe_lock_wait", (pipe,)))


@semantics(
    looked_at,
    name="pipe_lock_wait",
    enabled=lambda world, task, pipe: pipe_of(world, pipe).owner == task.id,
)
def pipe_lock_wait(world: World, task: Task, pipe: Pipe) -> None:
    """Go on with the lock."""


@semantics(handed_on)
def pipe_unlock(world: World, task: Task, pipe: Pipe) -> None:
    """Hand the lock on."""
    state = pipe_of(world, pipe)
    if state.owner != task.id:
        raise HandlerError(f"pipe_unlock({pipe}) by a task that does not hold the pipe's lock.")
    put(
        world,
        pipe,
        replace(state, owner=state.lockers[0] if state.lockers else None, lockers=state.lockers[1:]),
    )
    if state.lockers:
        world.wake(world.tasks[state.lockers[0]], "pipe lock granted")


@semantics(looked_at)
def pipe_first(world: World, task: Task, pipe: Pipe) -> PipeBuffer | None:
    """Look at the oldest buffer."""
    buffers = pipe_of(world, pipe).buffers
    return buffers[0] if buffers else None


@semantics(changed)
def pipe_append(world: World, task: Task, pipe: Pipe, pfn: int) -> None:
    """Add an empty buffer."""
    state = pipe_of(world, pipe)
    if len(state.buffers) >= state.slots:
        raise HandlerError(f"pipe_append({pipe}): all {state.slots} buffers are in use; wait for room first.")
    put(world, pipe, replace(state, buffers=(*state.buffers, PipeBuffer(pfn, 0, 0))))


@semantics(changed)
def pipe_fill(world: World, task: Task, pipe: Pipe, n: int) -> None:
    """Let the newest buffer grow."""
    state = pipe_of(world, pipe)
    *others, last = state.buffers
    put(world, pipe, replace(state, buffers=(*others, replace(last, length=last.length + n))))


@semantics(changed)
def pipe_take(world: World, task: Task, pipe: Pipe, n: int) -> int:
    """Let the oldest buffer shrink, or go."""
    state = pipe_of(world, pipe)
    first, *others = state.buffers
    if n < first.length:
        rest = replace(first, offset=first.offset + n, length=first.length - n)
        put(world, pipe, replace(state, buffers=(rest, *others)))
        return 0
    put(world, pipe, replace(state, buffers=tuple(others)))
    return first.pfn


def queues(state: PipeState, side: str, queue: tuple[int, ...]) -> PipeState:
    """Replace one of the two queues."""
    return replace(state, reading=queue) if side == "read" else replace(state, writing=queue)


def queue_of(state: PipeState, side: str) -> tuple[int, ...]:
    """Give one of the two queues; there is no third one, in which nobody would ever be woken."""
    if side not in SIDES:
        raise HandlerError(f"a pipe has no side {side!r}; it has {' and '.join(map(repr, SIDES))}.")
    return state.reading if side == "read" else state.writing


@semantics(waited_for)
def pipe_queue(world: World, task: Task, pipe: Pipe, side: str) -> None:
    """Queue and announce the sleep; who still stands there keeps its place."""
    state = pipe_of(world, pipe)
    queue = queue_of(state, side)
    if task.id not in queue:
        put(world, pipe, queues(state, side, (*queue, task.id)))
    world.set_state(task, TASK_INTERRUPTIBLE)


@semantics(waited_for)
def pipe_dequeue(world: World, task: Task, pipe: Pipe, side: str) -> None:
    """Stop the sleep and leave."""
    state = pipe_of(world, pipe)
    put(world, pipe, queues(state, side, tuple(one for one in queue_of(state, side) if one != task.id)))
    world.set_state(task, 0)


@semantics(handed_on)
def pipe_wake(world: World, task: Task, pipe: Pipe, side: str) -> None:
    """Wake the first of a queue and take it out."""
    state = pipe_of(world, pipe)
    queue = queue_of(state, side)
    if queue:
        put(world, pipe, queues(state, side, queue[1:]))
        world.wake(world.tasks[queue[0]], "pipe")
