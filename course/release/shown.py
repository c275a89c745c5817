"""What of an answer a learner may see all the same, each place with its stored reason: ``shown.toml``.

::

    [[shown]]
    exercise = "h01_walk"                       # whose secret
    file = "h01_walk.ipynb"                     # where it is shown
    cell = "short"
    reason = "The loop over the levels is given in a short form, to be read beside one's own."
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pyemu.errors import MaterialError

__all__ = ["FILE", "Shown", "load_shown"]

FILE = Path(__file__).with_name("shown.toml")
_KEYS = {"exercise", "file", "cell", "reason"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One cell that shows something of an answer, and why it may."""

    exercise: str
    file: str
    cell: str
    reason: str


@cache
def load_shown(path: Path = FILE) -> tuple[Shown, ...]:
    """Read the stored reasons.

    Parameters
    ----------
    path : Path
        TOML, as the head of this module shows.

    Returns
    -------
    tuple of Shown
        In the order of the file.

    Raises
    ------
    MaterialError
        An entry lacks a key or has another one, a place stands there twice, or a reason is no sentence.
    """
    found: dict[tuple[str, str, str], Shown] = {}
    for number, table in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("shown", []), 1):
        where = f"{path.name}, entry {number}"
        if set(table) != _KEYS or not all(isinstance(one, str) for one in table.values()):
            raise MaterialError(f"{where}: an entry has the texts {', '.join(sorted(_KEYS))}, and no other.")
        one = Shown(**table)
        if len(one.reason.split()) < 4 or not one.reason.endswith("."):
            raise MaterialError(f"{where}: 'reason' is {one.reason!r}; say why in a sentence.")
        key = (one.exercise, one.file, one.cell)
        if key in found:
            raise MaterialError(f"{where}: {' '.join(key)} stands there twice; keep one.")
        found[key] = one
    return tuple(found.values())
