"""The pristine notebook with a submission's answers: stock ``pytest --nbval`` shows the same verdict on it.

Check cells keep the outputs of a right answer, so a cell is green where the behaviour gives points and red
where it doesn't. They name the seed of the grade, so that nbval runs the scenarios that were graded.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from course.grading.grade import Grade

if TYPE_CHECKING:
    from course.material.source import Cell, Notebook

__all__ = ["check_call", "graded_notebook", "graded_text"]


def check_call(exercise: str, behaviour: str, seed: str | None = None) -> str:
    """Give the source of a check cell.

    Examples
    --------
    >>> check_call("e04_loop", "s13")
    'check("e04_loop", "s13")'
    """
    extra = "" if seed is None else f", seed={seed!r}"
    return f'check("{exercise}", "{behaviour}"{extra})'


def graded_notebook(notebook: Notebook, exercise: str, seed: str) -> Notebook:
    """Give the notebook of a grade.

    Parameters
    ----------
    notebook : dict
        The pristine notebook with a submission's answers.
    exercise, seed : str
        What was graded, and the seed of the grade.

    Returns
    -------
    dict
        Its check cells name the seed.
    """
    from course.material.nbgrader import Role, role_of

    cells = [
        cell | {"source": check_call(exercise, cell["id"], seed)} if role_of(cell) is Role.CHECK else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def graded_text(grade: Grade) -> str | None:
    """Give the text of the notebook of a grade; None when the submission was rejected."""
    from course.material.nbgrader import Role, cells_of_role

    if grade.notebook is None:
        return None
    begin, *rest = _frame(grade.exercise, grade.seed)
    answers = cells_of_role(grade.notebook, Role.ANSWER).values()
    return begin + "".join(_text(cell) + after for cell, after in zip(answers, rest, strict=True))


@lru_cache(maxsize=8)
def _frame(exercise: str, seed: str) -> tuple[str, ...]:
    """Give what the notebooks of a batch share: the text before, between and after the answer cells.

    To write all of it takes as long as to judge a short answer.
    """
    from course.checks.submission import pristine
    from course.material.nbgrader import Role, role_of
    from course.material.source import markdown_cell, write_notebook

    notebook = graded_notebook(pristine(exercise), exercise, seed)
    here = {
        cell["id"]: markdown_cell(f"here-{cell['id']}", "an answer")
        for cell in notebook["cells"]
        if role_of(cell) is Role.ANSWER
    }
    cells = [here.get(cell["id"], cell) for cell in notebook["cells"]]
    pieces = [write_notebook(notebook | {"cells": cells})]
    for cell in here.values():
        pieces += pieces.pop().split(_text(cell))
    return tuple(pieces)


def _text(cell: Cell) -> str:
    """Give an answer cell as `course.material.source.write_notebook` writes it."""
    lines = {"source": cell["source"].splitlines(keepends=True)}
    text = json.dumps(cell | lines, indent=1, sort_keys=True, ensure_ascii=False)
    return text.replace("\n", "\n  ")
