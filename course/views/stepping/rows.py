"""Rows: the line of events on which the cursor of a stepper walks, for one run or for two.

Where two runs are compared, what both did stands in one row up to the parting; from there on, the rows are in
the order of virtual time, each with an event of one run. Events that carry no words of their own (calls,
table entries, counters) stand before the next one that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge

from course.views.compare import Comparison, Mark
from course.views.compare import Row as Pair
from course.views.moments import Moment, causes_first, moments
from pyemu.trace import Event, Trace

__all__ = ["Line", "Side", "by_time", "lines"]


@dataclass(frozen=True, slots=True)
class Side:
    """One run, all its events.

    Attributes
    ----------
    events : tuple of Event
        In the order in which views show them.
    moments : tuple of (Moment or None)
        What a view shows of each; None where it shows nothing.
    """

    events: tuple[Event, ...]
    moments: tuple[Moment | None, ...]

    @classmethod
    def of(cls, trace: Trace) -> Side:
        """Make it of a trace."""
        events = tuple(causes_first(trace))
        found: list[Moment | None] = [None] * len(events)
        for moment in moments(trace):
            found[moment.place] = moment
        return cls(events, tuple(found))


@dataclass(frozen=True, slots=True)
class Line:
    """One row, by places in the runs.

    Attributes
    ----------
    places : tuple of (int or None)
        Of each run, the place of its event.
    mark : Mark
        How the two stand to each other.
    story : bool
        Whether it is shown when only the story is.
    """

    places: tuple[int | None, ...]
    mark: Mark
    story: bool


def by_time(comparison: Comparison) -> tuple[Pair, ...]:
    """Give the rows of a comparison with what comes after the parting in the order of virtual time.

    Parameters
    ----------
    comparison : Comparison
        Of two runs.

    Returns
    -------
    tuple of Row
        Each run in its own order; of the same time, the left one first.
    """
    if comparison.parted is None:
        return comparison.rows
    end = comparison.parted + 1
    rest = comparison.rows[end:]
    left = [Pair(row.left, None, row.mark) for row in rest if row.left]
    right = [Pair(None, row.right, row.mark) for row in rest if row.right]
    return (*comparison.rows[:end], *merge(left, right, key=_time))


def lines(sides: Sequence[Side], story: Iterable[Pair]) -> Iterator[Line]:
    """Put all events between the rows of the story.

    Parameters
    ----------
    sides : sequence of Side
        One run, or two.
    story : iterable of Row
        The rows of those events that have words.

    Yields
    ------
    Line
        In order; each event of each run is in exactly one.
    """
    done = [0] * len(sides)
    for row in story:
        shown = [None if one is None else one.place for one in (row.left, row.right)[: len(sides)]]
        yield from _silent(sides, done, shown)
        yield Line(tuple(shown), row.mark, story=True)
        # A run that mixed its tasks in another way may go back: the silent events in between were there.
        done = [
            start if place is None else max(start, place + 1)
            for start, place in zip(done, shown, strict=True)
        ]
    yield from _silent(sides, done, [len(side.events) for side in sides])


def _silent(sides: Sequence[Side], starts: Sequence[int], ends: Sequence[int | None]) -> Iterator[Line]:
    """Give the events before those of a row: side by side as long as they are equal, then run by run."""
    spans = [
        [place for place in range(start, start if end is None else end) if side.moments[place] is None]
        for side, start, end in zip(sides, starts, ends, strict=True)
    ]
    same = 0
    if len(sides) == 2:
        for i, j in zip(*spans, strict=False):
            if _what(sides[0].events[i]) != _what(sides[1].events[j]):
                break
            yield Line((i, j), Mark.SAME, story=False)
            same += 1
    for number, span in enumerate(spans):
        for place in span[same:]:
            alone: list[int | None] = [None] * len(sides)
            alone[number] = place
            yield Line(tuple(alone), Mark.SAME if len(sides) == 1 else Mark.ALONE, story=False)


def _what(event: Event) -> tuple[object, ...]:
    return event.task, event.kind, event.a, event.b


def _time(row: Pair) -> int:
    moment = row.left or row.right
    if moment is None:
        raise AssertionError("a row has an event")
    return moment.t
