"""Every solved exercise is green under stock ``pytest --nbval``, and red where the stub stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.compiled.building import why_not
from course.material.exercise import load_exercise
from course.material.learner import master_notebook
from course.material.nbgrader import Role, role_of
from course.material.nbval import run_nbval
from course.material.source import write_notebook

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[2] / "exercises").glob("*/exercise.toml"))


def _needs_compiler(folder: Path) -> None:
    if folder.name == "h05_cython_walker" and why_not():
        pytest.skip(f"its answers are compiled, and {why_not()}")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_solved_exercise_is_green(folder: Path, tmp_path: Path):
    _needs_compiler(folder)
    master = master_notebook(load_exercise(folder))
    path = tmp_path / "solved.ipynb"
    path.write_text(write_notebook(master), encoding="utf-8")
    results = run_nbval(path)
    assert [result for result in results if result.outcome != "passed"] == []
    assert len(results) == sum(cell["cell_type"] == "code" for cell in master["cells"])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_stub_is_red_in_every_check(folder: Path):
    import nbformat

    _needs_compiler(folder)
    exercise = load_exercise(folder)
    learner = nbformat.read(exercise.learner, as_version=4)
    code = [cell for cell in learner["cells"] if cell["cell_type"] == "code"]
    checks = {n for n, cell in enumerate(code) if role_of(cell) is Role.CHECK}
    failed = {result.number for result in run_nbval(exercise.learner) if result.outcome == "failed"}
    assert checks
    assert checks <= failed
