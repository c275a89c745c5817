"""A batch that was killed goes on where it stopped, and comes to the same bytes; so do two workers."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from course.checks.library import exercise_of
from course.grading.command import TRUST
from tests.exercises.answers import cells_of, wrong
from tests.grading.conftest import SEED, answered

E04 = exercise_of("e04_loop")
N = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    mistakes = [None, *(one.name for one in E04.wrong)]
    for n in range(N):
        name = mistakes[n % len(mistakes)]
        answers = cells_of(E04, wrong(E04, name).file if name is not None else None)
        answers["loop"] = f"# {n}\n{answers['loop']}"
        (folder / f"s{n:02}.ipynb").write_text(answered(answers), encoding="utf-8")
    (folder / "cut.ipynb").write_text(answered({"loop": ""})[:100], encoding="utf-8")
    return folder


def command(folder: Path, out: Path, *more: str) -> list[str]:
    words = ["grade", str(folder), "--out", str(out), "--exercise", "e04_loop", "--seed", SEED, TRUST]
    return [sys.executable, "-m", "course.cli", *words, *more]


def contents(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and not path.name.endswith(".part"))
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(command(folder, out), check=True, capture_output=True)
    return contents(out)


def test_a_killed_batch_goes_on_and_comes_to_the_same_bytes(
    folder: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    out = tmp_path / "out"
    n_kills = 0
    for wanted in (1, N // 2, N - 1):
        with subprocess.Popen(command(folder, out), stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 120
            while len(list(out.glob("*/results.json"))) < wanted and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            n_kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
    assert n_kills >= 2
    subprocess.run(command(folder, out), check=True, capture_output=True)
    assert contents(out) == undisturbed


def test_two_workers_come_to_the_same_bytes(folder: Path, undisturbed: dict[str, bytes], tmp_path: Path):
    out = tmp_path / "out"
    subprocess.run(command(folder, out, "--workers", "2"), check=True, capture_output=True)
    assert contents(out) == undisturbed


def test_a_submission_that_has_changed_is_graded_again_and_no_other(
    folder: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    mine, out = tmp_path / "mine", tmp_path / "out"
    mine.mkdir()
    for name in ("s00.ipynb", "s01.ipynb"):
        shutil.copy(folder / name, mine)
    subprocess.run(command(mine, out), check=True, capture_output=True)
    before = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    (mine / "s01.ipynb").write_text(answered(cells_of(E04)), encoding="utf-8")
    done = subprocess.run(command(mine, out), check=True, capture_output=True, text=True)
    after = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    assert before["s00"] == after["s00"]
    assert before["s01"] != after["s01"]
    points = E04.points
    assert f"s01  {points:>3} of {points}  graded" in done.stdout
