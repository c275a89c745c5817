"""What ``faultlab bisect`` prints and writes: the trees that were asked, and the patches that were found."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from course.explore.report import WIDTH, grid
from course.series.patches import PATCHES
from pyemu.explore import Bisection
from pyemu.explore.symptoms import outcomes
from pyemu.tree import Tree

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["as_json", "report"]


def report(found: Bisection, timed: bool) -> Iterator[str | Table]:
    """Give a bisection: each tree that was asked, each patch that was found, what plain bisection does.

    Parameters
    ----------
    found : Bisection
        What was asked and found.
    timed : bool
        The trees were asked for a timed run.

    Returns
    -------
    iterator of str or Table
        Parts, to be printed one after the other.
    """
    yield _asked(found)
    for change in found.changes:
        yield _wrapped(f"Patch {change.patch} ({PATCHES[change.patch - 1].title}):")
        yield from (f"  appears: {sign}" for sign in sorted(change.appears))
        yield from (f"  vanishes: {sign}" for sign in sorted(change.vanishes))
    if found.undecided:
        yield _wrapped(
            f"Undecided: {', '.join(map(_name, found.undecided))}. "
            + (
                "The run came to its time limit there. Raise max_ticks in the scenario's machine."
                if timed
                else "The search was not finished there, so what was not seen may exist all the same. Give a "
                "larger --max-states, or look at --timed runs."
            )
        )
    elif not found.changes:
        yield from _nothing(found)
    yield from map(_wrapped, _compared(found))


def as_json(found: Bisection) -> dict[str, Any]:
    """Give a bisection as data."""
    asked, patch = found.plain()
    return {
        "symptom": found.symptom.name,
        "asked": [
            {
                "tree": _name(tree),
                "finished": seen.finished,
                "shows": None if (signs := found.signs(tree)) is None else sorted(signs),
            }
            for tree, seen in found.seen.items()
        ],
        "changes": [
            {"patch": one.patch, "appears": sorted(one.appears), "vanishes": sorted(one.vanishes)}
            for one in found.changes
        ],
        "undecided": [_name(tree) for tree in found.undecided],
        "complete": found.complete,
        "plain": {"asked": [_name(tree) for tree in asked], "patch": patch},
    }


def _asked(found: Bisection) -> Table:
    table = grid("Trees that were asked")
    table.add_column("Tree", no_wrap=True)
    table.add_column("Asked as", justify="right")
    table.add_column("What it shows", ratio=1)
    places = {tree: place for place, tree in enumerate(found.seen, 1)}
    for tree in sorted(found.seen):
        signs = found.signs(tree)
        shows = "not finished: not known" if signs is None else "\n".join(sorted(signs)) or "no sign of it"
        table.add_row(_name(tree), str(places[tree]), shows)
    return table


def _nothing(found: Bisection) -> Iterator[str]:
    """Say that all trees look alike; of an outcome that none has, which ones were seen."""
    shows = "show the same" if found.signs(found.first) else "show no sign of it"
    yield f"No patch changes it: all {len(found.seen)} trees {shows}."
    task, equals, _ = found.symptom.name.partition("=")
    if equals and not found.signs(found.first):
        seen = sorted(outcomes(found.seen.values(), task))
        yield _wrapped(f"Outcomes of {task} that were seen: {', '.join(seen) or 'none'}.")


def _compared(found: Bisection) -> Iterator[str]:
    """Compare with what plain bisection does."""
    n_asked, n_trees = len(found.seen), found.last - found.first + 1
    asked, patch = found.plain()
    ends = f"{_name(found.first)} and {_name(found.last)}"
    if found.undecided:
        return
    if patch is None:
        if found.changes:
            yield (
                f"Plain bisection fails here: {ends} look alike, so it asks {len(asked)} trees and finds "
                f"nothing. What comes and goes in between took all {n_asked}."
            )
        return
    yield f"Asked: {n_asked} of {n_trees} trees. Plain bisection asks {len(asked)}, and finds patch {patch}."
    others = [str(one.patch) for one in found.changes if one.patch != patch]
    if others:
        yield f"It misses what changes at patch {', '.join(others)}."
    if not found.complete:
        yield (
            "Between trees that look alike none was asked: what comes and goes there was missed. --all asks "
            "every tree."
        )


def _name(tree: int) -> str:
    return str(Tree.upto(tree))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")
