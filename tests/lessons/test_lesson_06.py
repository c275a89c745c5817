"""What lesson 06 says is what the runs give and what real kernels did, and its loop can be written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from course.questions import questions_of
from course.sketch import sketch
from pyemu import Tree, run
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_REMOTE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
)
from tests.lessons.learner import Lesson, printed

ROOT = Path(__file__).parents[2]
LESSON = Lesson("06")


def test_the_four_lines_of_the_log_are_those_of_the_four_runs() -> None:
    told = re.findall(r"missing (\w+)", LESSON.source("story"))
    user = re.search(r"the viewer, in user mode \| 0x54 \| 0x(\w+) \|", LESSON.source("read-log"))
    assert user is not None
    runs = [
        user[1],
        *(re.findall(r"missing (\w+)", LESSON.shown(one))[0] for one in ("log", "run-short", "run-pipe")),
    ]
    assert told == runs == ["70", "31", "31", "30"]


def test_the_same_wake_has_four_ends() -> None:
    ends = [
        LESSON.shown(one).splitlines()[0].split(": ", 1)[1]
        for one in ("once", "run-kernel", "run-short", "run-pipe")
    ]
    assert ends == ["T: SIGBUS(code=2)", "T: EFAULT", "T: ret=4096", "T: ret=4096"]


def test_the_pipe_is_saved_by_a_second_fault_with_a_wait_of_its_own() -> None:
    lines = LESSON.shown("trace-pipe").splitlines()
    assert sum("#PF" in line for line in lines) == 2
    flags = [int(found[1], 16) for line in lines if (found := re.search(r"flags (0x\w+)", line))]
    assert [bool(one & FAULT_FLAG_ALLOW_RETRY) for one in flags] == [True, False, True, False]
    assert "There are 2 exceptions" in LESSON.source("pipe-explained")
    assert "The run gave EFAULT." in LESSON.shown("wakes")


@pytest.mark.parametrize(
    ("access", "n_faults"),
    [("pipe_write 1", 2), ("pipe_read 1", 2), ("read_zero 1", 1), ("tmpfs_write 1", 1)],
)
def test_a_block_copy_tries_again_and_the_others_give_up(access: str, n_faults: int) -> None:
    done = run(sketch("asked", T=access, M="wait_message; wake it"), Tree.before)
    assert done.tasks["T"].stats["messages_queued"] == n_faults
    told = {
        "pipe_write 1": "`write` to a pipe, `read` from one | copies a block | tries the rest again",
        "read_zero 1": "`read` from `/dev/zero` | writes zeros | gives up",
        "tmpfs_write 1": "reads a byte, to have the page there | gives up",
    }
    assert told.get(access, "read` from one | copies a block") in LESSON.source("pipe-explained")


def test_the_kernels_way_to_get_pages_asks_for_a_write_of_somebody_elses_memory() -> None:
    word = int(re.findall(r"missing (\w+)", LESSON.shown("run-pvm"))[0], 16)
    assert f"log shows `{word:x}`" in LESSON.source("pvm-text")
    assert word == FAULT_FLAG_WRITE | FAULT_FLAG_TRIED | FAULT_FLAG_REMOTE
    assert int(FAULT_FLAG_REMOTE) == 0x80
    assert not word & FAULT_FLAG_KILLABLE


def test_two_pages_survive_what_one_does_not() -> None:
    lines = [line for line in LESSON.shown("run-pvm").splitlines() if "on tree" in line]
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["EFAULT", "ret=8192"]


def test_the_right_answer_about_the_log_reads_its_bits_right() -> None:
    question = questions_of("06")["log"]
    word = re.search(r"missing (\w+)'", question.ask)
    assert word is not None
    flags = int(word[1], 16)
    assert flags & FAULT_FLAG_USER
    assert flags & FAULT_FLAG_WRITE
    assert flags & (FAULT_FLAG_TRIED | FAULT_FLAG_ALLOW_RETRY) == FAULT_FLAG_TRIED


RIGHT = """if fault & VM_FAULT_RETRY:
        flags &= ~FAULT_FLAG_ALLOW_RETRY
        flags |= FAULT_FLAG_TRIED
        fault = await one_try(mm, address, flags)"""
KEEPS = RIGHT.replace("        flags &= ~FAULT_FLAG_ALLOW_RETRY\n", "")
GAP = "# Your lines: what does Linux 5.6 do after RETRY?"


def test_a_learner_can_write_the_loop(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"my-fault": {GAP: RIGHT}}, tmp_path)
    assert "Your loop does what that of Linux 5.6 does, in all four." in said["try-twice"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (KEEPS, "The permission to wait is still there: that is Linux 5.7"),
        (RIGHT.replace("        flags |= FAULT_FLAG_TRIED\n", ""), "without TRIED"),
        (
            RIGHT.replace("        flags &=", "        await up_read(mm)\n        flags &="),
            "but does not hold it",
        ),
        (RIGHT.replace("= await one_try", "= one_try"), "put `await` before it"),
        ("", "after RETRY the callee has released it already"),
    ],
)
def test_a_wrong_loop_is_told_why(lines: str, says: str, tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"my-fault": {GAP: lines or GAP}}, tmp_path)
    assert says in " ".join(said["try-twice"].split())


def test_the_gaps_can_be_filled(tmp_path: Path) -> None:
    right = {
        'gave=""': 'gave="VM_FAULT_RETRY"',
        'allowed=""': 'allowed="FAULT_FLAG_ALLOW_RETRY"',
        'cleared=""': 'cleared="FAULT_FLAG_ALLOW_RETRY"',
        'marked=""': 'marked="FAULT_FLAG_TRIED"',
    }
    assert "All 4 right." in printed(LESSON.notebook, {"fill-loop": right}, tmp_path)["fill-loop"]
    wrong = right | {'cleared=""': 'cleared="FAULT_FLAG_TRIED"'}
    said = printed(LESSON.notebook, {"fill-loop": wrong}, tmp_path)["fill-loop"]
    assert "Gone is the permission to wait." in " ".join(said.split())


def test_one_access_survives_any_number_of_wakes(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"try-wakes": {'wakes(1, "read 1"))': 'wakes(9, "mlock 1"))'}}, tmp_path)
    assert "9 wakes, mlock 1 on tree before: T: ret=0" in said["try-wakes"]


ROWS = {
    "the program reads": "user_read",
    "`read()` into the page": "read_zero",
    "`read()` into two pages": "read_zero_partial",
    "`write()` to a pipe": "pipe_write",
    "`process_vm_readv`, two pages": "pvm_readv_partial",
    "`mlock`": "mlock",
}


def recorded(kernel: str, access: str, event: str) -> dict[str, Any]:
    lines = (ROOT / "tests" / "data" / "records" / f"{kernel}.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    keys = ("access", "event", "mem", "user_mode_only")
    (row,) = [one for one in rows if tuple(one.get(key) for key in keys) == (access, event, "anon", False)]
    return row


@pytest.mark.parametrize("what", ROWS)
def test_the_real_kernels_did_what_the_table_says(what: str) -> None:
    asked = [("5.4.59", "wake1"), ("5.4.59", "wake2"), ("5.7.14", "wake2")]
    rows = [recorded(kernel, ROWS[what], event) for kernel, event in asked]
    told = " | ".join(f"`{row['outcome']}`, {row['messages']}" for row in rows)
    assert f"| {what} | {told} |" in LESSON.source("patch")


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("06")
    for name, came in (
        ("kernel", "EFAULT"),
        ("short", "ret=4096"),
        ("pipe", "ret=4096, 2 messages"),
        ("wakes", "EFAULT"),
    ):
        assert came in [one.outcome for one in questions[name].choices]
