"""The command line: a mistake ends in one sentence and status 2, a bug in a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pyemu
from course import cli
from pyemu.errors import FaultlabError


def faultlab(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "course.cli", *words]
    # This checkout's code, in whatever folder the command runs and whatever is installed.
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment, timeout=60
    )


def test_help_lists_the_commands_that_this_page_names() -> None:
    said = faultlab("--help").stdout
    assert [
        name for name in ("lab", "start", "update", "reset", "doctor", "version") if name not in said
    ] == []


def test_version_is_that_of_pyemu() -> None:
    assert faultlab("version").stdout == f"faultlab {pyemu.__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["update", "."], "is no working copy"),
        (["reset", "e04_loop", "."], "is no working copy"),
        (["lab", str(Path(cli.__file__).parents[1])], "the course's own material lies"),
        (["strat"], "No such command 'strat'"),
        (["start"], "Missing argument 'DIR'"),
        (["start", "--force", "x"], "No such option"),
    ],
)
def test_a_mistake_ends_in_a_message_and_status_2(tmp_path: Path, words: list[str], message: str) -> None:
    result = faultlab(*words, folder=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_path_that_can_t_be_used_is_named_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = faultlab("start", "file", folder=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("faultlab: ")
    assert "file" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_full_disk_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")  # as write() gives it: without a name

    monkeypatch.setattr(cli, "app", full)
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert capsys.readouterr().err.startswith("faultlab: a file can't be written: No space left on device.")


def test_an_oserror_that_names_no_file_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(OSError, match="Input/output"):
        cli.main()


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_an_error_is_shown_by_its_text_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def mistaken() -> None:
        raise FaultlabError("the thing is 3, it must be 4; give 4.")

    monkeypatch.setattr(cli, "app", mistaken)
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    assert capsys.readouterr().err == "faultlab: the thing is 3, it must be 4; give 4.\n"


def test_the_installed_command_is_this_one() -> None:
    project = tomllib.loads((Path(cli.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"faultlab": f"{cli.__name__}:{cli.main.__name__}"}
