"""Tables: the same cells as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

__all__ = ["Column", "Line", "Table"]

_CELL = (
    "text-align:left;vertical-align:top;padding:1px 8px;white-space:normal;font-variant-numeric:tabular-nums"
)
_STRONG = "font-weight:700;border-top:2px solid;border-bottom:2px solid"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes
    ----------
    title : str
        Stands above it.
    width : int
        The most characters of a line of text; longer cells are broken at blanks. The text form uses less
        where no cell needs as much.
    right : bool
        Whether cells stand at the right edge, as numbers do.
    """

    title: str
    width: int
    right: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of cells.

    Attributes
    ----------
    cells : tuple of str
        A text for each column.
    strong : bool
        Drawn bold and between two rules in HTML. The cells must say the same in words.
    """

    cells: tuple[str, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Cells in columns, with a title and notes below.

    Attributes
    ----------
    title : str
        Stands above the table.
    columns : tuple of Column
        At least one.
    lines : tuple of Line
        Each with as many cells as there are columns.
    notes : tuple of str
        Sentences below the table.
    """

    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Give the table as text; no line ends in a blank."""
        folded = [
            [_fold(c, column) for c, column in zip(line.cells, self.columns, strict=True)]
            for line in self.lines
        ]
        widths = [
            max(len(column.title), *(len(part) for row in folded for part in row[i]), 0)
            for i, column in enumerate(self.columns)
        ]
        rows = [[[column.title] for column in self.columns], [["-" * width] for width in widths], *folded]
        body = [line for row in rows for line in self._set(row, widths)]
        total = max(len(line) for line in body)
        notes = [line for note in self.notes for line in textwrap.wrap(note, max(total, 60))]
        return "\n".join([self.title, "", *body, *([""] if notes else []), *notes])

    def html(self) -> str:
        """Give the table as HTML that needs neither a style sheet nor a script."""
        head = "".join(f'<th scope="col" style="{_CELL}">{escape(c.title)}</th>' for c in self.columns)
        body = "".join(
            "<tr>"
            + "".join(self._cell(*pair, line.strong) for pair in zip(line.cells, self.columns, strict=True))
            + "</tr>"
            for line in self.lines
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return (
            f'<table style="border-collapse:collapse"><caption style="text-align:left;font-weight:700">'
            f"{escape(self.title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )

    def _set(self, row: Sequence[list[str]], widths: list[int]) -> Iterator[str]:
        for parts in zip_longest(*row, fillvalue=""):
            cells = (
                part.rjust(width) if column.right else part.ljust(width)
                for part, width, column in zip(parts, widths, self.columns, strict=True)
            )
            yield "  ".join(cells).rstrip()

    def _cell(self, text: str, column: Column, strong: bool) -> str:
        style = _CELL.replace("left", "right", 1) if column.right else _CELL
        return f'<td style="{style}{";" + _STRONG if strong else ""}">{escape(text)}</td>'


def _fold(text: str, column: Column) -> list[str]:
    """Break a cell; what belongs to its first line is indented in the others."""
    return textwrap.wrap(text, column.width, subsequent_indent="  ", break_on_hyphens=False) or [""]
