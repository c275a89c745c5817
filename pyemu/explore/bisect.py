"""Bisecting the series: the patch at which something that a scenario shows appears or vanishes.

A tree is a black box: it is run, or every interleaving is explored, and all that is known of it is what it
shows of a symptom. Two trees look alike if they show the same of it.

Plain bisection halves the stretch between two trees that look different, and so finds one change with few
questions. It has to be told two such trees. What exists in the middle only, it never sees: both ends look
alike. So then every tree is asked here. And where the middle looks like neither end, both halves are
searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pyemu.errors import FaultlabError
from pyemu.explore.symptoms import Seen, Signs, Symptom
from pyemu.tree import N_PATCHES


@dataclass(frozen=True, slots=True)
class Change:
    """A patch that changes what is shown.

    Attributes
    ----------
    patch : int
        Its number.
    appears, vanishes : frozenset of str
        What its tree shows and the one before doesn't, and the other way round.
    """

    patch: int
    appears: Signs
    vanishes: Signs


@dataclass(frozen=True, slots=True)
class Bisection:
    """What was asked and found.

    Attributes
    ----------
    symptom : Symptom
        What was looked for.
    first, last : int
        The ends: trees by the number of their last patch.
    seen : dict of int to Seen
        What each tree showed that was asked, in the order of asking.
    """

    symptom: Symptom
    first: int
    last: int
    seen: dict[int, Seen]

    def signs(self, tree: int) -> Signs | None:
        """Give what a tree that was asked shows of the symptom; None when that isn't known."""
        return self.symptom.signs(self.seen[tree])

    @property
    def changes(self) -> tuple[Change, ...]:
        """The patches at which something changes, of those with both trees asked."""
        found = []
        for patch in range(self.first + 1, self.last + 1):
            if {patch - 1, patch} <= self.seen.keys():
                old, new = self.signs(patch - 1), self.signs(patch)
                if old is not None and new is not None and old != new:
                    found.append(Change(patch, new - old, old - new))
        return tuple(found)

    @property
    def undecided(self) -> tuple[int, ...]:
        """Trees of which isn't known what they show."""
        return tuple(sorted(tree for tree in self.seen if self.signs(tree) is None))

    @property
    def complete(self) -> bool:
        """Every tree was asked: no change was missed."""
        return len(self.seen) == self.last - self.first + 1

    @property
    def ends_differ(self) -> bool:
        """Both ends are known and look different."""
        ends = self.signs(self.first), self.signs(self.last)
        return None not in ends and ends[0] != ends[1]

    def plain(self) -> tuple[tuple[int, ...], int | None]:
        """Say what plain bisection does.

        Returns
        -------
        tuple of tuple of int and int or None
            The trees that it asks, and the patch that it finds: none if both ends look alike, or a tree that
            it needs is undecided.
        """
        asked = [self.first, self.last]
        if not self.ends_differ:
            return tuple(asked), None
        old, new = self.first, self.last  # what `old` shows is what the first tree shows, and `new` doesn't
        while new - old > 1:
            middle = (old + new) // 2
            asked.append(middle)
            if self.signs(middle) is None:
                return tuple(asked), None
            if self.signs(middle) == self.signs(self.first):
                old = middle
            else:
                new = middle
        return tuple(asked), new


def bisect(
    ask: Callable[[Sequence[int]], Iterable[Seen]],
    symptom: Symptom,
    first: int = 0,
    last: int = N_PATCHES,
    *,
    every: bool = False,
) -> Bisection:
    """Find the patches at which a symptom changes, by asking as few trees as that takes.

    Parameters
    ----------
    ask : callable
        Gives what some trees show, in their order; a tree is asked for by the number of its last patch, and
        once. The trees of one call may be looked at side by side.
    symptom : Symptom
        What is looked for.
    first, last : int
        The ends: 0 <= `first` < `last` <= 16.
    every : bool
        Ask every tree, even if both ends look different.

    Returns
    -------
    Bisection
        What was found.

    Raises
    ------
    FaultlabError
        When the ends are no stretch of the series.
    """
    if not 0 <= first < last <= N_PATCHES:
        raise FaultlabError(
            f"the stretch from tree {first} to tree {last} is none: a bisection goes from an earlier tree of "
            f"the series to a later one, of 0 to {N_PATCHES}."
        )
    found = Bisection(symptom, first, last, {})

    def look(trees: Sequence[int]) -> None:
        found.seen.update(zip(trees, ask(trees), strict=True))

    def differ(old: int, new: int) -> bool:
        ends = found.signs(old), found.signs(new)
        return None not in ends and ends[0] != ends[1]

    look((first, last))
    if every or (not found.undecided and not differ(first, last)):
        look(range(first + 1, last))
        return found
    spans = [(first, last)]
    while spans := [(old, new) for old, new in spans if new - old > 1 and differ(old, new)]:
        middles = [(old + new) // 2 for old, new in spans]
        look(middles)
        spans = [
            half
            for (old, new), middle in zip(spans, middles, strict=True)
            for half in ((old, middle), (middle, new))
        ]
    return found
