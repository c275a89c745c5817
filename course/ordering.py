"""``order``: lines of code that the learner puts in order; feedback names the first that is out of place.

They stand in the lesson's file, in the right order::

    [wait]                                      # 04-wait of lesson 04
    ask = "How does a fault wait for a monitor?"
    lines = [
        { text = "queue the message", why = "The monitor must find it before it can answer." },
        { text = "release mmap_sem", why = "..." },  # why it stands where it stands
    ]
    extra = [                                   # optional: lines that belong nowhere
        { text = "take mmap_sem again", why = "The caller does that." },
    ]

They are shown shuffled and lettered, the same way each time. Two lines with the same text are the same line:
either letter may stand in either place.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from course.questionfile import load_entry, tables
from course.saying import WIDTH, keep, say
from pyemu.errors import MaterialError

__all__ = ["Ordering", "Placed", "load_ordering", "order", "orderings_of"]


@dataclass(frozen=True, slots=True)
class Placed:
    """One line.

    Attributes
    ----------
    text : str
        The line, with its indentation.
    why : str
        Why it stands where it stands; of a line that belongs nowhere, why it does not belong.
    belongs : bool
        Whether it belongs to the code at all.
    """

    text: str
    why: str
    belongs: bool = True


@dataclass(frozen=True, slots=True)
class Ordering:
    """Lines to be put in order.

    Attributes
    ----------
    id : str
        Lesson and name, such as ``04-wait``.
    ask : str
        The task.
    lines : tuple of Placed
        In the right order.
    extra : tuple of Placed
        Lines that belong nowhere.
    """

    id: str
    ask: str
    lines: tuple[Placed, ...]
    extra: tuple[Placed, ...]

    @property
    def lettered(self) -> dict[str, Placed]:
        """All lines by letter: shuffled by their texts, and never in the right order."""
        every = [*self.lines, *self.extra]
        mixed = sorted(every, key=lambda one: sha256(f"{self.id} {one.text}".encode()).digest())
        texts = [one.text for one in mixed if one.belongs]
        if texts == [one.text for one in self.lines]:
            mixed.reverse()
        return dict(zip(string.ascii_uppercase, mixed, strict=False))

    def text(self) -> str:
        """Give task and lettered lines."""
        shown = [f"  {letter}  {one.text}" for letter, one in self.lettered.items()]
        return "\n".join([self.ask, *shown])

    def feedback(self, letters: str) -> str:
        """Say how far an order is right.

        Parameters
        ----------
        letters : str
            Letters of lines, each at most once.

        Returns
        -------
        str
            About the first line that is out of place, or that all are in place.
        """
        given = [self.lettered[letter] for letter in letters]
        for n, (letter, one) in enumerate(zip(letters, given, strict=True)):
            if n < len(self.lines) and one.text == self.lines[n].text:
                continue
            before = ("", "The first line is in place. ", f"The first {n} lines are in place. ")[min(n, 2)]
            what = "is not yet due" if one.belongs else "does not belong here at all"
            return f"{before}But {letter} {what}: {one.text.strip()!r}. {one.why}"
        missing = len(self.lines) - len(given)
        if missing:
            return f"So far all are in place: {_lines(len(given))}. {missing} more {_are(missing)} missing."
        return f"All {_lines(len(given))} are in place."


def load_ordering(question_id: str) -> Ordering:
    """Load one task.

    Parameters
    ----------
    question_id : str
        Such as ``04-wait``.

    Returns
    -------
    Ordering
        From the lesson's file.

    Raises
    ------
    MaterialError
        There is none of that name, or the file is malformed.
    """
    return load_entry(question_id, "lines", _ordering)


def orderings_of(lesson: str) -> dict[str, Ordering]:
    """Load all tasks of a lesson, by name; see `load_ordering`."""
    return {name: _ordering(f"{lesson}-{name}", *one) for name, one in tables(lesson, "lines").items()}


def order(question_id: str, letters: str = "") -> None:
    """Show lines of code, and say how far the learner's order is right.

    Parameters
    ----------
    question_id : str
        Such as ``04-wait``.
    letters : str
        Letters of lines in order, such as ``C A B`` or ``cab``; empty: none yet.

    Raises
    ------
    MaterialError
        There is no such task.
    """
    task = load_ordering(question_id)
    given, problem = _read(str(letters), task)
    print(task.text())
    print()
    if problem:
        say(f"{problem} {_how(task)}")
        print()
    kept = keep(task.id, None if problem or not given else given)
    kept, stale = _read(kept, task)
    if not kept or stale:
        say(f"Your order: none yet. {_how(task)}")
        return
    for letter in kept:
        print(f"  {letter}  {task.lettered[letter].text}")
    print()
    say(f"Your order: {' '.join(kept)}. {task.feedback(kept)}")
    if [task.lettered[letter].text for letter in kept] == [one.text for one in task.lines]:
        for n, one in enumerate(task.lines, 1):
            say(f"{n}. {one.why}")


def _read(letters: str, task: Ordering) -> tuple[str, str]:
    """Read letters; give them, and what is wrong with them."""
    given = "".join(one for one in letters.upper() if not one.isspace() and one not in ",;")
    for letter in given:
        if letter not in task.lettered:
            return "", f"{letters!r} names {letter!r}, which is none of the lines."
        if given.count(letter) > 1:
            return "", f"{letters!r} has {letter} more than once; each line is used once."
    return given, ""


def _how(task: Ordering) -> str:
    *first, last = task.lettered
    some = f", {len(task.extra)} of them {_are(len(task.extra))} not needed" if task.extra else ""
    return (
        f"Give the letters {', '.join(first)} and {last} in the right order{some}, as in "
        f'order("{task.id}", "{" ".join([*first, last][:3])} ..."), and run this cell again.'
    )


def _lines(n: int) -> str:
    return f"{n} line{'s' * (n != 1)}"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _ordering(question_id: str, table: dict[str, Any], where: str) -> Ordering:
    if not set(table) <= {"ask", "lines", "extra"}:
        raise MaterialError(f"{where}: lines to put in order have the keys 'ask', 'lines' and 'extra' only.")
    lines = _placed(table["lines"], True, f"{where}, 'lines'")
    extra = _placed(table.get("extra", []), False, f"{where}, 'extra'")
    if len(lines) < 3 or len(lines) + len(extra) > len(string.ascii_uppercase):
        raise MaterialError(
            f"{where}: 'lines' has {len(lines)}; an order takes three lines to 26 with extras."
        )
    if {one.text for one in lines} & {one.text for one in extra}:
        raise MaterialError(
            f"{where}: a line of 'extra' is in 'lines' as well; no answer could be wrong then."
        )
    return Ordering(question_id, table["ask"], lines, extra)


def _placed(value: Any, belongs: bool, where: str) -> tuple[Placed, ...]:
    if not isinstance(value, list):
        raise MaterialError(f"{where} must be a list of tables with 'text' and 'why'.")
    for one in value:
        if (
            not isinstance(one, dict)
            or set(one) != {"text", "why"}
            or not all(isinstance(text, str) and text.strip() for text in one.values())
        ):
            raise MaterialError(f"{where}: {one!r} must be a table with the texts 'text' and 'why'.")
        if "\n" in one["text"] or len(one["text"]) > WIDTH - 5:
            raise MaterialError(
                f"{where}: {one['text']!r} must be one line of at most {WIDTH - 5} characters."
            )
    return tuple(Placed(one["text"], one["why"], belongs) for one in value)
