"""Carry a learner's answers into new material.

What belongs to the learner are the *answer cells* (`course.material.nbgrader`), known by their grade
id. All other cells are the *frame*, which belongs to the course. Outputs belong to nobody: the next
run makes them again. This is for a learner's own folder; what is handed in for a grade is read with
more suspicion (`course.material.transplant`).
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from course.material.nbgrader import Role, grade_id, role_of
from course.material.source import Cell, Notebook
from pyemu.errors import MaterialError


@dataclass(frozen=True, slots=True)
class Digests:
    """What a notebook says, told briefly enough to be stored.

    Attributes
    ----------
    frame : str
        SHA-256 of the kinds and sources of all cells that are no answers.
    answers : dict of str to str
        SHA-256 of the source of each answer cell, by its name.
    """

    frame: str
    answers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Merged:
    """New material with a learner's answers in it.

    Attributes
    ----------
    notebook : dict
        The new notebook; answer cells that were filled have no outputs.
    n_answers : int
        How many answers were carried over.
    homeless : tuple of str
        Names of answered cells that the new notebook has no place for.
    """

    notebook: Notebook
    n_answers: int
    homeless: tuple[str, ...]


def merge(mine: Notebook, fresh: Notebook, handed_out: dict[str, str]) -> Merged:
    """Put the answers of one notebook into another.

    Parameters
    ----------
    mine, fresh : dict
        The learner's notebook and the new material (nbformat 4 as JSON).
    handed_out : dict of str to str
        Digests of the answer cells as they were handed out. A cell that is still as it was handed
        out holds no answer: the new stub takes its place.

    Returns
    -------
    Merged
    """
    merged = copy.deepcopy(fresh)
    places = answer_cells(merged)
    answers = {
        name: cell
        for name, cell in answer_cells(mine).items()
        if _digest(_source(cell)) != handed_out.get(name)
    }
    for name in answers.keys() & places.keys():
        places[name]["source"] = answers[name]["source"]
        if places[name]["cell_type"] == "code":
            places[name] |= {"outputs": [], "execution_count": None}
    homeless = tuple(name for name in answers if name not in places)
    return Merged(merged, len(answers) - len(homeless), homeless)


def answer_cells(notebook: Notebook) -> dict[str, Cell]:
    """Find the answer cells of a notebook, by name."""
    cells = [cell for cell in notebook["cells"] if role_of(cell) is Role.ANSWER]
    return {str(grade_id(cell)): cell for cell in cells}


def digests(notebook: Notebook) -> Digests:
    """Tell a notebook's frame and answers, so that changes can be seen later."""
    answers = answer_cells(notebook)
    places = {id(cell) for cell in answers.values()}
    frame = [[cell["cell_type"], _source(cell)] for cell in notebook["cells"] if id(cell) not in places]
    return Digests(
        _digest(json.dumps(frame)), {name: _digest(_source(cell)) for name, cell in answers.items()}
    )


def read_notebook(path: Path) -> Notebook:
    """Read a notebook as plain JSON.

    Raises
    ------
    MaterialError
        The file isn't JSON, or has no list of cells with sources.
    """
    try:
        notebook: Notebook = json.loads(path.read_bytes())
        digests(notebook)  # whatever can't be told from its cells can't be merged either
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MaterialError(
            f"{path} is no notebook ({type(error).__name__}: {error}); it should be JSON with a list of "
            "cells. `faultlab reset` gives you a fresh one and keeps this one beside it."
        ) from None
    return notebook


def _source(cell: Cell) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
