from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from course.checks.visible import visible


@given(st.text())
def test_nothing_invisible_is_left(text: str):
    assert all(unicodedata.category(char)[0] != "C" for char in visible(text))


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_what_can_be_seen_stays_as_it_is(text: str):
    assert visible(text) == text


def test_line_ends_and_tabs_stay_where_lines_are_wanted():
    assert visible("a\tb\nc\r", lines=True) == "a\tb\nc\\r"
    assert visible("a\nb") == "a\\nb"


def test_marks_of_direction_are_shown_by_their_number():
    assert visible("\u202egnp.exe") == "\\u202egnp.exe"
