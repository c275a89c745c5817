"""A bundle holds the learner's notebooks and a page, the same bytes each time."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from course.checks.points import changed_points
from course.release.bundle import bundle, write_bundle, zipped
from course.shelf import material
from pyemu.errors import MaterialError

EXERCISES = ["e04_loop", "e01_truth_table"]


def faultlab(*words: object, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "course.cli", *map(str, words)]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def test_a_bundle_holds_what_was_asked_for_and_a_page():
    assert sorted(bundle(EXERCISES, ["10"])) == [
        "README.md",
        "e01_truth_table.ipynb",
        "e04_loop.ipynb",
        "lessons/10-as-long-as-it-takes.ipynb",
    ]


def test_an_exercise_is_the_course_s_own_notebook_when_no_points_are_changed():
    released = bundle(["e04_loop"])["e04_loop.ipynb"]
    assert released == (material("exercises") / "e04_loop" / "e04_loop.ipynb").read_bytes()


def test_the_page_says_points_minutes_name_and_date():
    with changed_points({"e04_loop": {"s13": 4}}):
        page = bundle(EXERCISES, name="Week 5", due="12 May 2027, 18:00")["README.md"].decode()
    assert page.startswith("# Week 5\n\nDue: 12 May 2027, 18:00\n")
    assert "| `e04_loop.ipynb` | As long as it takes: the loop of Linux v5.7 | 16 | 40 | 10 |" in page
    assert "    faultlab check e04_loop.ipynb" in page


def test_changed_points_stand_in_metadata_outputs_and_a_cell_of_their_own():
    with changed_points({"e04_loop": {"s13": 4}}):
        notebook = nbformat.reads(bundle(["e04_loop"])["e04_loop.ipynb"].decode(), as_version=4)
    nbformat.validate(notebook)
    cells = {cell["id"]: cell for cell in notebook.cells}
    assert cells["s13"]["metadata"]["nbgrader"]["points"] == 4
    assert cells["s13"]["outputs"][0]["text"].startswith("PASS  4 of 4 points  S13")
    assert 'use_points("e04_loop", {\n    "s13": 4,\n})' in cells["points"]["source"]
    assert cells["wakes"]["metadata"]["nbgrader"]["points"] == 1


def test_the_same_input_gives_the_same_archive():
    first, second = (zipped(bundle(EXERCISES, ["10"], name="x"), "b") for _ in range(2))
    assert first == second
    members = zipfile.ZipFile(io.BytesIO(first)).infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "solution.py").write_text("x")
    with pytest.raises(MaterialError, match=r"holds 'solution.py', which is no part of this bundle"):
        write_bundle({"README.md": b"y"}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["solution.py"]


def test_a_bundle_may_be_written_again(tmp_path: Path):
    for content in (b"x", b"y"):
        write_bundle({"lessons/a.ipynb": content}, tmp_path)
    assert (tmp_path / "lessons" / "a.ipynb").read_bytes() == b"y"


@pytest.mark.parametrize(
    ("exercises", "numbers", "message"),
    [
        ([], [], "no exercise was named"),
        (["e99"], [], "there is no exercise 'e99'"),
        (["e04_loop"], ["99"], "there is no lesson '99'; there are: 00"),
        (["e04_loop", "e04_loop"], [], "e04_loop is named twice"),
    ],
)
def test_what_isn_t_there_is_named(exercises: list[str], numbers: list[str], message: str):
    with pytest.raises(MaterialError, match=message):
        bundle(exercises, numbers)


def test_a_clean_bundle_is_written_with_status_0(tmp_path: Path):
    done = faultlab("release", "e01_truth_table", "--out", "week-1", "--zip", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No leak: no solution, hidden case, seed or expected value is in the bundle." in done.stdout
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "README.md",
        "e01_truth_table.ipynb",
        "week-1",
        "week-1.zip",
    ]


def test_a_leak_ends_in_status_1_and_nothing_is_written(tmp_path: Path):
    name = "Hint: await no_context(regs, error_code, address, SIGBUS, BUS_ADRERR)"
    done = faultlab("release", "e04_loop", "--out", "week-1", "--name", name, folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "README.md, the file: line of e04_loop" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["e99", "--out", "x"], "there is no exercise 'e99'"),
        (["e04_loop"], "Missing option '--out'"),
        (["e04_loop", "--out", "x", "--points", "none.toml"], "none.toml can't be read"),
    ],
)
def test_wrong_use_ends_in_status_2(words: list[str], message: str, tmp_path: Path):
    done = faultlab("release", *words, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_notebook_with_changed_points_is_checked_with_them(tmp_path: Path):
    with changed_points({"e01_truth_table": {json.loads(_behaviours())[0]: 7}}):
        write_bundle(bundle(["e01_truth_table"]), tmp_path)
    done = faultlab("check", tmp_path / "e01_truth_table.ipynb", folder=tmp_path)
    assert "0 of 7 points" in done.stdout
    assert "restored" not in done.stdout


def _behaviours() -> str:
    from course.checks.library import declared

    return json.dumps([one.id for one in declared("e01_truth_table").behaviours])
