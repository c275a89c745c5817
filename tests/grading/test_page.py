"""feedback.html: nothing that a submission holds becomes markup."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course.grading.grade import Grade
from course.grading.page import POLICY, page
from course.material.findings import Finding

Graded = tuple[dict[str, Grade], Path]
OURS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "p",
    "strong",
    "ul",
    "li",
    "section",
    "pre",
    "code",
}


class Reader(HTMLParser):
    """Notes tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: dict[str, str | None] = {}
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def stored(graded: Graded, name: str) -> str:
    return (graded[1] / name / "feedback.html").read_text(encoding="utf-8")


def test_what_a_submission_prints_and_raises_is_text(graded: Graded):
    reader = read(stored(graded, "hostile"))
    assert reader.tags == OURS - {"ul", "li"}
    assert "<script>alert(1)</script>" in reader.text
    assert "<b>&\\u202eboo" in reader.text
    assert "\\x1b[31m" in reader.text


@pytest.mark.parametrize("name", ["anna", "ben", "hostile", "cut", "meddled"])
def test_a_page_holds_no_invisible_character_no_handler_and_no_address(graded: Graded, name: str):
    html = stored(graded, name)
    assert [char for char in html if unicodedata.category(char) in ("Cc", "Cf") and char != "\n"] == []
    reader = read(html)
    assert reader.tags <= OURS
    assert set(reader.attributes) == {"lang", "charset", "http-equiv", "content", "name"} | (
        {"class"} if "section" in reader.tags else set()
    )
    assert "http:" not in html
    assert "https:" not in html


def test_the_policy_allows_our_style_and_nothing_else(graded: Graded):
    html = stored(graded, "hostile")
    assert f'content="{POLICY}"' in html
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in POLICY


def test_points_and_headlines_stand_on_the_page(graded: Graded):
    text = read(stored(graded, "ben")).text
    assert "5 of 14 points" in text
    assert "S13: SIGBUS on attempt 2." in text


def test_a_file_that_was_not_run_has_no_points_but_a_reason(graded: Graded):
    text = read(stored(graded, "cut")).text
    assert "no grade yet, rejected" in text
    assert "not valid JSON" in text


def test_a_name_and_a_finding_are_escaped(graded: Graded):
    from dataclasses import replace

    grade = replace(graded[0]["cut"], submission="<i>", findings=(Finding("x", "<script>"),))
    assert not read(page(grade, "<u>")).tags & {"i", "script", "u"}
