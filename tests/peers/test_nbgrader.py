"""A released notebook is one of nbgrader's: it opens, validates, is autograded, and the points are ours."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from course.grading.batch import grade_all
from course.grading.collect import Submission
from tests.peers.assignment import honest, released
from tests.peers.tools import Nbgrader
from tests.peers.venvs import NoPeer, activated, peer_bin

pytestmark = pytest.mark.long  # an environment with 120 packages, and two kernels a notebook

# By exercise a wrong answer that gets some of the points, or none.
MISTAKES = {"e01_truth_table": "always-kernel", "e04_loop": "still-clears", "h01_walk": "shift-10"}
SUCCESS = "Success! Your notebook passes all the tests."


@pytest.fixture(scope="session")
def nbgrader() -> Nbgrader:
    try:
        peer_bin("nbgrader")
    except NoPeer as error:
        pytest.skip(f"nbgrader can't be installed here: {error}")
    return Nbgrader()


@pytest.fixture(scope="module", params=MISTAKES)
def graded(request, nbgrader: Nbgrader, tmp_path_factory: pytest.TempPathFactory):
    """A course of one assignment with three submissions, graded by nbgrader."""
    assignment = released(request.param)
    folder = tmp_path_factory.mktemp("course")
    submissions = {}
    students = {"filled": None, "stub": "", "wrong": MISTAKES[request.param]}
    for student, text in honest(assignment, students).items():
        submissions[student] = tmp_path_factory.mktemp("submitted") / f"{student}.ipynb"
        submissions[student].write_text(text, encoding="utf-8")
    nbgrader.prepare(folder, assignment, submissions)
    for words in nbgrader.commands(folder):
        subprocess.run(words, cwd=folder, env=activated("nbgrader"), check=True, capture_output=True)
    return assignment, folder, submissions


def test_the_points_are_those_of_faultlab_grade(graded, nbgrader: Nbgrader, tmp_path: Path):
    assignment, folder, submissions = graded
    found = [Submission(name, path) for name, path in submissions.items()]
    ours = {
        one.submission: dict(one.behaviours) for one in grade_all(found, assignment.exercise, "", tmp_path)
    }
    assert nbgrader.points(folder, assignment) == ours
    assert (sum(ours["filled"].values()), sum(ours["stub"].values())) == (sum(assignment.points.values()), 0)
    assert sum(ours["wrong"].values()) < sum(assignment.points.values())


def test_each_submission_has_feedback_with_what_our_checks_say(graded):
    assignment, folder, submissions = graded
    for student in submissions:
        page = (folder / "feedback" / student / "ps1" / f"{assignment.exercise}.html").read_text(
            encoding="utf-8"
        )
        assert ("no points; the text above says why" in page) == (student != "filled")


def test_nbgrader_changes_nothing_of_the_release_but_outputs(graded):
    assignment, folder, _ = graded
    text = (folder / "release" / "ps1" / f"{assignment.exercise}.ipynb").read_text(encoding="utf-8")

    def kept(notebook):
        return [
            (one["id"], "".join(one["source"]), one["metadata"].get("nbgrader")) for one in notebook["cells"]
        ]

    assert kept(json.loads(text)) == kept(assignment.notebook)


def test_validate_says_which_cells_fail(graded, nbgrader: Nbgrader):
    assignment, folder, submissions = graded
    said = {student: nbgrader.run(folder, "validate", str(path)) for student, path in submissions.items()}
    assert SUCCESS in said["filled"]
    n_checks = len(assignment.points)
    assert f"VALIDATION FAILED ON {n_checks} CELL(S)" in said["stub"].replace("\n", " ")
    assert "VALIDATION FAILED ON" in said["wrong"].replace("\n", " ")


def test_validate_knows_a_changed_check(graded, nbgrader: Nbgrader, tmp_path: Path):
    assignment, folder, submissions = graded
    check = next(iter(assignment.points))
    text = submissions["filled"].read_text(encoding="utf-8")
    meddled = tmp_path / "meddled.ipynb"
    meddled.write_text(text.replace(f'\\"{check}\\")', f'\\"{check}\\") # mine'), encoding="utf-8")
    assert meddled.read_text(encoding="utf-8") != text
    assert "1 TEST CELL(S) HAVE CHANGED" in nbgrader.run(folder, "validate", str(meddled))
