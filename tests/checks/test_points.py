"""Points that a course has changed: read, counted, and put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.checks.library import declared, exercise_of
from course.checks.points import changed_points, load_points, points_in, points_in_force, use_points
from course.grading.record import judged_by
from pyemu.errors import MaterialError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "points.toml"
    path.write_text(text)
    return path


def test_changed_points_count_within_the_block_only(tmp_path: Path):
    points = load_points(written(tmp_path, "version = 1\n[e04_loop]\ns13 = 5\n'mutant-a' = 3\n"))
    usual = exercise_of("e04_loop").points
    with changed_points(points):
        assert exercise_of("e04_loop").points == usual + 5
        assert {one.id: one.points for one in exercise_of("e04_loop").behaviours}["mutant-a"] == 3
        assert declared("e04_loop").points == usual
        assert exercise_of("e01_truth_table") is declared("e01_truth_table")
    assert exercise_of("e04_loop").points == usual


def test_a_result_knows_the_points_that_it_was_made_with():
    digests = {judged_by("e04_loop")}
    for n in (4, 5):
        with changed_points({"e04_loop": {"s13": n}}):
            digests.add(judged_by("e04_loop"))
    assert len(digests) == 3


def test_a_notebook_s_own_points_count_from_its_cell_on():
    with changed_points({}):
        use_points("e04_loop", {"s13": 4})
        assert points_in_force() == {"e04_loop": {"s13": 4}}
    assert points_in_force() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[e04_loop]\ns13 = 4", "its first line must be 'version = 1'"),
        ("version = 2", "its first line must be 'version = 1'"),
        ("version = 1\n[e04_loop", "is not TOML"),
        ("version = 1\n[e99]\ns13 = 4", "there is no exercise 'e99'"),
        ("version = 1\n[e04_loop]\ns31 = 4", "there is no behaviour 's31'; there are: s13, wakes"),
        ("version = 1\n[e04_loop]\ns13 = 0", "s13 counts 0; points are whole numbers from 1 to 1000"),
        ("version = 1\n[e04_loop]\ns13 = 1.5", "s13 counts 1.5; points are whole numbers"),
        ("version = 1\n[e04_loop]\ns13 = true", "s13 counts True; points are whole numbers"),
        ("version = 1\ne04_loop = 4", "is 4; it must be lines such as 's13 = 4'"),
    ],
)
def test_a_file_of_points_that_can_t_be_used_is_told(text: str, message: str, tmp_path: Path):
    with pytest.raises(MaterialError, match=message.replace("(", r"\(")):
        load_points(written(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"cells": 1}', '{"cells": [{}]}', '{"cells": [{"metadata": {"nbgrader": {"grade": true}}}]}'],
)
def test_a_damaged_notebook_says_no_points(text: str, tmp_path: Path):
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    assert points_in(path, "e04_loop") == {}
