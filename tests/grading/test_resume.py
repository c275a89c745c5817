"""A batch that was killed goes on where it stopped, and comes to the same bytes; so do two workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from course.checks.library import exercise_of
from course.checks.submission import pristine
from course.grading.command import TRUST, grade
from course.grading.folder import alone
from course.material.learner import with_answers
from course.material.source import write_notebook
from pyemu.errors import MaterialError
from pyemu.proctree import descendants
from tests.exercises.answers import cells_of, wrong

N = 50
FEW = 10
SEED = "s"
ANSWERS = "e01_truth_table"


def answered(exercise: str, number: int) -> str:
    """Give a notebook with one of the right and wrong answers, and a number in it."""
    one = exercise_of(exercise)
    mistakes = [None, *(mistake.name for mistake in one.wrong)]
    name = mistakes[number % len(mistakes)]
    cells = cells_of(one, wrong(one, name).file if name is not None else None)
    first = next(iter(cells))
    return write_notebook(with_answers(pristine(exercise), cells | {first: f"# {number}\n{cells[first]}"}))


def filled(folder: Path, exercise: str, n: int) -> Path:
    """Fill a folder with submissions; each tenth is cut off."""
    for number in range(n):
        text = answered(exercise, number)
        text = text[:1000] if number % 10 == 9 else text
        (folder / f"s{number:02}.ipynb").write_text(text, encoding="utf-8")
    return folder


def command(folder: Path, out: Path, *more: str, exercise: str = ANSWERS) -> list[str]:
    words = ["grade", str(folder), "--out", str(out), "--exercise", exercise, "--seed", SEED, TRUST]
    return [sys.executable, "-m", "course.cli", *words, *more]


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("many"), ANSWERS, N)


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed")
    grade_here(folder, out)
    return contents(out)


def grade_here(folder: Path, out: Path) -> None:
    """Grade in this process."""
    grade([folder], out, ANSWERS, SEED, trusted=True)


def kills(folder: Path, out: Path, exercise: str, n: int) -> dict[str, int]:
    """Kill a batch so often; give how often in which way."""
    words = [sys.executable, "-m", "tests.grading.killing", str(folder), str(out), exercise, str(n), "8"]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return {name: int(number) for name, number in map(str.split, done.stdout.splitlines())}


def test_fifty_submissions_that_are_killed_twelve_times_come_to_the_same_bytes(
    folder: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    done = kills(folder, tmp_path / "out", ANSWERS, 12)
    assert {"moment", "touch", "file"} <= done.keys()
    assert contents(tmp_path / "out") != undisturbed
    subprocess.run(command(folder, tmp_path / "out"), check=True, capture_output=True)
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.long
@pytest.mark.parametrize(("exercise", "n"), [(ANSWERS, 200), ("e04_loop", 60)])
def test_hundreds_of_kills_change_no_byte(exercise: str, n: int, tmp_path: Path):
    (tmp_path / "in").mkdir()
    filled(tmp_path / "in", exercise, N)
    done = kills(tmp_path / "in", tmp_path / "out", exercise, n)
    assert sum(done.values()) - done.get("ended", 0) > 30
    for out in ("out", "undisturbed"):
        words = command(tmp_path / "in", tmp_path / out, exercise=exercise)
        subprocess.run(words, check=True, capture_output=True)
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


@pytest.fixture
def few(folder: Path, tmp_path: Path) -> Path:
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(folder.iterdir())[:FEW]:
        shutil.copy(path, few)
    return few


def same(out: Path, undisturbed: dict[str, bytes]) -> bool:
    """Say whether the results of a few are what they are among the many; the table has fewer rows."""
    found = contents(out)
    rows = found.pop("grades.csv").splitlines()
    assert rows == undisturbed["grades.csv"].splitlines()[: FEW + 1]
    return found.items() <= undisturbed.items() and len(found) == FEW * 4 - 1  # one was cut off


def test_two_workers_come_to_the_same_bytes(few: Path, undisturbed: dict[str, bytes], tmp_path: Path):
    subprocess.run(command(few, tmp_path / "out", "--workers", "2"), check=True, capture_output=True)
    assert same(tmp_path / "out", undisturbed)


@pytest.mark.long
def test_two_workers_that_are_killed_leave_no_process_and_go_on(
    folder: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    out = tmp_path / "out"
    for _ in range(3):
        with subprocess.Popen(command(folder, out, "--workers", "2"), stdout=subprocess.DEVNULL) as process:
            n_done = len(list(out.glob("*/results.json")))
            wait_for(lambda n=n_done: len(list(out.glob("*/results.json"))) >= n + 5)  # type: ignore[misc]  # a default is no argument
            left = descendants(process.pid)
            process.kill()
        wait_for(lambda pids=left: not any(Path("/proc", str(pid)).exists() for pid in pids))  # type: ignore[misc]  # a default is no argument
    subprocess.run(command(folder, out, "--workers", "2"), check=True, capture_output=True)
    assert contents(out) == undisturbed


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_worker_that_is_killed_is_named_and_the_batch_goes_on(
    few: Path, undisturbed: dict[str, bytes], tmp_path: Path
):
    out = tmp_path / "out"
    words = command(few, out, "--workers", "2")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: len(list(out.glob("*/results.json"))) >= 2)
        os.kill(worker_of(process.pid), signal.SIGKILL)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "faultlab: a worker was ended from outside" in said
    assert "Traceback" not in said
    grade_here(few, out)
    assert same(out, undisturbed)


def worker_of(pid: int) -> int:
    """Give a worker of a batch: a child that has children."""
    return next(child for child in descendants(pid) if descendants(child))


# Drills.


@pytest.mark.parametrize("name", ["feedback.html", "results.json"])
def test_a_full_disk_is_named_and_the_batch_goes_on_when_there_is_room(
    few: Path, undisturbed: dict[str, bytes], tmp_path: Path, name: str
):
    out = tmp_path / "out"
    (out / "s05").mkdir(parents=True)
    (out / "s05" / f".{name}.part").symlink_to("/dev/full")
    with pytest.raises(
        MaterialError, match=rf"{name} can't be written \(No space left .*run the same command"
    ):
        grade_here(few, out)
    assert (out / "s04" / "results.json").exists()
    assert not (out / "s05" / "results.json").exists()
    grade_here(few, out)
    assert same(out, undisturbed)


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap makes the folder read-only")
def test_a_folder_that_is_read_only_is_named(folder: Path, tmp_path: Path):
    """For the administrator too, whom permissions don't keep."""
    out = tmp_path / "out"
    out.mkdir()
    words = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(out), str(out), *command(folder, out)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "batch.json can't be written (Read-only file system)" in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(out) == {}


def test_two_graders_do_not_share_a_folder_and_the_second_is_told_so(few: Path, tmp_path: Path):
    out = tmp_path / "out"
    words = command(few, out)
    with alone(out):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert f"faultlab: another grader writes to {out}; wait until it has ended" in done.stderr
        assert contents(out) == {}, "nor does it put down its seed"
    with alone(out):
        pass


def test_a_submission_that_has_changed_is_graded_again_and_no_other(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    grade_here(few, out)
    before = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    (few / "s01.ipynb").write_text(answered(ANSWERS, 0), encoding="utf-8")
    capsys.readouterr()
    grade_here(few, out)
    after = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    assert [name for name in sorted(before) if before[name] != after[name]] == ["s01"]
    points = exercise_of(ANSWERS).points
    assert f"s01  {points:>3} of {points}  graded" in capsys.readouterr().out
