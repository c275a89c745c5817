"""What lesson 04 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("04")


def test_a_slow_page_stops_the_others_on_the_board_and_not_on_the_desk() -> None:
    rows = {
        line.split()[1]: line.split()[2:]
        for line in LESSON.shown("run-waits").splitlines()
        if "task " in line
    }
    assert rows == {"T": ["0", "0"], "U": ["8000", "0"], "W": ["9001", "0"]}
    assert "W waits 9001 us on the one machine, and 0 on the other" in LESSON.source("waits-text")
    assert "it waits 8000 us on the board" in LESSON.source("waits-text")
    assert "The run gave 9001." in LESSON.shown("run-csky")


def test_the_desk_releases_before_it_sleeps_and_the_board_does_not() -> None:
    sides = [(line[:53], line[53:]) for line in LESSON.shown("compare").splitlines()]
    moments = [[side.strip() for side in column] for column in zip(*sides, strict=True)]
    for column, releases in zip(moments, (False, True), strict=True):
        sleep = next(i for i, text in enumerate(column) if "T sleeps (state D)" in text)
        assert any("T releases mmap_sem" in text for text in column[:sleep]) is releases
    assert "ALLOW_RETRY" in LESSON.shown("compare")


def test_the_second_attempt_waits_with_the_lock() -> None:
    lines = LESSON.shown("run-relock").splitlines()[-6:]
    assert ["released" in line for line in lines] == [False, True, False, False, False, True]
    assert "gives RETRY at 1000 us" in LESSON.source("relock-text")
    assert "At 2000 us it has it" in LESSON.source("relock-text")
    assert "The run gave 2." in LESSON.shown("run-relock")


def test_explore_finds_the_three_endings_that_the_text_tells() -> None:
    said = LESSON.shown("explore")
    assert "every interleaving explored" in said
    assert "hang: T waits for ever in handle_userfault." in said
    assert said.split("one of these ways:")[1].split("\n")[1:4] == [
        "  T: never ends; M: ioctl copy=ENOENT",
        "  T: ret=0",
        "  T: ret=5",
    ]
    assert "T*13" in said
    assert "T*13" in LESSON.source("explore-text")


def test_a_learner_can_do_all_of_it(tmp_path: Path) -> None:
    right = "FAULT_FLAG_ALLOW_RETRY and not flags & (FAULT_FLAG_TRIED | FAULT_FLAG_RETRY_NOWAIT)"
    said = printed(
        LESSON.notebook,
        {
            "own-locks": {"????????": "hdhdhrdh"},
            "may-drop": {"FAULT_FLAG_ALLOW_RETRY": right},
            "by-turns": {"T M T U": "U T"},
            "order-wait": {'""': '"D E B A"'},
        },
        tmp_path,
    )
    assert "All 4 lines are in place." in said["order-wait"]
    assert "All 8 are as in the runs." in said["own-locks"]
    assert said["may-drop"] == "8 of 8 are decided as the kernel does.\n"
    assert said["by-turns"] == "remap on tree after: T: ret=0\n"


def test_typical_mistakes_are_told_what_is_wrong(tmp_path: Path) -> None:
    said = printed(
        LESSON.notebook,
        {
            "own-locks": {"????????": "hhddhhdd"},
            "may-drop": {"FAULT_FLAG_ALLOW_RETRY": "FAULT_FLAG_TRIED"},
            "by-turns": {"T M T U": "T U M"},
        },
        tmp_path,
    )
    words = " ".join(said["own-locks"].split())
    assert "Line 2, mmap_sem: held is not what the run gave. RETRY after a wait" in words
    assert "Line 3, mmap_sem: dropped is not what the run gave. Only a first attempt may drop" in words
    assert "Line 6, mmap_sem: held is not what the run gave. It slept without the lock" in words
    assert "Line 8, mmap_sem: dropped is not what the run gave. Nobody waited." in words
    assert "it will release a lock that is gone" in " ".join(said["may-drop"].split())
    assert said["by-turns"] == "remap on tree after: hang\n"


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("04")
    assert "9001" in [one.outcome for one in questions["mmap"].choices]
    assert "2" in [one.outcome for one in questions["relock"].choices]
