"""Submissions to exercise E4: right, wrong, damaged; graded once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from course.checks.library import exercise_of
from course.checks.submission import pristine
from course.grading.batch import grade_all
from course.grading.collect import collect
from course.grading.grade import Grade, grade
from course.material.learner import with_answers
from course.material.source import write_notebook
from tests.exercises.answers import cells_of, wrong

HEAD = "async def do_user_addr_fault(regs, error_code, address):\n"
HOSTILE = f"""{HEAD}    print("<script>alert(1)</script> \\x1b[31m")
    raise ValueError("<b>&\\u202eboo")
"""
SEED = "a seed"


def answered(answers: dict[str, str]) -> str:
    """Give the text of a notebook with answers."""
    return write_notebook(with_answers(pristine("e04_loop"), answers))


@pytest.fixture(scope="session")
def submissions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a course team gets it."""
    folder = tmp_path_factory.mktemp("submissions")
    e04 = exercise_of("e04_loop")
    good = answered(cells_of(e04))
    half = cells_of(e04, wrong(e04, "still-clears").file)
    files = {
        "anna/e04_loop.ipynb": good,
        "ben/e04_loop.ipynb": answered(half),
        "cut.ipynb": good[: len(good) // 2],
        "empty.ipynb": "",
        "hostile.ipynb": answered({"loop": HOSTILE, "tests": "TESTS = [1]"}),
        "markdown.ipynb": good.replace('"cell_type": "code"', '"cell_type": "markdown"'),
        "meddled.ipynb": good.replace('\\"s13\\")', '\\"s13\\", answer=right)'),
        "notes.txt": "not a notebook",
        "stub.ipynb": write_notebook(pristine("e04_loop")),
        ".ipynb_checkpoints/anna-checkpoint.ipynb": good,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "link.ipynb").symlink_to(folder / "anna" / "e04_loop.ipynb")
    return folder


@pytest.fixture(scope="session")
def graded(submissions: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Grade], Path]:
    """The grades by submission, and the folder of results."""
    out = tmp_path_factory.mktemp("out")
    found, _ = collect([submissions])
    grade_all(found, "e04_loop", SEED, out)
    return {one.name: grade(one, "e04_loop", SEED) for one in found}, out


@pytest.fixture
def answer_file(tmp_path: Path) -> Callable[[str], Path]:
    """Write a notebook with an answer and give its path."""

    def write(source: str) -> Path:
        path = tmp_path / "answer.ipynb"
        path.write_text(answered({"loop": source}), encoding="utf-8")
        return path

    return write
