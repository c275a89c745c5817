"""A learner's notebook with other points: its check cells, what they printed, and a cell that says so."""

from __future__ import annotations

import json
from typing import Any

from course.material.exercise import Exercise
from course.material.nbgrader import Role, cells_of_role, role_of, with_role
from course.material.source import Cell, Notebook

__all__ = ["recounted"]

CELL = "points"
"""The id of the cell by which a notebook's own checks count so."""


def recounted(notebook: Notebook, exercise: Exercise) -> Notebook:
    """Give a learner's notebook the points of an exercise.

    Parameters
    ----------
    notebook : dict
        The learner's notebook, as the course stores it.
    exercise : Exercise
        With the points that count.

    Returns
    -------
    dict
        The same notebook when it has these points already; else a copy with other metadata and outputs in
        its check cells, and one more cell after the first code cell.
    """
    checks = cells_of_role(notebook, Role.CHECK)
    changed = {
        one.id: one.points
        for one in exercise.behaviours
        if one.id in checks and checks[one.id]["metadata"]["nbgrader"].get("points") != one.points
    }
    if not changed:
        return notebook
    cells = [_counted(cell, exercise, changed) for cell in notebook["cells"]]
    first = next(n for n, cell in enumerate(cells) if cell["cell_type"] == "code")
    # A plain copy of the notebook's own type: nbformat gives dictionaries of its own.
    made: Notebook = type(notebook)(
        {**notebook, "cells": [*cells[: first + 1], _said(exercise, changed), *cells[first + 1 :]]}
    )
    return made


def _counted(cell: Cell, exercise: Exercise, changed: dict[str, int]) -> Cell:
    """Give a check cell its points, and the verdict that it prints for a right answer."""
    from course.checks.feedback import title_line
    from course.checks.verdict import Outcome, Row

    if role_of(cell) is not Role.CHECK or cell["id"] not in changed:
        return cell
    behaviour = next(one for one in exercise.behaviours if one.id == cell["id"])
    bare = {key: value for key, value in cell["metadata"].items() if key != "nbgrader"}
    text = f"{title_line(Row(behaviour, Outcome.PASSED))}\n"
    outputs: list[Any] = [{"name": "stdout", "output_type": "stream", "text": text}]
    return with_role({**cell, "metadata": bare, "outputs": outputs}, Role.CHECK, behaviour.points)


def _said(exercise: Exercise, changed: dict[str, int]) -> Cell:
    """Give the cell that lets the notebook's checks count so."""
    table = "".join(f"    {json.dumps(name)}: {n},\n" for name, n in changed.items())
    source = (
        "# Your course counts these checks so.\n"
        "from course.checks.points import use_points\n\n"
        f"use_points({json.dumps(exercise.id)}, {{\n{table}}})"
    )
    # Without a role: a submission that lacks it, since it was released with other points, is not repaired.
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": CELL,
        "metadata": {"deletable": False, "editable": False},
        "outputs": [],
        "source": source,
    }
