"""A graded batch, judged again from what the submissions said when they were graded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course.checks.judge import Judge
from course.checks.library import exercise_of
from course.grading.batch import TAPE, stored
from course.grading.collect import Submission
from course.grading.folder import put
from course.grading.grade import digest_of, grade, judge_of
from course.grading.record import Record
from course.grading.table import table
from course.tape import Diverged, Tape
from pyemu.errors import MaterialError

__all__ = ["regrade_all"]


def regrade_all(
    submissions: Iterable[Submission], exercise: str, seed: str, out: Path
) -> tuple[list[Record], list[str]]:
    """Judge the submissions of a batch again.

    Parameters
    ----------
    submissions : iterable of Submission
        Those of the batch.
    exercise, seed : str
        As when they were graded.
    out : Path
        The folder of results; they are written anew.

    Returns
    -------
    tuple of (list of Record, list of str)
        The results, and the names of the submissions that have to be graded again: their file has changed
        since, they have no tape, or the checks ask what the tape does not know. What is stored of those stays
        as it is.
    """
    records: list[Record] = []
    again: list[str] = []
    judge = judge_of(exercise, seed)
    for one in submissions:
        results = _results(out / one.name / "results.json")
        try:
            records.append(_judged(one, judge, seed, out, results))
        except (Diverged, MaterialError, KeyError, TypeError, OSError):
            again.append(one.name)
            if results is not None:
                records.append(Record.of(results))
    put(out / "grades.csv", table(exercise_of(exercise), records))
    return records, again


def _judged(
    submission: Submission, judge: Judge, seed: str, out: Path, results: dict[str, Any] | None
) -> Record:
    """Judge one submission from its tape; whatever speaks against it is raised."""
    if results is None:
        raise MaterialError(f"{submission.name} was never graded.")
    ours = results["extra_data"]["faultlab"]
    exercise = judge.exercise.id
    made_of = {"exercise": exercise, "seed": seed, "sha256": digest_of(submission.path)}
    if any(ours[name] != value for name, value in made_of.items()):
        raise MaterialError(f"{submission.name} has changed since it was graded.")
    tape = Tape.from_bytes((out / submission.name / TAPE).read_bytes()) if ours["behaviours"] else Tape()
    return stored(grade(submission, exercise, seed, ours["sandbox"], tape, judge), out)


def _results(path: Path) -> dict[str, Any] | None:
    """Read a stored result; None when there is none, or it is damaged."""
    try:
        results: dict[str, Any] = json.loads(path.read_bytes())
        Record.of(results)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return results
