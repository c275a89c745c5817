"""A percent-format source as a list of notebook cells.

A lesson ``lessons/NN-slug.py`` or a master ``exercises/<id>/master.py`` is Python text in which
``# %%`` starts a cell (jupytext's percent format). A cell's line may carry metadata::

    # %% [markdown] id="story"
    # %% id="run-before" tags=["numbers"]

``id`` becomes the notebook's cell id. A cell without one gets an id derived from its kind and text, so
an inserted cell leaves the ids of all others as they are, and two builds agree byte for byte.
A YAML header between two ``# ---`` lines becomes `Source.header`, not a cell.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from course.material.quickly import without_grammars
from pyemu.errors import MaterialError

__all__ = [
    "Cell",
    "Notebook",
    "Source",
    "markdown_cell",
    "new_notebook",
    "read_source",
    "tags_of",
    "without_tags",
    "write_notebook",
]

Cell = dict[str, Any]
"""One cell of a notebook, as nbformat 4.5 lays it out."""

Notebook = dict[str, Any]
"""A whole notebook, as nbformat 4.5 lays it out."""

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

# language_info has no version: the notebook must not change with the interpreter that built it.
_METADATA: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


@dataclass(frozen=True, slots=True)
class Source:
    """One percent-format file, read.

    Parameters
    ----------
    path : pathlib.Path
        Where it was read from; messages name it.
    header : dict
        The YAML header, empty when the file has none.
    cells : list of dict
        The cells, each with a unique ``id`` and metadata cleaned of what jupytext notes for itself.
    """

    path: Path
    header: dict[str, Any]
    cells: list[Cell]


def read_source(path: Path) -> Source:
    """Read a percent-format file.

    Parameters
    ----------
    path : pathlib.Path
        A UTF-8 text file.

    Returns
    -------
    Source
        Header and cells.

    Raises
    ------
    MaterialError
        The file can't be read, its header is not a YAML mapping, or a cell id is malformed or used twice.
    """
    with without_grammars():
        import jupytext

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MaterialError(f"{path}: can't be read as UTF-8 text ({error}).") from error
    cells: list[Cell] = [dict(cell) for cell in jupytext.reads(text, fmt="py:percent").cells]
    header: dict[str, Any] = {}
    if cells and cells[0]["cell_type"] == "raw" and cells[0]["source"].startswith("---"):
        header = _header(path, cells.pop(0)["source"])
    _give_ids(path, cells)
    return Source(path, header, cells)


def tags_of(cell: Cell) -> frozenset[str]:
    """Return the tags of a cell."""
    return frozenset(cell["metadata"].get("tags", ()))


def without_tags(cell: Cell, *names: str) -> Cell:
    """Return the cell without these tags: they speak to the build, not to the reader."""
    metadata = {key: value for key, value in cell["metadata"].items() if key != "tags"}
    left = [tag for tag in cell["metadata"].get("tags", ()) if tag not in names]
    return cell | {"metadata": metadata | ({"tags": left} if left else {})}


def markdown_cell(cell_id: str, text: str) -> Cell:
    """Return a new markdown cell."""
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": text}


def new_notebook(cells: list[Cell], **metadata: Any) -> Notebook:
    """Return a notebook of these cells, with the metadata that all notebooks of the course share."""
    return {"cells": cells, "metadata": _METADATA | metadata, "nbformat": 4, "nbformat_minor": 5}


def write_notebook(notebook: Notebook) -> str:
    """Return the text of a notebook file; the same notebook gives the same text.

    Parameters
    ----------
    notebook : dict
        A valid notebook of format 4.5.

    Returns
    -------
    str
        JSON with sorted keys, one space of indentation and a newline at the end.

    Raises
    ------
    MaterialError
        The notebook breaks nbformat's schema; a mistake in cell metadata is the usual cause.
    """
    with without_grammars():
        import nbformat

    node = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    try:
        nbformat.validate(node)
    except nbformat.ValidationError as error:
        raise MaterialError(f"The notebook breaks the schema of nbformat 4.5: {error}") from error
    return f"{nbformat.writes(node)}\n"  # type: ignore[no-untyped-call]


def _header(path: Path, text: str) -> dict[str, Any]:
    import yaml

    try:
        header = yaml.safe_load(text.strip().strip("-"))
    except yaml.YAMLError as error:
        raise MaterialError(f"{path}: the header between the '# ---' lines is not YAML: {error}") from error
    if not isinstance(header, dict):
        raise MaterialError(
            f"{path}: the header is {header!r}; it must be 'key: value' lines, such as 'title: One fault'."
        )
    return header


def _give_ids(path: Path, cells: list[Cell]) -> None:
    """Give each cell its ``id``, and drop from its metadata what jupytext noted for itself."""
    used: set[str] = set()
    for cell in cells:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k != "lines_to_next_cell"}
        cell["id"] = cell["metadata"].pop("id", None)
        if cell["id"] is None:
            continue
        if not isinstance(cell["id"], str) or not _CELL_ID.fullmatch(cell["id"]):
            raise MaterialError(
                f"{path}: cell id {cell['id']!r} is malformed; "
                "use 1 to 64 letters, digits, hyphens or underscores."
            )
        if cell["id"] in used:
            raise MaterialError(f"{path}: two cells have the id {cell['id']!r}; rename one of them.")
        used.add(cell["id"])
    for cell in cells:  # in a second pass: explicit ids win, wherever they stand
        if cell["id"] is None:
            cell_id = cell["id"] = _derived_id(cell, used)
            used.add(cell_id)


def _derived_id(cell: Cell, used: set[str]) -> str:
    stem = f"{cell['cell_type']}-{hashlib.sha256(cell['source'].encode()).hexdigest()[:8]}"
    repeats = (f"{stem}-{n}" for n in count(2))
    return next(cell_id for cell_id in chain([stem], repeats) if cell_id not in used)
