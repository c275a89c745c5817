"""Which lessons and exercises the site has, and why the others are left out."""

from __future__ import annotations

from pathlib import Path

from course.curriculum import lesson_number, lesson_place
from course.shelf import material, notebooks

__all__ = ["LEFT_OUT", "exercises_in", "lessons_in"]

LEFT_OUT = {
    "15": "It asks the Linux kernel that it runs on, and a page in a browser is shown none.",
    "16": "It and its exercise compile what you write, and a browser has no C compiler.",
}
"""Reasons, by the number of a lesson; its exercises are left out with it."""


def lessons_in() -> list[Path]:
    """Give the notebooks of the lessons that run in a browser, in the order in which they are read."""
    found = sorted(material("lessons").glob("*.ipynb"), key=lesson_place)
    return [path for path in found if lesson_number(path) not in LEFT_OUT]


def exercises_in() -> list[Path]:
    """Give the notebooks of the exercises of these lessons."""
    from course.checks.library import exercise_of

    found = [path for name, path in notebooks().items() if name.startswith("exercises/")]
    return [path for path in found if exercise_of(path.stem).lesson not in LEFT_OUT]
