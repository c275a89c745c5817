"""What lesson 14 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("14")


def test_the_four_graphs_of_the_story_are_those_of_the_runs() -> None:
    assert [line.split() for line in LESSON.shown("run-four").splitlines()] == [
        ["v5_7", "ret=7", "attempts", "2", "minor", "1", "major", "0", "lock", "taken", "2"],
        ["v5_10", "ret=7", "attempts", "2", "minor", "0", "major", "1", "lock", "taken", "2"],
        ["v6_0", "ret=7", "attempts", "1", "minor", "1", "major", "0", "lock", "taken", "1"],
        ["v6_8", "ret=7", "attempts", "1", "minor", "1", "major", "0", "lock", "taken", "0"],
    ]


def test_completed_saves_the_second_attempt() -> None:
    text = LESSON.source("trace-text")
    assert "attempt 1 gives 0x600, with RETRY" in text
    assert "attempt 1 gives 0x4200, with a new bit" in text
    assert "2 attempts." in text
    assert "1 attempt." in text
    assert "The run gave 0x600." in LESSON.shown("reveal-attempts")


def test_the_lock_of_an_area_lets_a_fault_pass() -> None:
    rows = {
        line.split()[1]: line.split()[2:]
        for line in LESSON.shown("run-waits").splitlines()
        if "task " in line
    }
    assert rows["T"] == ["398001", "398000"]
    assert "The run gave 0 times." in LESSON.shown("run-waits")
    older, newer = LESSON.shown("vma-trace").split("tree v6_8")
    assert "mmap_sem: waits for reading" in older
    assert "mmap_sem" not in newer


def test_a_retry_under_the_lock_of_an_area_has_not_waited() -> None:
    lines = LESSON.shown("run-swap").splitlines()
    retry = next(i for i, line in enumerate(lines) if "attempt 1 gives 0x400 RETRY" in line)
    sleep = next(i for i, line in enumerate(lines) if "sleeps" in line)
    assert retry < sleep
    assert "Attempt 1 gives RETRY at 1 us" in LESSON.source("retry-meaning")
    (second,) = [line for line in lines if "attempt 2 flags" in line]
    assert "TRIED" not in second
    assert "VMA_LOCK" not in second


def test_one_fault_on_riscv_is_counted_once_twice_once() -> None:
    rows = [line.split() for line in LESSON.shown("run-count").splitlines() if "pgfault" in line]
    assert [int(row[2]) + int(row[4]) for row in rows] == [1, 2, 1, 1]
    assert "The run gave 2." in LESSON.shown("run-count")


def test_the_loop_that_does_not_know_the_word_breaks_a_rule() -> None:
    assert LESSON.shown("try-old-loop").startswith("completed on tree v6_0: T: ret=7\n- bad unlock balance:")


def test_a_learner_can_do_all_of_it(tmp_path: Path) -> None:
    line = "        if not fault & VM_FAULT_RETRY:"
    mended = f"        if fault & VM_FAULT_COMPLETED:\n            return None\n{line}"
    edits = {
        "order-pass": {'""': '"E D C A B F"'},
        "fill-finish": {
            'done="", again="", end=""': 'done="VM_FAULT_COMPLETED", again="VM_FAULT_RETRY", end="up_read"'
        },
        "old-loop": {line: mended},
    }
    said = printed(LESSON.notebook, edits, tmp_path)
    assert "All 6 lines are in place." in said["order-pass"]
    assert said["try-old-loop"] == "completed on tree v6_0: T: ret=7\nNo rule is broken.\n"
    assert "not" not in said["fill-finish"].splitlines()[-1]


def test_typical_mistakes_are_told_what_is_wrong(tmp_path: Path) -> None:
    line = "        if not fault & VM_FAULT_RETRY:"
    again = f"        if fault & VM_FAULT_COMPLETED:\n            continue\n{line}"
    edits = {
        "order-pass": {'""': '"E D A C B F"'},
        "fill-finish": {'done=""': 'done="VM_FAULT_NOPAGE"'},
        "old-loop": {line: again},
    }
    said = printed(LESSON.notebook, edits, tmp_path)
    assert "All 6 lines are in place." not in said["order-pass"]
    assert "The lock is held then." in " ".join(said["fill-finish"].split())
    assert said["try-old-loop"].startswith("completed on tree v6_0: T: ret=7")


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("14")
    for name, outcome in (("attempts", "0x600"), ("waits", "0 times"), ("count", "2")):
        assert outcome in [one.outcome for one in questions[name].choices]
