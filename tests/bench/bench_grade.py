"""CPU time of `faultlab grade` a submission, as a ratio to that of one Jupyter kernel, exercise by exercise.

::

    python -m tests.bench.bench_grade --json FILE

Each exercise has a class of its own: right answers and two wrong ones by turns, no two of them equal. What
counts is all CPU time of the command and of what it starts, its own start, sandbox and feedback included,
divided by the number of submissions; and beside it, that of a kernel that starts, runs a notebook of one line
and stops, which other graders need for each submission. ``alone`` is a class of one: nobody has said the same
before (`course.conversations`), and nobody shares the start.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from course.checks.library import exercise_ids, exercise_of
from course.checks.submission import pristine
from course.grading.command import TRUST
from course.grading.sandbox import find_sandbox
from course.material.exercise import Exercise
from course.material.learner import with_answers
from course.material.source import write_notebook
from tests.bench.bench_start import _run
from tests.exercises.answers import cells_of

SEED = "a seed"


def cpu_seconds(way: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that a way starts and waits for."""

    def spent() -> float:
        used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in used)

    before = spent()
    way()
    return spent() - before


def make_class(exercise: Exercise, n: int, folder: Path) -> list[bool]:
    """Write the notebooks of a class; say of each whether it is right."""
    kinds = [None, *(one.file for one in exercise.right), *(one.file for one in exercise.wrong[:2])]
    right = [n_kind <= len(exercise.right) for n_kind in range(len(kinds))]
    for number, file in zip(range(n), cycle(kinds), strict=False):
        answers = {name: f"# {number}\n{source}" for name, source in cells_of(exercise, file).items()}
        path = folder / f"s{number:03}.ipynb"
        path.write_text(write_notebook(with_answers(pristine(exercise.id), answers)), encoding="utf-8")
    return [one for _, one in zip(range(n), cycle(right), strict=False)]


def graded(exercise: Exercise, n: int) -> float:
    """CPU seconds of grading a class of so many.

    Raises
    ------
    AssertionError
        The grades are not those that the answers deserve.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name, "class"), Path(name, "out")
        folder.mkdir()
        right = make_class(exercise, n, folder)
        words = [sys.executable, "-m", "course.cli", "grade", str(folder), "--out", str(out)]
        words += ["--exercise", exercise.id, "--seed", SEED, *_TRUSTED]
        seconds = cpu_seconds(lambda: subprocess.run(words, check=True, capture_output=True))
        with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
            full = [row["points"] == row["max_points"] for row in csv.DictReader(file)]
    if full != right:
        raise AssertionError(f"{exercise.id}: full points are {full}, and right answers {right}")
    return seconds


_TRUSTED = [TRUST] if find_sandbox().level < 2 else []


def kernel() -> float:
    """CPU seconds of one kernel that runs a notebook of one line."""
    return cpu_seconds(lambda: _run("1"))


def measure(names: list[str], n: int, rounds: int = 1) -> dict[str, dict[str, float]]:
    """Measure exercises and kernels by turns.

    Parameters
    ----------
    names : list of str
        Exercises.
    n : int
        Submissions to each.
    rounds : int
        The median of so many counts.

    Returns
    -------
    dict of str to dict
        Exercise -> CPU seconds ``alone``, ``cpu`` (of a submission in the class) and ``kernel``, and their
        ``ratio``: of the kernel to the submission in the class.
    """
    kernel()  # what is imported for it
    found = {}
    for name in names:
        exercise = exercise_of(name)
        turns = [(kernel(), graded(exercise, n) / n, graded(exercise, 1)) for _ in range(rounds)]
        of_kernel, cpu, alone = (median(column) for column in zip(*turns, strict=True))
        found[name] = {"alone": alone, "cpu": cpu, "kernel": of_kernel, "ratio": of_kernel / cpu}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("exercises", nargs="*", default=exercise_ids())
    parser.add_argument("--n", type=int, default=20, help="submissions to each exercise")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    found = measure(list(asked.exercises), asked.n, asked.rounds)
    table = Table("exercise", "one alone, s", f"one of {asked.n}, s", "a kernel, s", "kernels a submission")
    for name, row in found.items():
        table.add_row(
            name, *(f"{row[one]:.3f}" for one in ("alone", "cpu", "kernel")), f"1/{row['ratio']:.1f}"
        )
    Console().print(table)
    if asked.json is not None:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
