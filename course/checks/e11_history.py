"""Histories for exercise E11: seventeen trees, and what a scenario of the learner's shows on each of them.

The trees are Linux 5.6 with the first n patches of the series, or of the same patches in another order. On
some trees something goes on that has nothing to do with the patches: another program runs beside the
learner's tasks, or the machine is busy, so that a clock on the wall goes faster than the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.sketched import scenario_of
from pyemu.handler import HandlerFault

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.scenario import Scenario
    from pyemu.tree import Tree

__all__ = ["History", "Runs", "reordered", "series", "the_series"]

N_PATCHES = 16
MOST_RUNS = 200
BUSY = 40  # how much longer a run takes on a busy machine
SIGNAL, LIMIT = 12, 13  # the patches whose places in the order are looked for
BESIDE = "other"
LATER = 1_000_000  # ticks
KINDS = (
    *("uaccess", "exception", "attempt", "attempt_end", "message", "sleep", "wake", "spin", "hang", "uffd"),
    *("signal_sent", "signal_taken", "copied", "fixup", "exit"),
)


@dataclass(frozen=True, slots=True)
class History:
    """In which order the patches were applied, and what else changed meanwhile.

    Attributes
    ----------
    order : tuple of int
        The patches.
    busy_from, beside_from : int
        The first tree on which the machine is busy, and the first with another program; 17 for never.
    """

    order: tuple[int, ...] = tuple(range(1, N_PATCHES + 1))
    busy_from: int = N_PATCHES + 1
    beside_from: int = N_PATCHES + 1

    @property
    def right(self) -> Mapping[str, int]:
        """The first tree that shows each symptom."""
        signal, limit = (self.order.index(patch) + 1 for patch in (SIGNAL, LIMIT))
        return {"wrong": signal, "awake": signal, "unbounded": limit}

    def tree(self, n: int) -> Tree:
        """Give the tree with the first n patches of this order."""
        from pyemu.tree import Tree

        return Tree(frozenset(self.order[:n]))


def series(draw: Draw) -> History:
    """The series as it is."""
    return History(busy_from=draw("busy", (4, 3, 5)), beside_from=draw("beside", (7, 6, 8)))


def reordered(signal: int, limit: int) -> History:
    """The series in an order in which patch 12 makes the tree `signal`, and patch 13 the tree `limit`."""
    others = iter(patch for patch in range(1, N_PATCHES + 1) if patch not in (SIGNAL, LIMIT))
    chosen = {signal: SIGNAL, limit: LIMIT}
    return History(tuple(chosen.get(n) or next(others) for n in range(1, N_PATCHES + 1)), 2, 3)


def the_series(words: Mapping[str, str]) -> Callable[[int], dict[str, Any]]:
    """Give what runs a scenario on the trees of the series, for trying in a notebook.

    Parameters
    ----------
    words : mapping of str to str
        The scenario, in words for `course.sketch.sketch`.

    Returns
    -------
    callable
        ``run(n)``: what the tree with the first n patches shows.
    """
    return Runs(words, History()).run


@dataclass(slots=True)
class Runs:
    """Runs of a learner's scenario on the trees of a history, counted.

    Attributes
    ----------
    words : object
        The learner's scenario.
    history : History
        The trees.
    asked : list of int
        The trees that were run, in order.
    """

    words: Any
    history: History
    asked: list[int] = field(default_factory=list)

    def result(self, n: int) -> Result:
        """Give the result on a tree; it is not counted."""
        beside = n >= self.history.beside_from
        return _result(_scenario(self.words, beside), self.history.tree(n))

    def run(self, n: int) -> dict[str, Any]:
        """Run the scenario on a tree.

        Parameters
        ----------
        n : int
            The tree: 0 to 16.

        Returns
        -------
        dict
            ``outcome`` of T's last call, ``events`` as (task, kind, text), numbers of ``attempts`` of T and
            of ``messages`` of all tasks, and ``clock``: milliseconds on the wall until T ended.
        """
        if type(n) is not int or not 0 <= n <= N_PATCHES:
            raise ValueError(
                f"run({n!r}): a tree is a number from 0 (no patch) to {N_PATCHES} (all of them)."
            )
        self.asked.append(n)
        if len(self.asked) > MOST_RUNS:
            raise HandlerFault(
                "endless", f"bisect asked for more than {MOST_RUNS} runs: does it come to an end?"
            )
        result = self.result(n)
        trace = result.trace
        events = [
            (trace.task_name(one.task), one.kind, one.text)
            for one in trace
            if one.kind in KINDS and trace.task_name(one.task)
        ]
        return {
            "outcome": result.tasks["T"].outcome,
            "events": tuple(events),
            "attempts": result.tasks["T"].stats["attempts"],
            "messages": sum(task.stats["messages_queued"] for task in result.tasks.values()),
            "clock": trace.select(task="T")[-1].t / 1000 * (BUSY if n >= self.history.busy_from else 1),
        }


def _scenario(words: Any, beside: bool) -> Scenario:
    """Make the scenario, with another program beside T that needs a page of its own."""
    made = scenario_of(words, "SCENARIO")
    if not beside:
        return made
    page = next(page for page in "321" if page == "1" or not any(page in text for text in words.values()))
    later = f"pause ticks={LATER}; read {page}"  # when M's own steps are over
    monitor = f"{words.get('M', '')}; pause ticks={2 * LATER}; copy {page}"
    return scenario_of({**words, BESIDE: later, "M": monitor}, "SCENARIO")


@lru_cache(maxsize=256)
def _result(scenario: Scenario, tree: Tree) -> Result:
    from pyemu import run

    return run(scenario, tree)
