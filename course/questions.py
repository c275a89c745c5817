"""The questions of a lesson with choices: predictions before a run, and diagnostic questions at the end.

They stand beside the lesson, in ``lessons/NN-slug.toml``, so that the notebook doesn't show what is right::

    [wake]                                  # the question 00-wake of lesson 00
    ask = "What does the read give?"
    [[wake.choices]]
    text = "the value"
    outcome = "ret=5"                       # a prediction: the choice comes true when a run gives this
    [[wake.choices]]
    text = "SIGBUS"
    outcome = "SIGBUS(code=2)"

    [rerun]
    ask = "Who re-runs the load?"
    [[rerun.choices]]
    text = "the kernel"
    right = true                            # a diagnostic question: one choice is right
    why = "..."                             # each choice has feedback
    [[rerun.choices]]
    text = "the CPU"
    why = "..."                             # of a wrong one: what is mistaken

Choices are shown as A, B, C, ... in the order of the file.
"""

from __future__ import annotations

import string
import textwrap
from dataclasses import dataclass
from typing import Any

from course.questionfile import load_entry, tables
from course.saying import WIDTH
from pyemu.errors import MaterialError

__all__ = ["Choice", "Question", "load_question", "questions_of"]

_CHOICE_KEYS = frozenset({"text", "outcome", "right", "why"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose.

    Attributes
    ----------
    letter : str
        ``A``, ``B``, ...
    text : str
        What it says.
    outcome : str
        Of a prediction: what a run gives when it comes true.
    right : bool
        Of a diagnostic question: whether it is right.
    why : str
        Feedback to who chose it.
    """

    letter: str
    text: str
    outcome: str = ""
    right: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its choices.

    Attributes
    ----------
    id : str
        Lesson and name, such as ``00-wake``.
    ask : str
        The question.
    choices : tuple of Choice
        Two or more.
    """

    id: str
    ask: str
    choices: tuple[Choice, ...]

    @property
    def letters(self) -> str:
        """The valid answers as words: ``"A", "B" or "C"``."""
        *first, last = (f'"{choice.letter}"' for choice in self.choices)
        return f"{', '.join(first)} or {last}"

    def choice(self, letter: str) -> Choice | None:
        """Find a choice; case and blanks don't matter."""
        return next((one for one in self.choices if one.letter == letter.strip().upper()), None)

    def text(self) -> str:
        """Give question and choices as lines."""
        lines = textwrap.wrap(self.ask, WIDTH)
        for one in self.choices:
            lines += textwrap.wrap(f"  {one.letter}  {one.text}", WIDTH, subsequent_indent="     ")
        return "\n".join(lines)


def load_question(question_id: str) -> Question:
    """Load one question.

    Parameters
    ----------
    question_id : str
        Number of the lesson and name of the question, such as ``00-wake``.

    Returns
    -------
    Question
        From the lesson's file.

    Raises
    ------
    MaterialError
        There is no such question, or the file is malformed.
    """
    return load_entry(question_id, "choices", _question)


def questions_of(lesson: str) -> dict[str, Question]:
    """Load all questions of a lesson that have choices.

    Parameters
    ----------
    lesson : str
        Its number, such as ``00``.

    Returns
    -------
    dict of str to Question
        By name, in the order of the file; empty when the lesson has none.

    Raises
    ------
    MaterialError
        The file is malformed; the text names file, question and rule.
    """
    found = tables(lesson, "choices")
    return {name: _question(f"{lesson}-{name}", *one) for name, one in found.items()}


def _question(question_id: str, table: dict[str, Any], where: str) -> Question:
    if set(table) != {"ask", "choices"}:
        raise MaterialError(f"{where}: a question has the keys 'ask' and 'choices', and no other.")
    choices = table["choices"]
    if not isinstance(choices, list) or not 2 <= len(choices) <= len(string.ascii_uppercase):
        raise MaterialError(f"{where}: 'choices' must be a list of two or more tables.")
    made = tuple(_choice(*pair, where) for pair in zip(string.ascii_uppercase, choices, strict=False))
    n_right = sum(one.right for one in made)
    outcomes = [one.outcome for one in made if one.outcome]
    if n_right == 1 and not outcomes and all(one.why for one in made):
        return Question(question_id, table["ask"], made)
    if n_right == 0 and len(set(outcomes)) == len(made):
        return Question(question_id, table["ask"], made)
    raise MaterialError(
        f"{where}: either each choice has an 'outcome' of its own (a prediction), "
        "or one is 'right' and each has a 'why' (a diagnostic question)."
    )


def _choice(letter: str, table: Any, where: str) -> Choice:
    if not isinstance(table, dict) or "text" not in table or not set(table) <= _CHOICE_KEYS:
        raise MaterialError(
            f"{where}, choice {letter}: is {table!r}; it must be a table with 'text' and some of "
            f"{', '.join(sorted(_CHOICE_KEYS - {'text'}))}."
        )
    kinds = {"text": str, "outcome": str, "right": bool, "why": str}
    for key, value in table.items():
        if not isinstance(value, kinds[key]):
            raise MaterialError(
                f"{where}, choice {letter}: {key!r} is {value!r}, not a {kinds[key].__name__}."
            )
    return Choice(letter, **table)
