"""What each task may still touch: which moves need no other order.

A move that touches nothing that another task may still change, and changes nothing that another may still
look at, has the same effect whenever it is made: it can be made at once, and no other order has to be tried.
What a task may still touch depends on how far its program is; it is learnt while the search goes on. A search
that has learnt something new is done again, until one learns nothing: that one relied on what is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyemu.sched.semantics import Footprint
from pyemu.state import Location


class Futures:
    """What was touched, by whom, and how far the programs were.

    Parameters
    ----------
    steps : mapping of int to int
        Task -> number of steps of its program.

    Attributes
    ----------
    learnt : bool
        Something was noted that wasn't known.
    """

    def __init__(self, steps: Mapping[int, int]) -> None:
        self.steps = dict(steps)
        # touched[task, other][i][j]: what a task touches from when it has i steps left and another one j.
        # Steps only get fewer, so what was touched earlier is over.
        self.touched = {
            (task, other): [[_nothing() for _ in range(steps[other] + 1)] for _ in range(steps[task] + 1)]
            for task in steps
            for other in steps
            if task != other
        }
        self.learnt = False

    def left(self, data: Mapping[Location, Any]) -> dict[int, int]:
        """Give how many steps each task has left in a state, the one that it is at among them."""
        return {task: data.get(("steps", task), n_steps) for task, n_steps in self.steps.items()}

    def note(self, task: int, left: Mapping[int, int], footprint: Footprint) -> None:
        """Note a move of a task, with so many steps left: before that, it was still to come."""
        for other, n_steps in self.steps.items():
            if other == task:
                continue
            table = self.touched[task, other]
            reads, writes = table[left[task]][left[other]]
            if footprint.reads <= reads and footprint.writes <= writes:
                continue
            self.learnt = True
            for mine in range(left[task], self.steps[task] + 1):
                for its in range(left[other], n_steps + 1):
                    table[mine][its][0].update(footprint.reads)
                    table[mine][its][1].update(footprint.writes)

    def concerns(self, task: int, other: int, left: Mapping[int, int], footprint: Footprint) -> bool:
        """Say whether a task may still make a move that depends on one that another task makes now."""
        reads, writes = self.touched[task, other][left[task]][left[other]]
        return not (footprint.writes.isdisjoint(reads) and footprint.reads.isdisjoint(writes))


def _nothing() -> tuple[set[Location], set[Location]]:
    return set(), set()
