"""The notebooks of an exercise: the executed master, and the learner's.

In ``master.py`` a code cell's role is a tag: ``answer`` (it holds a solution region), ``check`` (its id is
a behaviour's id), ``scratch`` (the learner's own, not locked); a code cell without one of these is given
and locked. Both notebooks have the same cells with the same ids. The learner's answer cells hold the
stub; its check cells keep the master's outputs, so that ``pytest --nbval`` on a filled-in notebook
compares each check with what a right answer gives. All its other cells come without outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from course.material.citations import cite
from course.material.execute import run
from course.material.exercise import Exercise
from course.material.nbgrader import Role, cells_of_role, with_role
from course.material.solution import has_solution, solved, stubbed
from course.material.source import (
    Cell,
    Notebook,
    markdown_cell,
    new_notebook,
    read_source,
    tags_of,
    without_tags,
)
from pyemu.errors import MaterialError

__all__ = ["SCRATCH", "answers_in", "learner_notebook", "master_notebook", "with_answers"]

SCRATCH = "scratch"
"""The tag of a cell that is the learner's to play with."""


def master_notebook(exercise: Exercise) -> Notebook:
    """Execute the master with its solutions.

    Parameters
    ----------
    exercise : Exercise
        The exercise.

    Returns
    -------
    dict
        A notebook with outputs: the solved exercise, green under ``pytest --nbval``.

    Raises
    ------
    MaterialError
        The master's cells don't agree with ``exercise.toml``, a cell raised, or a citation names no fact.
    """
    where = str(exercise.folder / "master.py")
    cells = [markdown_cell("front-matter", exercise.front.text())]
    cells += [
        _marked(cell | {"source": solved(cell["source"], _cell(where, cell))}, exercise, where)
        for cell in _checked(exercise, where)
    ]
    cells = cite(cells, where, statements=False)
    return run(new_notebook(cells, title=exercise.front.title, faultlab={"exercise": exercise.id}), where)


def learner_notebook(exercise: Exercise, master: Notebook) -> Notebook:
    """Make the learner's notebook.

    Parameters
    ----------
    exercise : Exercise
        The exercise.
    master : dict
        What `master_notebook` returned for it; its check cells give the reference outputs.

    Returns
    -------
    dict
        A notebook with stubs.

    Raises
    ------
    MaterialError
        A solution region is malformed.
    """
    where = str(exercise.folder / "master.py")
    stubs = {
        cell["id"]: stubbed(cell["source"], _cell(where, cell))
        for cell in exercise.master()
        if "answer" in tags_of(cell)
    }
    checks = cells_of_role(master, Role.CHECK)
    return with_answers(
        master | {"cells": [_blank(cell, cell["id"] in checks) for cell in master["cells"]]}, stubs
    )


def with_answers(notebook: Notebook, answers: Mapping[str, str]) -> Notebook:
    """Return a notebook with other sources in its answer cells.

    Parameters
    ----------
    notebook : dict
        A master or a learner's notebook.
    answers : mapping of str to str
        Sources by the id of the answer cell. Answer cells that are not named stay as they are.

    Returns
    -------
    dict
        A copy; the answer cells are without outputs.

    Raises
    ------
    MaterialError
        There is no answer cell of that id.
    """
    known = cells_of_role(notebook, Role.ANSWER)
    if unknown := sorted(answers.keys() - known.keys()):
        raise MaterialError(
            f"There is no answer cell {unknown[0]!r}; there are: {', '.join(known) or 'none'}."
        )

    def filled(cell: Cell) -> Cell:
        bare = {key: value for key, value in cell["metadata"].items() if key != "nbgrader"}
        source = {"source": answers[cell["id"]], "metadata": bare}
        return with_role(_blank(cell | source, False), Role.ANSWER)

    return notebook | {
        "cells": [filled(cell) if cell["id"] in answers else cell for cell in notebook["cells"]]
    }


def answers_in(path: Path, ids: list[str]) -> dict[str, str]:
    """Read the file of a right or wrong answer.

    Parameters
    ----------
    path : pathlib.Path
        Python text. For an exercise with one answer cell it is the cell's source. With several, it is in
        percent format and each cell has the id of the answer cell it fills.
    ids : list of str
        The ids of the exercise's answer cells.

    Returns
    -------
    dict of str to str
        Sources by id.

    Raises
    ------
    MaterialError
        The file names a cell that is not an answer cell.
    """
    cells = read_source(path).cells
    if len(ids) == 1 and len(cells) == 1:
        return {ids[0]: cells[0]["source"]}
    answers = {cell["id"]: cell["source"] for cell in cells if cell["cell_type"] == "code"}
    if unknown := sorted(answers.keys() - set(ids)):
        raise MaterialError(
            f"{path}: the cell {unknown[0]!r} is none of the answer cells ({', '.join(ids)}); "
            'name the cell that it fills: # %% id="..."'
        )
    return answers


def _checked(exercise: Exercise, where: str) -> list[Cell]:
    """Return the master's cells after comparing them with ``exercise.toml``."""
    cells = exercise.master()
    checks = [cell["id"] for cell in cells if "check" in tags_of(cell)]
    behaviours = [behaviour.id for behaviour in exercise.behaviours]
    if checks != behaviours:
        raise MaterialError(
            f"{where}: the cells tagged 'check' are {checks}, the behaviours in exercise.toml {behaviours}. "
            "Each behaviour has one check cell with its id, in the same order."
        )
    for cell in cells:
        is_answer = "answer" in tags_of(cell)
        if is_answer != has_solution(cell["source"]):
            text = "no solution region" if is_answer else "a solution region, but not the tag 'answer'"
            raise MaterialError(f"{_cell(where, cell)} has {text}; an answer cell has both.")
    if not any("answer" in tags_of(cell) for cell in cells):
        raise MaterialError(f"{where} has no answer cell; tag the learner's cell with 'answer'.")
    return cells


def _marked(cell: Cell, exercise: Exercise, where: str) -> Cell:
    """Return a master's cell with the metadata of its role, and without the tag that named it."""
    tags = tags_of(cell)
    bare = without_tags(cell, "answer", "check", SCRATCH)
    if cell["cell_type"] != "code" or SCRATCH in tags:
        return bare
    if "answer" in tags:
        return with_role(bare, Role.ANSWER)
    if "check" in tags:
        points = {behaviour.id: behaviour.points for behaviour in exercise.behaviours}
        return with_role(bare, Role.CHECK, points[cell["id"]])
    return with_role(bare, Role.GIVEN)


def _blank(cell: Cell, keeps_outputs: bool) -> Cell:
    """Return a code cell as if it had never run."""
    if cell["cell_type"] != "code" or keeps_outputs:
        return cell
    return cell | {"outputs": [], "execution_count": None}


def _cell(where: str, cell: Cell) -> str:
    return f"{where}, cell {cell['id']!r}"
