"""``timeline``: one run, event by event, with a lane for each task."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from course.views.moments import Moment, Scene, moments
from course.views.table import Column, Line, Table
from pyemu.machine import Result

__all__ = ["Timeline", "lock_words", "page_words", "timeline"]

LANES = 74
"""Characters that the lanes share in the text form."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The events of one run; shown as a table, printed as text.

    Attributes
    ----------
    table : Table
        A column for the time, the step of the fault, each task, the lock and the page.
    """

    table: Table

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


def timeline(result: Result) -> Timeline:
    """Draw one run as a timeline.

    Parameters
    ----------
    result : Result
        Of any run.

    Returns
    -------
    Timeline
        The same text for the same trace.

    Examples
    --------
    >>> from pyemu import Tree, run
    >>> print(timeline(run("S13", Tree.before)))  # doctest: +ELLIPSIS
    S13 on tree before...
    """
    trace = result.trace
    lane = [0.6, 0.4] if len(trace.tasks) == 2 else [1 / len(trace.tasks)] * len(trace.tasks)
    columns = (
        Column("time, us", 9, right=True),
        Column("goal", 8),
        *(Column(name, max(20, int(LANES * share))) for name, share in zip(trace.tasks, lane, strict=True)),
        Column("mmap_sem", 12),
        Column("page", 10),
    )
    lines = tuple(_line(moment, trace.tasks) for moment in moments(trace))
    return Timeline(Table(trace.title, columns, lines))


def lock_words(scene: Scene) -> str:
    """Say who holds ``mmap_sem``, and who waits."""
    held = " + ".join(f"{name} (w)" if mode == "writing" else name for name, mode in scene.holders) or "free"
    waits = ", ".join(f"{name} (w)" if mode == "writing" else name for name, mode in scene.waiters)
    return f"{held}; waits: {waits}" if waits else held


def page_words(scene: Scene) -> str:
    """Say where the pages are: one word for one page; of several, how many are where."""
    if len(scene.pages) == 1:
        return scene.pages[0][1]
    counted = Counter(state for _, state in scene.pages)
    return ", ".join(f"{n} {state}" for state, n in sorted(counted.items()))


def _line(moment: Moment, tasks: tuple[str, ...]) -> Line:
    lanes = [moment.phrase if name == moment.task else "" for name in tasks]
    if moment.task == "-":  # the machine's own events stand in the first lane
        lanes[0] = moment.sentence
    return Line((str(moment.t), moment.goal, *lanes, lock_words(moment.scene), page_words(moment.scene)))
