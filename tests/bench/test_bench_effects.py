"""The benchmark of effects runs, and its ways agree on what happened; never its times."""

from __future__ import annotations

import pytest

from tests.bench import bench_effects


def test_each_way_is_measured_and_shows_the_same_events() -> None:
    figures = bench_effects.measure(n_wakes=5, rounds=1)
    assert list(figures) == ["bare coroutine", "kernel's own code", "override", "child"]
    assert all(row["effects_per_second"] > 0 for row in figures.values())


def test_a_handler_that_does_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = bench_effects.HANDLER.replace("flags |= FAULT_FLAG_TRIED", "flags |= FAULT_FLAG_TRIED | 0x80")
    assert changed != bench_effects.HANDLER
    monkeypatch.setattr(bench_effects, "HANDLER", changed)
    with pytest.raises(AssertionError, match="differ in what happened"):
        bench_effects.measure(n_wakes=2, rounds=1)
