"""``faultlab check``, as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from course.checks.command import check
from course.checks.library import exercise_of
from course.checks.submission import exercise_in, pristine
from course.material.learner import with_answers
from course.material.source import write_notebook
from pyemu.errors import MaterialError
from tests.exercises.answers import cells_of, wrong

E4 = exercise_of("e04_loop")


def filled(path: Path, answers: dict[str, str]) -> Path:
    path.write_text(write_notebook(with_answers(pristine("e04_loop"), answers)), encoding="utf-8")
    return path


def faultlab(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "course.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_right_answer_gets_the_kernels_reasons_and_status_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    check(filled(tmp_path / "mine.ipynb", cells_of(E4)))
    said = capsys.readouterr().out
    assert "14 of 14 points" in said
    assert "4064b9827063" in said


def test_a_wrong_answer_gets_each_message_once_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    answers = cells_of(E4, wrong(E4, "unlock-on-signal").file)
    with pytest.raises(typer.Exit) as end:
        check(filled(tmp_path / "mine.ipynb", answers))
    assert end.value.exit_code == 1
    said = capsys.readouterr().out
    assert said.count("Bad unlock balance: RETRY means dropped.") == 1
    assert "8 of 14 points" in said


def test_a_damaged_file_ends_with_status_2_and_one_message(tmp_path: Path):
    path = filled(tmp_path / "mine.ipynb", cells_of(E4))
    path.write_text(path.read_text(encoding="utf-8")[:500], encoding="utf-8")
    done = faultlab("check", path, "--exercise", "e04_loop")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("faultlab: ")
    assert "not valid JSON" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["no-such-file.ipynb", "."])
def test_what_is_no_file_ends_with_status_2(name: str, tmp_path: Path):
    done = faultlab("check", tmp_path / name)
    assert done.returncode == 2
    assert "is no file; name a notebook" in done.stderr


def test_a_notebook_says_which_exercise_it_is_for(tmp_path: Path):
    assert exercise_in(filled(tmp_path / "renamed.ipynb", {"loop": ""})) == "e04_loop"


def test_a_notebook_without_metadata_is_known_by_its_name_or_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    notebook = json.loads(filled(tmp_path / "x.ipynb", {"loop": ""}).read_text(encoding="utf-8"))
    del notebook["metadata"]["faultlab"]
    for name in ("e04_loop.ipynb", "renamed.ipynb"):
        (tmp_path / name).write_text(json.dumps(notebook), encoding="utf-8")
    monkeypatch.setattr("course.checks.submission.exercise_ids", lambda: ["e03_other", "e04_loop"])
    assert exercise_in(tmp_path / "e04_loop.ipynb") == "e04_loop"
    with pytest.raises(MaterialError, match="name it: --exercise e03_other"):
        exercise_in(tmp_path / "renamed.ipynb")
