"""Explore cases: every interleaving of a scenario with the learner's functions, and with the kernel's own.

What is right is that no order of moves breaks a rule that the kernel's own function keeps, and that no run
ends in a way in which none of the kernel's own does. The shortest order that fails is run once more, for what
a learner reads of it and for the causes: they look at it as at any run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course.checks.difference import Difference
from course.checks.facts import plural
from course.checks.kernel_case import KernelCase, KernelRun, enter_handlers

if TYPE_CHECKING:
    from pyemu.explore import Exploration, Finding
    from pyemu.explore.findings import Schedule
    from pyemu.scenario import Scenario
    from pyemu.tree import Tree

__all__ = ["ExploreCase", "ExploreRun"]

MAX_STATES = 20_000  # no case needs as many: a function with ever new states is stopped here


@dataclass(frozen=True, slots=True)
class ExploreCase:
    """A small scenario, run in every order of its tasks' moves.

    Attributes
    ----------
    scenario, happens, numbers, task, tree, replaced
        As of `course.checks.kernel_case.KernelCase`.
    max_states : int
        Where a function is stopped that has ever new ones.
    """

    scenario: Scenario
    happens: str
    numbers: Mapping[str, int] = field(default_factory=dict)
    task: str = "T"
    tree: Tree | None = None
    replaced: Mapping[str, str] = field(default_factory=dict)
    max_states: int = MAX_STATES

    def play(self, source: str, answers: Sequence[str]) -> ExploreRun:
        """Explore with the learner's functions; see `course.checks.specification.Case`."""
        from pyemu import Tree
        from pyemu.explore import explore, replay

        tree = Tree.after if self.tree is None else self.tree
        with ExitStack() as stack:
            handlers = enter_handlers(stack, source, self.replaced or {name: name for name in answers})
            mine = explore(self.scenario, tree, handlers, max_states=self.max_states)
            kernel = _kernel_exploration(self.scenario, tree)
            known = frozenset(one.rule for one in kernel.violations)
            wrong, schedule = _first_problem(mine, kernel, known)
            result = replay(self.scenario, tree, schedule, handlers)
        printed = "".join(handler.printed for handler in handlers.values())
        own = replay(self.scenario, tree, next(iter(kernel.endings.values())))
        case = KernelCase(self.scenario, self.happens, self.numbers, self.task, tree)
        return ExploreRun(case, result, own, printed, wrong, _order(schedule), kernel.n_states, known)


@dataclass(frozen=True, slots=True)
class ExploreRun(KernelRun):
    """Every interleaving, and one of them as a run: the shortest that fails, or any.

    Attributes
    ----------
    wrong : str
        What goes wrong in some order, in a sentence; empty when nothing does.
    order : str
        The order of moves that was run once more.
    n_states : int
        How many states the kernel's own function can reach.
    known : frozenset of str
        What goes wrong with the kernel's own function as well, and is held against nobody.
    """

    wrong: str = ""
    order: str = ""
    n_states: int = 0
    known: frozenset[str] = frozenset()

    @property
    def difference(self) -> Difference | None:
        """The moves of two functions can't be compared one by one."""
        return None

    def problem(self, equal: Sequence[Any]) -> str:
        """Say what goes wrong in some order; empty when nothing does in any."""
        return self.wrong

    def told(self, equal: Sequence[Any]) -> tuple[str, str]:
        """Give the order that fails, and what holds with the kernel's own function."""
        mine = f"in this order of moves: {self.order}" if self.wrong else "right in every order of moves"
        right = f"right in every order of moves; {plural(self.n_states, 'state')} were looked at"
        but = f"; what the kernel itself does: {', '.join(sorted(self.known))}" if self.known else ""
        return mine, right + but


def _first_problem(
    mine: Exploration, kernel: Exploration, known: frozenset[str]
) -> tuple[str, Finding | Schedule]:
    """Say what goes wrong in some order, or nothing, and give that order, or any."""
    first = next((one for one in mine.violations if one.rule not in known), None)
    if first is not None:
        return f"{first.rule[:1].upper()}{first.rule[1:]}: {first.text}", first
    if not mine.finished:
        return f"{plural(mine.n_states, 'state')} were reached, and there was no end of new ones.", ()
    for ending, schedule in mine.endings.items():
        if ending not in kernel.endings:
            return f"It can end so: {ending}. With the kernel's own function it can't.", schedule
    return "", next(iter(mine.endings.values()))


def _order(schedule: Finding | Schedule) -> str:
    from pyemu.explore import Finding
    from pyemu.explore.findings import shown

    return shown(schedule.schedule if isinstance(schedule, Finding) else schedule)


@lru_cache(maxsize=16)
def _kernel_exploration(scenario: Scenario, tree: Tree) -> Exploration:
    """Explore with the kernel's own code."""
    from pyemu.explore import explore

    return explore(scenario, tree)
