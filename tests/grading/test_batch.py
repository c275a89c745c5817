"""A folder of submissions: points, statuses, results that are equal byte for byte."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course.checks.library import exercise_of
from course.checks.verdict import Outcome
from course.grading.batch import grade_all
from course.grading.collect import Submission, collect
from course.grading.grade import Grade, Status, grade
from pyemu.errors import MaterialError
from tests.exercises.answers import feedback
from tests.grading.conftest import HEAD, SEED

Graded = tuple[dict[str, Grade], Path]
EXPECTED = {
    "anna": ("graded", 14),
    "ben": ("graded", 5),
    "cut": ("rejected", None),
    "empty": ("rejected", None),
    "hostile": ("failed", 0),
    "link": ("rejected", None),
    "markdown": ("failed", 0),
    "meddled": ("repaired", 14),
    "stub": ("failed", 0),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def result(graded: Graded, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((graded[1] / name / "results.json").read_bytes())
    return loaded


def test_each_submission_gets_its_status_and_points(graded: Graded):
    assert {name: (one.status.value, one.points) for name, one in graded[0].items()} == EXPECTED


def test_a_damaged_submission_is_a_finding_with_a_name_and_a_message(graded: Graded):
    for name, finding in (("cut", "not-json"), ("empty", "empty"), ("link", "not-a-file")):
        (found,) = result(graded, name)["extra_data"]["faultlab"]["findings"]
        assert found["name"] == finding
        assert found["message"].endswith(".")


def test_results_have_the_form_that_gradescope_reads(graded: Graded):
    for name, (_, points) in EXPECTED.items():
        data = result(graded, name)
        assert data["score"] == (points or 0)
        assert data["visibility"] == "visible"
        assert data["score"] == sum(test["score"] for test in data["tests"])
        for number, test in enumerate(data["tests"], 1):
            assert test["number"] == str(number)
            assert {"score", "max_score", "name", "number", "output", "visibility"} <= test.keys()
            assert isinstance(test["output"], str)


def test_a_test_of_the_results_begins_with_the_headline(graded: Graded):
    assert result(graded, "ben")["tests"][0]["output"].startswith("S13: SIGBUS on attempt 2.\n")
    assert result(graded, "ben")["extra_data"]["faultlab"]["behaviours"][0] == {
        "id": "s13",
        "outcome": "failed",
        "points": 0,
        "max_points": 2,
        "cause": "still-clears",
    }


def test_the_seed_and_the_sandbox_stand_in_every_result(graded: Graded):
    for name in EXPECTED:
        ours = result(graded, name)["extra_data"]["faultlab"]
        assert (ours["seed"], ours["sandbox"], ours["exercise"]) == (SEED, "none (limits only)", "e04_loop")


def test_a_rejected_submission_says_that_a_person_has_to_look(graded: Graded):
    assert "a person has to look" in result(graded, "cut")["output"]
    assert not (graded[1] / "cut" / "e04_loop.ipynb").exists()


def test_the_table_has_a_row_a_submission_and_a_column_a_behaviour(graded: Graded):
    with (graded[1] / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(EXPECTED)
    ids = [one.id for one in exercise_of("e04_loop").behaviours]
    assert [rows["ben"][one] for one in ids] == ["0"] * 7 + ["2", "1", "1", "1"]
    assert rows["ben"]["headline"] == "S13: SIGBUS on attempt 2."
    assert rows["cut"]["points"] == ""
    assert "not valid JSON" in rows["cut"]["headline"]


def test_equal_seeds_give_equal_bytes_in_any_order(
    graded: Graded, submissions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # nor do they depend on where it runs
    found, _ = collect([submissions])
    chosen = [one for one in found if one.name in ("anna", "hostile", "cut")]
    grade_all(reversed(chosen), "e04_loop", SEED, Path("again"))
    before, after = contents(graded[1]), contents(tmp_path / "again")
    del after["grades.csv"]
    assert len(after) == 10
    assert after == {name: before[name] for name in after}


def test_another_seed_gives_the_same_points_and_another_scenario(graded: Graded, submissions: Path):
    path = submissions / "ben" / "e04_loop.ipynb"
    other = grade(Submission("ben", path), "e04_loop", "another seed")
    mine = graded[0]["ben"]
    assert other.points == mine.points == 5
    assert feedback(other.rows[0]).happens != feedback(mine.rows[0]).happens


def test_the_code_of_a_submission_never_runs_in_the_judge(answer_file: Callable[[str], Path], tmp_path: Path):
    note = tmp_path / "pid"
    tell = f"with open({str(note)!r}, 'w') as file:\n    file.write(str(os.getpid()))\n"
    source = f"import os\n{tell}{HEAD}    pass\n"
    grade(Submission("x", answer_file(source)), "e04_loop", SEED)
    assert int(note.read_text()) != os.getpid()


def test_a_handler_cannot_reach_the_judge_through_its_wire(answer_file: Callable[[str], Path]):
    forged = (
        "import os, sys\n"
        f"{HEAD}"
        "    for one in range(3, 30):\n"
        "        try:\n"
        '            os.write(one, b\'["done", 1, null]\\n["points", 9]\\n\')\n'
        "        except OSError:\n"
        "            pass\n"
    )
    done = grade(Submission("x", answer_file(forged)), "e04_loop", SEED)
    assert done.points == 0
    assert all(row.outcome is not Outcome.PASSED for row in done.rows)


def test_a_submission_that_kills_what_started_it_stops_neither_itself_nor_the_batch(
    answer_file: Callable[[str], Path], submissions: Path
):
    kills = f"import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n{HEAD}    pass\n"
    done = grade(Submission("x", answer_file(kills)), "e04_loop", SEED)
    assert (done.status, done.points) == (Status.FAILED, 0)
    assert all("ended by itself" in feedback(row).headline for row in done.rows)
    after = grade(Submission("y", submissions / "anna" / "e04_loop.ipynb"), "e04_loop", SEED)
    assert after.points == exercise_of("e04_loop").points


def test_the_processes_of_a_submission_end_with_its_grade(answer_file: Callable[[str], Path], tmp_path: Path):
    note = tmp_path / "pids"
    source = (
        f"import os\nopen({str(note)!r}, 'a').write(f'{{os.getpid()}} ')\n{HEAD}"
        "    while True:\n        await signal_pending(current)\n"
    )
    grade(Submission("x", answer_file(source)), "e04_loop", SEED)
    pids = note.read_text().split()
    assert pids
    assert not [pid for pid in pids if Path("/proc", pid).exists()]


def test_a_pipe_in_the_place_of_a_file_does_not_stop_the_batch(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    done = grade(Submission("pipe", tmp_path / "pipe.ipynb"), "e04_loop", SEED)
    assert done.status is Status.REJECTED


def test_a_file_of_a_terabyte_does_not_stop_the_batch(tmp_path: Path):
    with (tmp_path / "large.ipynb").open("wb") as file:
        file.truncate(1 << 40)  # sparse: to read it all would take an hour
    done = grade(Submission("large", tmp_path / "large.ipynb"), "e04_loop", SEED)
    assert (done.status, done.digest) == (Status.REJECTED, "")


def test_a_notebook_of_an_earlier_batch_is_removed_when_the_file_is_rejected_now(
    submissions: Path, tmp_path: Path
):
    stub, cut = submissions / "stub.ipynb", submissions / "cut.ipynb"
    grade_all([Submission("x", stub)], "e04_loop", SEED, tmp_path)
    assert (tmp_path / "x" / "e04_loop.ipynb").exists()
    grade_all([Submission("x", cut)], "e04_loop", SEED, tmp_path)
    assert not (tmp_path / "x" / "e04_loop.ipynb").exists()


def test_a_folder_that_cannot_be_written_is_named(submissions: Path, tmp_path: Path):
    (tmp_path / "out").touch()
    with pytest.raises(MaterialError, match=r"can't be written .*, or name another --out"):
        grade_all([Submission("x", submissions / "cut.ipynb")], "e04_loop", SEED, tmp_path / "out")


def test_an_unknown_exercise_is_named_before_anything_is_graded(tmp_path: Path):
    with pytest.raises(MaterialError, match="there is no exercise 'e99'"):
        grade_all([], "e99", SEED, tmp_path)
