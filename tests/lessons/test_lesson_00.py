"""What lesson 00 says is what the emulator does and what real kernels did."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course.questions import questions_of
from course.sketch import sketch
from pyemu import Tree, run
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_INTERRUPTIBLE
from tests.lessons.learner import Lesson

ROOT = Path(__file__).parents[2]
LESSON = Lesson("00")


def recorded(kernel: str) -> dict[str, Any]:
    lines = (ROOT / "tests" / "data" / "records" / f"{kernel}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    (row,) = [
        one
        for one in rows
        if (one.get("access"), one.get("event"), one.get("mem"), one.get("user_mode_only"))
        == ("user_read", "wake1", "anon", False)
    ]
    return row


@pytest.mark.parametrize("kernel", ["5.4.59", "5.7.14"])
def test_the_real_kernels_did_what_the_lesson_says(kernel: str):
    text = "".join(LESSON.cell("real-kernels")["source"])
    found = re.search(rf"\| {re.escape(kernel)}, .*? \| `(.*?)` \| (\d+) \|", text)
    assert found is not None
    row = recorded(kernel)
    assert (found[1], int(found[2])) == (row["outcome"], row["messages"])


def test_the_commands_in_the_lesson_exist_and_take_these_options():
    from typer.testing import CliRunner

    from course.cli import app

    text = "".join(LESSON.cell("real-kernels")["source"])
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("faultlab ")]
    assert [command[0] for command in commands] == ["predict", "conform"]
    done = CliRunner().invoke(app, commands[0])
    assert done.exit_code == 0
    assert "ret=5" in done.output
    help_text = CliRunner().invoke(app, ["conform", "--help"]).output
    assert "--access" in help_text


def test_both_outcomes_stand_in_the_stored_outputs():
    assert "SIGBUS(code=2)" in LESSON.shown("run-before")
    assert "ret=5" in LESSON.shown("run-after")


def test_the_flags_in_the_text_are_those_of_the_runs():
    before, after = (
        [int(e.a) for e in run("S13", tree).trace.select("attempt")] for tree in (Tree.before, Tree.after)
    )
    text = " ".join("".join(LESSON.cell("what-differs")["source"]).split())
    assert f"runs with {before[1]:#x} in the older kernel and with {after[1]:#x} in the newer one" in text
    assert before[1] & FAULT_FLAG_ALLOW_RETRY == 0
    assert after[1] & FAULT_FLAG_ALLOW_RETRY
    assert after[0] & ~before[0] == FAULT_FLAG_INTERRUPTIBLE


def test_patch_13_alone_decides():
    assert LESSON.shown("one-patch").splitlines() == [
        "S13 on tree after-13: T: SIGBUS(code=2)",
        "S13 on tree before+13: T: ret=5",
        "S13 on tree before+12: T: SIGBUS(code=2)",
    ]


def test_the_predictions_cover_what_the_runs_give():
    questions = questions_of("00")
    before, after = (run("S13", tree) for tree in (Tree.before, Tree.after))
    assert before.tasks["T"].outcome in [one.outcome for one in questions["wake"].choices]
    assert str(after.tasks["T"].stats["attempts"]) in [one.outcome for one in questions["attempts"].choices]
    assert after.tasks["M"].stats["messages"] == 2


def test_the_right_answer_about_the_flag_word_is_right():
    older, newer = (int(run("S14", tree).trace.select("attempt")[1].a) for tree in (Tree.before, Tree.after))
    question = questions_of("00")["which"]
    assert f"flags {newer:#x}'" in question.ask
    assert next(one for one in question.choices if one.right).text.startswith("The newer")
    assert (newer & FAULT_FLAG_ALLOW_RETRY, older & FAULT_FLAG_ALLOW_RETRY) == (FAULT_FLAG_ALLOW_RETRY, 0)
    assert newer & FAULT_FLAG_INTERRUPTIBLE == 0


def test_a_monitor_that_brings_the_page_first_does_no_harm_to_the_older_kernel():
    right = run(sketch("right", T="read 1", M="wait_message; pause ticks=100; copy it"), Tree.before)
    assert right.tasks["T"].outcome == "ret=5"
    second = int(right.trace.select("attempt")[1].a)
    assert f"the second attempt has {second:#x} as well" in LESSON.source("flags-explained")


def test_the_exercise_that_comes_next_exists():
    (target,) = re.findall(r"\]\(\.\./exercises/(\w+)\.ipynb\)", "".join(LESSON.cell("recap")["source"]))
    assert (ROOT / "exercises" / target / f"{target}.ipynb").is_file()


def test_the_notebook_holds_no_widget_state():
    assert "widgets" not in LESSON.notebook["metadata"]
    assert "application/vnd.jupyter" not in json.dumps(LESSON.notebook)
    assert "model_id" not in json.dumps(LESSON.notebook)
