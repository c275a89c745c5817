"""Two traces on a common line of events, and the event at which they part.

Events are paired task by task, in order: the first event of T with the first event of T. How the scheduler
mixed the tasks is no difference, as long as each task did the same; neither is the time at which it did so.
Two paired events are

- *same*: the same kind of event with the same values;
- *other values*: the same kind of event, such as an attempt with another flag word;
- *parted*: one task did another kind of thing, or nothing more. From here on nothing is paired.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from course.views.moments import Moment, moments
from pyemu.trace import Trace

__all__ = ["Comparison", "Mark", "Row", "compare"]


class Mark(StrEnum):
    """How the two events of a row stand to each other; the value is what a view prints."""

    SAME = " "
    OTHER = "≠"
    PARTED = ">>"
    ALONE = "|"


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
    rows = tuple(_rows(list(moments(left)), list(moments(right))))
    marks = [row.mark for row in rows]
    first = next((i for i, mark in enumerate(marks) if mark is not Mark.SAME), None)
    return Comparison(rows, first, marks.index(Mark.PARTED) if Mark.PARTED in marks else None)


def _rows(left: list[Moment], right: list[Moment]) -> Iterator[Row]:
    own: dict[str, deque[int]] = defaultdict(
        deque
    )  # task -> where its events stand in `right`, not yet paired
    for place, moment in enumerate(right):
        own[moment.task].append(place)
    paired = set()
    n_paired = 0
    for moment in left:
        queue = own[moment.task]
        if not queue or right[queue[0]].event.kind != moment.event.kind:
            break
        partner = right[queue[0]]
        paired.add(queue.popleft())
        n_paired += 1
        same = (moment.event.a, moment.event.b) == (partner.event.a, partner.event.b)
        yield Row(moment, partner, Mark.SAME if same else Mark.OTHER)
    yield from _parted(left[n_paired:], [one for place, one in enumerate(right) if place not in paired])


def _parted(left: list[Moment], right: list[Moment]) -> Iterator[Row]:
    """Give the rows from the parting on: the two events of the task that parted, then each side's rest."""
    if left:
        place = next((place for place, one in enumerate(right) if one.task == left[0].task), None)
        yield Row(left[0], None if place is None else right.pop(place), Mark.PARTED)
    elif right:
        yield Row(None, right.pop(0), Mark.PARTED)
    yield from (Row(one, other, Mark.ALONE) for one, other in zip_longest(left[1:], right))
