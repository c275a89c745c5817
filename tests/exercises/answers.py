"""The answers of all exercises, and what the judge says of them; each is judged once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from course.checks.answer import joined
from course.checks.judge import judge
from course.checks.library import checks_of, exercise_ids, exercise_of
from course.checks.submission import pristine
from course.checks.verdict import Feedback, Outcome, Row, Verdict
from course.compiled.building import why_not
from course.material.exercise import Exercise, WrongAnswer
from course.material.learner import answers_in
from course.material.nbgrader import Role, cells_of_role
from course.material.solution import solved
from course.material.source import tags_of

EXERCISES = [exercise_of(name) for name in exercise_ids()]
SEEDS = (None, "another", "and-one-more")
COMPILED = ("h05_cython_walker",)
RIGHT_SEEDS = (*SEEDS, "a-fourth", "a-fifth")


def verdict(exercise: str, source: str, seed: str | None = None) -> Verdict:
    if exercise in COMPILED and why_not():
        pytest.skip(f"answers of {exercise} are compiled, and {why_not()}")
    return _verdict(exercise, source, seed)


@cache
def _verdict(exercise: str, source: str, seed: str | None) -> Verdict:
    return judge(exercise_of(exercise), checks_of(exercise), source, seed)


def stub(exercise: Exercise) -> str:
    cells = cells_of_role(pristine(exercise.id), Role.ANSWER).values()
    return joined(cell["source"] for cell in cells)


def master(exercise: Exercise) -> str:
    return joined(cells_of(exercise).values())


def cells_of(exercise: Exercise, file: Path | None = None) -> dict[str, str]:
    """Give the sources of the answer cells; those that a file leaves out are the master's."""
    cells = {
        cell["id"]: solved(cell["source"], cell["id"])
        for cell in exercise.master()
        if "answer" in tags_of(cell)
    }
    return cells | (answers_in(file, list(cells)) if file is not None else {})


def source_of(exercise: Exercise, file: Path) -> str:
    """Give the source of an answer in a file; cells that it leaves out are the master's."""
    return joined(cells_of(exercise, file).values())


def wrong(exercise: Exercise, name: str) -> WrongAnswer:
    return next(one for one in exercise.wrong if one.name == name)


def feedback(row: Row) -> Feedback:
    """Give the feedback of a row that failed."""
    assert row.feedback is not None
    return row.feedback


def failed(given: Verdict) -> dict[str, str]:
    """Give the headlines of the behaviours that failed, by id."""
    return {
        row.behaviour.id: row.feedback.headline
        for row in given.rows
        if row.outcome is Outcome.FAILED and row.feedback is not None
    }
