"""The exercises that this version has, by their ids."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from course.checks.specification import Checks
from pyemu.errors import MaterialError

if TYPE_CHECKING:
    from course.material.exercise import Exercise

__all__ = ["checks_of", "exercise_ids", "exercise_of"]


def exercise_ids() -> list[str]:
    """Give the ids of all exercises."""
    from course.shelf import material

    return sorted(path.parent.name for path in material("exercises").glob("*/exercise.toml"))


@cache
def exercise_of(name: str) -> Exercise:
    """Give an exercise.

    Parameters
    ----------
    name : str
        Its id.

    Returns
    -------
    Exercise
        What its ``exercise.toml`` declares.

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
    exercise = exercise_of(name)
    checks: Checks = importlib.import_module(f"course.checks.{name}").CHECKS
    for what, declared, defined in (
        ("behaviours", {one.id for one in exercise.behaviours}, set(checks.checks)),
        ("wrong answers", {one.name for one in exercise.wrong}, {one.name for one in checks.causes}),
    ):
        if declared != defined:
            only = ", ".join(sorted(declared ^ defined))
            raise MaterialError(f"{name}: exercise.toml and its checks differ in {what}: {only}.")
    return checks
