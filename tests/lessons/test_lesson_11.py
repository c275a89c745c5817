"""What lesson 11 says is what the runs give, and its schedules can be written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course.questions import questions_of
from tests.lessons.learner import printed

ROOT = Path(__file__).parents[2]
NOTEBOOK = json.loads((ROOT / "lessons" / "11-third-try.ipynb").read_text(encoding="utf-8"))


def cell(cell_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in NOTEBOOK["cells"] if one["id"] == cell_id)
    return found


def source(cell_id: str) -> str:
    return " ".join("".join(cell(cell_id)["source"]).split())


def shown(cell_id: str) -> str:
    return "".join("".join(one.get("text") or one["data"]["text/plain"]) for one in cell(cell_id)["outputs"])


def attempts(cell_id: str) -> list[int]:
    return [int(one) for one in re.findall(r"handle_mm_fault attempt (\d)", shown(cell_id))]


def test_two_reasons_need_three_attempts() -> None:
    assert shown("run-twice") == "W3 on tree after-13: T: SIGBUS(code=2)\n"
    assert "The run gave 3." in shown("run-after")
    assert "2 messages and 3 attempts, in 1 page fault" in source("mechanism")
    assert "runs attempt 2 with 0x271, without" in source("mechanism")
    assert "the page is write-protected" in " ".join(shown("compare").split())


def test_without_a_child_the_reasons_come_in_two_faults() -> None:
    assert attempts("run-alone") == [1, 2, 1, 2]
    assert "The run gave 2 in its longest fault." in shown("reveal-alone")
    assert "4 attempts, but in 2 page faults" in source("alone-text")


def test_with_a_child_they_come_in_one() -> None:
    assert attempts("run-shared") == [1, 2, 3]
    assert shown("run-shared-twice").splitlines() == ["W1 on tree after-13: T: SIGBUS(code=2)", "messages: 0"]


THREE = "wait_message; copy it protect=yes; wait_message; writeprotect it protect=no"
AGAIN = "writeprotect it protect=no wake=no; writeprotect it protect=yes; wake it; wait_message"
FOUR = f"wait_message; copy it protect=yes; wait_message; {AGAIN}; writeprotect it protect=no"


@pytest.mark.parametrize("monitor", [THREE, "wait_message; wake it; wait_message; copy it"])
def test_a_learner_can_write_a_third_attempt(monitor: str, tmp_path: Path) -> None:
    said = printed(NOTEBOOK, {"my-schedule": {"wait_message; copy it": monitor}}, tmp_path)
    assert "T: ret=7 in 3 attempts" in said["my-schedule"]
    assert "mine on tree after-13: T: SIGBUS(code=2)" in said["my-schedule"]
    assert "mine on tree after: T: ret=7" in said["try-three"]


def test_a_learner_can_break_the_kernel_of_three_attempts(tmp_path: Path) -> None:
    said = printed(NOTEBOOK, {"my-schedule": {"wait_message; copy it": FOUR}}, tmp_path)
    assert "T: ret=7 in 4 attempts" in said["my-schedule"]
    assert "mine on tree after: T: SIGBUS(code=2)" in said["try-three"]


def test_no_number_is_enough() -> None:
    assert shown("try-three").count("ret=7") == 3
    assert shown("run-w2").splitlines()[1:] == [
        "W2 on tree after: T: ret=7 in 5 attempts",
        "W2 on tree after: T: SIGBUS(code=2) in 3 attempts",
    ]


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("11")
    assert "3" in [one.outcome for one in questions["w3"].choices]
    for name, came in (("alone", "2 in its longest fault"), ("shared", "3 in its longest fault")):
        assert came in [one.outcome for one in questions[name].choices]
