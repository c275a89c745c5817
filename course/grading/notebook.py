"""The pristine notebook with a submission's answers: stock ``pytest --nbval`` shows the same verdict on it.

Check cells keep the outputs of a right answer, so a cell is green where the behaviour gives points and red
where it doesn't. They name the seed of the grade, so that nbval runs the scenarios that were graded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.grading.grade import Grade

if TYPE_CHECKING:
    from course.material.source import Notebook

__all__ = ["check_call", "graded_notebook"]


def check_call(exercise: str, behaviour: str, seed: str | None = None) -> str:
    """Give the source of a check cell.

    Examples
    --------
    >>> check_call("e04_loop", "s13")
    'check("e04_loop", "s13")'
    """
    extra = "" if seed is None else f", seed={seed!r}"
    return f'check("{exercise}", "{behaviour}"{extra})'


def graded_notebook(grade: Grade) -> Notebook | None:
    """Give the notebook of a grade.

    Parameters
    ----------
    grade : Grade
        Of one submission.

    Returns
    -------
    dict or None
        None when the submission was rejected.
    """
    from course.material.nbgrader import Role, role_of

    if grade.notebook is None:
        return None
    cells = [
        cell | {"source": check_call(grade.exercise, cell["id"], grade.seed)}
        if role_of(cell) is Role.CHECK
        else cell
        for cell in grade.notebook["cells"]
    ]
    return {**grade.notebook, "cells": cells}
