"""Stock ``pytest --nbval`` shows the verdict of the grade, check cell by check cell."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from course.checks.library import exercise_ids, exercise_of
from course.checks.submission import pristine
from course.grading.batch import grade_all
from course.grading.collect import Submission
from course.grading.grade import Grade
from course.grading.notebook import check_call, graded_notebook, graded_text
from course.material.learner import master_notebook, with_answers
from course.material.nbgrader import Role, cells_of_role
from course.material.nbval import run_nbval
from course.material.source import write_notebook
from tests.exercises.answers import cells_of, wrong

NONE_RIGHT = ("", "shift-10")  # the stub, and a walk that finds nothing


@pytest.mark.parametrize("name", exercise_ids())
def test_check_cells_are_what_the_grader_writes_again(name: str):
    cells = cells_of_role(pristine(name), Role.CHECK)
    assert {one: cell["source"] for one, cell in cells.items()} == {
        one: check_call(name, one) for one in cells
    }


@pytest.mark.parametrize("name", exercise_ids())
def test_every_cell_of_the_solved_exercise_is_green(name: str, tmp_path: Path):
    solved = master_notebook(exercise_of(name))
    path = tmp_path / "solved.ipynb"
    path.write_text(write_notebook(solved), encoding="utf-8")
    code = [cell for cell in solved["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)  # nbval compares nothing where it is null
    results = run_nbval(path)
    assert len(results) == len(code)
    assert [result for result in results if result.outcome != "passed"] == []


# Full points, some, and none: of five exercises, each with another kind of answer.
FIVE = {
    "e01_truth_table": None,
    "e04_loop": "still-clears",
    "e08_counters": "x86-each",
    "h01_walk": "shift-10",
    "x02_five_habits": "",
}


@pytest.mark.parametrize("name", FIVE)
def test_nbval_is_green_and_red_in_the_cells_that_gave_points_and_gave_none(name: str, tmp_path: Path):
    exercise, mistake = exercise_of(name), FIVE[name]
    file = wrong(exercise, mistake).file if mistake else None
    answers = {} if mistake == "" else cells_of(exercise, file)
    path = tmp_path / "submission.ipynb"
    path.write_text(write_notebook(with_answers(pristine(name), answers)), encoding="utf-8")
    (record,) = grade_all([Submission("anna", path)], name, "a seed", tmp_path / "out")
    assert (record.points == record.max_points, record.points == 0) == (
        mistake is None,
        mistake in NONE_RIGHT,
    )
    folder = tmp_path / "out" / "anna"
    given = json.loads((folder / "results.json").read_bytes())["extra_data"]["faultlab"]["behaviours"]
    points = {one["id"]: one["outcome"] == "passed" for one in given}
    cells = json.loads((folder / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    results = run_nbval(folder / f"{name}.ipynb")
    shown = {code[result.number]["id"]: result.outcome == "passed" for result in results}
    assert {one: green for one, green in shown.items() if one in points} == points
    if mistake != "":  # a stub may raise, and then its own cell is red as well
        assert all(green for one, green in shown.items() if one not in points)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30), st.text('an answer: loop"\n]\\\x0b\u2028ü', max_size=20))
@example("", "an answer")
def test_the_notebook_is_written_as_any_other(graded: tuple[dict[str, Grade], Path], loop: str, tests: str):
    notebook = with_answers(pristine("e04_loop"), {"loop": loop, "tests": tests})
    grade = replace(graded[0]["stub"], notebook=notebook)
    assert graded_text(grade) == write_notebook(graded_notebook(notebook, grade.exercise, grade.seed))
