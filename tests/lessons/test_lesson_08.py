"""What lesson 08 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

import re
from pathlib import Path

from course.decide import by_turns
from course.questions import questions_of
from course.sketch import sketch
from pyemu import Tree, run
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("08")


def test_the_crash_is_the_report_of_2017() -> None:
    rules = [line.split(":")[0] for line in LESSON.shown("run-crash").splitlines() if line.startswith("- ")]
    assert rules == ["- dangling vma", "- use after free"]
    assert "The run gave at once." in LESSON.shown("reveal-writer")
    holders = re.findall(r"takes.* (T|U \(w\)) +missing", LESSON.shown("timeline"))
    assert holders[:3] == ["T", "U (w)", "T"]
    text = LESSON.source("trace-text")
    assert "takes the lock at 0 us" in text
    assert "for writing at 1,000 us" in text
    assert "At 2,001 us SIGUSR1 has woken T" in text
    assert "the attempt gave 0x100, **NOPAGE**" in LESSON.source("mechanism")


def test_patch_10_leaves_no_order_in_which_it_happens() -> None:
    nine, ten = LESSON.shown("explore").split("syzbot-2017 on tree upto10")
    assert [
        rule for rule in ("stale vma", "dangling vma", "use after free") if f"- {rule} " not in nine
    ] == []
    assert "Shortest: T*11 U*10 M*13 T*7" in nine
    assert [line.split()[1] for line in ten.splitlines() if line.startswith("  - ")] == ["hang"]


def test_no_function_of_the_value_is_right_without_patch_10() -> None:
    said = " ".join(LESSON.shown("try-before").split())
    assert "in S10a an attempt gave 0x100 NOPAGE, and mmap_sem was released on the way" in said
    assert "But in S9 an attempt gave 0x100 NOPAGE, and mmap_sem was held all the time." in said


def test_the_counters_show_one_lock_and_one_minor_fault_less() -> None:
    assert LESSON.row("count", "mmap_sem taken") == ["4", "3"]
    assert LESSON.row("count", "faults counted as minor (min_flt)") == ["1", "0"]
    assert LESSON.row("count", "page faults (exceptions)") == ["2", "2"]
    assert LESSON.row("count", "signal handler runs") == ["1", "1"]


def test_ten_without_nine_is_the_one_bad_line() -> None:
    assert "The run gave SIGBUS(code=2)." in LESSON.shown("run-order")
    lines = LESSON.shown("order-table").splitlines()
    assert [line.split()[0] for line in lines] == ["upto8", "upto9", "upto10-9", "upto10"]
    assert [line.count("SIGBUS(code=2)") for line in lines] == [0, 0, 2, 0]
    assert "attempt 2 flags 0x71 WRITE|KILLABLE|TRIED|USER" in LESSON.shown("trace-order")


def test_todays_handler_holds_a_dangling_area_and_does_not_read_it() -> None:
    old, today = LESSON.shown("today").splitlines()
    assert old.endswith("['dangling vma', 'use after free']")
    assert today.endswith("['dangling vma']")


def right(name: str) -> str:
    return next(one.text for one in questions_of("08")[name].choices if one.right)


def test_without_patch_9_the_userfaultfds_reader_alone_is_killed_by_sigusr1() -> None:
    tree = Tree.upto(10) - 9
    monitor = "wait_message; pause ticks=5000; signal task=T signal=SIGUSR1; pause ticks=15000; copy it"
    copy = sketch("R", T="tmpfs_write 1", M=monitor)
    ends = {"P": run("S9", tree), "Q": run("S10c", tree), "R": run(copy, tree)}
    assert all(one.tasks["T"].stats["handler_runs"] == 1 for one in ends.values())
    failed = [name for name, one in ends.items() if not one.tasks["T"].outcome.startswith("ret=")]
    assert failed == ["Q"]
    assert right("without").startswith("Q's alone")


def test_before_the_series_the_handler_ran_at_once_and_the_lock_was_taken_twice_in_each_fault() -> None:
    monitor = "wait_message; pause ticks=5000; signal task=T signal=SIGUSR1; pause ticks=15000; copy 1"
    counted = []
    for tree in (Tree.before, Tree.v5_7):
        done = run(sketch("asked", T="read 1", M=monitor), tree)
        task = done.tasks["T"]
        (handler,) = done.trace.select("signal_taken", task="T")
        assert task.outcome == "ret=5"
        faults, taken = task.stats["exceptions"], task.stats["acquisitions"]
        counted.append(f"At {handler.t // 1000} ms, in {faults} page faults, {taken} times")
    assert right("before").startswith(counted[0])
    assert [one.text.split(":")[0] for one in questions_of("08")["before"].choices].count(counted[1]) == 1


def test_if_u_comes_first_nobody_waits() -> None:
    done = by_turns("syzbot-2017", Tree.upto(9), "U T M T")
    assert done.violations == ()
    assert (done.tasks["T"].stats["messages_queued"], done.tasks["T"].stats["attempts"]) == (0, 1)
    assert "belongs to no userfaultfd" in right("first")


def test_the_stop_comes_after_sigbus() -> None:
    lines = [line.split(" us  ")[1] for line in LESSON.shown("trace-order").splitlines()]
    assert lines.index("SIGBUS: escape") < lines.index("SIGSTOP: stop") < lines.index("ends")


def test_the_predictions_cover_what_the_runs_give() -> None:
    for name, outcome in (("writer", "at once"), ("taken", "3"), ("order", "SIGBUS(code=2)")):
        assert outcome in [one.outcome for one in questions_of("08")[name].choices]


def test_a_learner_schedules_the_crash_and_finds_the_contract(tmp_path: Path) -> None:
    right = {
        "fill-lock": {
            'copy=""': 'copy="released"',
            'old=""': 'old="re-taken"',
            'new=""': 'new="released"',
            'closed=""': 'closed="held"',
        },
        "own-turns": {"T M T U": "T U M T"},
        "own-attack": {"T M T U": "T U M T"},
        "still-good": {"fault != VM_FAULT_RETRY": "not fault & VM_FAULT_RETRY"},
    }
    said = printed(LESSON.notebook, right, tmp_path)
    assert " right.\n\nAll " in said["fill-lock"]
    assert "- use after free:" in said["own-turns"]
    assert said["own-attack"] == "No rule is broken.\n"
    assert said["try-after"] == "Tree upto10: 9 of 9 attempts are told right.\n"
    assert "no function can tell them apart" in " ".join(said["try-before"].split())


def test_a_learner_who_distrusts_nopage_is_told_where_it_was_honest(tmp_path: Path) -> None:
    wary = {"still-good": {"fault != VM_FAULT_RETRY": "not fault & (VM_FAULT_RETRY | 0x100)"}}
    wary["fill-lock"] = {'old=""': 'old="released"'}
    said = printed(LESSON.notebook, wary, tmp_path)
    assert "Then the caller would release it a second time" in said["fill-lock"]
    assert "in S9 an attempt gave 0x100 NOPAGE" in said["try-after"]
    assert "area is lost" in " ".join(said["try-after"].split())
