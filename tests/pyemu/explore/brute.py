"""Brute force: every schedule from the begin, on a plain machine, with nothing stored and nothing shared.

Neither nodes nor kept states nor keys of the explorer are used: each schedule runs the kernel's coroutines
from the begin, and a state is what a look at everything shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from types import CoroutineType
from typing import Any

from pyemu import Scenario, Tree
from pyemu.explore.moves import UNSEEN, last_words
from pyemu.explore.stepping import Stepping
from pyemu.sched.semantics import SEMANTICS, Footprint
from pyemu.sched.tasks import Task

Schedule = tuple[int, ...]
IRRELEVANT = {
    "stats",
    "violations",
    "cpu",
    "deadline",
    "exception",
    "n_override_effects",
    "sp",
    "monitor",
    "device",
}


class Watched(Stepping):
    """A machine that tells what each move touches: what its operations declare, and what decides the next."""

    def __init__(self, scenario: Scenario, tree: Tree) -> None:
        super().__init__(scenario, tree, observer=self._observe)
        self.world.looked = set()
        self.reads: set[Any] = set()
        self.writes: set[Any] = set()
        self.begin()

    def _observe(self, task: Task, effect: Any, footprint: Footprint, result: Any) -> None:
        self.reads |= footprint.reads
        self.writes |= footprint.writes

    def settle(self, task: Task) -> None:
        super().settle(task)
        effect = task.pending
        if effect is not None and SEMANTICS[effect.op].enabled is not None:
            self.reads |= SEMANTICS[effect.op].touches(self.world, task, effect.args).reads

    def move(self, number: int) -> Footprint:
        """Move, and give the footprint."""
        self.reads.clear()
        self.writes.clear()
        assert self.world.looked is not None
        self.world.looked.clear()
        task = self.world.tasks[number]
        last = last_words(self.world, task)
        self.step(number)
        if task.ended:
            self.reads.update(last[0])
            self.writes.update(last[1])
        reads = self.reads | self.writes | self.world.looked
        return Footprint(
            frozenset(place for place in reads if place[0] not in UNSEEN),
            frozenset(place for place in self.writes if place[0] not in UNSEEN),
        )


@dataclass
class Truth:
    """What brute force found.

    Attributes
    ----------
    n_schedules : int
        Complete schedules.
    traces : set
        Dependency traces: each as what is the same for all its schedules.
    states, ends : set
        States, and those in which nobody can move.
    broken : set of (str, str)
        Task and rule.
    """

    n_schedules: int = 0
    traces: set[Any] = field(default_factory=set)
    states: set[Any] = field(default_factory=set)
    ends: set[Any] = field(default_factory=set)
    broken: set[tuple[str, str]] = field(default_factory=set)


def every_schedule(make: Callable[[], Watched]) -> Truth:
    """Try every schedule."""
    truth = Truth()

    def run(schedule: Schedule) -> tuple[Watched, list[tuple[int, Footprint]]]:
        machine = make()
        log = [(number, machine.move(number)) for number in schedule]
        return machine, log

    def below(schedule: Schedule) -> None:
        machine, log = run(schedule)
        seen = everything(machine)
        truth.states.add(seen)
        truth.broken |= {(task, rule) for task, rule, _ in machine.world.violations}
        able = machine.able()
        if not able:
            truth.n_schedules += 1
            truth.ends.add(seen)
            truth.traces.add(normal_form(log))
        for number in able:
            below((*schedule, number))

    below(())
    return truth


def dependent(one: tuple[int, Footprint], other: tuple[int, Footprint]) -> bool:
    """Whether two moves can't change places: the same task's, or one writes what the other touches."""
    return (
        one[0] == other[0]
        or not one[1].writes.isdisjoint(other[1].reads)
        or not other[1].writes.isdisjoint(one[1].reads)
    )


def normal_form(log: list[tuple[int, Footprint]]) -> tuple[Any, ...]:
    """Give Foata's normal form: each move in the earliest layer that comes after all it depends on."""
    layers: list[int] = []
    for place, move in enumerate(log):
        before = [layers[earlier] for earlier in range(place) if dependent(log[earlier], move)]
        layers.append(1 + max(before, default=0))
    nth: dict[int, int] = {}
    moves = []
    for layer, (number, _) in zip(layers, log, strict=True):
        nth[number] = nth.get(number, 0) + 1
        moves.append((layer, number, nth[number]))
    return tuple(sorted(moves))


# ------------------------------------------------------------------------------------ states


def everything(machine: Stepping) -> tuple[Any, ...]:
    """Give a state: all that is shared, all that tasks have, where their functions stand."""
    world = machine.world
    shared = sorted(
        (repr(place), repr(plain(value)))
        for place, value in world.state.data.items()
        if place[0] not in UNSEEN and value not in (None, False, ())
    )
    ram = hash(bytes(world.state.ram))
    told = sorted((name, place, what, value) for place, (_, name, what, value) in _numbered(world.reports))
    return tuple(shared), ram, tuple(told), tuple(map(_of_task(machine), machine.tasks))


def _numbered(reports: list[Any]) -> Iterator[tuple[int, Any]]:
    """Number the reports of each task by itself."""
    counts: dict[str, int] = {}
    for report in reports:
        counts[report[1]] = counts.get(report[1], 0) + 1
        yield counts[report[1]], report


def _of_task(machine: Stepping) -> Callable[[Task], Any]:
    world = machine.world

    def look(task: Task) -> Any:
        own = {one.name: getattr(task, one.name) for one in fields(task) if one.name not in IRRELEVANT}
        for name in ("frames", "result", "hold", "found", "fresh", "attempt", "by_area"):
            own.pop(name)
        own["found"] = sorted(vma for vma, hold in task.found.items() if hold == task.hold)
        own["attempt"] = min(task.attempt - task.by_area, 2)
        own["seen"] = sorted(
            (repr(place), info.signal)
            for place in (("siginfo", task.id), ("shared_signal", task.process))
            for info in world.state.data.get(place, ())
            if (place, info.signal) not in task.fresh
        )
        effect = task.pending
        own["pending"] = None if effect is None else (effect.op, repr(effect.args))
        own["stands"] = [stands(frame.coroutine) for frame in task.frames]  # type: ignore[attr-defined]  # KernelFrames
        return repr(sorted(own.items()))

    return look


def stands(coroutine: Any) -> Any:
    """Where a coroutine stands: function, instruction and locals, down to the innermost."""
    found = []
    while isinstance(coroutine, CoroutineType):
        frame: Any = coroutine.cr_frame
        if frame is None:
            break
        found.append((frame.f_code.co_name, frame.f_lasti, repr(sorted(map(repr, frame.f_locals.items())))))
        coroutine = coroutine.cr_await
    return found


def plain(value: Any) -> Any:
    """A value as plain data, so that its repr says all."""
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, *(plain(getattr(value, one.name)) for one in fields(value)))
    if isinstance(value, frozenset):
        return sorted(map(repr, value))
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value
