"""What an operation does: the table from names to semantics, with the footprint of each.

An operation is one critical section of the kernel. It declares which locations it may read and write (its
footprint), and, if it can wait, when it is enabled. A test runs every operation on a tracking state and fails
when one touches more than it declares: the explorer relies on these footprints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyemu.effects import OPERATIONS, Effect
from pyemu.effects.handles import Handle
from pyemu.flags import TaskState
from pyemu.rules import explained
from pyemu.state import Location, State

if TYPE_CHECKING:
    from pyemu.sched.tasks import Task
    from pyemu.trace import Trace

Locations = Iterable[Location]
Apply = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Footprint:
    """Locations that an operation may read, and those that it may write."""

    reads: frozenset[Location]
    writes: frozenset[Location]


@dataclass(frozen=True, slots=True)
class Again:
    """Result of an operation that waits: the effect that the task goes on with, once that is enabled."""

    effect: Effect[Any]


def only_wait(answer: int | Again) -> Again | None:
    """Give the wait of an operation that has no result: nothing when it didn't have to wait."""
    return answer if isinstance(answer, Again) else None


@dataclass(frozen=True, slots=True)
class Semantics:
    """One operation, as the executor runs it.

    Attributes
    ----------
    apply : callable
        ``apply(world, task, *args)`` changes the state and gives the result, or `Again`.
    footprint : callable
        ``footprint(world, task, *args)`` gives (reads, writes).
    enabled : callable or None
        ``enabled(world, task, *args)``; None means always.
    turn : bool
        As in `pyemu.effects.Operation`.
    """

    apply: Apply
    footprint: Callable[..., tuple[Locations, Locations]]
    enabled: Callable[..., bool] | None
    turn: bool

    def touches(self, world: World, task: Task, args: tuple[Any, ...]) -> Footprint:
        """Give the footprint of one effect."""
        reads, writes = self.footprint(world, task, *args)
        writes = frozenset(writes)
        return Footprint(frozenset(reads) | writes, writes)


SEMANTICS: dict[str, Semantics] = {}


def semantics(
    footprint: Callable[..., tuple[Locations, Locations]],
    *,
    name: str | None = None,
    enabled: Callable[..., bool] | None = None,
) -> Callable[[Apply], Apply]:
    """Register what an operation does; the function's name is the operation's."""

    def register(function: Apply) -> Apply:
        key = name or function.__name__
        declared = OPERATIONS.get(key)
        SEMANTICS[key] = Semantics(function, footprint, enabled, declared.turn if declared else True)
        return function

    return register


class World:
    """What an operation may use besides the state: the tasks, the clock, the recorder.

    Attributes
    ----------
    state : State
        The shared state.
    tasks : dict of int to Task
        By number; the first is 1.
    trace : Trace
        Where events go.
    clock : int
        Virtual time in ticks of 1 us.
    step : int
        Number of effects applied so far.
    policies : object
        Policies of the tree that runs.
    looked : set of Location, or None
        What checks looked at, beside the operations, if somebody wants to know.
    make_state : type of State
        What builds the state of such a world.
    """

    make_state: type[State] = State

    def __init__(self, state: State, tasks: dict[int, Task], trace: Trace, policies: Any) -> None:
        self.state = state
        self.tasks = tasks
        self.trace = trace
        self.policies = policies
        self.clock = 0
        self.step = 0
        self.reports: list[tuple[int, str, str, str]] = []
        self.findings: list[tuple[str, str, str]] = []
        self.violations: list[tuple[str, str, str]] = []
        self.looked: set[Location] | None = None

    # -------------------------------------------------------------------------------- time

    def now(self, task: Task) -> int:
        """Give the time that a task sees."""
        return self.clock

    def is_over(self, deadline: int) -> bool:
        """Say whether a wait until a deadline may end."""
        return self.clock >= deadline

    def time_left(self, task: Task, deadline: int, woken: bool) -> int:
        """Give what is left of a wait that ends now, because the task was woken or the time is over."""
        return max(0, deadline - self.clock)

    def next_ring(self, expires: int, interval: int) -> int:
        """Give when an interval timer rings next: at a multiple of its interval that is still to come."""
        missed = max(0, self.clock - expires) // interval
        return expires + (missed + 1) * interval

    def begin_step(self, task: Task, number: int) -> None:
        """Note that a program goes on to another step; so many are left, with this one."""

    # -------------------------------------------------------------------------------- what is recorded

    def look(self, place: Location) -> None:
        """Note that a check, which is no operation, looks at a location."""
        if self.looked is not None:
            self.looked.add(place)

    def event(self, task: Task | None, kind: str, a: int | str = 0, b: int | str = 0) -> None:
        """Record an event of a task, or of the machine."""
        if task is None:
            self.trace.add(self.clock, self.step, 0, 255, 0, kind, a, b)
        else:
            self.trace.add(self.clock, self.step, task.id, task.cpu, len(task.frames), kind, a, b)

    def violation(self, task: Task, rule: str, text: str) -> None:
        """Record that a rule of the kernel was broken; the run goes on, as a kernel would."""
        text = explained(rule, text)
        task.violations.append((rule, text))
        self.violations.append((task.name, rule, text))
        self.event(task, "violation", rule, text)

    def knows(self, handle: Handle) -> bool:
        """Say whether a handle means an object that exists or existed."""
        if handle.kind == "task":
            return handle.id == 0 or handle.id in self.tasks
        return ("mmap_sem" if handle.kind == "mm" else handle.kind, handle.id) in self.state.data

    def set_state(self, task: Task, state: int) -> None:
        """Set a task's state."""
        self.state.set(("state", task.id), TaskState(state))

    def wake(self, task: Task, reason: str) -> None:
        """Set a task to RUNNING, if it isn't."""
        if self.state.get(("state", task.id)):
            self.set_state(task, 0)
            if task.asleep:
                task.asleep = False
                self.event(task, "wake", reason)


class TaskEnded(Exception):
    """Ends the running task: it exits, or its handler can't go on."""

    def __init__(self, rule: str = "", text: str = "", signal: int = 0) -> None:
        super().__init__(text)
        self.rule = rule
        self.text = text
        self.signal = signal
