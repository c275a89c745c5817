"""What each behaviour counts for: as ``exercise.toml`` says, or as a course has changed it.

A course that weighs behaviours differently writes a file of points and names it to ``faultlab release`` and
``faultlab grade``::

    version = 1

    [e04_loop]                      # an exercise
    s13 = 4                         # a behaviour and its points; those that are left out stay as they are
    "mutant-a" = 2

A released notebook says its points itself: in the metadata of its check cells, and in a cell that calls
`use_points`, so that its own checks count so as well.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyemu.errors import MaterialError

__all__ = ["Points", "changed_points", "load_points", "points_in", "points_in_force", "use_points"]

Points = Mapping[str, Mapping[str, int]]
"""Points by behaviour, by exercise: only what a course has changed."""

VERSION = 1
MOST = 1000
"""No behaviour counts for more: a slip of the keyboard is more likely."""

_IN_FORCE: dict[str, dict[str, int]] = {}


def load_points(path: Path) -> Points:
    """Read a file of points.

    Parameters
    ----------
    path : Path
        TOML, as the head of this module shows.

    Returns
    -------
    mapping of str to mapping of str to int
        By exercise and behaviour.

    Raises
    ------
    MaterialError
        It can't be read or is not TOML; an exercise or a behaviour doesn't exist; points are no whole number
        from 1 to 1000.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MaterialError(f"{path} can't be read ({error.strerror}); name a file of points.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MaterialError(f"{path} is not TOML: {error}. Write for example: s13 = 4") from error
    if values.pop("version", None) != VERSION:
        raise MaterialError(f"{path}: its first line must be 'version = {VERSION}'.")
    for exercise, table in values.items():
        _check(exercise, table, f"{path}, [{exercise}]")
    return values


def points_in(path: Path, exercise: str) -> Points:
    """Read the points that a released notebook says; what isn't sound there counts as not said.

    Parameters
    ----------
    path : Path
        A notebook file, whatever it is.
    exercise : str
        The exercise that it is for.

    Returns
    -------
    mapping of str to mapping of str to int
        What it counts otherwise than the exercise itself; empty for a notebook as the course has it.
    """
    from course.checks.library import declared

    usual = {one.id: one.points for one in declared(exercise).behaviours}
    try:
        cells = json.loads(path.read_bytes())["cells"]
        marks = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        said = {one["grade_id"]: one["points"] for one in marks if one.get("grade")}
        changed = {name: n for name, n in said.items() if name in usual and n != usual[name]}
        _check(exercise, changed, str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, MaterialError):
        return {}
    return {exercise: changed} if changed else {}


def points_in_force() -> Points:
    """Give what is changed at present, by exercise and behaviour."""
    return {name: dict(table) for name, table in _IN_FORCE.items()}


@contextmanager
def changed_points(points: Points) -> Iterator[None]:
    """Let other points count within the block.

    Parameters
    ----------
    points : mapping of str to mapping of str to int
        What `load_points` gave.
    """
    before = points_in_force()
    _set(points)
    try:
        yield
    finally:
        _set(before)


def use_points(exercise: str, points: Mapping[str, int]) -> None:
    """Let the checks of a notebook count other points from here on; a released notebook calls this.

    Parameters
    ----------
    exercise : str
        Its id.
    points : mapping of str to int
        By behaviour.

    Raises
    ------
    MaterialError
        There is no such exercise or behaviour, or the points are no whole numbers from 1 to 1000.
    """
    _check(exercise, points, f"use_points({exercise!r}, ...)")
    _IN_FORCE[exercise] = dict(points)


def _set(points: Points) -> None:
    _IN_FORCE.clear()
    _IN_FORCE.update({name: dict(table) for name, table in points.items()})


def _check(exercise: str, table: Any, where: str) -> None:
    """Refuse points of an exercise that don't fit it."""
    from course.checks.library import declared

    known = [one.id for one in declared(exercise).behaviours]
    if not isinstance(table, Mapping):
        raise MaterialError(f"{where} is {table!r}; it must be lines such as '{known[0]} = 4'.")
    for name, n in table.items():
        if name not in known:
            raise MaterialError(f"{where}: there is no behaviour {name!r}; there are: {', '.join(known)}.")
        if type(n) is not int or not 1 <= n <= MOST:
            raise MaterialError(f"{where}: {name} counts {n!r}; points are whole numbers from 1 to {MOST}.")
