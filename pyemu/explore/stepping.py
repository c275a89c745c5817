"""Steps without a clock: who can move, and a task's next move.

A *move* lets one task go on up to the end of its next operation that others can see. Which task moves is the
schedule's business; every order of moves that the machine allows can be asked for. Each task has a CPU of its
own, with one exception: on a machine with one CPU that is not taken from kernel code, who has it keeps it
until it sleeps or passes through user mode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pyemu.build import build_world
from pyemu.explore.timeless import TimelessWorld
from pyemu.handler import HandlerFault
from pyemu.machine import kernel_functions
from pyemu.scenario import Scenario
from pyemu.sched.executor import Executor
from pyemu.sched.semantics import SEMANTICS
from pyemu.sched.sleep import may_go_on
from pyemu.sched.spin import SpinWatch
from pyemu.sched.tasks import Task
from pyemu.sched.timed import GIVES_WAY
from pyemu.trace import Trace
from pyemu.tree import Tree

MAX_OPERATIONS = 10_000  # in one move
NOBODY = 0


class Unwatched(SpinWatch):
    """Watches nothing: circles are found among the states."""

    def effect(self, op: str, args: tuple[Any, ...], result: Any, depth: int = 0) -> None:
        """Forget."""

    def marker(self, stats: Any) -> int:
        """Find no spin."""
        return 0

    def loops(self) -> int:
        """Find no loop."""
        return 0


class SteppedExecutor(Executor):
    """An executor that is told who moves; a move that comes to no end is ended."""

    watch = Unwatched
    n_operations = 0

    def turn(self, task: Task) -> None:
        """Let an enabled task move."""
        self.n_operations = 0
        super().turn(task)

    def count_operation(self, task: Task) -> None:
        """Count an operation of this move."""
        self.n_operations += 1
        if self.n_operations > MAX_OPERATIONS:
            raise HandlerFault(
                "endless",
                f"{task.frame.name} made {MAX_OPERATIONS} operations and calls without one that others can "
                "see. Ask what ends your loop.",
            )

    def _check_endless(self, task: Task) -> None:
        self.count_operation(task)


def is_able(executor: Executor, task: Task) -> bool:
    """Say whether a task that has settled can make its next operation."""
    effect = task.pending
    if effect is None or task.ended:
        return False
    enabled = SEMANTICS[effect.op].enabled
    return enabled is None or enabled(executor.world, task, *effect.args)


class Stepping:
    """A machine whose moves are chosen from outside.

    Parameters
    ----------
    scenario : Scenario
        What runs.
    tree : Tree
        On which tree.
    override : mapping, optional
        What replaces kernel functions.
    observer : callable, optional
        As in `pyemu.sched.executor.Executor`.
    trace : type of Trace
        What takes the events.

    Attributes
    ----------
    running : int
        Who has the only CPU and keeps it; 0 for nobody.
    """

    executor_class: type[SteppedExecutor] = SteppedExecutor

    def __init__(
        self,
        scenario: Scenario,
        tree: Tree,
        override: Mapping[str, Any] | None = None,
        observer: Callable[..., None] | None = None,
        trace: type[Trace] = Trace,
    ) -> None:
        # Each task takes page frames from an arena of its own, as large as all of the scenario's memory.
        n_arenas = len(scenario.tasks) + 2
        roomy = replace(
            scenario, machine=replace(scenario.machine, ram_pages=scenario.machine.ram_pages * n_arenas)
        )
        self.scenario = scenario
        self.tree = tree
        self.world = build_world(roomy, tree, TimelessWorld, n_cpus=1, twin="ref")
        self.world.trace = trace(self.world.trace.tasks, self.world.trace.title)
        self.executor = self.executor_class(self.world, kernel_functions(), override, observer)
        self.tasks = list(self.world.tasks.values())
        self.one_cpu = scenario.machine.n_cpus == 1 and not scenario.machine.preemption
        self.running = NOBODY
        self.world.state.divide(len(self.tasks))

    def begin(self) -> None:
        """Let every task come to its first operation."""
        for task in self.tasks:
            self.settle(task)

    def able(self) -> list[int]:
        """Give the numbers of the tasks that can move, in order."""
        found = [task.id for task in self.tasks if self.may_move(task)]
        if self.running in found:
            return [one for one in found if one == self.running or self.world.tasks[one].device]
        return found

    def may_move(self, task: Task) -> bool:
        """Say whether a task can make its next move, if it has a CPU."""
        return is_able(self.executor, task)

    def step(self, number: int) -> None:
        """Let a task that can move do so."""
        task = self.world.tasks[number]
        self.world.state.arena = number
        self.world.state.loaded[0] = 0  # no page table is loaded, so each access walks: no TLB is ever stale
        self.executor.turn(task)
        self.settle(task)
        if self.one_cpu and not task.device:
            effect = task.pending
            keeps = effect is not None and effect.op not in GIVES_WAY and is_able(self.executor, task)
            self.running = number if keeps else NOBODY

    def settle(self, task: Task) -> None:
        """Find out what a task asks for next; if it doesn't get that now, it sleeps."""
        if not self.executor.enabled(task):
            self.executor.note_asleep(task)

    def lets_time_pass(self, task: Task) -> bool:
        """Say whether a task's next move is the end of a wait for a time."""
        if task.pending is None:
            return False
        return task.device or (task.pending.op == "timer_wait" and not may_go_on(self.world, task))
