"""The benchmark's equality, never its times."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyemu.hw import COMPILED, twins
from tests.bench.bench_tlb import TRACES, WAYS, Way, compare, draw, too_slow

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="the baseline is compiled with gcc")


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_every_way_of_the_compiled_twin_and_plain_c_do_the_same_on_every_trace(tmp_path: Path) -> None:
    ways = [*WAYS, *(Way(name, variant=name) for name in twins.variants())]
    rows = compare(tmp_path, n=100_000, rounds=1, ways=ways)
    assert {row.trace for row in rows} == set(TRACES)
    for row in rows:
        assert row.outcome == row.baseline_outcome, row.way
        assert row.outcome.walks > 0


def test_the_readable_twin_and_plain_c_do_the_same_on_every_trace(tmp_path: Path) -> None:
    for row in compare(tmp_path, n=10_000, rounds=1, ways=[Way("ref", "ref")]):
        assert row.outcome == row.baseline_outcome


def test_a_ratio_far_below_the_noted_one_is_too_slow(tmp_path: Path) -> None:
    rows = compare(tmp_path, n=1000, rounds=1, ways=[Way("best", "ref")])
    noted = {"best": {row.trace: row.ratio for row in rows}}
    assert too_slow(rows, 0.8, noted) == []
    assert too_slow(rows, 1.1, noted) == rows


def test_the_growth_is_drawn_the_same_twice(tmp_path: Path) -> None:
    costs = {"accesses": [(10, 2.0), (100, 1.5)], "pages": [(1, 1.0), (2, 3.0)]}
    for name in ("one.svg", "two.svg"):
        draw(costs, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
