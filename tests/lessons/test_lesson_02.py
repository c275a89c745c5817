"""What lesson 02 says is what the TLB does, and its tasks can be done."""

from __future__ import annotations

import json
import re
from pathlib import Path

from course.linuxfacts import load
from course.questions import questions_of
from pyemu.hw.presets import PRESETS
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("02")
TEXT = json.dumps(LESSON.notebook)


def test_the_stale_translation_works_until_it_is_flushed() -> None:
    assert "The run gave the password." in LESSON.shown("run-cleared")
    assert "error code 0x4" in LESSON.shown("walk-cleared")
    first, again = LESSON.shown("trace-reads").splitlines()
    assert "miss, 4 entries read" in first
    assert "hit, no walk" in again
    assert LESSON.shown("flush").startswith("read of 0x5000: miss, 4 entries read\n    Page fault")


def test_what_is_taken_away_stays_and_what_is_given_is_seen() -> None:
    assert "The run gave two." in LESSON.shown("run-readonly")
    assert LESSON.shown("run-added").startswith(
        "write of 0x7000: miss, 4 entries read, physical address 0x22000"
    )
    _, fault, mapped = LESSON.shown("run-new").splitlines()
    assert "Page fault, CR2 0x8000" in fault
    assert "physical address 0x23000" in mapped


def test_the_tiny_tlb_does_what_the_text_says() -> None:
    assert LESSON.shown("tiny").splitlines()[-1] == "- 1 hit, 5 missed: MMMHMM"
    assert [line.split()[0] for line in LESSON.shown("tiny-tlb").splitlines()[4:]] == ["0", "1"]


def test_a_learner_who_fills_the_gaps_gets_there(tmp_path: Path) -> None:
    said = printed(
        LESSON.notebook,
        {
            "try-order": {'""': '"CFG"'},
            "own-hits": {"????????": "MMHMHMMH"},
            "my-tlb": {"sets[0]": "sets[page % 4]", "pass": "ways.pop()"},
            "break-it": {"[0, 1, 2, 3]": "[1, 5, 9]"},
        },
        tmp_path,
    )
    assert "never sees the password" in said["try-order"]
    assert "All 8 are right" in said["own-hits"]
    assert "agree after each of 400 accesses" in said["try-tlb"]
    assert "every access misses, in every round" in said["break-it"]


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("02")
    assert "the password" in [one.outcome for one in questions["cleared"].choices]
    assert "two" in [one.outcome for one in questions["readonly"].choices]


def test_the_numbers_of_the_processor_and_of_linux_are_those_of_their_sources() -> None:
    text, skylake = LESSON.source("real"), PRESETS["skylake"].config
    for array in (skylake.l1[0], skylake.l2[0]):
        assert f"{array.sets} sets of {array.ways} ways" in text
    limit = re.search(r"more than `(\d+)` pages", text)
    assert limit is not None
    assert f"up to {limit[1]} pages" in load()["x86-flush-ceiling"].statement


def test_the_commands_in_the_lesson_exist() -> None:
    from typer.testing import CliRunner

    from course.cli import app

    lines = "".join(LESSON.cell("real")["source"]).splitlines()
    commands = [line.split()[1:] for line in lines if line.startswith("faultlab ")]
    assert [command[:2] for command in commands] == [["trace", "run"], ["trace", "curve"]]
    help_text = CliRunner().invoke(app, ["trace", "run", "--help"], env={"COLUMNS": "120"}).output
    assert "--tlb" in help_text
    assert CliRunner().invoke(app, ["trace", "curve", "--help"]).exit_code == 0
