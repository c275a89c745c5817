"""Two runs of one scenario, event by event: on two trees, or with a learner's function and the kernel's own.

Events are paired task by task: how the scheduler mixed the tasks is no difference, as long as each task did
the same. A kind of event is always compared; of what else an event holds, the caller chooses: the values, the
time, the number of the step, the CPU, the depth of calls.

- `first_difference`, `by_task`: the first event that differs, with its neighbours, overall and for each task.
- `align`: every event of both runs, on a common line.
- `until_parted`: the same up to the event at which the runs part, and from there each run on its own.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Any, TypeVar

from pyemu.errors import FaultlabError
from pyemu.subsequence import common
from pyemu.trace import Event

VALUES = ("values",)
COMPARED = (*VALUES, "t", "step", "cpu", "depth")
AROUND = 2  # events shown before and after a difference

Key = tuple[Any, ...]
T = TypeVar("T")


class Mark(StrEnum):
    """How the two events of a row stand to each other; the value is what a view prints."""

    SAME = " "
    OTHER = "≠"
    PARTED = ">>"
    ALONE = "|"


Place = tuple[int | None, int | None, Mark]
"""A row by places: of the event in the left run, of the one in the right run."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of two runs.

    Attributes
    ----------
    left, right : Event or None
        The event of each run; None where one has nothing to match the other's.
    mark : Mark
        ``SAME``; ``OTHER``: the same kind of event, but what is compared differs; ``ALONE``.
    """

    left: Event | None
    right: Event | None
    mark: Mark

    @property
    def task(self) -> int:
        """Number of the task."""
        event = self.left or self.right
        return event.task if event is not None else 0


@dataclass(frozen=True, slots=True)
class Alignment:
    """Two runs on a common line of events.

    Attributes
    ----------
    rows : tuple of Row
        Every event of both. Each side is in its own order, unless the runs mixed their tasks in another way:
        then the left one's order counts.
    """

    rows: tuple[Row, ...]

    def first(self, task: int | None = None) -> int | None:
        """Give the first row that differs, of all or of one task; None when there is none."""
        return next(
            (
                place
                for place, row in enumerate(self.rows)
                if row.mark is not Mark.SAME and task in (None, row.task)
            ),
            None,
        )

    def around(self, place: int, n: int = AROUND, *, task: int | None = None) -> tuple[Row, ...]:
        """Give a row with up to `n` rows before and after it, of all or of one task."""
        before = [row for row in self.rows[:place] if task in (None, row.task)]
        after = [row for row in self.rows[place + 1 :] if task in (None, row.task)]
        return (*before[max(0, len(before) - n) :], self.rows[place], *after[:n])


def align(left: Iterable[Event], right: Iterable[Event], *, compare: Collection[str] = VALUES) -> Alignment:
    """Put the events of two runs on a common line.

    Parameters
    ----------
    left, right : iterable of Event
        Two traces of one scenario, or what `Trace.select` gives of them.
    compare : collection of str
        What is compared besides kind and task, out of ``values``, ``t``, ``step``, ``cpu``, ``depth``.

    Returns
    -------
    Alignment
        With as many equal events as can stand side by side.

    Raises
    ------
    FaultlabError
        When there is nothing such to compare.

    Examples
    --------
    >>> from pyemu import Tree, run
    >>> both = align(run("S13", Tree.before).trace.select("attempt"), run("S13").trace.select("attempt"))
    >>> [str(row.mark) for row in both.rows]
    ['≠', '≠', '|']
    """
    ours, theirs = list(left), list(right)
    return Alignment(
        tuple(
            Row(_at(ours, i), _at(theirs, j), mark)
            for i, j, mark in _merged(ours, theirs, _partners(ours, theirs, compare))
        )
    )


def _at(events: Sequence[T], place: int | None) -> T | None:
    return None if place is None else events[place]


def _key(event: Event, compare: Collection[str]) -> Key:
    values = (event.a, event.b) if "values" in compare else ()
    return (event.kind, *values, *(getattr(event, name) for name in COMPARED[1:] if name in compare))


def _keys(events: Iterable[Event], compare: Collection[str]) -> list[Key]:
    unknown = [name for name in compare if name not in COMPARED]
    if unknown:
        raise FaultlabError(f"{unknown[0]!r} can't be compared: choose from {', '.join(COMPARED)}.")
    return [_key(event, compare) for event in events]


# ------------------------------------------------------------------------------------ the first difference


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two runs part.

    Attributes
    ----------
    before : tuple of Event
        The last events that both have, as the left run has them.
    left, right : tuple of Event
        The first event that differs and those after it; empty where a run has ended.
    """

    before: tuple[Event, ...]
    left: tuple[Event, ...]
    right: tuple[Event, ...]


def first_difference(
    left: Iterable[Event], right: Iterable[Event], *, compare: Collection[str] = VALUES, around: int = AROUND
) -> Difference | None:
    """Compare the events of two runs in their order, whichever task they belong to.

    Parameters
    ----------
    left, right, compare
        As for `align`.
    around : int
        How many events before and after are given.

    Returns
    -------
    Difference or None
        None when there is none.

    Raises
    ------
    FaultlabError
        As `align`.
    """
    ours, theirs = list(left), list(right)
    both = zip_longest(_keys(ours, compare), _keys(theirs, compare))
    owners = zip_longest((one.task for one in ours), (one.task for one in theirs))
    for place, (keys, tasks) in enumerate(zip(both, owners, strict=True)):
        if keys[0] != keys[1] or tasks[0] != tasks[1]:
            end = place + 1 + around
            before = ours[max(0, place - around) : place]
            return Difference(tuple(before), tuple(ours[place:end]), tuple(theirs[place:end]))
    return None


def by_task(
    left: Iterable[Event], right: Iterable[Event], *, compare: Collection[str] = VALUES, around: int = AROUND
) -> dict[int, Difference]:
    """Give the first difference of each task that has one, by its number; 0 is the machine itself."""
    ours, theirs = _of_each_task(left), _of_each_task(right)
    found = {
        task: first_difference(ours[task], theirs[task], compare=compare, around=around)
        for task in sorted({*ours, *theirs})
    }
    return {task: one for task, one in found.items() if one is not None}


def _of_each_task(events: Iterable[Event]) -> defaultdict[int, list[Event]]:
    own: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        own[event.task].append(event)
    return own


# ------------------------------------------------------------------------------------ the whole line


def _partners(left: list[Event], right: list[Event], compare: Collection[str]) -> dict[int, tuple[int, Mark]]:
    """Give the partner of each event of the left run that has one: equal events first, then equal kinds."""
    exact, other = _keys(left, compare), _keys(right, compare)
    places: tuple[defaultdict[int, list[int]], ...] = (defaultdict(list), defaultdict(list))
    for own, events in zip(places, (left, right), strict=True):
        for place, event in enumerate(events):
            own[event.task].append(place)
    found: dict[int, tuple[int, Mark]] = {}
    for task, ours in places[0].items():
        theirs = places[1][task]
        equal = common([exact[i] for i in ours], [other[j] for j in theirs])
        found |= {ours[i]: (theirs[j], Mark.SAME) for i, j in equal}
        i = j = 0
        for next_i, next_j in [*equal, (len(ours), len(theirs))]:
            gap, gap_there = ours[i:next_i], theirs[j:next_j]
            alike = common([(left[k].kind,) for k in gap], [(right[k].kind,) for k in gap_there])
            found |= {gap[k]: (gap_there[n], Mark.OTHER) for k, n in alike}
            i, j = next_i + 1, next_j + 1
    return found


def _merged(left: list[Event], right: list[Event], partners: dict[int, tuple[int, Mark]]) -> Iterator[Place]:
    """Give the rows: events without a partner where their own run has them, pairs in the left one's order."""
    paired = {j for j, _ in partners.values()}
    done: set[int] = set()
    alone: defaultdict[int, deque[int]] = defaultdict(deque)  # task -> its events without a partner
    for place, event in enumerate(right):
        if place not in paired:
            alone[event.task].append(place)
    j = 0  # before this place, the right run has all its events in a row
    for i in range(len(left) + 1):
        if i < len(left) and i not in partners:
            yield i, None, Mark.ALONE
            continue
        while j < len(right) and (j in done or j not in paired):
            if j not in done:
                yield None, alone[right[j].task].popleft(), Mark.ALONE
            j += 1
        if i < len(left):
            partner, mark = partners[i]
            own = alone[left[i].task]
            while own and own[0] < partner:  # in a task of its own, nothing changes places
                done.add(own[0])
                yield None, own.popleft(), Mark.ALONE
            done.add(partner)
            yield i, partner, mark


# ------------------------------------------------------------------------------------ up to the parting


def until_parted(left: Sequence[Event], right: Sequence[Event]) -> Iterator[Place]:
    """Pair events task by task, in order, as long as each task makes the same kinds of event.

    Parameters
    ----------
    left, right : sequence of Event
        Two runs of one scenario.

    Yields
    ------
    (int or None, int or None, Mark)
        Places in the two runs, in the order of the left one up to the parting. There the two events of the
        task that parted stand side by side; below, each side goes on in its own order.
    """
    own: dict[int, deque[int]] = defaultdict(deque)  # task -> where its events stand, not yet paired
    for place, event in enumerate(right):
        own[event.task].append(place)
    paired = set()
    n_paired = 0
    for place, event in enumerate(left):
        queue = own[event.task]
        if not queue or right[queue[0]].kind != event.kind:
            break
        partner = queue.popleft()
        paired.add(partner)
        n_paired += 1
        same = _key(event, VALUES) == _key(right[partner], VALUES)
        yield place, partner, Mark.SAME if same else Mark.OTHER
    rest = [place for place in range(len(right)) if place not in paired]
    if n_paired < len(left):
        other = next((place for place in rest if right[place].task == left[n_paired].task), None)
        rest = [place for place in rest if place != other]
        yield n_paired, other, Mark.PARTED
    elif rest:
        yield None, rest.pop(0), Mark.PARTED
    yield from ((i, j, Mark.ALONE) for i, j in zip_longest(range(n_paired + 1, len(left)), rest))
