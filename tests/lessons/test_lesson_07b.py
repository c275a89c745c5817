"""What lesson 07b says of five handlers is what the emulator does, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from pyemu import Tree, run
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("07b")


def test_sigkill_runs_one_kernel_instruction_again_and_again() -> None:
    assert "The run gave very many." in LESSON.shown("run-kill")
    lines = LESSON.shown("timeline-kill").splitlines()
    killed = next(n for n, line in enumerate(lines) if "sends SIGKILL to T" in line)
    again = [line for line in lines[killed:] if "from kernel code" in line]
    assert len(again) >= 4
    assert any("goes round in circles" in line for line in lines[killed:])
    assert "100002" in LESSON.shown("count-kill")


def test_the_times_in_the_text_are_those_of_the_runs() -> None:
    board, mended = (run("B7", tree) for tree in (Tree.v5_7, Tree.parse("v6_12")))
    ends = [f"{one.trace.select('exit', task='T')[0].t / 1000:.0f} ms" for one in (board, mended)]
    assert f"dead after {ends[0]}, when the page has come" in LESSON.source("real")
    assert f"dead after {ends[1]}" in LESSON.source("real")
    sent, copied = (board.trace.select(kind)[0].t for kind in ("signal_sent", "uffd"))
    assert f"SIGKILL comes after {sent / 1000:.0f} ms" in LESSON.source("real")
    assert f"brings the page after {copied / 1000:.0f} ms" in LESSON.source("predict")


def test_only_patch_8_differs_and_it_releases_twice() -> None:
    assert [line.split()[-2] for line in LESSON.shown("prove").splitlines()] == ["0", "0", "0", "0", "88"]
    before, after = LESSON.shown("run-sh").splitlines()
    assert before.endswith("[]")
    assert after.count("bad unlock balance") == 2
    assert [line.split()[-1] for line in LESSON.shown("run-oom").splitlines()] == ["0", "1"]


def test_arc_counts_a_wait_for_the_disk_as_minor_until_5_9() -> None:
    old, new = LESSON.shown("run-arc").splitlines()
    assert "'min_flt': 1, 'maj_flt': 0" in old
    assert "'min_flt': 0, 'maj_flt': 1" in new


def test_a_learner_gets_there(tmp_path: Path) -> None:
    usual = "retry return return | retry retry fixup"
    said = printed(
        LESSON.notebook,
        {
            "own-reactions": {
                'arm64="? ? ? | ? ? ?"': f'arm64="{usual}"',
                'arc="? ? ? | ? ? ?"': f'arc="{usual}"',
                'riscv="? ? ? | ? ? ?"': 'riscv="retry return return | retry retry livelock"',
                'um="? ? ? | ? ? ?"': 'um="retry retry return | retry retry fixup"',
            },
            "fill-leave": {'a="", b=""': 'a="user_mode(regs)", b="no_context"'},
            "my-reaction": {
                'return "?"  # the gap': (
                    'return "return" if mode == "user" else "livelock" if arch in REPEATING else "fixup"  #'
                )
            },
        },
        tmp_path,
    )
    assert said["own-reactions"] == "All 30 are right.\n"
    assert "agree on all" in said["try-reaction"]
    assert "All" in said["fill-leave"]


def test_a_learner_who_thinks_that_all_take_the_fixup_hears_otherwise(tmp_path: Path) -> None:
    said = printed(
        LESSON.notebook,
        {
            "own-reactions": {'riscv="? ? ? | ? ? ?"': 'riscv="retry return return | retry retry fixup"'},
            "fill-leave": {'b=""': 'b="up_read"'},
        },
        tmp_path,
    )
    assert "does it only return?" in " ".join(said["own-reactions"].split())
    assert "would release it once more" in " ".join(said["fill-leave"].split())


def test_the_three_trees_of_the_driver_that_lies() -> None:
    rules = [
        {one.rule for one in run("S4", Tree.parse(tree)).violations} for tree in ("upto3", "upto4", "upto13")
    ]
    assert rules == [{"I2", "I6"}, {"I2", "I6", "bad unlock balance"}, {"I6"}]


def test_the_prediction_covers_what_the_run_gives() -> None:
    assert "very many" in [one.outcome for one in questions_of("07b")["kill"].choices]


def test_riscv_counts_each_attempt_in_5_7() -> None:
    counted = run("count-riscv", Tree.v5_7).tasks["T"].counters
    assert (counted["maj_flt"], counted["min_flt"]) == (1, 1)
