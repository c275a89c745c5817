"""What grading costs: CPU a submission of ``faultlab grade``, nbgrader, otter-grader and ``pytest --nbval``.

::

    python -m tests.bench.bench_peers --rounds 3 --json build/bench_peers.json

One assignment for all: the same notebooks with the same answers, and the checks that the exercise has. The
tools take turns in each round, or run at the same time; of each the median of the rounds counts. CPU is user
and system time of the tool and of all its descendants, kernels and orphans too. A third assignment has checks
that do nothing: what the other tools take there is the least that they can take, whatever the checks are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyemu
from course.checks.library import exercise_of
from tests.peers.assignment import Assignment, honest, idle, released
from tests.peers.confined import become_subreaper, reap
from tests.peers.tools import TOOLS, Ours, Tool
from tests.peers.venvs import PACKAGES, ROOT, activated, version_of

OURS = Ours.name
EXERCISES = {"a function": "e01_truth_table", "kernel code": "e04_loop"}
IDLE = "checks that do nothing"


def submissions(assignment: Assignment, number: int, folder: Path) -> dict[str, Path]:
    """Write notebooks of a class: right answers and wrong ones by turns, each with a name of its own."""
    mistakes = [None, *(one.name for one in exercise_of(assignment.exercise).wrong)]
    students = {f"s{n:02}": mistakes[n % len(mistakes)] for n in range(number)}
    found = {}
    for student, text in honest(assignment, students).items():
        found[student] = folder / f"{student}.ipynb"
        found[student].write_text(text, encoding="utf-8")
    return found


def cpu_of(commands: Sequence[Sequence[str]], folder: Path, env: Mapping[str, str]) -> float:
    """Run commands; give the CPU seconds of all processes that they started."""
    began = _children()
    for words in commands:
        subprocess.run(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    until = time.monotonic() + 5
    while reap() and time.monotonic() < until:  # orphans are ours: `become_subreaper`
        time.sleep(0.05)
    return _children() - began


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_tool(tool: Tool, assignment: Assignment, found: Mapping[str, Path]) -> tuple[float, dict[str, float]]:
    """Grade a class with a tool: CPU seconds a submission, and the points by student."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        tool.prepare(folder, assignment, found)
        seconds = cpu_of(tool.commands(folder), folder, _environment(tool))
        points = {student: sum(given.values()) for student, given in tool.points(folder, assignment).items()}
    return seconds / len(found), points


def _environment(tool: Tool) -> Mapping[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)} if isinstance(tool, Ours) else activated(tool.name)


def measure(rounds: int, number: int, workers: int) -> dict[str, dict[str, list[float]]]:
    """Give the CPU seconds a submission of each round, by assignment and tool."""
    assignments = {name: released(exercise) for name, exercise in EXERCISES.items()}
    assignments[IDLE] = idle(EXERCISES["a function"])
    found: dict[str, dict[str, list[float]]] = {}
    right: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory() as made,
        ProcessPoolExecutor(workers, get_context("spawn"), become_subreaper) as pool,
    ):
        classes: dict[str, dict[str, Path]] = {}
        for name, assignment in assignments.items():
            folder = Path(made) / str(len(classes))
            folder.mkdir()
            classes[name] = submissions(assignment, number, folder)
        started = {
            pool.submit(of_tool, tool, assignment, classes[name]): (name, tool.name)
            for _ in range(rounds)
            for name, assignment in assignments.items()
            for tool in (TOOLS if assignment.idle else (Ours(), *TOOLS))
        }
        for done in as_completed(started):
            name, tool_name = started[done]
            seconds, points = done.result()
            print(f"{name}, {tool_name}: {seconds:.3f}", flush=True)
            if not assignments[name].idle and points != right.setdefault(name, points):
                raise AssertionError(f"{name}: {tool_name} gives {points}, another {right[name]}")
            found.setdefault(name, {}).setdefault(tool_name, []).append(seconds)
    order = (OURS, *PACKAGES)
    return {name: {tool: found[name][tool] for tool in order if tool in found[name]} for name in assignments}


def report(rounds: int, number: int, workers: int) -> dict[str, Any]:
    """Measure, and say with what."""
    return {
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "submissions": number,
        "at_a_time": workers,
        "exercises": EXERCISES,
        "versions": {OURS: pyemu.__version__} | {name: version_of(PACKAGES[name], name) for name in PACKAGES},
        "cpu_seconds": measure(rounds, number, workers),
    }


def table(stored: Mapping[str, Any]) -> list[tuple[str, str, float, float]]:
    """Give the medians: assignment, tool, CPU seconds a submission, and how often ours that is.

    Where the checks do nothing, what is compared with is our time with checks that do something.
    """
    seconds = stored["cpu_seconds"]
    rows = []
    for name, tools in seconds.items():
        ours = statistics.median(tools.get(OURS) or seconds["a function"][OURS])
        rows += [
            (name, tool, statistics.median(values), statistics.median(values) / ours)
            for tool, values in tools.items()
        ]
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--submissions", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1, help="measurements at a time")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    stored = report(asked.rounds, asked.submissions, asked.workers)
    if asked.json is not None:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")
    for name, tool, seconds, ratio in table(stored):
        print(f"{name:24} {tool:9} {seconds:7.3f} s a submission  {ratio:6.1f} x")


if __name__ == "__main__":
    main()
