"""The lessons in the order of the curriculum; numbers such as ``07a``, bridges such as ``B1``."""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["BRIDGES", "CORE", "LESSONS", "lesson_number", "lesson_place"]

LESSONS = (
    "00", "01", "02", "B1", "03", "B2", "04", "05", "06", "B3", "07a",
    "B4", "07b", "08", "09", "10", "11", "12a", "12b", "13", "14", "15", "16",
)  # fmt: skip
"""Numbers of all lessons, in the order in which they are read."""

BRIDGES = tuple(number for number in LESSONS if number.startswith("B"))
"""Lessons for who does not know something yet; each has a self-test."""

CORE = frozenset({"00", "B1", "03", "B2", "04", "05", "06", "B3", "07a", "08", "10"})
"""The core track, which takes about ten hours with its exercises."""


def lesson_number(path: PurePath | str) -> str:
    """Read a lesson's number from its file's name.

    Parameters
    ----------
    path : PurePath or str
        Such as ``lessons/B1-threads.py``.

    Returns
    -------
    str
        Such as ``B1``.
    """
    return PurePath(path).name.partition("-")[0]


def lesson_place(path: PurePath | str) -> tuple[int, str]:
    """Give a key by which files of lessons are sorted as they are read; strangers come last, by name."""
    number = lesson_number(path)
    return (LESSONS.index(number) if number in LESSONS else len(LESSONS), PurePath(path).name)
