"""What lesson 03 says of page faults is what the emulator does, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.memory import touch
from course.questions import questions_of
from pyemu.tree import Tree
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("03")


def test_the_first_write_asks_and_the_second_does_not() -> None:
    first, second = LESSON.shown("touch-first").splitlines()[2:]
    assert "0x6 W U" in first
    assert "0x3000 P RW US" in first
    assert "frame `0x3000`" in LESSON.source("touch-read")
    assert "no fault" in second


def test_reading_is_free_and_writing_copies() -> None:
    assert "That is A: None." in "\n".join(LESSON.shown("run-child").splitlines())
    *_, child = LESSON.shown("show-child").splitlines()
    assert "no fault" in child
    assert "0x4000 P US" in child
    write, read = LESSON.shown("show-copy").splitlines()[-2:]
    assert "copies the page" in write
    assert read.split()[-1] == "7"


def test_fork_replaces_both_entries_while_it_holds_the_locks() -> None:
    lines = LESSON.shown("timeline-copy").splitlines()
    born = next(n for n, line in enumerate(lines) if "forks child" in line)
    put = [line for line in lines[:born] if "puts the page in place" in line]
    assert len(put) == 3  # the parent's first write, then both entries
    assert sum("takes mmap_sem for writing" in line for line in lines[:born]) == 2
    assert sum("writes 0x5010" in line for line in lines[born:]) == 2


def test_the_worked_examples_are_told_as_they_came() -> None:
    assert "The run gave 2." in LESSON.shown("run-zero").splitlines()[0]
    parent, child = LESSON.shown("run-last").splitlines()[-2:]
    assert "copies the page" in parent
    assert "reuses the page" in child
    forbidden, nothing = LESSON.shown("run-errors").splitlines()[-2:]
    assert "0x7 P W U" in forbidden
    assert "SIGSEGV(code=2)" in forbidden
    assert "SIGSEGV(code=1)" in nothing
    file = LESSON.shown("run-file").splitlines()[2:]
    kinds = [next(w for w in ("major", "minor", "no fault") if w in line) for line in file]
    assert kinds == ["major", "no fault", "minor"]
    assert LESSON.shown("run-mprotect").splitlines() == ["v5_7 page faults: 1", "v6_1 page faults: 0"]


def test_a_learner_who_fills_the_gaps_gets_there(tmp_path: Path) -> None:
    said = printed(
        LESSON.notebook,
        {
            "own-faults": {
                'B=["?", "?"]': 'B=["0x4 0x6010 minor", "0x7 0x6010 minor"]',
                'C=["?", "?"]': 'C=["0x6 0x5010 minor", "0x4 0x5010 minor"]',
                'D=["?", "?"]': 'D=["0x6 0x5010 minor", "0x7 0x5ff8 neither"]',
            },
            "own-more": {
                'E=["?"]': 'E=["0x4 0x9010 neither"]',
                'F=["?", "?"]': 'F=["0x4 0x5010 major", "no"]',
                'G=["?", "?", "?", "?"]': (
                    'G=["0x6 0x5010 minor", "no", "0x7 0x5010 minor", "0x7 0x5018 minor"]'
                ),
            },
            "my-fault": {
                'return "?"  # the first': 'return "fresh frame" if write else "zero page"  #',
                'return "?"  # the second': 'return "same frame" if owners == 1 else "fresh frame"  #',
            },
        },
        tmp_path,
    )
    assert said["own-faults"] == "All 8 accesses are right.\n"
    assert said["own-more"] == "All 7 accesses are right.\n"
    assert "agree on all 127 faults" in said["try-fault"]


def test_a_learner_who_thinks_that_a_child_starts_empty_hears_otherwise(tmp_path: Path) -> None:
    said = printed(
        LESSON.notebook,
        {
            "own-more": {'G=["?", "?"': 'G=["0x6 0x5010 minor", "0x4 0x5010 minor"'},
            "my-fault": {
                'return "?"  # the first': 'return "fresh frame"  #',
                'return "?"  # the second': 'return "fresh frame"  #',
            },
        },
        tmp_path,
    )
    assert "child: read 0x5010: no fault. The page is mapped already" in " ".join(said["own-more"].split())
    assert "all such pages share one" in " ".join(said["try-fault"].split())


def test_the_rule_can_be_broken_in_three_ways() -> None:
    for steps in (("fork",), ("drop 0x5000",), ("protect 0x5000 r", "protect 0x5000 rw")):
        last = touch("write 0x5010 7", *steps, "write 0x5010 8").accesses[-1]
        assert last.outcome == "ret=8"
        assert len(last.faults) == 1


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("03")
    child = touch("write 0x5010 7", "fork", "child read 0x5010", tree=Tree.after).accesses[-1]
    copy = touch("write 0x5010 7", "fork", "child write 0x5010 9", "read 0x5010").accesses[-1]
    zero = touch("read 0x6010", "write 0x6010 7")
    assert str(len(child.faults)) in [one.outcome for one in questions["child"].choices]
    assert copy.outcome in [one.outcome for one in questions["copy"].choices]
    assert str(len(zero.faults)) in [one.outcome for one in questions["zero"].choices]
