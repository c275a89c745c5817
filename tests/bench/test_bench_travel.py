"""The benchmark of time travel runs, and a seek is far faster than running from the start."""

from __future__ import annotations

from tests.bench import bench_travel


def test_a_seek_is_far_faster_than_running_from_the_start() -> None:
    figures = bench_travel.measure(6_000, rounds=1, n_seeks=50)
    assert figures["steps"] >= 6_000
    assert figures["seek"] > 20  # thousands, even on a busy machine
    assert all(value > 0 for value in figures.values())
