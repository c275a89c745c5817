"""Records to compare with: the real ones, and files of one's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from course import cli
from course.conform.records import Record, read_records

RECORDS = Path(__file__).parents[1] / "data" / "records"
KERNELS = ("5.4.59", "5.7.14")
Line = dict[str, Any]


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


@pytest.fixture(scope="session")
def files() -> dict[str, Path]:
    """Give the file of each kernel."""
    return {kernel: RECORDS / f"{kernel}.jsonl" for kernel in KERNELS}


@pytest.fixture(scope="session")
def lines(files: dict[str, Path]) -> dict[str, list[Line]]:
    """Give the userfault records of user-mode accesses, by kernel."""
    return {
        kernel: [
            line
            for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())
            if line["kind"] == "userfault" and line["access"].startswith("user_")
        ]
        for kernel, path in files.items()
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write lines to a file of records."""

    def to_file(*rows: Line | str, name: str = "some.jsonl") -> Path:
        path = tmp_path / name
        texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return to_file


@pytest.fixture
def read(write: Callable[..., Path]) -> Callable[..., list[Record]]:
    """Turn lines into records, through a file."""
    return lambda *rows: read_records([write(*rows)])
