"""What lesson 10 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course.questions import questions_of
from pyemu import Tree, run
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED
from tests.lessons.learner import FOLDER, Lesson, printed

LESSON = Lesson("10")
STUB = "        break  # decide, retry: yours"
DECIDE = """        if await fault_signal_pending(fault, regs):
            return None
        if not fault & VM_FAULT_RETRY:
            break
"""
TRIED = "        flags |= FAULT_FLAG_TRIED\n"
DATA = FOLDER.parent / "tests" / "data"


def records(path: Path, **wanted: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [one for one in rows if all(one.get(key) == value for key, value in wanted.items())]


def test_twenty_wakes_are_fatal_before_and_cost_twenty_one_messages_after() -> None:
    assert "SIGBUS(code=2)" in LESSON.shown("run-before")
    assert "The run gave 21." in LESSON.shown("run-after")
    assert LESSON.row("count", "page faults (exceptions)") == ["1", "1"]
    assert LESSON.row("count", "waits for the monitor (sleeps)") == ["1", "21"]
    assert "the 22 attempts are rounds" in LESSON.source("trace-text")
    assert "took 210 ms, and T slept 21 times" in LESSON.source("trace-text")


def test_the_flags_of_the_rounds_are_those_of_the_table() -> None:
    words = [
        int(line.split(" flags ")[1].split()[0], 16) for line in LESSON.shown("trace-attempts").splitlines()
    ]
    assert [bool(word & FAULT_FLAG_TRIED) for word in words] == [False, True, True, True]
    assert all(word & FAULT_FLAG_ALLOW_RETRY for word in words)


def test_who_waits_for_a_page_drops_the_lock_once() -> None:
    assert "The run gave 2." in LESSON.shown("run-relock")
    waits = [
        line for line in LESSON.shown("relock-trace").splitlines() if "wait " in line and "sleeps" in line
    ]
    assert [line.split()[-2] for line in waits] == ["free", "T"]


def test_a_learner_who_writes_the_loop_gets_there(tmp_path: Path) -> None:
    gaps = {'a=""': 'a="yes"', 'b=""': 'b="no"', 'c=""': 'c="yes"', 'd=""': 'd="no"', 'e=""': 'e="no"'}
    said = printed(
        LESSON.notebook,
        {
            "order-loop": {'""': '"C B E H F"'},
            "my-loop": {STUB: DECIDE + TRIED},
            "fill-doors": gaps,
        },
        tmp_path,
    )
    assert "All 5 lines are in place." in said["order-loop"]
    assert said["fill-doors"].endswith("All 5 right.\n")
    assert "Your loop does what the kernel's does, and breaks no rule." in said["try-loop"]
    assert said["break-relock"].endswith("- 2 attempts\n")


def test_without_tried_only_the_rule_tells_and_the_page_is_fought_for_to_the_end(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"my-loop": {STUB: DECIDE}}, tmp_path)
    lines = said["try-loop"].splitlines()
    assert lines[1].count("ret=5, 22 attempts") == 2
    assert lines[3].count("ret=5, 3 attempts") == 2
    assert "Set TRIED in the flags" in " ".join(said["try-loop"].split())
    assert said["break-relock"].endswith("- 51 attempts\n")


def test_what_stands_there_at_first_is_told_what_retry_means() -> None:
    assert "after RETRY the callee has released it already" in " ".join(LESSON.shown("try-loop").split())


def test_a_copy_with_a_signal_pending_sleeps_fails_or_spins() -> None:
    assert "The run gave ret=4096 after 0 sleeps." in LESSON.shown("run-copy")
    assert LESSON.row("count-copy", "outcome") == ["ret=4096", "EFAULT", "ret=4096"]
    assert LESSON.row("count-copy", "waits for the monitor (sleeps)") == ["1", "0", "0"]
    assert LESSON.row("count-copy", "attempts (handle_mm_fault)") == ["2", "2", "10002"]
    assert "10,002 attempts and 10,001 messages" in LESSON.source("copy-explained")
    assert LESSON.shown("run-hang").startswith("hang\nT goes round in circles without a wait")


def test_thirteen_without_nine_is_deaf_to_a_stop() -> None:
    assert "The run gave R." in LESSON.shown("run-stop")
    whole = run("9-before-13", Tree.after)
    seen = {event.a: event.b for event in whole.trace.select("report", task="M")}
    assert seen["sample after stop"] == "T"


def test_the_circle_is_in_some_order_of_the_newer_kernel_and_in_none_of_the_mended_one() -> None:
    newer, mended = LESSON.shown("explore-copy").split("S12 on tree")[1:]
    assert "then again and again" in newer
    assert "No order of moves breaks a rule." in mended


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_real_kernel_needed_as_many_messages(n: int) -> None:
    (recorded,) = records(
        DATA / "records" / "5.7.14.jsonl",
        access="user_read",
        event=f"wake{n}",
        mem="anon",
        user_mode_only=False,
    )
    text = LESSON.source("real-kernels")
    assert text.split("after ")[1].split(" messages")[0].replace(" and", ",").split(", ")[n - 1] == str(
        recorded["messages"]
    )


def test_the_real_kernel_slept_and_spun_as_the_lesson_says() -> None:
    path, script = DATA / "single_patches" / "single-patches-5.7.14.jsonl", "m p30 st u1 p60 st c"
    rows = {
        one["tree"]: one
        for one in records(path, group="S12", access="tmpfs_write", script=script, mem="anon")
    }
    assert (rows["upto10"]["states"], rows["upto10"]["attempts"]) == ("DD", 2)
    assert rows["v5_7"]["spin"]
    assert rows["v5_7"]["attempts"] > 2000
    assert "h234 M0 H400 A h234 M0 H400" in rows["v5_7"]["trace"]


def test_the_predictions_cover_what_the_runs_give() -> None:
    came = {"messages": "21", "relock": "2", "copy": "ret=4096 after 0 sleeps", "stop": "R"}
    questions = questions_of("10")
    assert all(outcome in [one.outcome for one in questions[name].choices] for name, outcome in came.items())
