"""What lesson 01 says is what the tables of the dump hold, and its tasks can be done."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from course.paging import Computer, frozen
from course.questions import questions_of
from pyemu.hw import x86
from tests.lessons.learner import printed

ROOT = Path(__file__).parents[2]
NOTEBOOK = json.loads((ROOT / "lessons" / "01-page-tables.ipynb").read_text(encoding="utf-8"))
TEXT = json.dumps(NOTEBOOK)


def cell(cell_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in NOTEBOOK["cells"] if one["id"] == cell_id)
    return found


def source(cell_id: str) -> str:
    return "".join(cell(cell_id)["source"])


def test_the_list_of_areas_in_the_story_is_that_of_the_frozen_machine() -> None:
    maps = (ROOT / "tests" / "data" / "walk" / "maps.txt").read_text(encoding="utf-8")
    line = next(line for line in source("story").splitlines() if line.startswith("005e2000"))
    assert line.split() in [one.split() for one in maps.splitlines()]
    low, high = (int(end, 16) for end in line.split()[0].split("-"))
    assert low <= 0x5E3018 < high
    assert frozen().walk(0x5E3018, "write").outcome == "error code 0x7"


def test_upper_entries_of_the_shell_grant_everything_as_the_text_says() -> None:
    machine = frozen()
    for va in machine.pages():
        for step in machine.walk(va).found.steps[:-1]:
            assert step.entry & (x86.P | x86.RW | x86.US | x86.NX) == x86.P | x86.RW | x86.US


def test_a_learner_who_fills_the_gaps_gets_there(tmp_path: Path) -> None:
    said = printed(
        NOTEBOOK,
        {
            "own-walk": {
                "[None, None, None, None]": "[0b011111111, 0b111111011, 0b011000010, 0b101010000]",
                "pa = None": "pa = 0xFFD2A40",
                "may_write = None": "may_write = True",
            },
            "my-walk": {"rights = None": "rights &= found", "return None": "return table + (va & 4095)"},
            "break-it": {"level, bit = 4, 0": "level, bit = 3, x86.RW"},
        },
        tmp_path,
    )
    assert said["own-walk"].endswith("Your own walk is the walk of the processor.\n")
    n_pages = re.search(r"for (\d+) pages", source("recap"))
    assert n_pages is not None
    assert f"agree on all {n_pages[1]} pages" in said["try-walk"]
    assert said["break-it"].splitlines() == ["read:  translated", "write: error code 0x7"]


def test_of_the_three_bits_one_gives_an_even_error_code() -> None:
    codes = {}
    for bit in (x86.P, x86.RW, x86.US):
        computer = Computer()
        computer.map(0x5000, 0x20000)
        computer.change(0x5000, 3, clear=bit)
        codes[bit] = computer.walk(0x5000, "write").outcome
    assert codes == {x86.P: "error code 0x6", x86.RW: "error code 0x7", x86.US: "error code 0x7"}


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("01")
    assert "error code 0x7" in [one.outcome for one in questions["write"].choices]
    assert "error code 0x5" in [one.outcome for one in questions["upper"].choices]


def test_the_commands_in_the_lesson_exist() -> None:
    from typer.testing import CliRunner

    from course.cli import app

    commands = [line.split()[1:] for line in source("real").splitlines() if line.startswith("faultlab ")]
    assert [CliRunner().invoke(app, command).exit_code for command in commands] == [1, 1, 0]
