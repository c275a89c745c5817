"""What bridge B4 says of copies is what the emulator does, and its tasks can be done."""

from __future__ import annotations

import json
from pathlib import Path

from course.memory import touch
from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

ROOT = Path(__file__).parents[2]
LESSON = Lesson("B4")


def test_the_same_fault_is_a_signal_for_the_program_and_an_error_for_the_kernel() -> None:
    read, write = LESSON.shown("show-same").splitlines()[2:]
    assert "SIGBUS(code=2)" in read
    assert "EFAULT" in write
    assert "fixup" in write


def test_the_copy_of_two_pages_ends_at_its_fixup_with_a_short_count() -> None:
    lines = LESSON.shown("timeline-short").splitlines()
    fixup = next(n for n, line in enumerate(lines) if "gives up the access" in line)
    assert any("4096 bytes copied" in line for line in lines[:fixup])
    assert any("ends attempt 1: 0x2 SIGBUS" in line for line in lines[:fixup])
    assert any("ret=4096" in line for line in lines[fixup:])


def test_the_table_lists_each_block_copy_twice() -> None:
    names = [line.split()[0] for line in LESSON.shown("show-table").splitlines()]
    assert {"COPY_USER", "COPY_USER_TAIL"} <= {*names}
    assert names[-1] == "SIE"


def test_the_real_kernels_did_what_the_table_says() -> None:
    text = "".join(LESSON.cell("real")["source"])
    columns = {"5.4.59": 1, "5.7.14": 2}
    accesses = ("user_read", "read_zero", "read_zero_partial", "pipe_write")
    table = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    for kernel, column in columns.items():
        path = ROOT / "tests" / "data" / "records" / f"{kernel}.jsonl"
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for access, line in zip(accesses, table, strict=True):
            recorded = [
                row["outcome"]
                for row in rows
                if (row.get("access"), row.get("event"), row.get("mem")) == (access, "wake1", "anon")
                and not row["user_mode_only"]
            ]
            assert recorded == [line[column].strip(" `")]


def test_a_learner_gets_there(tmp_path: Path) -> None:
    order = "GEBHFAD"
    said = printed(
        LESSON.notebook,
        {
            "my-result": {
                'return "?"  # the first': 'return "EFAULT"  #',
                'return "?"  # the second': "return asked - left  #",
            },
            "order-copy": {'""': f'"{order}"'},
            **{f"test-{n}": {'""': f'"{right}"'} for n, right in enumerate("BCABB", 1)},
        },
        tmp_path,
    )
    assert "agree on all 40 calls" in said["try-result"]
    assert "All 7 lines are in place" in " ".join(said["order-copy"].split())
    assert "5 of 5 were right" in said["self-test"]


def test_a_learner_who_takes_a_part_for_an_error_hears_otherwise(tmp_path: Path) -> None:
    edits = {
        'return "?"  # the first': 'return "EFAULT"  #',
        'return "?"  # the second': 'return "EFAULT" if left else asked  #',
    }
    said = printed(LESSON.notebook, {"my-result": edits, "order-copy": {'""': '"GEBC"'}}, tmp_path)
    assert "a part done is no error" in " ".join(said["try-result"].split())
    assert "No signal is sent for a fault of kernel code" in " ".join(said["order-copy"].split())


def test_the_same_missing_page_can_give_a_positive_number() -> None:
    assert touch("syscall write 0x6000 2", file="cached", file_pages=2).accesses[0].outcome == "ret=4096"
    assert touch("syscall write 0x5000 2", file="cached", file_pages=2).accesses[0].outcome == "ret=8192"


def test_the_prediction_covers_what_the_run_gives() -> None:
    assert "EFAULT" in [one.outcome for one in questions_of("B4")["same"].choices]
