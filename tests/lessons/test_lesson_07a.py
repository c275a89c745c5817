"""What lesson 07a says is what the runs give, and its tasks can be done."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from course.questions import questions_of
from pyemu import Scenario, Tree, run
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("07a")
NINE = {"= False": "= user_mode(regs) and await signal_pending(current)"}


def test_the_signal_shortens_no_io_and_the_handler_comes_first_on_the_newer_kernel_only() -> None:
    assert LESSON.shown("run-before").splitlines()[-1] == "10002 us: SIGUSR1: handler"
    assert LESSON.shown("run-after").splitlines()[1:3] == [
        "5000 us: SIGUSR1 sent to task 1",
        "10001 us: SIGUSR1: handler",
    ]
    assert "The run gave 10 ms, before the page." in LESSON.shown("reveal-when")
    assert "The difference is 0 us" in LESSON.source("crash")
    assert LESSON.shown("compare").count("T wakes up: the page was unlocked") == 2
    assert "T sleeps (state D)" in LESSON.shown("compare")


def test_the_major_fault_vanishes_from_one_counter_and_not_from_the_other() -> None:
    assert LESSON.row("count", "faults counted as major (maj_flt)") == ["1", "0"]
    assert LESSON.row("count", "faults counted as minor (min_flt)") == ["0", "1"]
    assert "it is 1 with the older kernel and 1 with the newer one" in LESSON.source("count-text")


def test_a_signal_that_is_not_pending_changes_nothing() -> None:
    lines = LESSON.shown("run-control").splitlines()
    assert len(lines) == 4
    assert all(line.endswith("T: ret=5, ret=4096 - 2 page faults") for line in lines)


def test_a_signal_that_is_pending_makes_a_third_fault_on_the_newer_kernel() -> None:
    blocked = Scenario.load("blocked-signal")
    free = tuple(dataclasses.replace(task, blocked=()) for task in blocked.tasks)
    pending = dataclasses.replace(blocked, name="not blocked", tasks=free)
    assert run(pending, Tree.v5_7).tasks["T"].stats["exceptions"] == 3
    assert "would make a third, on the newer kernel" in LESSON.source("control")


def test_runs_of_one_tree_are_told_apart() -> None:
    assert "before, your rule" in LESSON.shown("mine")
    assert "before, her rule" in LESSON.shown("no-retry")


def test_the_question_of_lesson_08_is_not_answered_here() -> None:
    assert "even in Linux 5.6" not in LESSON.source("recap")


def test_the_colleagues_rules_do_what_is_told_of_them() -> None:
    assert LESSON.shown("too-eager").splitlines() == [
        "the older kernel: S12 on tree before: T: ret=4096",
        "with her rule:    S12 on tree before: T: EFAULT",
    ]
    numbers = [line.split()[-2:] for line in LESSON.shown("no-retry").splitlines()[4:]]
    assert all(left == right for left, right in numbers)
    assert "- mmap_sem held on return:" in LESSON.shown("explore")
    assert "attempt 2 gives 0x100 NOPAGE" in LESSON.shown("replay")
    assert "mmap_sem held on return" in LESSON.shown("replay").splitlines()[-1]


def test_one_patch_is_the_cause() -> None:
    assert LESSON.shown("one-patch").splitlines() == [
        "after-9   major 1, minor 0",
        "before+9  major 0, minor 1",
    ]


def test_the_real_kernels_differ_as_the_emulator_does() -> None:
    assert "| 5.4.59, before the series | 1 | 1 |" in LESSON.source("real-kernels")
    assert "| 5.7.14, after the series | 2 | 0 |" in LESSON.source("real-kernels")


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("07a")
    assert "10 ms, before the page" in [one.outcome for one in questions["when"].choices]
    assert "0 major, 1 minor" in [one.outcome for one in questions["count"].choices]


def test_a_learner_who_fills_the_gaps_gets_there(tmp_path: Path) -> None:
    cells = {
        'upto8="nnnnnn ??????"': 'upto8="nnnnnn nnynny"',
        'from9="nnnnnn ??????"': 'from9="nnnnnn nyynny"',
    }
    said = printed(
        LESSON.notebook, {"own-cells": cells, "my-rule": NINE, "order": {'""': '"B G A H D E F"'}}, tmp_path
    )
    assert "All 24 are what the kernel does." in said["own-cells"]
    assert "decide alike in all 12 cells" in said["try-rule"]
    assert "All 7 lines are in place." in said["order"]


def test_a_learner_with_a_usual_mistake_is_told_which(tmp_path: Path) -> None:
    cells = {'from9="nnnnnn ??????"': 'from9="nnnnnn nyynyy"'}
    eager = {"= False": "= await signal_pending(current)"}
    woken = {'""': '"B G C A H D E F"'}
    said = printed(LESSON.notebook, {"own-cells": cells, "my-rule": eager, "order": woken}, tmp_path)
    assert "The sleep is killable: SIGUSR1 does not end it." in " ".join(said["order"].split())
    assert "Cell 11, from patch 9: y is not what the kernel does." in said["own-cells"]
    assert "kernel mode, SIGUSR1 pending: your rule leaves the fault." in " ".join(said["try-rule"].split())
