"""What lesson 11 says is what the runs give, and its schedules can be written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("11")


def attempts(cell_id: str) -> list[int]:
    return [int(one) for one in re.findall(r"handle_mm_fault attempt (\d)", LESSON.shown(cell_id))]


def test_two_reasons_need_three_attempts() -> None:
    assert LESSON.shown("run-twice") == "W3 on tree after-13: T: SIGBUS(code=2)\n"
    assert "The run gave 3." in LESSON.shown("run-after")
    assert "2 messages and 3 attempts, in 1 page fault" in LESSON.source("mechanism")
    assert "runs attempt 2 with 0x271, without" in LESSON.source("mechanism")
    assert "the page is write-protected" in " ".join(LESSON.shown("compare").split())


def test_without_a_child_the_reasons_come_in_two_faults() -> None:
    assert attempts("run-alone") == [1, 2, 1, 2]
    assert "The run gave 2 in its longest fault." in LESSON.shown("reveal-alone")
    assert "4 attempts, but in 2 page faults" in LESSON.source("alone-text")


def test_with_a_child_they_come_in_one() -> None:
    assert attempts("run-shared") == [1, 2, 3]
    assert LESSON.shown("run-shared-twice").splitlines() == [
        "W1 on tree after-13: T: SIGBUS(code=2)",
        "messages: 0",
    ]


THREE = "wait_message; copy it protect=yes; wait_message; writeprotect it protect=no"
AGAIN = "writeprotect it protect=no wake=no; writeprotect it protect=yes; wake it; wait_message"
FOUR = f"wait_message; copy it protect=yes; wait_message; {AGAIN}; writeprotect it protect=no"


@pytest.mark.parametrize("monitor", [THREE, "wait_message; wake it; wait_message; copy it"])
def test_a_learner_can_write_a_third_attempt(monitor: str, tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"my-schedule": {"wait_message; copy it": monitor}}, tmp_path)
    assert "T: ret=7 in 3 attempts" in said["my-schedule"]
    assert "mine on tree after-13: T: SIGBUS(code=2)" in said["my-schedule"]
    assert "mine on tree after: T: ret=7" in said["try-three"]


def test_a_learner_can_break_the_kernel_of_three_attempts(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"my-schedule": {"wait_message; copy it": FOUR}}, tmp_path)
    assert "T: ret=7 in 4 attempts" in said["my-schedule"]
    assert "mine on tree after: T: SIGBUS(code=2)" in said["try-three"]


def test_no_number_is_enough() -> None:
    assert LESSON.shown("try-three").count("ret=7") == 3
    assert LESSON.shown("run-w2").splitlines()[1:] == [
        "W2 on tree after: T: ret=7 in 5 attempts",
        "W2 on tree after: T: SIGBUS(code=2) in 3 attempts",
    ]


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("11")
    assert "3" in [one.outcome for one in questions["w3"].choices]
    for name, came in (("alone", "2 in its longest fault"), ("shared", "3 in its longest fault")):
        assert came in [one.outcome for one in questions[name].choices]
