"""What lesson 05 says is what the runs give and what real kernels did, and its tasks can be done."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course.questions import questions_of
from course.sketch import sketch
from pyemu import Tree, run
from tests.lessons.learner import Lesson, printed

ROOT = Path(__file__).parents[2]
LESSON = Lesson("05")


def test_a_quiet_fill_leaves_its_reader_asleep_and_a_stop_ends_that() -> None:
    assert "T waits in handle_userfault" in LESSON.shown("run-quiet")
    assert "The run gave none." in LESSON.shown("run-quiet")
    present = next(
        line for line in LESSON.shown("trace-quiet").splitlines() if "puts the page in place" in line
    )
    assert present.split()[0] == "10001"
    assert "`10001` us on" in LESSON.source("trace-text")
    assert LESSON.shown("run-stop").endswith("T: ret=5\n")


def test_a_wide_wake_makes_the_newer_kernel_ask_again() -> None:
    assert LESSON.shown("run-wide").startswith("one wake for all on tree after: T: ret=5; U: ret=6")
    lines = LESSON.shown("trace-wide").splitlines()
    kinds = ["attempt", "message", "wakes", "gives"]
    order = [next(kind for kind in reversed(kinds) if kind in line) for line in lines]
    assert order == ["attempt", "message", "wakes", "gives"] * 2 + ["attempt", "gives"]
    text = LESSON.source("wide-explained")
    assert "At 10002 us U is woken" in text
    assert "That makes 2 messages and 3 attempts, in 1 page fault" in text
    assert "wake comes at `10002` us" in LESSON.source("wide-text")


def test_a_copy_of_a_page_that_is_there_wakes_nobody_and_a_wake_does() -> None:
    copied, woken = LESSON.shown("run-again").splitlines()
    assert copied.startswith("copy it on tree after: hang nobody can go on: T waits")
    assert woken.strip() == "wake it on tree after: T: ret=5"


def right(name: str) -> str:
    return next(one.text for one in questions_of("05")[name].choices if one.right)


def test_the_value_comes_with_the_first_wake_that_finds_the_page() -> None:
    said = ["wake 0-3", "copy 1 wake=no", "copy 1", "wake 2", "wake 0-3"]
    monitor = "; ".join(["wait_message", *(f"pause ticks=1000; {one}" for one in said)])
    done = run(sketch("asked", T="read 1", M=monitor), Tree.v5_7)
    assert done.tasks["T"].outcome == "ret=5"
    (value,) = done.trace.select("value", task="T")
    assert right("after").startswith(f"At {round(value.t / 1000)} ms")
    assert done.tasks["M"].stats["messages"] == 1
    assert "EEXIST" in "".join(event.text for event in done.trace.select("report", task="M"))


def test_each_thread_asks_again_in_the_same_fault_after_a_wrong_wake() -> None:
    monitor = (
        "wait_message; wait_message; wake 0-3; pause ticks=1000; copy 1 wake=no; copy 2 wake=no; wake 0-3"
    )
    done = run(sketch("asked", T="read 1", U="read 2", M=monitor), Tree.v5_7)
    threads = [done.tasks[name] for name in ("T", "U")]
    assert [one.outcome for one in threads] == ["ret=5", "ret=5"]
    messages, faults = (sum(one.stats[key] for one in threads) for key in ("messages_queued", "exceptions"))
    assert right("twice").startswith(f"{messages} messages in {faults} page faults")
    assert done.tasks["M"].stats["messages"] == 2


def test_the_older_kernel_takes_the_wide_wake_for_the_end() -> None:
    assert "T: ret=5; U: SIGBUS(code=2)" in LESSON.shown("run-older")


def test_the_fixed_order_hangs_in_the_schedule_that_the_text_tells() -> None:
    said = LESSON.shown("explore-fixed")
    assert "hang: U waits for ever in handle_userfault." in said
    moves = re.search(r"moves: (.*)", said)
    assert moves is not None
    assert [part[0] for part in moves[1].split()] == ["U", "M", "T", "M"]


def test_the_lines_can_be_put_in_order(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"order-way": {'""': '"DCIEBAFJLGK"'}}, tmp_path)
    assert "All 11 lines are in place." in said["order-way"]
    said = printed(LESSON.notebook, {"order-way": {'""': '"DICEBAFJLGK"'}}, tmp_path)
    assert "a page that comes in between would wake nobody" in " ".join(said["order-way"].split())


def test_a_learner_can_write_the_monitor(tmp_path: Path) -> None:
    right = "wait_message; copy it; wait_message; copy it"
    said = printed(
        LESSON.notebook,
        {
            "my-monitor": {"wait_message; copy 1": right},
            "explore-fixed": {"copy 1": "copy it", "copy 2": "copy it"},
        },
        tmp_path,
    )
    assert "T: ret=5; U: ret=5\nEverybody came to an end." in said["my-monitor"]
    assert "no rule is broken" in said["explore-mine"]
    assert "no rule is broken" in said["explore-fixed"]


def test_a_monitor_that_trusts_the_order_passes_the_run_and_not_the_explorer(tmp_path: Path) -> None:
    wrong = "wait_message; copy 1; wait_message; copy 2"
    said = printed(LESSON.notebook, {"my-monitor": {"wait_message; copy 1": wrong}}, tmp_path)
    assert "Everybody came to an end." in said["my-monitor"]
    assert "hang: U waits for ever" in said["explore-mine"]


def recorded(kernel: str, event: str) -> dict[str, Any]:
    lines = (ROOT / "tests" / "data" / "records" / f"{kernel}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    wanted = ("user_read", event, "anon", False)
    keys = ("access", "event", "mem", "user_mode_only")
    (row,) = [one for one in rows if tuple(one.get(key) for key in keys) == wanted]
    return row


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ("none", "brings the page"),
        ("wake1", "wakes once without it, then brings it"),
        ("wake3", "wakes three times without it, then brings it"),
        ("close", "closes its userfaultfd"),
    ],
)
def test_the_real_kernels_did_what_the_table_says(event: str, what: str) -> None:
    rows = [recorded(kernel, event) for kernel in ("5.4.59", "5.7.14")]
    told = " | ".join(f"`{row['outcome']}`, {row['messages']}" for row in rows)
    assert f"| {what} | {told} |" in LESSON.source("real")


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("05")
    assert "none" in [one.outcome for one in questions["quiet"].choices]
    assert "ret=6, 2 messages" in [one.outcome for one in questions["wide"].choices]
