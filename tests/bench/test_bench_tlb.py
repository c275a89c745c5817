"""The benchmark's equality, never its times."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyemu.hw import COMPILED
from tests.bench.bench_tlb import TRACES, compare

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="the baseline is compiled with gcc")


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_the_compiled_twin_and_plain_c_do_the_same_on_every_trace(tmp_path: Path) -> None:
    rows = compare(tmp_path, n=100_000, rounds=1)
    assert [row.trace for row in rows] == list(TRACES)
    for row in rows:
        assert row.outcome == row.baseline_outcome
        assert row.outcome.walks > 0


def test_the_readable_twin_and_plain_c_do_the_same_on_every_trace(tmp_path: Path) -> None:
    for row in compare(tmp_path, n=10_000, rounds=1, twin="ref"):
        assert row.outcome == row.baseline_outcome
