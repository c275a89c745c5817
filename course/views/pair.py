"""``side_by_side``: two runs on a common line of events, with the event marked at which they part."""

from __future__ import annotations

from dataclasses import dataclass

from course.views.compare import Comparison, Mark, Row, compare
from course.views.moments import Moment
from course.views.table import Column, Line, Table
from course.views.why import why
from pyemu.machine import Result

__all__ = ["SideBySide", "labels", "side_by_side"]

WIDTH = 44
"""The most characters of one run's column in the text form."""

_LEGEND = (
    f"{Mark.OTHER} the same event with other values; {Mark.PARTED} here the runs part; "
    f"{Mark.ALONE} from here on each run on its own."
)
_WORDS = {
    Mark.SAME: "",
    Mark.OTHER: f"{Mark.OTHER} other",
    Mark.PARTED: f"{Mark.PARTED} PARTS",
    Mark.ALONE: str(Mark.ALONE),
}


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Two runs; shown as a table, printed as text.

    Attributes
    ----------
    comparison : Comparison
        The rows, and where they differ.
    table : Table
        The rows as cells.
    """

    comparison: Comparison
    table: Table

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


def side_by_side(before: Result, after: Result) -> SideBySide:
    """Draw two runs side by side.

    Parameters
    ----------
    before, after : Result
        Usually of one scenario on two trees.

    Returns
    -------
    SideBySide
        Rows, the marks between them, and what differs and why.
    """
    comparison = compare(before.trace, after.trace)
    left, right = labels(before, after)
    columns = (
        Column("us", 9, right=True),
        Column(left, WIDTH),
        Column("", 8),
        Column("us", 9, right=True),
        Column(right, WIDTH),
    )
    lines = tuple(_line(row) for row in comparison.rows)
    title = (
        before.trace.title if left == before.trace.title else f"{before.scenario.name}: {left} and {right}"
    )
    notes = (_LEGEND, *why(comparison, before.tree, after.tree))
    return SideBySide(comparison, Table(title, columns, lines, notes))


def labels(*results: Result) -> tuple[str, ...]:
    """Name runs shortly: by tree where they share a scenario, by both where they don't."""
    one_scenario = len({result.scenario.name for result in results}) == 1
    return tuple(f"tree {result.tree}" if one_scenario else result.trace.title for result in results)


def _line(row: Row) -> Line:
    left, right = (_side(moment) for moment in (row.left, row.right))
    return Line((*left, _WORDS[row.mark], *right), strong=row.mark is Mark.PARTED)


def _side(moment: Moment | None) -> tuple[str, str]:
    return (str(moment.t), f"{moment.task} {moment.phrase}") if moment else ("", "")
