"""A table that a learner fills in: one letter a cell, each compared with what a run gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from course.decide.words import say
from pyemu.errors import FaultlabError

__all__ = ["OPEN", "Card", "compare"]

OPEN = "?"


@dataclass(frozen=True, slots=True)
class Card:
    """One case.

    Attributes
    ----------
    text : str
        What happens.
    rights : str
        The letters of a run, one for each column.
    why : tuple of str
        For each column: what speaks for the right letter, for who has another.
    """

    text: str
    rights: str
    why: tuple[str, ...]


def compare(cards: Sequence[Card], letters: str, meaning: Mapping[str, str], columns: Sequence[str]) -> None:
    """Print the cards with a learner's letters, and say where they part from the runs.

    Parameters
    ----------
    cards : sequence of Card
        The cases, from the first line to the last.
    letters : str
        Of all cells, line by line; blanks don't matter, `OPEN` is a cell not yet filled in.
    meaning : mapping of str to str
        What each letter says.
    columns : sequence of str
        What is asked of each case.

    Raises
    ------
    FaultlabError
        There are more or fewer letters than cells, or one means nothing.
    """
    own = "".join(letters.split()).lower()
    n = len(cards) * len(columns)
    if len(own) != n or set(own) - {*meaning, OPEN}:
        words = ", ".join(f"{letter} ({what})" for letter, what in meaning.items())
        raise FaultlabError(
            f"{letters!r} has {len(own)} letters; it must have {n}, one for each cell: {words}, or "
            f"{OPEN} for a cell not yet filled in."
        )
    width = max(len(card.text) for card in cards)
    print(f"    {'':<{width}}  {'  '.join(columns)}".rstrip())
    wrong, n_right = [], 0
    for i, card in enumerate(cards):
        cells = own[i * len(columns) : (i + 1) * len(columns)]
        said = "  ".join(f"{_word(c, meaning):<{len(name)}}" for c, name in zip(cells, columns, strict=True))
        print(f"{i + 1:>2}  {card.text:<{width}}  {said}".rstrip())
        for letter, right, name, why in zip(cells, card.rights, columns, card.why, strict=True):
            n_right += letter == right
            if letter not in (OPEN, right):
                wrong.append(f"Line {i + 1}, {name}: {meaning[letter]} is not what the run gave. {why}")
    print()
    for text in wrong:
        say(text)
    n_open = own.count(OPEN)
    tail = f", {n_open} are open." if n_open else "."
    print(f"All {n} are as in the runs." if n_right == n else f"{n_right} of {n} are as in the runs{tail}")


def _word(letter: str, meaning: Mapping[str, str]) -> str:
    return meaning.get(letter, OPEN)
