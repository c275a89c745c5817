"""CPU is that of all processes that were started, and the table sets it beside ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.bench import bench_peers
from tests.peers.confined import become_subreaper

BUSY = "sum(range(20_000_000))"
# Its child works on when it is gone itself: an orphan.
LEAVES = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{BUSY}'])"


def test_the_work_of_an_orphan_is_counted(tmp_path: Path):
    become_subreaper()
    words = [[sys.executable, "-c", one] for one in ("pass", BUSY, LEAVES)]
    idle, own, orphans = (bench_peers.cpu_of([one], tmp_path, os.environ) for one in words)
    assert own > 2 * idle
    assert orphans > own / 2


def test_the_table_has_medians_and_says_how_often_ours_they_are():
    seconds = {
        "a function": {"faultlab": [0.1, 9.0, 0.2], "nbval": [2.0, 1.0, 3.0]},
        bench_peers.IDLE: {"nbval": [1.0]},
    }
    rows = bench_peers.table({"cpu_seconds": seconds})
    assert rows[0] == ("a function", "faultlab", 0.2, 1.0)
    assert rows[1] == ("a function", "nbval", 2.0, 10.0)
    assert rows[2] == (bench_peers.IDLE, "nbval", 1.0, 5.0)
