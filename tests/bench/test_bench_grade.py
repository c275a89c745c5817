"""The benchmark of grading grades what it says, and measures it against kernels of the same run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from course.checks.library import exercise_of
from tests.bench import bench_grade

E01 = exercise_of("e01_truth_table")


def test_a_submission_takes_less_than_a_kernel():
    (row,) = bench_grade.measure([E01.id], 12).values()
    assert row["ratio"] == pytest.approx(row["kernel"] / row["cpu"])
    assert row["ratio"] > 2
    assert row["alone"] > row["cpu"]


def test_time_of_what_a_process_starts_counts():
    def python(text: str) -> float:
        return bench_grade.cpu_seconds(lambda: subprocess.run([sys.executable, "-c", text], check=True))

    assert python("n = 0\nwhile n < 10_000_000: n += 1") > 3 * python("")


def test_a_class_has_right_and_wrong_answers_and_no_two_are_equal(tmp_path: Path):
    n = 1 + len(E01.right)  # with the master
    right = bench_grade.make_class(E01, n + 3, tmp_path)
    assert right == [True] * n + [False, False, True]
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == n + 3


def test_grades_that_are_not_deserved_are_noticed(monkeypatch: pytest.MonkeyPatch):
    honest = bench_grade.make_class
    monkeypatch.setattr(bench_grade, "make_class", lambda *words: [not one for one in honest(*words)])
    with pytest.raises(AssertionError, match="e01_truth_table: full points are"):
        bench_grade.graded(E01, 1)
