"""Counters, the clock, fields of tasks and what programs report."""

from __future__ import annotations

from pyemu.effects.handles import Mm
from pyemu.effects.handles import Task as TaskHandle
from pyemu.errors import HandlerError
from pyemu.flags import TaskState, state_letter
from pyemu.sched.semantics import World, semantics
from pyemu.sched.signals import target
from pyemu.sched.tasks import Task
from pyemu.state import Location

Places = tuple[list[Location], list[Location]]
COUNTERS = ("maj_flt", "min_flt")
PERF_EVENTS = ("major-faults", "minor-faults", "page-faults")
VM_EVENTS = ("pgfault", "pgmajfault")
# Only kernels with locks of single areas count these: how a first attempt under such a lock went.
VMA_LOCK_EVENTS = ("vma_lock_success", "vma_lock_retry", "vma_lock_abort")


def field_read(world: World, task: Task, handle: TaskHandle, field: str) -> Places:
    """Footprint of reading a field of a task."""
    one = target(world, task, handle)
    return [("pagefault_disabled" if field == "pagefault_disabled" else "state", one.id)], []


@semantics(field_read)
def read_task(world: World, task: Task, handle: TaskHandle, field: str) -> Mm | bool | int | str:
    """Read a field of a task; ``state`` is the letter that /proc shows."""
    one = target(world, task, handle)
    if field == "mm":
        return Mm(one.mm)
    if field == "forks":  # so from the start: what a scenario's processes do is known
        return world.state.data.get(("mm_users", one.mm)) is not None
    if field == "pagefault_disabled":
        return bool(world.state.get(("pagefault_disabled", one.id), 0))
    if field == "exiting":
        return one.exiting
    if field == "sp":
        return one.sp
    return "X" if one.ended else state_letter(world.state.get(("state", one.id), TaskState(0)))


@semantics(lambda world, task, counter: ([], [("counter", task.id, counter)]))
def count(world: World, task: Task, counter: str) -> None:
    """Count for the task."""
    check_name("counter", counter, COUNTERS)
    bump(world, task, ("counter", task.id, counter), counter)


@semantics(lambda world, task, handle, counter: ([], [("counter", target(world, task, handle).id, counter)]))
def count_for(world: World, task: Task, handle: TaskHandle, counter: str) -> None:
    """Count for a task that may be another: who reads another process's memory faults on its behalf."""
    check_name("counter", counter, COUNTERS)
    one = target(world, task, handle)
    bump(world, one, ("counter", one.id, counter), counter)


@semantics(lambda world, task, event: ([], [("counter", task.id, event)]))
def perf_sw_event(world: World, task: Task, event: str) -> None:
    """Count a perf software event."""
    check_name("event", event, PERF_EVENTS)
    bump(world, task, ("counter", task.id, event), event)


@semantics(lambda world, task, event: ([], [("vmstat", event)]))
def count_vm_event(world: World, task: Task, event: str) -> None:
    """Count for /proc/vmstat."""
    check_name("event", event, (*VM_EVENTS, *VMA_LOCK_EVENTS))
    bump(world, task, ("vmstat", event), event)


def check_name(what: str, name: str, known: tuple[str, ...]) -> None:
    """Refuse a counter that doesn't exist: nobody would ever read it."""
    if name not in known:
        raise HandlerError(f"there is no {what} {name!r}; there are {', '.join(known)}.")


def bump(world: World, task: Task, place: Location, name: str) -> None:
    """Add one and record it."""
    value = world.state.get(place, 0) + 1
    world.state.set(place, value)
    task.stats[name] += 1
    world.event(task, "counter", name, value)


@semantics(lambda world, task: ([("time", task.id)], []))
def clock(world: World, task: Task) -> int:
    """Give the time."""
    return world.now(task)


@semantics(lambda world, task, number: ([], [("time", task.id), ("steps", task.id)]))
def begin_step(world: World, task: Task, number: int) -> None:
    """Go on to another step; the number alone tells it from the one before."""
    world.begin_step(task, number)


@semantics(lambda world, task, *_: ([], []))
def report(world: World, task: Task, what: str, value: str) -> None:
    """Note what a program saw."""
    world.reports.append((world.clock, task.name, what, value))
    world.event(task, "report", what, value)


@semantics(lambda world, task: ([], []))
def policies(world: World, task: Task) -> object:
    """Give the tree's policies."""
    return world.policies
