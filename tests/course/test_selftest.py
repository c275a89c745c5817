"""A bridge's self-test: first choices count, and who knows it all is told so."""

from __future__ import annotations

import pytest

from course.predictions import answer, self_test
from pyemu.errors import MaterialError
from tests.course.sheet import Sheet

QUESTION = """
[test-{n}]
ask = "Q{n}?"
choices = [{{ text = "yes", right = true, why = "So it is." }}, {{ text = "no", why = "Look again." }}]
"""


@pytest.fixture(autouse=True)
def bridge(sheet: Sheet) -> None:
    other = QUESTION.format(n=9).replace("test-9", "other")
    sheet.write("B1-threads", "".join(QUESTION.format(n=n) for n in range(1, 6)) + other)


def said_after(choices: str, capsys: pytest.CaptureFixture[str]) -> str:
    for n, choice in enumerate(choices, 1):
        answer(f"B1-test-{n}", choice)
    capsys.readouterr()
    self_test("B1")
    return capsys.readouterr().out


def test_without_answers_it_says_what_to_do(capsys: pytest.CaptureFixture[str]):
    assert said_after("", capsys).splitlines()[-1] == (
        "0 of 5 are answered. Answer the others and run this cell again."
    )


def test_open_questions_are_named(capsys: pytest.CaptureFixture[str]):
    lines = said_after("AB", capsys).splitlines()
    assert lines[:3] == [
        "  B1-test-1  right",
        "  B1-test-2  B was not right",
        "  B1-test-3  not answered yet",
    ]
    assert "B1-other" not in "".join(lines)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ("AAAAA", "may skip"),
        ("AABAA", "may skip"),
        ("BABAA", "work through it"),
        ("BBBBB", "work through it"),
    ],
)
def test_two_wrong_first_choices_are_too_many(choices: str, words: str, capsys: pytest.CaptureFixture[str]):
    assert words in said_after(choices, capsys)


def test_a_choice_that_is_mended_after_its_feedback_counts_as_it_was(capsys: pytest.CaptureFixture[str]):
    said_after("BBAAA", capsys)
    assert "3 of 5 were right at the first choice." in said_after("AAAAA", capsys)


def test_a_lesson_without_one_is_told():
    with pytest.raises(MaterialError, match="lesson '04' has no self-test"):
        self_test("04")
