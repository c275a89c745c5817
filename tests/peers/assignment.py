"""One assignment for all tools: an exercise's released notebook, its checks, and submissions to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from course.checks.library import exercise_of
from course.checks.submission import pristine
from course.material.learner import with_answers
from course.material.nbgrader import Role, cells_of_role, with_role
from course.material.source import Notebook, write_notebook
from tests.exercises.answers import cells_of, wrong

__all__ = ["Assignment", "honest", "idle", "released"]


@dataclass(frozen=True)
class Assignment:
    """What is handed out and graded.

    Attributes
    ----------
    exercise : str
        Its id; the notebook's name too.
    notebook : dict
        The learner's.
    points : mapping of str to int
        By check.
    idle : bool
        Whether the checks do nothing: what is left is the tool's own cost.
    """

    exercise: str
    notebook: Notebook
    points: Mapping[str, int]
    idle: bool = False

    def text(self, answers: Mapping[str, str] | None = None) -> str:
        """Give the text of the notebook with answers."""
        return write_notebook(with_answers(self.notebook, answers or {}))


def released(exercise: str) -> Assignment:
    """Give an exercise as it is released."""
    points = {one.id: one.points for one in exercise_of(exercise).behaviours}
    return Assignment(exercise, pristine(exercise), points)


def idle(exercise: str) -> Assignment:
    """Give an exercise whose checks do nothing and print nothing: a lower bound of what a tool takes."""
    given = released(exercise)
    checks = cells_of_role(given.notebook, Role.CHECK)

    def emptied(cell):
        if cell["id"] not in checks:
            return cell
        metadata = {name: value for name, value in cell["metadata"].items() if name != "nbgrader"}
        bare = cell | {"source": "pass", "outputs": [], "metadata": metadata}
        return with_role(bare, Role.CHECK, given.points[cell["id"]])

    cells = [emptied(cell) for cell in given.notebook["cells"]]
    return Assignment(exercise, given.notebook | {"cells": cells}, given.points, idle=True)


def honest(assignment: Assignment, mistakes: Mapping[str, str | None]) -> dict[str, str]:
    """Give notebooks' texts by student.

    Parameters
    ----------
    mistakes : mapping of str to (str or None)
        By student the name of a wrong answer of the exercise; None for the right one, "" for the stub.
    """
    exercise = exercise_of(assignment.exercise)
    texts = {}
    for student, mistake in mistakes.items():
        if mistake == "":
            texts[student] = assignment.text()
            continue
        file = wrong(exercise, mistake).file if mistake is not None else None
        answers = {name: f"# {student}\n{source}" for name, source in cells_of(exercise, file).items()}
        texts[student] = assignment.text(answers)
    return texts
