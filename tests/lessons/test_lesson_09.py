"""What lesson 09 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

from pathlib import Path

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("09")


def test_a_stop_turns_write_into_an_error_with_twelve_patches_only() -> None:
    assert LESSON.shown("run-both").splitlines()[:2] == [
        "12-and-13 on tree upto11: T: ret=4096",
        "12-and-13 on tree upto12: T: EFAULT",
    ]
    side = LESSON.shown("compare")
    assert side.count("≠ other") == 2
    assert "upto11: T sleeps (state D). upto12: T sleeps (state S)." in side
    assert "T starts attempt 2, flags 0x230" in side
    assert "T ends attempt 2: 0x2 SIGBUS" in side


def test_patch_11_is_proven_and_patch_12_hits_one_caller() -> None:
    assert LESSON.shown("words-11") == "Trees upto10 and upto11: 64 flag words, 0 get another sleep.\n"
    assert LESSON.shown("callers-11").endswith("Another sleep: for no caller.\n")
    assert LESSON.shown("callers-12").endswith("Another sleep: a kernel copy.\n")
    assert LESSON.row("callers-12", "a kernel copy") == ["0x14", "killable", "0x214", "interruptible"]
    assert "64 flag words, 32 get another sleep" in LESSON.shown("words-12")
    assert "The run gave a kernel copy." in LESSON.shown("reveal-caller")


def test_patch_16_is_proven_in_its_place_and_not_without_patch_15() -> None:
    assert "no caller passes any of them" in LESSON.shown("words-16")
    assert [
        line.endswith("0 that can happen differ; True") for line in LESSON.shown("proofs").splitlines()
    ] == [
        True,
        True,
    ]
    assert "passed by get_user_pages" in LESSON.shown("break-premise")
    assert [line.split()[-2:] for line in LESSON.shown("break-kill").splitlines()] == [
        ["30", "ms"],
        ["5030", "ms"],
        ["30", "ms"],
    ]


def test_the_trees_of_the_last_cell_do_what_the_text_hints_at() -> None:
    twelve, thirteen, without = LESSON.shown("break-trees").splitlines()
    assert twelve.endswith("T: EFAULT - 2 attempts")
    assert thirteen.endswith("T: ret=4096 - 90002 attempts")
    assert without.endswith("T: ret=4096 - 2 attempts")


def test_the_predictions_cover_what_the_runs_give() -> None:
    for name, outcome in (("stop", "EFAULT"), ("caller", "a kernel copy")):
        assert outcome in [one.outcome for one in questions_of("09")[name].choices]


def test_a_learner_writes_the_decision_of_each_tree(tmp_path: Path) -> None:
    flag = '_INTERRUPTIBLE:\n        return "?"'
    right = {
        "fill-axes": {'a=""': 'a="USER"', 'b=""': 'b="KILLABLE"', 'c=""': 'c="INTERRUPTIBLE"'},
        "my-sleep-12": {
            flag: flag.replace("?", "interruptible"),
            '    return "?"\n\n': '    return "killable"\n\n',
        },
        "my-sleep-16": {
            flag: flag.replace("?", "interruptible"),
            '"??"': '"killable"',
            '"???"': '"uninterruptible"',
        },
    }
    said = printed(LESSON.notebook, right, tmp_path)
    assert " right.\n\nAll " in said["fill-axes"]
    assert said["my-sleep-11"] == "Tree upto11: 64 of 64 flag words get the kernel's sleep.\n"
    assert said["my-sleep-12"] == "Tree upto12: 64 of 64 flag words get the kernel's sleep.\n"
    assert said["my-sleep-16"] == "Tree after: 64 of 64 flag words get the kernel's sleep.\n"


def test_a_learner_who_takes_interruptible_for_user_is_told(tmp_path: Path) -> None:
    wrong = {
        "my-sleep-12": {
            "FAULT_FLAG_INTERRUPTIBLE": "FAULT_FLAG_USER",
            '        return "?"': '        return "interruptible"',
            '    return "?"\n\n': '    return "killable"\n\n',
        }
    }
    said = printed(LESSON.notebook, wrong, tmp_path)
    assert "From patch 12 on USER decides nothing" in " ".join(said["my-sleep-12"].split())
