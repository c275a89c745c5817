"""All submissions of a batch, one after the other, and the files that come of them.

::

    OUT/grades.csv
    OUT/NAME/results.json
    OUT/NAME/feedback.html
    OUT/NAME/<exercise>.ipynb      unless the file was rejected
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from course.checks.library import checks_of, exercise_of
from course.grading.collect import Submission
from course.grading.grade import Grade, grade
from course.grading.notebook import graded_notebook
from course.grading.page import page
from course.grading.results import results_text
from course.grading.table import table
from pyemu.errors import MaterialError

__all__ = ["grade_all"]


def grade_all(
    submissions: Iterable[Submission],
    exercise: str,
    seed: str,
    out: Path,
    graded: Callable[[Grade], None] = lambda grade: None,
) -> list[Grade]:
    """Grade submissions and write their results.

    Parameters
    ----------
    submissions : iterable of Submission
        What `collect` found.
    exercise : str
        The exercise that all of them are answers to.
    seed : str
        Draws the numbers of the scenarios, the same for all.
    out : Path
        The folder of results; made if it isn't there.
    graded : callable
        Called after each.

    Returns
    -------
    list of Grade
        In the order of the submissions.

    Raises
    ------
    MaterialError
        There is no such exercise, or ``out`` can't be written. A damaged submission is a finding, not an
        error.
    """
    checks_of(exercise)
    grades = []
    for submission in submissions:
        done = grade(submission, exercise, seed)
        for name, text in _files(done).items():
            _put(out / done.submission / name, text)
        grades.append(done)
        graded(done)
    _put(out / "grades.csv", table(exercise_of(exercise), grades))
    return grades


def _files(done: Grade) -> dict[str, str | None]:
    """Give the files of one submission: name -> text, None for one that must not be there."""
    from course.material.source import write_notebook

    notebook = graded_notebook(done)
    return {
        "results.json": results_text(done),
        "feedback.html": page(done, exercise_of(done.exercise).front.title),
        f"{done.exercise}.ipynb": None if notebook is None else write_notebook(notebook),
    }


def _put(path: Path, text: str | None) -> None:
    """Write a file, or remove that of an earlier batch."""
    try:
        if text is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MaterialError(f"{path} can't be written ({error.strerror}); name another --out.") from None
