"""Every lesson is green under stock ``pytest --nbval``: no skipped cell, no cell without stored outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course.curriculum import lesson_place
from course.material.nbval import run_nbval

LESSONS = sorted((Path(__file__).parents[2] / "lessons").glob("*.ipynb"), key=lesson_place)


def test_there_are_lessons():
    assert LESSONS, "lessons/ holds no notebook; run 'make notebooks'"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_gives_what_it_shows(path: Path):
    code = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)  # nbval compares nothing where it is null
    results = run_nbval(path)
    assert [result for result in results if result.outcome != "passed"] == []
    assert len(results) == len(code)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_no_cell_turns_the_comparison_off(path: Path):
    text = path.read_text(encoding="utf-8")
    assert [mark for mark in ("NBVAL_", "nbval-", "skip-execution") if mark in text] == []
