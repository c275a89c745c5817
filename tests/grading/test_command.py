"""``faultlab grade``, as a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course.grading.command import TRUST, grade, regrade
from pyemu.errors import MaterialError


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
    done = faultlab("grade", few, "--out", tmp_path / "out", "--exercise", "e04_loop", TRUST)
    assert done.returncode == 0, done.stderr
    assert "cut     - of 14  rejected" in done.stdout
    assert "stub    0 of 14  failed" in done.stdout
    assert "Left out, since they are no notebooks, or are those of another exercise: 1." in done.stdout
    assert "Sandbox: none (limits only), level 0." in done.stdout


def test_without_a_seed_a_fresh_one_is_drawn_and_recorded(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    seeds = set()
    for n in range(2):
        grade([few / "cut.ipynb"], tmp_path / str(n), "e04_loop", trusted=True)
        stored = json.loads((tmp_path / str(n) / "cut" / "results.json").read_bytes())
        seed = stored["extra_data"]["faultlab"]["seed"]
        assert f"seed {seed}." in capsys.readouterr().out
        seeds.add(seed)
    assert len(seeds) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nowhere", "--out", "out", "--exercise", "e04_loop", TRUST),
            "nowhere does not exist; name files",
        ),
        (("few", "--out", "out", "--exercise", "e99", TRUST), "there is no exercise 'e99'"),
    ],
)
def test_bad_input_ends_with_status_2_and_one_message(few: Path, arguments: tuple[str, ...], message: str):
    command = [sys.executable, "-m", "course.cli", "grade", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=few.parent)
    assert done.returncode == 2
    assert f"faultlab: {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_batch_goes_on_with_its_seed_where_it_was_cut_short(few: Path, tmp_path: Path):
    arguments = ("grade", few, "--out", tmp_path / "out", "--exercise", "e04_loop", TRUST)
    first = faultlab(*arguments)
    (tmp_path / "out" / "stub" / "results.json").unlink()
    second = faultlab(*arguments)
    assert first.stdout.splitlines()[0] == second.stdout.splitlines()[0]  # the seed
    assert "Done before, and left as they are: 1." in second.stdout
    assert first.stdout.splitlines()[-3:] == second.stdout.splitlines()[-3:]


def test_without_a_sandbox_nothing_is_run_unless_it_is_asked_for(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MaterialError, match=rf"bubblewrap is not installed; .* say so: {TRUST}"):
        grade([few / "stub.ipynb"], tmp_path / "out", "e04_loop")
    assert not (tmp_path / "out").exists()


def test_points_of_one_s_own_are_kept_with_the_batch(
    few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    points = tmp_path / "points.toml"
    points.write_text("version = 1\n[e04_loop]\ns13 = 5\n")
    out = tmp_path / "out"
    grade([few / "stub.ipynb"], out, "e04_loop", points=points, trusted=True)
    assert "Points of your own: s13 5." in capsys.readouterr().out
    grade([few / "stub.ipynb"], out, "e04_loop", trusted=True)  # goes on with the points of the batch
    said = capsys.readouterr().out
    assert "Done before, and left as they are: 1." in said
    assert "stub    0 of 17  " in said
    points.write_text("version = 1\n[e04_loop]\ns13 = 9\n")
    regrade([few / "stub.ipynb"], out, points)
    assert "stub    0 of 21  " in capsys.readouterr().out


def test_a_folder_holds_the_results_of_one_exercise(few: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "batch.json").write_text('{"exercise": "e01_truth_table", "seed": "s"}\n')
    done = faultlab("grade", few, "--out", out, "--exercise", "e04_loop", TRUST)
    assert done.returncode == 2
    assert "holds the results of e01_truth_table; name another --out for e04_loop" in done.stderr
    assert [one.name for one in out.iterdir()] == ["batch.json"]
