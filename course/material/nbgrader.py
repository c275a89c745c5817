"""The metadata by which course tools know a cell's role: nbgrader's schema 3.

==========  =====  ========  ======  ======  =======================================
role        grade  solution  locked  points  what it is
==========  =====  ========  ======  ======  =======================================
``ANSWER``  no     yes       no      -       the learner writes here
``CHECK``   yes    no        yes     yes     gives points; restored when it was changed
``GIVEN``   no     no        yes     -       code the other cells need
==========  =====  ========  ======  ======  =======================================

A cell without this metadata is the learner's to play with. Schema and checksum are those of nbgrader
0.9.6 (``nbgraderformat/v3.py``, ``utils.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

from course.material.source import Cell, Notebook

__all__ = ["Role", "cells_of_role", "checksum", "grade_id", "role_of", "with_role"]


class Role(Enum):
    """What a code cell of an exercise is for."""

    ANSWER = "answer"
    CHECK = "check"
    GIVEN = "given"


def with_role(cell: Cell, role: Role, points: int | None = None) -> Cell:
    """Return the cell with a role's metadata.

    Parameters
    ----------
    cell : dict
        A code cell; its id becomes the grade id.
    role : Role
        The role.
    points : int, optional
        Points of a check, in whole points; None for the other roles.

    Returns
    -------
    dict
        A copy with metadata ``nbgrader``, ``deletable`` and ``editable``.
    """
    meta: dict[str, Any] = {
        "cell_type": cell["cell_type"],
        "grade": role is Role.CHECK,
        "grade_id": cell["id"],
        "locked": role is not Role.ANSWER,
        "schema_version": 3,
        "solution": role is Role.ANSWER,
        "task": False,
    }
    if role is Role.CHECK:
        meta["points"] = points
    locks = {"deletable": False} | ({} if role is Role.ANSWER else {"editable": False})
    marked: Cell = cell | {"metadata": cell["metadata"] | locks | {"nbgrader": meta}}
    meta["checksum"] = checksum(marked)
    return marked


def checksum(cell: Cell) -> str:
    """Return nbgrader's checksum of a cell, by which it sees that a cell was changed.

    Parameters
    ----------
    cell : dict
        A cell with metadata ``nbgrader``.

    Returns
    -------
    str
        32 hexadecimal digits (MD5: a fingerprint, not a protection).
    """
    meta = cell["metadata"]["nbgrader"]
    grade, solution = meta["grade"], meta["solution"]
    locked = not solution and (grade or meta["locked"])
    parts = [cell["source"], cell["cell_type"], str(grade), str(solution), str(locked), meta["grade_id"]]
    if grade:
        parts.append(str(float(meta["points"])))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


def grade_id(cell: Mapping[str, Any]) -> str | None:
    """Return the grade id of a cell, None when it has none or its metadata is damaged."""
    metadata = cell.get("metadata")
    meta = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    found = meta.get("grade_id") if isinstance(meta, Mapping) else None
    return found if isinstance(found, str) and found else None


def role_of(cell: Mapping[str, Any]) -> Role | None:
    """Return the role of a cell of ours, None for a cell that is the learner's."""
    if grade_id(cell) is None:
        return None
    meta = cell["metadata"]["nbgrader"]
    if meta["solution"]:
        return Role.ANSWER
    return Role.CHECK if meta["grade"] else Role.GIVEN


def cells_of_role(notebook: Notebook, role: Role) -> dict[str, Cell]:
    """Return the cells of a role by id, in the order of the notebook."""
    return {cell["id"]: cell for cell in notebook["cells"] if role_of(cell) is role}
