"""A decision before and after a patch, with all that a proof needs to compare the two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Pair"]


def _never(_case: Any) -> str:
    return ""


def _no_trouble(_case: Any, _decision: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides of one decision.

    Attributes
    ----------
    name : str
        What is decided, and where.
    cases : callable
        Gives every input, reachable or not.
    before, after : callable
        The decision for an input. What they give can be compared and printed.
    unreachable : callable
        Names the rule that keeps an input from happening; empty when it may happen.
    differs : callable
        Names the row in which the two sides are known to differ; empty when they must be equal. The proof
        fails when they differ elsewhere, and when they are equal there.
    told : mapping of str to set of (str, str)
        Each of these rows -> what the two sides decide there, as text: every pair that occurs.
    seen : frozenset of str
        Rows that may be reachable: a difference that can be seen. None in a refactor.
    trouble : callable
        Says what is wrong with the lock after a decision.
    shown : tuple of (str, Any)
        Inputs that tell the story, for a table: what they are, the input.
    equivalent : mapping of str to str
        Planted faults that change no decision at all -> why.
    """

    name: str
    cases: Callable[[], Iterable[Any]]
    before: Callable[[Any], Any]
    after: Callable[[Any], Any]
    unreachable: Callable[[Any], str] = _never
    differs: Callable[[Any], str] = _never
    told: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()
    trouble: Callable[[Any, Any], str] = _no_trouble
    shown: tuple[tuple[str, Any], ...] = ()
    equivalent: Mapping[str, str] = field(default_factory=dict)

    def fault(self, case: Any, before: Any, after: Any) -> str:
        """Say what is wrong with two decisions about one input; empty when they are as they should be."""
        row = self.differs(case)
        if not row:
            return "" if before == after else "they should be equal"
        if before == after:
            return f"they should differ: {row}"
        if (str(before), str(after)) not in self.told[row]:
            return f"the row {row} says something else"
        if row not in self.seen and not self.unreachable(case):
            return f"the row {row} is reachable"
        return ""
