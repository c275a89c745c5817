"""``self_test``: the answers to a bridge's own questions, and whether the bridge may be skipped.

The questions are those of the bridge's file whose names begin with ``test-``; a learner answers each with
`course.predictions.answer`. What counts is the first choice: feedback to it may name what is right.
"""

from __future__ import annotations

from course.notes import noted
from course.questions import Question, questions_of
from course.saying import say
from pyemu.errors import MaterialError

__all__ = ["self_test"]

PREFIX = "test-"
MISTAKES = 1
"""So many first choices may be wrong of who skips the bridge."""


def self_test(bridge: str) -> None:
    """Say which questions were answered, and whether the bridge may be skipped.

    Parameters
    ----------
    bridge : str
        Its number, such as ``B1``.

    Raises
    ------
    MaterialError
        It has no such questions.
    """
    found = {name: one for name, one in questions_of(bridge).items() if name.startswith(PREFIX)}
    if not found:
        raise MaterialError(f"lesson {bridge!r} has no self-test: no question whose name begins {PREFIX!r}.")
    first = {}
    for question in found.values():
        first[question.id] = said = _first(question)
        print(f"  {question.id}  {said or 'not answered yet'}")
    print()
    n_right, n_open = list(first.values()).count("right"), list(first.values()).count("")
    if n_open:
        say(f"{len(first) - n_open} of {len(first)} are answered. Answer the others and run this cell again.")
        return
    say(f"{n_right} of {len(first)} were right at the first choice.")
    if len(first) - n_right <= MISTAKES:
        say("You know this. You may skip this bridge; nothing in the lessons will be missing.")
    else:
        say("This bridge is for you: work through it before you go on.")


def _first(question: Question) -> str:
    """Say whether the first choice was right; an empty text when there is none."""
    try:
        chosen = question.choice(noted(question.id).get("first", ""))
    except MaterialError as error:
        say(str(error))
        return ""
    return "" if chosen is None else "right" if chosen.right else f"{chosen.letter} was not right"
