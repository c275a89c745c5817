"""What bridge B3 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from pyemu import Tree, run
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("B3")


def test_three_signals_while_the_kernel_waits_are_one_handler_run() -> None:
    assert LESSON.shown("run-three").startswith("orders on tree before: T: ret=4096\nThe run gave 1.")
    assert "`write()` gave 4096, the full length" in LESSON.source("crash")
    text = LESSON.source("trace-text")
    assert "The signals are sent at 5001 us" in text
    assert "At 10001 us the page comes" in text
    assert "The handler starts at 10002 us" in text


def test_three_signals_one_after_the_other_are_three() -> None:
    said = LESSON.shown("run-apart")
    assert said.startswith("The run gave 3.")
    assert said.count("SIGUSR1: handler") == 3
    assert said.count("#PF") == 4
    assert "3 handler runs" in LESSON.source("apart-text")
    assert "4 page faults for one read" in LESSON.source("apart-text")


def test_the_emulator_rings_as_often_as_the_real_kernel_did() -> None:
    storm = run("signal-storm", Tree.v5_7)
    assert storm.tasks["T"].stats["handler_runs"] == 10 + 1
    assert "the handler ran ten times" in LESSON.source("real")


def test_a_learner_can_do_all_of_it(tmp_path: Path) -> None:
    answers = {"test-1": "C", "test-2": "A", "test-3": "B", "test-4": "A", "test-5": "C"}
    edits = {name: {'""': f'"{letter}"'} for name, letter in answers.items()}
    edits["order-way"] = {'""': '"C A E B G D"'}
    edits["own-signals"] = {"??? ??? ??? ??? ???": "nnn nnn yyn yyn yyy"}
    edits["break-it"] = {"{SEND}; pause ticks=1000; {SEND}; pause": "{SEND}; {SEND}; pause"}
    said = printed(LESSON.notebook, edits, tmp_path)
    assert "All 6 lines are in place." in said["order-way"]
    assert "All 15 are as in the runs." in said["own-signals"]
    assert "5 of 5 were right" in said["self-test"]
    assert said["break-it"] == "3 sent, 2 handler runs\n"


def test_typical_mistakes_are_told_what_is_wrong(tmp_path: Path) -> None:
    edits = {
        "order-way": {'""': '"C A G E B D"'},
        "own-signals": {"??? ??? ??? ??? ???": "yyy nnn yyy yyn yyy"},
    }
    said = printed(LESSON.notebook, edits, tmp_path)
    assert "in place" not in said["order-way"].splitlines()[-1]
    words = " ".join(said["own-signals"].split())
    assert "Line 1, ends S?: yes is not what the run gave. It is in the queue" in words
    assert "Line 3, ends killable D?: yes is not what the run gave. A killable sleep" in words


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("B3")
    assert "1" in [one.outcome for one in questions["three"].choices]
    assert "3" in [one.outcome for one in questions["apart"].choices]
