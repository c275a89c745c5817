"""Two traces on a common line of events, and the event at which they part.

Events are paired task by task, in order: the first event of T with the first event of T. How the scheduler
mixed the tasks is no difference, as long as each task did the same; neither is the time at which it did so.
Two paired events are

- *same*: the same kind of event with the same values;
- *other values*: the same kind of event, such as an attempt with another flag word;
- *parted*: one task did another kind of thing, or nothing more. From here on nothing is paired.
"""

from __future__ import annotations

from dataclasses import dataclass

from course.views.moments import Moment, moments
from pyemu.diff import Mark, until_parted
from pyemu.trace import Trace

__all__ = ["Comparison", "Mark", "Row", "compare"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a comparison.

    Attributes
    ----------
    left, right : Moment or None
        The event of each run.
    mark : Mark
        How they stand to each other; ``ALONE`` after the runs have parted.
    """

    left: Moment | None
    right: Moment | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, side by side.

    Attributes
    ----------
    rows : tuple of Row
        Every shown event of both runs.
    first : int or None
        The row of the first difference; None when the runs are equal.
    parted : int or None
        The row in which they part; None when they never do.
    """

    rows: tuple[Row, ...]
    first: int | None
    parted: int | None


def compare(left: Trace, right: Trace) -> Comparison:
    """Pair the events of two traces.

    Parameters
    ----------
    left, right : Trace
        Usually of one scenario on two trees.

    Returns
    -------
    Comparison
        Rows in the order of the left trace up to the parting. There the two events of the task that parted
        stand side by side; below, each side goes on in its own order.
    """
    ours, theirs = moments(left), moments(right)
    places = until_parted([one.event for one in ours], [one.event for one in theirs])
    rows = tuple(
        Row(None if i is None else ours[i], None if j is None else theirs[j], mark) for i, j, mark in places
    )
    marks = [row.mark for row in rows]
    first = next((i for i, mark in enumerate(marks) if mark is not Mark.SAME), None)
    return Comparison(rows, first, marks.index(Mark.PARTED) if Mark.PARTED in marks else None)
