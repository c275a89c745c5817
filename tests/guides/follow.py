"""Follow a page of the guides: make its files, apply its changes, run its commands, compare what they print.

Blocks of a page are fenced code. What the first line says decides:

=========================  ==================================================================
`````toml file=PATH```     the file is made, with this content
`````diff```               the change is applied
`````console```            lines after ``$`` are commands; below one stands what it prints
=========================  ==================================================================

``...`` stands for anything, as in a doctest. A command without a text must end with status 0; with a
text, that decides, so that a page can show a refusal. All other blocks are for reading.
"""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What a clone has not, and what is large and of no use to a page.
LEFT = shutil.ignore_patterns(
    *(".git", ".venv", "build", "dist", "my-course", "*.egg-info", ".*_cache", ".hypothesis")
)
_BLOCK = re.compile(
    r"^```(?P<kind>\w+)(?: file=(?P<path>\S+))?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the file that it makes (or ""), its text."""

    kind: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page, what the page says that it prints, and what it printed."""

    command: str
    said: str
    printed: str
    status: int

    @property
    def problem(self) -> str:
        """What is wrong with it; empty when it did as the page says."""
        if self.said and not doctest.OutputChecker().check_output(self.said, self.printed, _COMPARE):
            return f"$ {self.command}\nthe page says:\n{self.said}\nit printed:\n{self.printed}"
        if not self.said and self.status:
            return f"$ {self.command}\nended with status {self.status}:\n{self.printed}"
        return ""


def blocks(page: str) -> list[Block]:
    """Give the fenced blocks of a page."""
    return [Block(one["kind"], one["path"] or "", one["text"]) for one in _BLOCK.finditer(page)]


def commands(text: str) -> list[tuple[str, str]]:
    """Give the commands of a console block, each with the text below it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, said) for command, _, said in (part.partition("\n") for part in parts)]


def checkout(folder: Path) -> Path:
    """Copy the project as it stands."""
    shutil.copytree(ROOT, folder, ignore=LEFT, symlinks=True)
    return folder


def follow(page: str, folder: Path, environment: Mapping[str, str] | None = None) -> list[Step]:
    """Do what a page says in a checkout, up to the first step that goes wrong."""
    place = Path(sys.executable).parent
    env = {
        **os.environ,
        **dict(environment or {}),
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(folder),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    steps: list[Step] = []
    for block in blocks(page):
        if block.path:
            (folder / block.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.path).write_text(block.text, encoding="utf-8")
        elif block.kind == "diff":
            steps.append(_run("git apply -", "", folder, env, block.text))
        elif block.kind == "console":
            for command, said in commands(block.text):
                steps.append(_run(command, said, folder, env))
                if steps[-1].problem:
                    return steps
    return steps


def _run(command: str, said: str, folder: Path, env: Mapping[str, str], given: str = "") -> Step:
    """Run one command with a shell, as its reader does."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=dict(env),
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return Step(command, said, done.stdout, done.returncode)
