"""What a seed decides: which page, which times, how many wakes.

A draw is a function of seed, place and name alone, so that one more draw changes no other, and the same seed
gives the same scenarios on every machine and version of Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Draw"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draw:
    """Chooses the numbers of one behaviour's scenarios.

    Parameters
    ----------
    seed : str or None
        None draws the first of all choices: the plain case, which a learner sees in the notebook.
    place : str
        What the numbers are for, usually exercise and behaviour.

    Examples
    --------
    >>> Draw(None, "s13")("page", range(1, 4)), Draw("b", "s13")("page", range(1, 4))
    (1, 3)
    """

    seed: str | None
    place: str

    def __call__(self, name: str, choices: Sequence[T]) -> T:
        """Choose one.

        Parameters
        ----------
        name : str
            What is chosen; the same name gives the same choice.
        choices : sequence
            At least one; all are equally likely.

        Returns
        -------
        object
            One of the choices.
        """
        if self.seed is None:
            return choices[0]
        text = "\0".join((self.seed, self.place, name))
        drawn = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
        # len() of a range of addresses is too much for a machine of 32 bits, such as a browser's
        n = choices.index(choices[-1]) + 1 if isinstance(choices, range) else len(choices)
        return choices[drawn % n]
