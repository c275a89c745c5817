"""The doctor says what is there, what isn't, and how to mend it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import pyemu
from course import doctor


def test_a_healthy_machine_exits_with_0_and_shows_every_check() -> None:
    command = [sys.executable, "-m", "course.cli", "doctor"]
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "200"}
    )
    assert result.returncode == 0, result.stdout + result.stderr
    names = [check.name for check in doctor.examine()]
    assert names == [
        "Python",
        "JupyterLab",
        "numpy",
        "hardware model",
        "bubblewrap",
        "userfaultfd",
        "valgrind",
        "chromium",
    ]
    assert [name for name in names if name not in result.stdout] == []
    assert "The course runs here." in result.stdout


def test_what_is_missing_and_essential_ends_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", gone)
    with pytest.raises(BaseException, match="1") as raised:
        doctor.doctor()
    assert type(raised.value).__name__ == "Exit"
    assert "JupyterLab, numpy is missing" in capsys.readouterr().out


def test_everything_that_does_not_work_says_how_to_mend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(pyemu, "COMPILED", False, raising=False)
    checks = [doctor.compiled(), doctor.bubblewrap(), doctor.chromium()]
    assert [check.state for check in checks] == ["part", "missing", "missing"]
    assert all(check.mend for check in checks)
    assert not any(check.essential for check in checks)


@pytest.mark.parametrize(
    ("root", "user_mode_only", "state", "word"),
    [
        (True, True, "ok", "kernel-mode"),
        (-errno.EPERM, True, "part", "user-mode faults only"),
        (-errno.EPERM, -errno.EINVAL, "missing", "Invalid argument"),
        (-errno.ENOSYS, -errno.ENOSYS, "missing", "not implemented"),
    ],
)
def test_userfaultfd_is_told_apart_by_who_may_use_it(
    root: Any, user_mode_only: Any, state: str, word: str
) -> None:
    def call(number: int, flags: int) -> int:
        answer = user_mode_only if flags & 1 else root
        return os.open(os.devnull, os.O_RDONLY) if answer is True else int(answer)

    check = doctor.userfaultfd(call)
    assert check.state == state
    assert word in check.found


def test_the_userfaultfd_of_this_kernel_is_really_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = sorted(Path("/proc/self/fd").iterdir())
    assert doctor.userfaultfd().state in {"ok", "part", "missing"}
    assert len(sorted(Path("/proc/self/fd").iterdir())) == len(opened), "the descriptor was left open"
    monkeypatch.setattr("platform.machine", lambda: "vax")
    assert "not known on" in doctor.userfaultfd().found


@pytest.mark.parametrize(
    ("script", "state", "word"),
    [
        ("exit 0", "ok", "bwrap"),
        ("echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1", "missing", "Permission denied"),
    ],
)
def test_bubblewrap_is_judged_by_a_sandbox_that_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, state: str, word: str
) -> None:
    program = tmp_path / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    check = doctor.bubblewrap()
    assert check.state == state
    assert word in check.found
