"""The master shows the solution and the learner's notebook does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.material.exercise import Exercise, load_exercise
from course.material.learner import answers_in, master_notebook, with_answers
from course.material.nbval import run_nbval
from course.material.solution import find_leaks
from course.material.source import Cell, Notebook, write_notebook
from pyemu.errors import MaterialError


def by_id(notebook: Notebook) -> dict[str, Cell]:
    return {cell["id"]: cell for cell in notebook["cells"]}


def outcomes(folder: Path, notebook: Notebook) -> list[str]:
    path = folder / "exercise.ipynb"
    path.write_text(write_notebook(notebook))
    return [result.outcome for result in run_nbval(path)]


def test_both_notebooks_have_the_same_cells(master, learner):
    assert [cell["id"] for cell in master["cells"]] == [cell["id"] for cell in learner["cells"]]


def test_the_answer_cell_holds_the_stub(learner):
    assert by_id(learner)["answer"]["source"] == (
        'def double(number):\n    """Return twice the number."""\n    # your line here\n    return None'
    )


def test_only_check_cells_keep_outputs(master, learner):
    kept = [cell["id"] for cell in learner["cells"] if cell.get("outputs")]
    assert kept == ["positive", "negative"]
    assert by_id(learner)["positive"]["outputs"] == by_id(master)["positive"]["outputs"]
    assert by_id(master)["play"]["outputs"] != []


def test_points_come_from_the_description(learner):
    points = {i: c["metadata"]["nbgrader"]["points"] for i, c in by_id(learner).items() if c.get("outputs")}
    assert points == {"positive": 2, "negative": 1}


def test_a_scratch_cell_is_the_learners_own(learner):
    assert by_id(learner)["play"]["metadata"] == {}


def test_nothing_of_the_solution_leaks(exercise: Exercise, learner):
    rights = [right.file.read_text() for right in exercise.right]
    assert find_leaks(exercise.master(), write_notebook(learner), rights) == []


def test_the_master_itself_would_be_a_leak(exercise: Exercise, master):
    assert find_leaks(exercise.master(), write_notebook(master)) != []


def test_the_solved_exercise_is_green_and_a_wrong_answer_red_in_the_checks_it_fails(
    exercise: Exercise, master, learner, tmp_path
):
    assert outcomes(tmp_path, master) == ["passed"] * 5
    (wrong,) = exercise.wrong
    squared = with_answers(learner, answers_in(wrong.file, ["answer"]))
    assert outcomes(tmp_path, squared) == ["passed", "passed", "passed", "failed", "failed"]


def test_an_answer_for_an_unknown_cell_is_refused(learner):
    with pytest.raises(MaterialError, match="no answer cell 'anwser'; there are: answer"):
        with_answers(learner, {"anwser": ""})


def test_a_file_with_several_answers_names_their_cells(tmp_path: Path):
    path = tmp_path / "two.py"
    path.write_text('# %% id="loop"\nx = 1\n\n# %% id="tests"\ny = 1\n')
    assert answers_in(path, ["loop", "tests"]) == {"loop": "x = 1", "tests": "y = 1"}
    with pytest.raises(MaterialError, match=r"the cell 'tests' is none of the answer cells \(loop, other\)"):
        answers_in(path, ["loop", "other"])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('id="negative" tags=["check"]', 'id="minus" tags=["check"]', "Each behaviour has one check cell"),
        (' tags=["answer"]', "", "cell 'answer' has a solution region, but not the tag 'answer'"),
        ('id="setup"', 'id="setup" tags=["answer"]', "cell 'setup' has no solution region"),
    ],
)
def test_a_master_that_contradicts_its_description_is_refused(material: Path, old, new, complaint):
    folder = material / "exercises" / "e99_double"
    path = folder / "master.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(MaterialError, match=complaint):
        master_notebook(load_exercise(folder))
