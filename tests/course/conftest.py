"""What the tests of the course's commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from course import cli
from tests.course.sheet import Sheet


@dataclass(frozen=True)
class Said:
    """What the command line answered."""

    status: int
    out: str
    err: str


@pytest.fixture
def faultlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run the command line in this process."""

    def run(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["faultlab", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sheet:
    """A course with questions of the test's own; the current folder is a working copy's lessons."""
    made = Sheet(tmp_path)
    monkeypatch.setattr("course.questionfile.material", lambda kind: tmp_path / "course" / kind)
    monkeypatch.chdir(tmp_path / "copy" / "lessons")
    return made
