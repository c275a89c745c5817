"""Lines to put in order: shuffled the same way each time, and the first that is out of place is named."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from course.notes import noted
from course.predictions import order
from course.questionfile import tables
from pyemu.errors import MaterialError
from tests.course.sheet import Sheet

WAIT = """
[wait]
ask = "How does it wait?"
lines = [
    { text = "queue(message)", why = "The monitor must find it." },
    { text = "up_read(mmap_sem)", why = "Nobody sleeps with the lock." },
    { text = "schedule()", why = "Now it may sleep." },
]
extra = [{ text = "down_read(mmap_sem)", why = "The caller takes it again." }]
"""


@pytest.fixture(autouse=True)
def sheet(sheet: Sheet) -> Sheet:
    sheet.write("04-locks", WAIT)
    return sheet


def letters_of(said: str) -> dict[str, str]:
    """The letters of the shown lines, by text."""
    lines = said.split("\n\n")[0].splitlines()[1:]
    return {line[5:]: line[2] for line in lines}


@pytest.fixture
def letters(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    order("04-wait", "")
    return letters_of(capsys.readouterr().out)


RIGHT = ["queue(message)", "up_read(mmap_sem)", "schedule()"]


def said_to(texts: list[str], letters: dict[str, str], capsys: pytest.CaptureFixture[str]) -> str:
    order("04-wait", " ".join(letters[text] for text in texts).lower())
    return " ".join(capsys.readouterr().out.split())


def test_the_lines_are_shown_shuffled_without_reasons(capsys: pytest.CaptureFixture[str]):
    order("04-wait", "")
    first = capsys.readouterr().out
    order("04-wait", "")
    assert capsys.readouterr().out == first
    assert "must find it" not in first
    shown = [text for text in letters_of(first) if text in RIGHT]
    assert sorted(shown) == sorted(RIGHT)
    assert shown != RIGHT


@pytest.mark.parametrize("texts", list(permutations(["a", "b", "c"])))
def test_no_task_shows_its_lines_in_the_right_order(
    texts: tuple[str, ...], sheet: Sheet, capsys: pytest.CaptureFixture[str]
):
    lines = ", ".join(f"{{ text = '{text}', why = 'w' }}" for text in texts)
    sheet.write("05-other", f"[q]\nask = 'x'\nlines = [{lines}]\n")
    order("05-q")
    assert tuple(letters_of(capsys.readouterr().out)) != texts


def test_the_right_order_is_told_with_the_reason_of_each_line(letters, capsys):
    said = said_to(RIGHT, letters, capsys)
    assert "All 3 lines are in place. 1. The monitor must find it. 2. Nobody sleeps" in said


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["schedule()", *RIGHT[:2]], "But {} is not yet due: 'schedule()'. Now it may sleep."),
        ([RIGHT[0], "schedule()", RIGHT[1]], "The first line is in place. But {} is not yet due"),
        (["queue(message)", "down_read(mmap_sem)"], "place. But {} does not belong here at all: 'down_read"),
        ([*RIGHT, "down_read(mmap_sem)"], "The first 3 lines are in place. But {} does not belong here"),
    ],
)
def test_the_first_line_out_of_place_is_named_with_its_reason(texts, words, letters, capsys):
    wrong = next(text for n, text in enumerate(texts) if RIGHT[n : n + 1] != [text])
    said = said_to(texts, letters, capsys)
    assert words.format(letters[wrong]) in said
    assert "1. The monitor" not in said


def test_an_unfinished_order_is_told_how_many_are_missing(letters, capsys):
    assert "So far all are in place: 2 lines. 1 more is missing." in said_to(RIGHT[:2], letters, capsys)


@pytest.mark.parametrize(("given", "words"), [("AQ", "names 'Q'"), ("ABA", "has A more than once")])
def test_letters_that_are_none_are_told(given: str, words: str, capsys: pytest.CaptureFixture[str]):
    order("04-wait", given)
    said = capsys.readouterr().out
    assert words in said
    assert 'as in order("04-wait", "A B C ...")' in " ".join(said.split())
    assert noted("04-wait") == {}


def test_an_order_is_kept_and_shown_again(letters, capsys):
    said_to(RIGHT, letters, capsys)
    order("04-wait")
    assert "All 3 lines are in place." in capsys.readouterr().out


def test_lines_that_look_alike_may_change_places(sheet: Sheet, capsys: pytest.CaptureFixture[str]):
    lines = ", ".join(f"{{ text = '{text}', why = 'w' }}" for text in ("unlock", "sleep", "unlock"))
    sheet.write("05-twice", f"[q]\nask = 'x'\nlines = [{lines}]\n")
    for letters in map("".join, permutations("ABC")):
        order("05-q", letters)
    assert capsys.readouterr().out.count("All 3 lines are in place.") == 2


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[q]\nask = 'x'\nlines = []", "takes three lines"),
        ("[q]\nask = 'x'\nlines = 3", "'lines' must be a list"),
        ("[q]\nask = 'x'\nlines = [{text='a'}]", "the texts 'text' and 'why'"),
        ("[q]\nask = 'x'\nlines = [{text=' ', why='c'}]", "the texts"),
        ('[q]\nask = "x"\nlines = [{text="a\\nb", why="c"}]', "must be one line"),
        ("[q]\nask = 'x'\nlines = []\nrest = 1", "'extra' only"),
        ("[q]\nlines = []", "'ask' must be a text"),
        ("[q]\nask = 'x'\nlines = []\nchoices = []", "this has choices, lines"),
        (
            "[q]\nask='x'\nextra=[{text='a', why=' w'}]\nlines=[" + "{text='a', why='w'}," * 3 + "]",
            "is in 'lines' as well",
        ),
    ],
)
def test_bad_material_is_told_with_file_and_question(toml: str, words: str, sheet: Sheet):
    sheet.write("05-bad", toml)
    with pytest.raises(MaterialError, match=r"05-bad\.toml, question 'q'") as caught:
        order("05-q")
    assert words in str(caught.value)


def test_a_task_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(
        MaterialError, match="there is no lines to put in order '04-x'; lesson '04' has: 04-wait"
    ):
        order("04-x")


def test_tables_of_other_kinds_are_left_alone(sheet: Sheet):
    assert tables("04", "choices") == {}
    assert list(tables("04", "lines")) == ["wait"]
    assert Path.cwd().is_relative_to(sheet.folder)
