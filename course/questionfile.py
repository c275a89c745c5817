"""The file of a lesson's questions, ``lessons/NN-slug.toml``: its tables, each of one kind.

======================  ====================================  ============================================
a table with            is                                    and read by
======================  ====================================  ============================================
``choices``             a prediction or a diagnostic          `course.questions`
                        question
``lines``               lines of code to be put in order      `course.ordering`
``code``                code with gaps to be filled           `course.gaps`
======================  ====================================  ============================================

A table ``[wake]`` of lesson 00 is asked for as ``00-wake``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any, TypeVar

from course.shelf import material
from pyemu.errors import MaterialError

__all__ = ["KINDS", "load_entry", "tables"]

KINDS = {"choices": "question", "lines": "lines to put in order", "code": "gaps to fill"}
"""The key that tells what a table is, and what it then is."""

Entry = TypeVar("Entry")


def tables(lesson: str, key: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Read the tables of one kind.

    Parameters
    ----------
    lesson : str
        Its number, such as ``00`` or ``B1``.
    key : str
        A key of `KINDS`.

    Returns
    -------
    dict of str to (dict, str)
        By name, in the order of the file: the table, and where it stands, in words.

    Raises
    ------
    MaterialError
        A file is not TOML, or something in it is not a table of one kind.
    """
    found = {}
    for path in sorted(material("lessons").glob(f"{lesson}-*.toml")):
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise MaterialError(f"{path} is not TOML ({error}); mend it.") from error
        for name, table in data.items():
            where = f"{path.name}, question {name!r}"
            kinds = [kind for kind in KINDS if isinstance(table, dict) and kind in table]
            if len(kinds) != 1:
                raise MaterialError(
                    f"{where}: a question has the keys 'ask' (a text) and one of "
                    f"{', '.join(map(repr, KINDS))}; this has {', '.join(kinds) or 'none of them'}."
                )
            if not isinstance(table.get("ask"), str) or not table["ask"].strip():
                raise MaterialError(f"{where}: 'ask' must be a text: what the learner is asked.")
            if key in table:
                found[name] = table, where
    return found


def load_entry(question_id: str, key: str, make: Callable[[str, dict[str, Any], str], Entry]) -> Entry:
    """Load one table.

    Parameters
    ----------
    question_id : str
        Number of the lesson and name of the table, such as ``00-wake``.
    key : str
        A key of `KINDS`.
    make : callable
        Makes the entry of its id, its table and where that stands.

    Returns
    -------
    object
        What ``make`` returned.

    Raises
    ------
    MaterialError
        There is none of that name and kind.
    """
    lesson, _, name = str(question_id).partition("-")
    found = tables(lesson, key)
    if name not in found:
        have = ", ".join(f"{lesson}-{one}" for one in found) or "none"
        raise MaterialError(f"there is no {KINDS[key]} {question_id!r}; lesson {lesson!r} has: {have}.")
    return make(question_id, *found[name])
