"""What lesson 13 says is what the explorer gives, and its tasks can be done."""

from __future__ import annotations

from math import factorial
from pathlib import Path

import pytest

from course.questions import questions_of
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("13")
STUB = "good_tree = middle  # the gap: which end moves, if the middle is bad?"
HALVES = "good_tree, bad_tree = (good_tree, middle) if bad(middle) else (middle, bad_tree)"


def said(edits: dict[str, dict[str, str]], folder: Path) -> dict[str, str]:
    return printed(LESSON.notebook, edits, folder)


def test_one_run_shows_nothing_and_every_interleaving_the_error() -> None:
    assert "The run gave ret=4096." in LESSON.shown("run-once")
    verdict, error, right = LESSON.shown("explore-report").splitlines()
    assert "every interleaving explored" in verdict
    assert "38 moves: T: EFAULT" in error
    assert "T: ret=4096" in right


def test_the_signal_comes_between_the_message_and_the_sleep() -> None:
    lines = [line for line in LESSON.shown("replay").splitlines() if line[:8].strip().isdigit()]
    signal = next(number for number, line in enumerate(lines) if "sends SIGUSR1" in line)
    assert "releases mmap_sem" in lines[signal - 1]
    assert "ends attempt 1: 0x400" in lines[signal + 1]
    assert not any("sleeps" in line and line.split()[1] == "wait" for line in lines)


def test_the_orders_of_the_text_are_those_of_the_schedule() -> None:
    text = LESSON.source("mechanism")
    assert "has 38 moves: 28 of T, 7 of S and 3 of M" in text
    assert f"in {factorial(38) // (factorial(28) * factorial(7) * factorial(3)):,} ways" in text


def test_what_is_too_large_proves_nothing_and_what_is_shrunk_shows_the_error() -> None:
    assert "not finished: no violation so far, and nothing is proven" in LESSON.shown("large")
    assert "EFAULT" not in LESSON.shown("large")
    assert "every interleaving explored" in LESSON.shown("shrink-n")
    assert "EFAULT" in LESSON.shown("shrink-n")
    older = LESSON.shown("shrink").split("small on tree")[2]
    assert "EFAULT" not in older


def test_a_learner_who_shrinks_and_says_what_must_hold_gets_there(tmp_path: Path) -> None:
    out = said(
        {
            "shrink": {
                '"read 0; tmpfs_write 1"': '"tmpfs_write 1"',
                "M=monitor": 'M="wait_message; copy 1"',
                "S=timer": 'S="signal task=T signal=SIGUSR1"',
            },
            "holds": {"return True  # yours": 'return "EFAULT" not in told["T"]'},
            "my-bisect": {STUB: HALVES},
        },
        tmp_path,
    )
    assert "34 moves: T: EFAULT" in out["shrink"]
    assert "one order on tree upto12 breaks it" in out["try-invariant"]
    assert out["try-bisect"].splitlines() == [f"asked: tree {n}" for n in (8, 12, 14, 13)] + ["patch 13"]
    assert out["luck"].splitlines() == ["trees 0 to 16: patch 12", "trees 0 to 15: patch 15"]


def test_without_the_monitor_the_tree_before_never_ends(tmp_path: Path) -> None:
    edits = {"shrink": {"M=monitor, ": "", "read 0; ": "", "S=timer": 'S="signal task=T signal=SIGUSR1"'}}
    newer, older = said(edits, tmp_path)["shrink"].split("small on tree")[1:]
    assert "moves: T: EFAULT" in newer
    assert "ret=" not in newer
    assert "T: never ends" in older


@pytest.mark.parametrize(
    ("invariant", "told"),
    [('told["T"] == ("ret=4096",)', "Too strict: with SIGKILL"), ("len(told) < 3", "Too weak")],
)
def test_an_invariant_that_is_too_strict_or_too_weak_is_told(
    invariant: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from course.decide import try_invariant

    try_invariant(eval(f"lambda told: {invariant}"))
    assert told in capsys.readouterr().out


def test_an_invariant_that_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    from course.decide import try_invariant

    try_invariant(lambda told: told["U"] == ())
    assert "failed. KeyError" in capsys.readouterr().out


def test_plain_bisection_finds_nothing_and_every_tree_finds_two() -> None:
    assert "The run gave nothing." in LESSON.shown("run-bisect")
    assert LESSON.shown("every-tree") == "............E....\n"
    assert LESSON.shown("all-trees").splitlines() == [
        "patch 12 brings T: EFAULT; ends nothing",
        "patch 13 brings nothing; ends T: EFAULT",
    ]
    assert "patch 13 brings T: ret=4096, breaks: spin; ends T: EFAULT" in LESSON.shown("everything")


def test_the_real_kernel_agrees() -> None:
    text = LESSON.source("patch")
    assert "| up to patch 10 | `ret=4096` |" in text
    assert "| up to patch 12 | `EFAULT` |" in text
    assert "| up to patch 13 | `ret=4096` |" in text


def test_the_commands_in_the_lesson_work() -> None:
    from typer.testing import CliRunner

    from course.cli import app

    lines = "".join(LESSON.cell("other-text")["source"]).splitlines()
    commands = [line.split()[1:] for line in lines if line.startswith("faultlab ")]
    assert [command[0] for command in commands] == ["bisect", "bisect"]
    done = CliRunner().invoke(app, commands[0])
    assert done.exit_code == 0
    assert "Patch 12" in done.output


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("13")
    assert "ret=4096" in [one.outcome for one in questions["run"].choices]
    assert "nothing" in [one.outcome for one in questions["bisect-efault"].choices]
