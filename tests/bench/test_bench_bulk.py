"""The benchmark's equality, never its times."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyemu.hw import COMPILED
from tests.bench.bench_bulk import TRACES, compare


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the baseline is compiled with gcc")
@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
def test_bulk_runs_and_plain_c_do_the_same_on_every_trace(tmp_path: Path) -> None:
    rows = compare(tmp_path, n_pages=2_000, rounds=1, n_ref=20)
    assert [row.trace for row in rows] == list(TRACES)
    for row in rows:
        assert row.outcome == row.baseline_outcome
        assert row.equal
        assert row.n_faults >= 2_000
