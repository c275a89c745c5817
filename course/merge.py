"""Carry what a learner wrote into new material.

Three versions of a notebook meet, cell by cell: as it was *handed out*, as it is *now* in the learner's
folder, and the *fresh* material. What the learner wrote stays

- in an answer cell (`course.material.nbgrader`), whatever the fresh stub says;
- in any other cell that is theirs to play with (a prediction, an experiment), when the fresh material has
  it as it was handed out.

Everything else comes from the fresh material: checks, given code, cells whose text is new. Outputs belong
to nobody, the next run makes them again. This is for a learner's own folder; what is handed in for a
grade is read with more suspicion (`course.material.transplant`).
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

Digests = dict[str, str]
"""SHA-256 of each cell's kind and source, by the name of the cell."""


@dataclass(frozen=True, slots=True)
class Merged:
    """New material with what a learner wrote.

    Attributes
    ----------
    notebook : dict
        The new notebook; cells that hold the learner's source have no outputs.
    kept : tuple of str
        Names of the cells that were carried over.
    homeless : tuple of str
        Names of the learner's cells that the new notebook has no place for.
    """

    notebook: Notebook
    kept: tuple[str, ...]
    homeless: tuple[str, ...]


def merge(mine: Notebook, fresh: Notebook, handed_out: Digests) -> Merged:
    """Put what the learner wrote into fresh material.

    Parameters
    ----------
    mine, fresh : dict
        The learner's notebook and the new material (nbformat 4 as JSON).
    handed_out : dict of str to str
        `digests` of the notebook as the learner got it. A cell that is still as it was handed out says
        nothing; the fresh one takes its place.

    Returns
    -------
    Merged
    """
    notebook = copy.deepcopy(fresh)
    places = _by_name(notebook)
    kept, homeless = [], []
    for name, cell in _by_name(mine).items():
        digest, place = _digest(cell), places.get(name)
        if digest == handed_out.get(name) or (place and digest == _digest(place)):
            continue
        if place and _may_hold(place, handed_out.get(name)):
            place["source"] = cell["source"]
            if place["cell_type"] == "code":
                place |= {"outputs": [], "execution_count": None}
            kept.append(name)
        else:
            homeless.append(name)
    return Merged(notebook, tuple(kept), tuple(homeless))


def digests(notebook: Notebook) -> Digests:
    """Tell a notebook's cells, so that changes can be seen later."""
    return {name: _digest(cell) for name, cell in _by_name(notebook).items()}


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


def _may_hold(place: Cell, handed_out: str | None) -> bool:
    """Say whether a fresh cell may hold what the learner wrote in it."""
    role = role_of(place)
    return role is Role.ANSWER or (role is None and _digest(place) == handed_out)


def _by_name(notebook: Notebook) -> dict[str, Cell]:
    """Return the cells by grade id or cell id; a second one of the same name counts as another cell."""
    found: dict[str, Cell] = {}
    for n, cell in enumerate(notebook["cells"]):
        name = grade_id(cell) or str(cell.get("id"))
        found[f"{name}#{n}" if name in found else name] = cell
    return found


def _digest(cell: Cell) -> str:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    return hashlib.sha256(f"{cell['cell_type']}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()
