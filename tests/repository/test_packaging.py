"""What is built and installed: sdist and wheel carry the course, with and without a compiler."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "out", "my-course", "*.egg-info", "*.so", "__pycache__", "*.pyc"
)


def run(*words: str | Path, folder: Path, **env: str) -> str:
    """Run a command in a folder and give back what it prints."""
    names = {"CC", "FAULTLAB_REQUIRE_COMPILED", "PYTHONPATH"}
    clean = {name: value for name, value in os.environ.items() if name not in names}
    result = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=clean | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def build(folder: Path, **env: str) -> tuple[Path, Path]:
    """Build the sdist, and the wheel from that sdist, of a clean copy of the repository."""
    copy = folder / "copy"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    run(
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        folder / "dist",
        copy,
        folder=folder,
        **env,
    )
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    return sdist, wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install a wheel into a fresh environment that sees this one's dependencies but not this faultlab."""
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--quiet",
        wheel,
        folder=folder,
    )
    purelib = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder
    ).strip()
    # A plain path: the .pth files in there, and with them an editable faultlab, are not followed.
    Path(purelib, "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    return folder / "venv" / "bin"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def uncompiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("uncompiled"), CC="false")[1]


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def material() -> set[str]:
    """Every file of lessons and exercises, as the wheel names it."""
    found = {
        "lessons/*.py",
        "lessons/*.ipynb",
        "lessons/*.toml",
        "exercises/[a-z][0-9][0-9]_*/*.*",
        "exercises/*/right/*.py",
        "exercises/*/wrong/*.py",
    }
    return {f"course/{path.relative_to(ROOT).as_posix()}" for glob in found for path in ROOT.glob(glob)}


def test_the_wheel_carries_every_lesson_and_exercise(built: tuple[Path, Path]) -> None:
    assert len(material()) > 10
    assert material() - members(built[1]) == set()


def test_the_wheel_carries_scenarios_facts_samples_and_jupyterlab_settings(built: tuple[Path, Path]) -> None:
    data = {f"pyemu/scenarios/{path.name}" for path in ROOT.glob("pyemu/scenarios/*.toml")}
    data |= {"course/facts.toml", "course/jupyter/labconfig/default_setting_overrides.json"}
    data |= {"pyemu/memtrace/sample.memtrace", "course/walk/linux-6.1.elf.gz", "course/live/records.jsonl"}
    data |= {"course/live/more_records.jsonl"}
    static = [path for path in ROOT.glob("course/views/stepping/static/*") if path.is_file()]
    assert len(static) > 3
    data |= {f"course/views/stepping/static/{path.name}" for path in static}
    assert data <= members(built[1])


def test_the_wheel_adds_two_names_to_site_packages(built: tuple[Path, Path]) -> None:
    tops = {name.partition("/")[0] for name in members(built[1])}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"pyemu", "course"}


def test_the_wheel_serves_every_python_from_3_11_on(built: tuple[Path, Path]) -> None:
    assert "-cp311-abi3-" in built[1].name


def test_the_sdist_can_be_tested_from(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "Makefile",
        "constraints.txt",
        "tests/conftest.py",
        "tests/must_run.txt",
        "pyemu/hw/_fast.pyx",
    } <= names
    assert {name for name in names if name.endswith((".so", ".pyc"))} == set()


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
def test_an_install_with_a_compiler_is_compiled_and_runs(built: tuple[Path, Path], tmp_path: Path) -> None:
    bin = install(built[1], tmp_path)
    said = run(bin / "python", "-c", "import pyemu; print(pyemu.COMPILED, pyemu.__file__)", folder=tmp_path)
    assert said.startswith(f"True {tmp_path}")
    assert "compiled (pyemu.hw._fast)" in run(bin / "faultlab", "doctor", folder=tmp_path, COLUMNS="200")


def test_an_install_without_a_compiler_runs_and_says_so(uncompiled: Path, tmp_path: Path) -> None:
    bin = install(uncompiled, tmp_path)
    assert run(bin / "python", "-c", "import pyemu; print(pyemu.COMPILED)", folder=tmp_path) == "False\n"
    said = run(bin / "faultlab", "doctor", folder=tmp_path, COLUMNS="200")
    assert "uncompiled" in said
    assert "Install gcc" in said


def test_a_learner_starts_from_an_installed_wheel(uncompiled: Path, tmp_path: Path) -> None:
    bin = install(uncompiled, tmp_path)
    run(bin / "faultlab", "start", "mine", folder=tmp_path)
    names = {path.relative_to(tmp_path / "mine").as_posix() for path in (tmp_path / "mine").rglob("*.ipynb")}
    lessons = {f"lessons/{path.name}" for path in ROOT.glob("lessons/*.ipynb")}
    exercises = {f"exercises/{path.parent.name}.ipynb" for path in ROOT.glob("exercises/*/exercise.toml")}
    assert names == lessons | exercises
