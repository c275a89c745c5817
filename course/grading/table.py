"""``grades.csv``: one row a submission, one column a behaviour."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from course.checks.visible import visible
from course.grading.grade import Grade

if TYPE_CHECKING:
    from course.material.exercise import Exercise

__all__ = ["cell", "table"]

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes what begins so for a formula


def table(exercise: Exercise, grades: Iterable[Grade]) -> str:
    """Give the table of a batch.

    Parameters
    ----------
    exercise : Exercise
        Names the columns.
    grades : iterable of Grade
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
    for grade in grades:
        rows = {row.behaviour.id: row for row in grade.rows}
        said = [row.feedback.headline for row in rows.values() if row.feedback is not None]
        said += [one.message for one in grade.findings]
        writer.writerow(
            [
                cell(grade.submission),
                grade.status.value,
                "" if grade.points is None else grade.points,
                grade.max_points,
                *(rows[one].points if one in rows else "" for one in ids),
                cell(said[0] if said else ""),
                cell(grade.seed),
                grade.digest,
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
