"""Gaps in code: each is checked by itself, and a known mistake is answered by name."""

from __future__ import annotations

import pytest

from course.gaps import Gaps
from course.notes import noted
from course.predictions import fill
from pyemu.errors import MaterialError
from tests.course.sheet import Sheet

LOOP = """
[loop]
ask = "Complete the retry."
code = '''
    if result & __bit__:
        flags |= __flag__
'''
[loop.gaps.bit]
right = ["VM_FAULT_RETRY", "RETRY | 0"]
wrong = [{ text = "VM_FAULT_MAJOR", why = "That one counts." }]
hint = "Which bit says that the lock is gone?"
[loop.gaps.flag]
right = ["FAULT_FLAG_TRIED"]
hint = "What must a second attempt carry?"
"""


@pytest.fixture(autouse=True)
def sheet(sheet: Sheet) -> Sheet:
    sheet.write("05-loop", LOOP)
    return sheet


def said_to(capsys: pytest.CaptureFixture[str], **texts: str) -> list[str]:
    fill("05-loop", **texts)
    return capsys.readouterr().out.splitlines()


def test_empty_gaps_give_nothing_away(capsys: pytest.CaptureFixture[str]):
    assert said_to(capsys, bit="", flag=" ") == [
        "Complete the retry.",
        "",
        "    if result & __bit__:",
        "        flags |= __flag__",
        "",
        'Your gaps: none is filled yet. Fill them, as in fill("05-loop", bit="...", flag="..."), and run',
        "this cell again.",
    ]
    assert noted("05-loop") == {}


def test_right_texts_stand_in_the_code(capsys: pytest.CaptureFixture[str]):
    said = said_to(capsys, bit="VM_FAULT_RETRY", flag="FAULT_FLAG_TRIED")
    assert said[2:4] == ["    if result & VM_FAULT_RETRY:", "        flags |= FAULT_FLAG_TRIED"]
    assert said[-1] == "All 2 right."


@pytest.mark.parametrize(
    ("bit", "words"),
    [
        ("VM_FAULT_MAJOR", "bit: VM_FAULT_MAJOR is not right. That one counts."),
        ("0", "bit: 0 is not right. Which bit says that the lock is gone?"),
        ("RETRY|0", "bit: RETRY|0 is right."),
        (" RETRY  |0", "bit: RETRY  |0 is right."),
        ("RET RY | 0", "bit: RET RY | 0 is not right. Which bit says that the lock is gone?"),
        ("", "bit: not filled yet."),
    ],
)
def test_each_gap_is_answered_by_itself(bit: str, words: str, capsys: pytest.CaptureFixture[str]):
    said = said_to(capsys, bit=bit, flag="FAULT_FLAG_TRIED")
    assert words in said
    assert "flag: FAULT_FLAG_TRIED is right." in said
    assert said[-1] == ("All 2 right." if words.endswith("is right.") else "1 of 2 right.")


def test_a_gap_that_does_not_exist_is_told_with_those_that_do(capsys: pytest.CaptureFixture[str]):
    assert said_to(capsys, a="x")[0] == "a: no gap is called that; the gaps are bit, flag."


def test_what_was_given_is_kept_and_shown_again(capsys: pytest.CaptureFixture[str]):
    said_to(capsys, bit="VM_FAULT_MAJOR")
    assert "bit: VM_FAULT_MAJOR is not right. That one counts." in said_to(capsys)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[loop.gaps.flag]", "[loop.gaps.flog]", "the code has the gaps bit, flag"),
        ("right = ['x']", "right = []", "list of one text or more"),
        ("hint = 'h'", "hint = ''", "'hint' must be a text"),
        ("hint = 'h'", "hints = 'h'", "a gap has the keys"),
        ("wrong = []", "wrong = [{text = ' x ', why = 'w'}]", "' x ' is right and wrong"),
        ("wrong = []", "wrong = ['y']", "'wrong' must be a list of tables"),
        ("code = '__a__'", "code = 'a'", "the gaps none"),
        ("code = '__a__'", "code = '__a__'\nmore = 1", "keys 'ask', 'code' (a text) and 'gaps'"),
    ],
)
def test_bad_material_is_told_with_file_and_question(old: str, new: str, words: str, sheet: Sheet):
    small = "[loop]\nask = 'x'\ncode = '__a__'\n[loop.gaps.a]\nright = ['x']\nwrong = []\nhint = 'h'\n"
    text = LOOP if old in LOOP else small
    assert old in text
    sheet.write("05-loop", text.replace(old, new))
    with pytest.raises(MaterialError, match=r"05-loop\.toml, question 'loop'") as caught:
        fill("05-loop")
    assert words in str(caught.value)


def test_columns_stay_below_each_other_when_a_gap_between_them_is_filled():
    task = Gaps("05-table", "Fill.", "one   __a__   __b__\ntwo   no      no", {})
    assert task.text({"a": "no", "b": "no"}).splitlines()[2:] == [
        "    one   no      no",
        "    two   no      no",
    ]
