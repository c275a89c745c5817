"""``{{name}}`` in prose, filled from what the code computed.

A number in a lesson's text comes from a cell, so that it can't go stale. A code cell with the tag
``numbers`` ends in a dictionary literal of names and values::

    # %% tags=["numbers"]
    {"n_old": len(old.attempts), "outcome": new.outcome.name}

The build runs it where it stands, takes the values from its output, and removes the cell: the learner
sees the filled text and no machinery. A later cell must not use names that such a cell defines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from course.material.source import Cell, tags_of
from pyemu.errors import MaterialError

__all__ = ["TAG", "Value", "fill", "harvest"]

TAG = "numbers"
"""The tag of a cell whose result is a dictionary of published values."""

Value = int | float | str
"""What may be published: a bool would read as 'True' in a sentence, and is refused."""

_PLACE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def harvest(cells: Iterable[Cell], where: str) -> tuple[list[Cell], dict[str, Value]]:
    """Take the published values out of executed cells.

    Parameters
    ----------
    cells : iterable of dict
        Executed cells.
    where : str
        What messages call the file.

    Returns
    -------
    tuple of (list of dict, dict)
        The cells without the publishing ones, and the values by name.

    Raises
    ------
    MaterialError
        A publishing cell has no result, its result is not a dictionary of names to int, float or str, or
        a name is published twice.
    """
    kept: list[Cell] = []
    values: dict[str, Value] = {}
    for cell in cells:
        if cell["cell_type"] != "code" or TAG not in tags_of(cell):
            kept.append(cell)
            continue
        published = _result(cell, where)
        if twice := sorted(values.keys() & published.keys()):
            raise MaterialError(f"{where}, cell {cell['id']!r} publishes {twice[0]!r} again; rename it.")
        values |= published
    return kept, values


def fill(cells: Iterable[Cell], values: dict[str, Value], where: str) -> list[Cell]:
    """Fill ``{{name}}`` in markdown cells.

    An int is written with thousands separators, a float with up to six digits, a str as it is.

    Parameters
    ----------
    cells : iterable of dict
        All cells of a notebook; other than markdown cells are passed through.
    values : dict
        Published values by name.
    where : str
        What messages call the file.

    Returns
    -------
    list of dict
        The cells, filled.

    Raises
    ------
    MaterialError
        A name was not published, or a published name is not used.
    """
    used: set[str] = set()

    def filled(cell: Cell) -> Cell:
        def text(place: re.Match[str]) -> str:
            name = place[1]
            if name not in values:
                have = ", ".join(sorted(values)) or "none"
                raise MaterialError(
                    f"{where}, cell {cell['id']!r}: {place[0]} is not filled; publish {name!r} "
                    f"in a cell with the tag {TAG!r} (published: {have})."
                )
            used.add(name)
            return _written(values[name])

        return cell | {"source": _PLACE.sub(text, cell["source"])}

    result = [filled(cell) if cell["cell_type"] == "markdown" else cell for cell in cells]
    if unused := sorted(values.keys() - used):
        raise MaterialError(f"{where}: {unused[0]!r} is published but no text uses it; remove it.")
    return result


def _result(cell: Cell, where: str) -> dict[str, Value]:
    results = [output for output in cell["outputs"] if output["output_type"] == "execute_result"]
    text = results[0]["data"]["text/plain"] if results else "None"
    try:
        published = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        published = text
    if not isinstance(published, dict):
        raise MaterialError(
            f"{where}, cell {cell['id']!r} must end in a dictionary of literals; it ends in {text}."
        )
    for name, value in published.items():
        if not (isinstance(name, str) and name.isidentifier()) or type(value) not in (int, float, str):
            raise MaterialError(
                f"{where}, cell {cell['id']!r} publishes {name!r}: {value!r}; "
                "names are identifiers, values are int, float or str."
            )
    return published


def _written(value: Value) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
