"""``[fact:id]`` in prose, as a footnote.

In a source a citation stands behind the sentence that rests on it (`course.linuxfacts` has the facts). The
build turns it into a small raised number, and lists the facts in a last cell, numbered by first use. An
exercise lists where they stand, not what they say: a fact may be the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from course.linuxfacts import CITATION, Fact, find, load
from course.material.source import Cell, markdown_cell
from pyemu.errors import MaterialError

__all__ = ["CELL_ID", "cite"]

CELL_ID = "linux-facts"
"""The id of the cell that lists the facts."""

_SEVERAL = re.compile(rf"\s*{CITATION.pattern}(?:\s*{CITATION.pattern})*")


def cite(cells: Iterable[Cell], where: str, statements: bool = True) -> list[Cell]:
    """Turn citations in markdown cells into numbers, and add the cell that they lead to.

    Parameters
    ----------
    cells : iterable of dict
        All cells of a notebook.
    where : str
        What messages call the file.
    statements : bool
        Whether the last cell says what the facts are, or only where they stand.

    Returns
    -------
    list of dict
        The cells; one more if anything is cited.

    Raises
    ------
    MaterialError
        A citation names no fact.
    """
    cited: dict[str, Fact] = {}
    facts = load()
    done = []
    for cell in cells:
        if cell["cell_type"] != "markdown":
            done.append(cell)
            continue

        def number(place: re.Match[str], cell_id: str = cell["id"]) -> str:
            numbers = []
            for name in CITATION.findall(place[0]):
                try:
                    cited.setdefault(name, find(name, facts))
                except MaterialError as error:
                    raise MaterialError(f"{where}, cell {cell_id!r}: {error}") from None
                numbers.append(list(cited).index(name) + 1)
            return f"<sup>{', '.join(map(str, numbers))}</sup>"

        done.append(cell | {"source": _SEVERAL.sub(number, cell["source"])})
    return [*done, markdown_cell(CELL_ID, _text(cited.values(), statements))] if cited else done


def _text(facts: Iterable[Fact], statements: bool) -> str:
    """Write the last cell."""
    lines = [
        f"{number}. {fact.statement + ' ' if statements else ''}"
        f"Linux {fact.version}, {fact.file}, `{fact.function}`: `{fact.id}`"
        for number, fact in enumerate(facts, 1)
    ]
    return "\n".join(
        [
            "### What this says about Linux",
            "",
            *lines,
            "",
            "In a terminal, `faultlab fact` with the name at the end of a line says where that was read.",
        ]
    )
