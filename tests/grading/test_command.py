"""``faultlab grade``, as a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course.grading.command import NOTICE, grade


def faultlab(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "course.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def few(submissions: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("cut.ipynb", "stub.ipynb", "notes.txt"):
        shutil.copy(submissions / name, folder)
    return folder


def test_a_batch_with_a_damaged_file_is_graded_to_its_end(few: Path, tmp_path: Path):
    done = faultlab("grade", few, "--out", tmp_path / "out", "--exercise", "e04_loop")
    assert done.returncode == 0, done.stderr
    assert "cut     - of 14  rejected" in done.stdout
    assert "stub    0 of 14  graded" in done.stdout
    assert "Left out, since they are no notebooks: 1." in done.stdout
    assert NOTICE in done.stderr


def test_without_a_seed_a_fresh_one_is_drawn_and_recorded(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    seeds = set()
    for n in range(2):
        grade([few / "cut.ipynb"], tmp_path / str(n), "e04_loop")
        stored = json.loads((tmp_path / str(n) / "cut" / "results.json").read_bytes())
        seed = stored["extra_data"]["faultlab"]["seed"]
        assert f"seed {seed}." in capsys.readouterr().out
        seeds.add(seed)
    assert len(seeds) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nowhere", "--out", "out", "--exercise", "e04_loop"),
            "nowhere does not exist; name files or folders",
        ),
        (("few", "--out", "out", "--exercise", "e99"), "there is no exercise 'e99'"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_message(few: Path, arguments: tuple[str, ...], message: str):
    command = [sys.executable, "-m", "course.cli", "grade", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=few.parent)
    assert done.returncode == 2
    assert f"faultlab: {message}" in done.stderr
    assert "Traceback" not in done.stderr
