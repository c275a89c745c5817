"""The benchmark of the explorer runs, and measures what it names."""

from __future__ import annotations

from pathlib import Path

from pyemu import Tree
from tests.bench import bench_explore


def test_each_way_is_measured() -> None:
    figures = bench_explore.measure(("S13",), Tree.after, rounds=1)
    assert list(figures) == ["S13", "S13 here", "S13 piped"]
    assert figures["S13 here"]["states"] == figures["S13 piped"]["states"]
    assert all(value > 0 for row in figures.values() for value in row.values())


def test_states_grow_with_tasks_and_steps(tmp_path: Path) -> None:
    rows = bench_explore.growth(Tree.after, [(1, 1), (2, 1), (2, 2)])
    states = [row["states"] for row in rows]
    assert states == sorted(states)
    assert all(row["local_states"] <= row["states"] for row in rows)
    bench_explore.plot(rows, tmp_path / "growth.svg")
    assert "<svg" in (tmp_path / "growth.svg").read_text(encoding="utf-8")
