"""The make targets: what they are, what they run, and that they do nothing twice."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(["make", *words], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the Makefile and what setup depends on, and an environment that looks finished."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "setup.py"):
        shutil.copy(ROOT / name, tmp_path)
    hardware = tmp_path / "pyemu" / "hw"
    hardware.mkdir(parents=True)
    (hardware / "_fast.pyx").touch()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "faultlab-stamp").touch()
    return tmp_path


def test_help_names_every_target() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"setup", "lab", "test", "lint", "bench", "verify", "notebooks", "clean"} <= targets
    assert set(re.findall(r"^  make (\w+)", make("help").stdout, re.MULTILINE)) == targets


def test_setup_does_nothing_when_all_is_up_to_date(clone: Path) -> None:
    assert "Nothing to be done" in make("setup", folder=clone).stdout


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "setup.py", "pyemu/hw/_fast.pyx"])
def test_setup_installs_again_after_a_change(clone: Path, name: str) -> None:
    stamp = clone / ".venv" / "faultlab-stamp"
    os.utime(clone / name, (stamp.stat().st_mtime + 10,) * 2)
    assert "--editable" in make("--dry-run", "setup", folder=clone).stdout


@pytest.mark.parametrize("target", ["lab", "test", "lint", "bench", "verify", "notebooks"])
def test_every_target_sets_up_first(clone: Path, target: str) -> None:
    (clone / ".venv" / "faultlab-stamp").unlink()
    assert "--editable" in make("--dry-run", target, folder=clone).stdout


def test_lab_opens_the_working_copy_and_passes_options_on(clone: Path) -> None:
    said = make(
        "--dry-run", "lab", "COURSE=elsewhere", "LAB_ARGS=--no-browser --port=8890", folder=clone
    ).stdout
    assert said.strip() == ".venv/bin/faultlab lab elsewhere --no-browser --port=8890"


def test_the_working_copy_of_lab_is_ignored_by_git() -> None:
    (course,) = re.findall(r"^COURSE +\?= ([\w-]+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"{course}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_an_old_python_is_refused_by_name(clone: Path) -> None:
    old = clone / "python-of-old"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9); $2"\n')
    old.chmod(0o755)
    (clone / ".venv" / "faultlab-stamp").unlink()
    result = make("setup", f"PYTHON={old}", folder=clone)
    assert result.returncode != 0
    assert "faultlab needs Python 3.11 or later" in result.stderr


def test_clean_keeps_the_environment_and_the_working_copy(clone: Path) -> None:
    kept = [clone / ".venv" / "bin", clone / "my-course" / "lessons"]
    gone = [clone / "build" / "lib", clone / ".mypy_cache"]
    for folder in (*kept, *gone, *(clone / name for name in ("course", "tests", "lessons", "exercises"))):
        folder.mkdir(parents=True)
    compiled = clone / "pyemu" / "hw" / "_fast.abi3.so"
    compiled.touch()
    assert make("clean", folder=clone).returncode == 0
    assert all(folder.exists() for folder in kept)
    assert not any(path.exists() for path in (*gone, compiled, clone / ".venv" / "faultlab-stamp"))
