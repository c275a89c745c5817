"""A table says the same as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from course.views.table import Column, Line, Table

TABLE = Table(
    "A title",
    (Column("n", 4, right=True), Column("what", 12)),
    (Line(("1", "one <b> & two")), Line(("22", "a text that is too long for it"), strong=True)),
    ("A note.",),
)


class Cells(HTMLParser):
    """Collects the text of each cell, heading and note, and which tags are open at the end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)
        if tag in ("td", "th", "li", "caption"):
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.found[-1] += data


def test_text_breaks_long_cells_and_ends_no_line_in_a_blank():
    assert TABLE.text().splitlines() == [
        "A title",
        "",
        " n  what",
        "--  -----------",
        " 1  one <b> &",
        "      two",
        "22  a text that",
        "      is too",
        "      long for",
        "      it",
        "",
        "- A note.",
    ]


def test_html_holds_every_cell_escaped_and_closes_what_it_opens():
    cells = Cells(TABLE.html())
    assert cells.found == [
        *("A title", "n", "what", "1", "one <b> & two", "22", "a text that is too long for it", "A note."),
    ]
    assert cells.open == []


def test_a_strong_line_is_the_only_bold_one():
    rows = TABLE.html().split("<tr>")[2:]
    assert ["font-weight:700" in row for row in rows] == [False, True]


def test_html_has_neither_a_script_nor_a_colour_of_its_own():
    html = TABLE.html()
    assert "<script" not in html
    assert "color" not in html


def test_fixed_columns_share_the_whole_width():
    fixed = Table("", TABLE.columns, TABLE.lines, fixed=True)
    assert "width:25%" in fixed.html()
    assert "width:75%" in fixed.html()
    assert "<caption" not in fixed.html()
