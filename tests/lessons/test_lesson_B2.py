"""What bridge B2 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("B2")


def test_one_interleaving_of_ten_loses_the_wake_up() -> None:
    assert "The run gave 1." in LESSON.shown("run-lost")
    assert "in 1 of 10 interleavings" in LESSON.shown("run-lost")
    moves = [line.split()[:2] for line in LESSON.shown("run-lost").splitlines() if line.startswith("  ")]
    assert moves == [["T", "C"], ["M", "P"], ["M", "W"], ["T", "Q"], ["T", "Z"]]


def test_a_read_sleeps_in_s_and_the_kernel_for_it_in_d() -> None:
    assert [line[-1] for line in LESSON.shown("letters").splitlines()] == ["S", "D"]


def test_the_third_reader_queues_behind_the_writer() -> None:
    said = LESSON.shown("run-readers")
    order = [line.split()[2] for line in said.splitlines() if "granted" in line]
    assert order == ["W", "C"]
    assert "The run gave W then C." in LESSON.shown("reveal-third")
    held_together = [line.split()[2] for line in said.splitlines()[:2]]
    assert held_together == ["A", "B"]


def test_the_exchanged_lines_pass_the_run_and_not_the_explorer() -> None:
    assert LESSON.shown("break-run") == "eager on tree after: T: ret=5\n" * 2
    assert "lost wake-up" not in LESSON.shown("explore-right")
    assert "hang" not in LESSON.shown("explore-right")
    assert "lost wake-up" in LESSON.shown("explore-wrong")
    lines = LESSON.shown("explore-trace").splitlines()
    wake = next(i for i, line in enumerate(lines) if "sends a wake" in line)
    queue = next(i for i, line in enumerate(lines) if "sends the monitor a message" in line)
    assert wake < queue


def test_a_learner_can_do_all_of_it(tmp_path: Path) -> None:
    answers = {"test-1": "C", "test-2": "B", "test-3": "A", "test-4": "C", "test-5": "A"}
    edits = {name: {'""': f'"{letter}"'} for name, letter in answers.items()}
    edits["try-order"] = {'""': '"QCZ"'}
    edits["own-sleeps"] = {"??? ??? ??? ???": "yyn nyn nnn nyy"}
    said = printed(LESSON.notebook, edits, tmp_path)
    assert said["try-order"] == "QCZ: in all 10 interleavings T gets its page.\n"
    assert "All 12 are as in the runs." in said["own-sleeps"]
    assert "5 of 5 were right" in said["self-test"]
    assert "You may skip this bridge" in said["self-test"]


def test_typical_mistakes_are_told_what_is_wrong(tmp_path: Path) -> None:
    edits = {
        "test-1": {'""': '"A"'},
        "try-order": {'""': '"QZC"'},
        "own-sleeps": {"??? ??? ??? ???": "yyy yyy nyn yyy"},
    }
    said = printed(LESSON.notebook, edits, tmp_path)
    assert "in 1 of 10 interleavings T sleeps for ever" in said["try-order"]
    words = " ".join(said["own-sleeps"].split())
    assert "Line 2, SIGUSR1: yes is not what the run gave. Killable says it" in words
    assert "Line 3, SIGKILL: yes is not what the run gave. Nothing but the event itself" in words
    assert "1 of 5 are answered" in said["self-test"]


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("B2")
    assert "1" in [one.outcome for one in questions["lost"].choices]
    assert "W then C" in [one.outcome for one in questions["third"].choices]
