"""What the answering functions of a lesson share: they print in lines, and keep what a learner gave."""

from __future__ import annotations

import textwrap

from course.notes import note, noted
from pyemu.errors import MaterialError

__all__ = ["WIDTH", "keep", "say"]

WIDTH = 96
"""Characters in a line."""


def say(text: str) -> None:
    """Print a paragraph."""
    print(textwrap.fill(text, WIDTH))


def keep(question_id: str, choice: str | None) -> str:
    """Keep what a learner gave, or find what was kept.

    Parameters
    ----------
    question_id : str
        Such as ``00-wake``.
    choice : str or None
        What to keep; None: nothing new.

    Returns
    -------
    str
        What counts now; empty when nothing was ever given. Where notes can't be read or written, that is
        said, and ``choice`` counts all the same.
    """
    try:
        if choice is not None:
            note(question_id, choice=choice)
            return choice
        return noted(question_id).get("choice", "")
    except MaterialError as error:
        say(str(error))
        print()
        return choice or ""
