"""The machine: build it from a scenario and a tree, run it, give back a trace.

`run` is the one function that lessons, checks, graders and the command line use. Nothing here reads a clock,
starts a thread or draws a random number: the same scenario on the same tree gives the same trace, byte for
byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pyemu import kernel
from pyemu.build import build_world
from pyemu.errors import FaultlabError
from pyemu.flags import Signal
from pyemu.handler import HandlerFault
from pyemu.scenario import Scenario
from pyemu.sched.counters import VM_EVENTS, VMA_LOCK_EVENTS
from pyemu.sched.delivery import lost
from pyemu.sched.executor import Executor
from pyemu.sched.semantics import World
from pyemu.sched.tasks import Task
from pyemu.sched.timed import End, Limits, TimedRun
from pyemu.trace import Trace
from pyemu.travel import History
from pyemu.travel.record import LoggedWorld
from pyemu.tree import Tree

LOST = "lost signal"
STATS = (
    *("accesses", "exceptions", "attempts", "acquisitions", "messages", "messages_queued", "sleeps"),
    *("handler_runs", "signals_lost", "stops", "spins", "oom"),
)


class InvariantViolation(FaultlabError):
    """A strict run broke a rule of the kernel."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of the kernel that was broken.

    Attributes
    ----------
    task : str
        Who broke it.
    rule : str
        ``I1`` ... ``I6``, ``bad unlock balance``, ``use after free``, ...
    text : str
        What happened, in a sentence.
    """

    task: str
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of one task.

    Attributes
    ----------
    name : str
        The task.
    outcomes : tuple of str
        One an access, as real-kernel records name it: ``ret=5``, ``SIGBUS(code=2)``; ``killed:9`` comes last
        when a signal killed the task.
    counters : dict of str to int
        ``min_flt``, ``maj_flt`` and the perf events ``page-faults``, ``minor-faults``, ``major-faults``.
    stats : dict of str to int
        ``exceptions``, ``attempts``, ``acquisitions`` (of mmap_sem), ``messages`` (read),
        ``messages_queued``, ``sleeps``, ``handler_runs``, ``stops``, ``spins``.
    """

    name: str
    outcomes: tuple[str, ...]
    counters: dict[str, int]
    stats: dict[str, int]

    @property
    def outcome(self) -> str:
        """The last outcome; ``none`` when the task made no access or did not come to an end of it."""
        return self.outcomes[-1] if self.outcomes else "none"


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave.

    Attributes
    ----------
    scenario : Scenario
        What ran.
    tree : Tree
        On which tree.
    trace : Trace
        Every event.
    tasks : dict of str to TaskResult
        By name.
    vmstat : dict of str to int
        ``pgfault``, ``pgmajfault``; of later kernels also ``vma_lock_success``, ``_retry``, ``_abort``.
    violations : tuple of Violation
        Broken rules, in order.
    findings : tuple of Violation
        What made a learner's handler impossible to go on with.
    reports : tuple of (int, str, str, str)
        Time, task, what, value: what programs saw.
    end : str
        ``done``, ``hang`` or ``time limit``; of a replayed schedule that is over before, ``stopped``.
    end_text : str
        For a hang: who waits for what.
    ticks : int
        Virtual time at the end.
    recorded : History or None
        What the state was after each step, if the run was asked to keep that; `history` gives it.
    """

    scenario: Scenario
    tree: Tree
    trace: Trace
    tasks: dict[str, TaskResult]
    vmstat: dict[str, int]
    violations: tuple[Violation, ...]
    findings: tuple[Violation, ...]
    reports: tuple[tuple[int, str, str, str], ...]
    end: str
    end_text: str
    ticks: int
    recorded: History | None = field(default=None, repr=False)

    @property
    def history(self) -> History:
        """What the state was after each step.

        Raises
        ------
        FaultlabError
            When the run did not keep it.
        """
        if self.recorded is None:
            raise FaultlabError(f"{self.trace.title} was run without its history: run(..., history=True).")
        return self.recorded

    @property
    def spins(self) -> int:
        """How many spins were seen."""
        return sum(task.stats.get("spins", 0) for task in self.tasks.values())

    def __str__(self) -> str:
        parts = [
            f"{name}: {', '.join(task.outcomes) or 'no access'}"
            for name, task in self.tasks.items()
            if task.outcomes
        ]
        return f"{self.scenario.name} on tree {self.tree}: {'; '.join(parts) or self.end}"


@dataclass(slots=True)
class Machine:
    """A machine that is ready to run one scenario on one tree.

    Parameters
    ----------
    scenario : Scenario or str
        Or the name of one in the library.
    tree : Tree
        Which patches are applied.
    override : mapping, optional
        Name of a kernel function -> coroutine function, or a source of frames elsewhere (`pyemu.remote`).
    twin : str
        Hardware twin: ``auto``, ``ref`` or ``fast``. The trace is the same for all.
    observer : callable, optional
        Called as ``observer(task, effect, footprint, result)`` after each operation.
    history : bool
        Log every write, so that `Result.history` tells what the state was after each step.

    Raises
    ------
    HandlerError
        When an override doesn't fit the function it replaces.
    """

    scenario: Scenario | str
    tree: Tree = field(default_factory=lambda: Tree.after)
    override: Mapping[str, Any] | None = None
    twin: str = "auto"
    observer: Callable[..., None] | None = None
    history: bool = False
    world: World = field(init=False)
    executor: Executor = field(init=False)
    has_run: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        scenario = Scenario.load(self.scenario) if isinstance(self.scenario, str) else self.scenario
        self.scenario = scenario
        kind, n_cpus = (LoggedWorld if self.history else World), scenario.machine.n_cpus
        self.world = build_world(scenario, self.tree, kind, n_cpus=n_cpus, twin=self.twin)
        self.executor = Executor(self.world, kernel_functions(), self.override, self.observer)

    def run(self, *, strict: bool = False) -> Result:
        """Run to the end in virtual time.

        Parameters
        ----------
        strict : bool
            Raise at the end when a rule was broken, a handler failed, or the run hung.

        Returns
        -------
        Result
            What happened.

        Raises
        ------
        InvariantViolation
            In a strict run, with the first thing that went wrong.
        FaultlabError
            When it has run already.
        """
        scenario, world = self.scenario, self.world
        if isinstance(scenario, str):
            raise AssertionError("resolved in __post_init__")
        if self.has_run:
            raise FaultlabError(f"this machine ({world.trace.title}) has run already: make a new one.")
        self.has_run = True
        machine = scenario.machine
        timed = TimedRun(self.executor, Limits(machine.n_cpus, machine.preemption, machine.max_ticks))
        end = timed.run()
        history = world.history() if isinstance(world, LoggedWorld) else None
        result = replace(close(world, scenario, self.tree, end, timed.text), recorded=history)
        if strict and (text := objection(result)):
            raise InvariantViolation(text)
        return result


def run(
    scenario: Scenario | str,
    tree: Tree | None = None,
    override: Mapping[str, Any] | None = None,
    *,
    twin: str = "auto",
    strict: bool = False,
    history: bool = False,
) -> Result:
    """Run a scenario on a tree.

    Parameters
    ----------
    scenario : Scenario or str
        Or the name of one in the library.
    tree : Tree, optional
        Which patches are applied; all of them by default (`Tree.after`).
    override : mapping, optional
        Name of a kernel function -> what replaces it.
    twin : str
        Hardware twin.
    strict : bool
        Raise when a rule was broken.
    history : bool
        Keep what the state was after each step: `Result.history`.

    Returns
    -------
    Result
        Trace, outcomes, counters, broken rules.

    Raises
    ------
    ScenarioError, HandlerError, InvariantViolation
        As `Scenario.load`, `Machine` and `Machine.run` say.

    Examples
    --------
    >>> from pyemu import Tree, run
    >>> run("S13", Tree.before).tasks["T"].outcome, run("S13", Tree.after).tasks["T"].outcome
    ('SIGBUS(code=2)', 'ret=5')
    """
    return Machine(scenario, tree or Tree.after, override, twin, history=history).run(strict=strict)


@cache
def kernel_functions() -> dict[str, Any]:
    """Give the kernel's own functions by name."""
    return dict(kernel.load())


def close(world: World, scenario: Scenario, tree: Tree, end: End, text: str) -> Result:
    """End what still runs, and give what the run gave.

    Parameters
    ----------
    world : World
        After the last step.
    scenario, tree
        What ran, and on which tree.
    end : End
        How it ended.
    text : str
        For a hang: who waits for what.

    Returns
    -------
    Result
        Of the run.
    """
    for task in world.tasks.values():
        note_lost_signals(world, task)
        _close(world, task)
    return Result(
        scenario,
        tree,
        world.trace,
        {task.name: _task_result(world, task) for task in world.tasks.values()},
        _vmstat(world),
        tuple(Violation(*one) for one in world.violations),
        tuple(Violation(*one) for one in world.findings),
        tuple(world.reports),
        end.value,
        text,
        world.clock,
    )


def _vmstat(world: World) -> dict[str, int]:
    """Give the counters of /proc/vmstat: those of every kernel, and those of this one that counted."""
    counted = {event: world.state.data.get(("vmstat", event), 0) for event in (*VM_EVENTS, *VMA_LOCK_EVENTS)}
    return {event: n for event, n in counted.items() if n or event in VM_EVENTS}


def _close(world: World, task: Task) -> None:
    """End the frames of a task that was still running when the run ended."""
    while task.frames:
        try:
            task.frames.pop().close()
        except HandlerFault as fault:
            world.findings.append((task.name, fault.rule, str(fault)))


def note_lost_signals(world: World, task: Task) -> None:
    """Report a signal that was there when its task last went to user mode, and whose handler never ran."""
    if not task.ended or task.killed_by or any(name == task.name for name, _, _ in world.findings):
        return
    for signal in lost(world, task):
        world.violation(
            task, LOST, f"{Signal(signal).name} was sent to {task.name}, and its handler never ran."
        )


def _task_result(world: World, task: Task) -> TaskResult:
    outcomes = [value for _, name, what, value in world.reports if name == task.name and what == "outcome"]
    if task.killed_by:
        outcomes.append(f"killed:{task.killed_by}")
    names = ("min_flt", "maj_flt", "page-faults", "minor-faults", "major-faults")
    counters = {name: world.state.data.get(("counter", task.id, name), 0) for name in names}
    stats = {name: task.stats[name] for name in (*STATS, *names)}
    return TaskResult(task.name, tuple(outcomes), counters, {**stats, **task.stats})


def objection(result: Result) -> str:
    """Say what a strict run objects to first; empty when there is nothing.

    Parameters
    ----------
    result : Result
        Of a run.

    Returns
    -------
    str
        A rule that was broken, a handler that failed, a hang or a spin, unless the scenario permits it.
    """
    where, permitted = f"{result.scenario.name} on tree {result.tree}", result.scenario.permits
    wrong = [*result.findings, *(one for one in result.violations if one.rule not in permitted)]
    if wrong:
        return f"{where}: {wrong[0].rule}: {wrong[0].text}"
    if result.end != End.DONE.value and "hang" not in permitted:
        return f"{where}: {result.end}: {result.end_text}"
    if result.spins and "spin" not in permitted:
        return f"{where}: a task spun without a wait (I3)."
    return ""
