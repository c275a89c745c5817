"""What bridge B1 says of modes and threads is what the emulator does, and its tasks can be done."""

from __future__ import annotations

import json
from pathlib import Path

from course.memory import touch
from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

ROOT = Path(__file__).parents[2]
LESSON = Lesson("B1")


def test_the_same_address_faults_for_the_program_and_for_the_kernel() -> None:
    assert "The run gave 0x4 and 0x0." in LESSON.shown("run-twice")
    read, _, write = LESSON.shown("show-twice").splitlines()[2:]
    assert "0x4 U" in read
    assert "0x0 " in write
    assert write.split()[-1] == "4096"


def test_the_kernel_gets_an_error_where_the_program_gets_a_signal() -> None:
    assert "SIGSEGV(code=1)" in LESSON.shown("run-wrong")
    assert "EFAULT" in LESSON.shown("run-wrong")
    assert "no fault" in LESSON.shown("run-read")


def test_threads_share_a_page_table_and_programs_a_page_cache() -> None:
    assert "The run gave 0." in LESSON.shown("run-thread")
    assert LESSON.shown("show-thread").splitlines()[-1].split()[-1] == "0"
    mine, thread, other = LESSON.shown("run-cache").splitlines()[2:]
    assert "major" in mine
    assert "no fault" in thread
    assert "minor" in other
    assert "0x4000" in mine
    assert "0x4000" in other


def test_the_recorded_outcomes_are_those_of_the_records() -> None:
    lines = (ROOT / "tests" / "data" / "records" / "5.4.59.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if (row.get("event"), row.get("mem")) == ("wake1", "anon")]
    for access in ("user_read", "read_zero"):
        outcomes = {row["outcome"] for row in rows if row["access"] == access and not row["user_mode_only"]}
        assert len(outcomes) == 1
        assert f"`{outcomes.pop()}`" in LESSON.source("real")


def test_a_learner_who_knows_the_modes_gets_there(tmp_path: Path) -> None:
    said = printed(
        LESSON.notebook,
        {
            "own-modes": {"UK?????? ???????????": "UKKKKUUU KKKKKKKKKKU"},
            "break-it": {'"syscall write 0x5000"': '"read 0x5000", "syscall write 0x5000"'},
            **{f"test-{n}": {'""': f'"{right}"'} for n, right in enumerate("BCBCA", 1)},
        },
        tmp_path,
    )
    assert "All 19 are right. The kernel is entered at line 2, 9" in said["own-modes"]
    assert "5 of 5 were right" in said["self-test"]


def test_a_learner_who_puts_the_copy_into_user_mode_hears_whose_instruction_it_is(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"own-modes": {"UK?????? ???????????": "UKKKKUUU KUKKKKKUUUU"}}, tmp_path)
    assert "the instruction is the kernel's" in " ".join(said["own-modes"].split())


def test_a_system_call_can_have_no_page_fault_and_two() -> None:
    assert touch("read 0x5010", "syscall write 0x5000").accesses[1].faults == ()
    assert len(touch("syscall read 0x5000 2").faults) == 2


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("B1")
    assert "0x4 and 0x0" in [one.outcome for one in questions["twice"].choices]
    assert "0" in [one.outcome for one in questions["thread"].choices]
