"""``grades.csv``: one row a submission, one column a behaviour."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from course.checks.visible import visible
from course.grading.record import Record

if TYPE_CHECKING:
    from course.material.exercise import Exercise

__all__ = ["cell", "table"]

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes what begins so for a formula


def table(exercise: Exercise, records: Iterable[Record]) -> str:
    """Give the table of a batch.

    Parameters
    ----------
    exercise : Exercise
        Names the columns.
    records : iterable of Record
        One a row, in this order.

    Returns
    -------
    str
        CSV with a header. ``points`` is empty where a person has to look; ``headline`` is the first
        sentence of the feedback, or of what was found.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    ids = [one.id for one in exercise.behaviours]
    writer.writerow(["submission", "status", "points", "max_points", *ids, "headline", "seed", "sha256"])
    for one in records:
        writer.writerow(
            [
                cell(one.submission),
                one.status,
                "" if one.points is None else one.points,
                one.max_points,
                *(one.behaviours.get(name, "") for name in ids),
                cell(one.headline),
                cell(one.seed),
                one.digest,
            ]
        )
    return text.getvalue()


def cell(text: str) -> str:
    """Give a text as a cell that no spreadsheet takes for a formula.

    Examples
    --------
    >>> cell("=1+1"), cell("anna")
    ("'=1+1", 'anna')
    """
    text = visible(text)
    return f"'{text}" if text.startswith(FORMULA) else text
