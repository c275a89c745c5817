"""Tables: the same cells as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

__all__ = ["Column", "Line", "Table"]

_CELL = "text-align:left;vertical-align:top;padding:1px 8px;line-height:1.3;font-variant-numeric:tabular-nums"
_ONE_LINE = 12  # characters: a column as narrow as this is not broken in HTML
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
        Stands above the table; may be empty.
    columns : tuple of Column
        At least one.
    lines : tuple of Line
        Each with as many cells as there are columns.
    notes : tuple of str
        Sentences below the table.
    fixed : bool
        In HTML, the table is as wide as its place, and its columns keep their widths whatever is in them.
    """

    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    fixed: bool = False

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
        notes = [
            line
            for note in self.notes
            for line in textwrap.wrap(f"- {note}", max(total, 60), subsequent_indent="  ")
        ]
        head = [self.title, ""] if self.title else []
        return "\n".join([*head, *body, *([""] if notes else []), *notes])

    def html(self) -> str:
        """Give the table as HTML that needs neither a style sheet nor a script."""
        total = sum(column.width for column in self.columns)
        shares = [f";width:{100 * column.width // total}%" if self.fixed else "" for column in self.columns]
        head = "".join(
            f'<th scope="col" style="{_style(column)}{share}">{escape(column.title)}</th>'
            for column, share in zip(self.columns, shares, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(_cell(*pair, line.strong) for pair in zip(line.cells, self.columns, strict=True))
            + "</tr>"
            for line in self.lines
        )
        caption = f'<caption style="text-align:left;font-weight:700">{escape(self.title)}</caption>'
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        whole = ";table-layout:fixed;width:100%" if self.fixed else ""
        return (
            f'<table style="border-collapse:collapse{whole}">'
            f"{caption if self.title else ''}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"{f'<ul>{notes}</ul>' if notes else ''}"
        )

    def _set(self, row: Sequence[list[str]], widths: list[int]) -> Iterator[str]:
        for parts in zip_longest(*row, fillvalue=""):
            cells = (
                part.rjust(width) if column.right else part.ljust(width)
                for part, width, column in zip(parts, widths, self.columns, strict=True)
            )
            yield "  ".join(cells).rstrip()


def _style(column: Column, strong: bool = False) -> str:
    style = _CELL.replace("left", "right", 1) if column.right else _CELL
    style += f";white-space:{'nowrap' if column.width <= _ONE_LINE else 'normal'}"
    return f"{style};{_STRONG}" if strong else style


def _cell(text: str, column: Column, strong: bool) -> str:
    return f'<td style="{_style(column, strong)}">{escape(text)}</td>'


def _fold(text: str, column: Column) -> list[str]:
    """Break a cell; what belongs to its first line is indented in the others."""
    return textwrap.wrap(text, column.width, subsequent_indent="  ", break_on_hyphens=False) or [""]
