"""The exercises that this version has, by their ids."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from course.checks.points import points_in_force
from course.checks.specification import Checks
from pyemu.errors import MaterialError

if TYPE_CHECKING:
    from course.material.exercise import Exercise

__all__ = ["checks_of", "declared", "exercise_ids", "exercise_of"]


def exercise_ids() -> list[str]:
    """Give the ids of all exercises."""
    from course.shelf import material

    return sorted(path.parent.name for path in material("exercises").glob("*/exercise.toml"))


def exercise_of(name: str) -> Exercise:
    """Give an exercise, with the points that count at present.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    Exercise
        What its ``exercise.toml`` declares; points may be changed (`course.checks.points`).

    Raises
    ------
    MaterialError
        There is none of that id.
    """
    exercise = declared(name)
    changed = points_in_force().get(name)
    if not changed:
        return exercise
    counted = (replace(one, points=changed.get(one.id, one.points)) for one in exercise.behaviours)
    return replace(exercise, behaviours=tuple(counted))


@cache
def declared(name: str) -> Exercise:
    """Give an exercise exactly as its ``exercise.toml`` declares it.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    Exercise
        Behaviours, points, answers.

    Raises
    ------
    MaterialError
        There is none of that id.
    """
    from course.material.exercise import load_exercise
    from course.shelf import material

    if name not in exercise_ids():
        raise MaterialError(
            f"there is no exercise {name!r}; there are: {', '.join(exercise_ids()) or 'none'}."
        )
    return load_exercise(material("exercises") / name)


@cache
def checks_of(name: str) -> Checks:
    """Give the checks of an exercise; they stand in a module of this package that has its id.

    Parameters
    ----------
    name : str
        The id of an exercise that exists.

    Returns
    -------
    Checks
        Its checks, one for each behaviour.

    Raises
    ------
    MaterialError
        Checks and ``exercise.toml`` do not name the same behaviours, or wrong answers.
    """
    exercise = declared(name)
    checks: Checks = importlib.import_module(f"course.checks.{name}").CHECKS
    for what, stated, defined in (
        ("behaviours", {one.id for one in exercise.behaviours}, set(checks.checks)),
        ("wrong answers", {one.name for one in exercise.wrong}, {one.name for one in checks.causes}),
    ):
        if stated != defined:
            only = ", ".join(sorted(stated ^ defined))
            raise MaterialError(f"{name}: exercise.toml and its checks differ in {what}: {only}.")
    return checks
