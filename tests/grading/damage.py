"""Damages of filled-in notebooks, drawn by lot: what editors, mail, disks, git and learners do to a file.

::

    damages(200, seed, notebooks) --> Damaged(name, write, findings)

There are three kinds of damage: of the notebook (`tests.grading.damaged_notebook`), of its bytes
(`tests.grading.damaged_bytes`), of the file that holds them (`tests.grading.damaged_file`). Each says which
findings may come of it. ``harmless`` stands for none, with the points of the undamaged answer, and
``answer`` for an answer that is read as it stands and judged to be wrong, with a headline.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

Notebook = dict[str, Any]

HARMLESS = "harmless"
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to damage a notebook: writes the damaged one to a path."""

    name: str
    findings: frozenset[str]
    write: Callable[[Random, Notebook, Path], None]


@dataclass(frozen=True, slots=True)
class Damaged:
    """One damage of one notebook, drawn.

    Attributes
    ----------
    name : str
        For a file; unique in a draw.
    base : int
        Which of the notebooks it damages.
    findings : frozenset of str
        One of these must come of it.
    write : callable
        Writes it to a path.
    """

    name: str
    base: int
    findings: frozenset[str]
    write: Callable[[Path], None]


KINDS: dict[str, Kind] = {}


def of_file(*findings: str) -> Callable[[Any], Any]:
    """Declare a damage of the file: ``damage(random, data, path)`` makes what stands at the path."""

    def declare(damage: Callable[[Random, bytes, Path], None]) -> Callable[[Random, bytes, Path], None]:
        def write(random: Random, notebook: Notebook, path: Path) -> None:
            damage(random, bytes_of(notebook), path)

        name = damage.__name__
        assert name not in KINDS
        KINDS[name] = Kind(name, frozenset(findings), write)
        return damage

    return declare


def of_bytes(*findings: str) -> Callable[[Any], Any]:
    """Declare a damage of the bytes: ``damage(random, data)`` gives others."""

    def declare(damage: Callable[[Random, bytes], bytes]) -> Callable[[Random, bytes], bytes]:
        def write(random: Random, data: bytes, path: Path) -> None:
            path.write_bytes(damage(random, data))

        write.__name__ = damage.__name__
        of_file(*findings)(write)
        return damage

    return declare


def of_notebook(*findings: str) -> Callable[[Any], Any]:
    """Declare a damage of the notebook: ``damage(random, notebook)`` changes it, or gives another value."""

    def declare(damage: Callable[[Random, Notebook], Any]) -> Callable[[Random, Notebook], Any]:
        def write(random: Random, data: bytes) -> bytes:
            notebook = json.loads(data)
            other = damage(random, notebook)
            return bytes_of(notebook if other is None else other)

        write.__name__ = damage.__name__
        of_bytes(*findings)(write)
        return damage

    return declare


def bytes_of(notebook: Any) -> bytes:
    """Write a notebook as JupyterLab does."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")


def damages(n: int, seed: int, notebooks: Sequence[Notebook]) -> Iterator[Damaged]:
    """Draw damages.

    Parameters
    ----------
    n : int
        How many. Each kind comes up as often as the others, or once more.
    seed : int
        Draws their order, which notebook each damages, and where.
    notebooks : sequence of dict
        To damage; they stay as they are.

    Yields
    ------
    Damaged
        In the order of their names.
    """
    # They declare their damages when they are imported.
    from tests.grading import damaged_bytes, damaged_file, damaged_notebook  # noqa: F401  each adds its own

    random = Random(seed)
    kinds: list[Kind] = []
    while len(kinds) < n:
        kinds += random.sample(list(KINDS.values()), len(KINDS))
    for number, kind in enumerate(kinds[:n]):
        base, lot = random.randrange(len(notebooks)), random.random()
        name = f"d{number:03}-{kind.name.replace('_', '-')}"
        yield Damaged(name, base, kind.findings, partial(_write, kind, notebooks[base], lot))


def _write(kind: Kind, notebook: Notebook, lot: float, path: Path) -> None:
    kind.write(Random(lot), notebook, path)
