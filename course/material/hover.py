"""``[words](term:NAME)`` in prose, as words with the glossary's text beside them when a pointer rests there.

A source writes a term as a link to the glossary (`course.glossary`). The build makes an ``abbr`` element of
it, which needs neither a script nor a network, and the same bytes each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from html import escape

from course.glossary import explain
from course.material.source import Cell
from pyemu.errors import MaterialError

__all__ = ["with_hovers"]

_TERM = re.compile(r"\[([^\]\n]+)\]\(term:([^)\n]+)\)")


def with_hovers(cells: Iterable[Cell], where: str) -> list[Cell]:
    """Turn links to the glossary in markdown cells into words with a text to hover.

    Parameters
    ----------
    cells : iterable of dict
        All cells of a notebook.
    where : str
        What messages call the file.

    Returns
    -------
    list of dict
        The cells.

    Raises
    ------
    MaterialError
        The glossary has no such word.
    """

    def hover(place: re.Match[str], cell_id: str) -> str:
        try:
            text = explain(place[2]).hover
        except MaterialError as error:
            raise MaterialError(f"{where}, cell {cell_id!r}: {error}") from None
        return f'<abbr title="{escape(text)}">{place[1]}</abbr>'

    done = []
    for cell in cells:
        if cell["cell_type"] == "markdown":
            cell = cell | {"source": _TERM.sub(partial(hover, cell_id=cell["id"]), cell["source"])}
        done.append(cell)
    return done
