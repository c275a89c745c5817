"""What a caller may believe of its area after an attempt: a learner's answer against what happened in runs.

The truth is in the traces. Whoever released ``mmap_sem`` between the start and the end of an attempt has lost
what the caller found under it, whether the lock was taken again or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from course.asking import asked
from course.decide.words import say
from pyemu.flags import VmFault, names
from pyemu.machine import run
from pyemu.tree import Tree

__all__ = ["LOOKED_AT", "Ended", "ended", "try_contract"]

LOOKED_AT = ("S13", "S9", "S10a", "S10b")
"""Scenarios: waits for a monitor and for a disk, with and without a signal."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one attempt ended.

    Attributes
    ----------
    scenario : str
        In which run.
    fault : int
        What it gave.
    kept : bool
        ``mmap_sem`` was held from its start to its end.
    """

    scenario: str
    fault: int
    kept: bool

    def __str__(self) -> str:
        words = f"{self.fault:#x} {names(self.fault, VmFault)}" if self.fault else "0"
        lock = "was held all the time" if self.kept else "was released on the way"
        return f"in {self.scenario} an attempt gave {words}, and mmap_sem {lock}"


@cache
def ended(tree: Tree) -> tuple[Ended, ...]:
    """Give each attempt that ends in the scenarios, on a tree."""
    return tuple(one for scenario in LOOKED_AT for one in _ended(scenario, tree))


def _ended(scenario: str, tree: Tree) -> Iterator[Ended]:
    kept = True
    for event in run(scenario, tree).trace.select("attempt", "lock_dropped", "attempt_end", task="T"):
        if event.kind == "attempt_end":
            yield Ended(scenario, int(event.a), kept)
        kept = event.kind == "attempt" or (kept and event.kind != "lock_dropped")


def try_contract(function: Callable[[int], bool], tree: Tree) -> None:
    """Let a function say of each attempt whether the area that was found before it is still good.

    Parameters
    ----------
    function : callable
        ``still_good(fault)``: whether it may be used after an attempt that gave this.
    tree : Tree
        Whose attempts.
    """
    seen = ended(tree)
    believed = {}
    for one in seen:
        believed[one.fault], failed = asked(function, one.fault)
        if failed:
            say(f"still_good failed: {failed}")
            return
    wrong = [one for one in seen if bool(believed[one.fault]) is not one.kept]
    print(f"Tree {tree}: {len(seen) - len(wrong)} of {len(seen)} attempts are told right.")
    for one in {(one.fault, one.kept): one for one in reversed(wrong)}.values():
        says = "still good" if believed[one.fault] else "lost"
        say(f"- Wrong: {one}. still_good says that the area is {says}.")
        other = next((held for held in seen if held.fault == one.fault and held.kept is not one.kept), None)
        if other is not None:
            say(f"  But {other}. The same value, and the opposite is true: no function can tell them apart.")
