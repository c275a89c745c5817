"""The benchmark of the kernel's paths runs, and each path makes the faults that it is named for."""

from __future__ import annotations

import pytest

from pyemu import Tree, run
from tests.bench import bench_kernel

N = 6
COUNTED = {
    "demand zero, write": {"attempts": N, "exceptions": N},
    "zero page, then write": {"attempts": N, "exceptions": N},
    "userfaultfd, copy": {"attempts": 2 * N, "exceptions": N, "messages_queued": N},
    "kernel copy": {"attempts": N, "exceptions": N},
    "get_user_pages": {"attempts": N, "exceptions": 0},
}


def test_each_path_is_measured() -> None:
    figures = bench_kernel.measure(N, rounds=1)
    assert list(figures) == list(COUNTED)
    assert all(value > 0 for row in figures.values() for value in row.values())


@pytest.mark.parametrize("name", COUNTED)
def test_a_path_makes_the_faults_that_it_is_named_for(name: str) -> None:
    result = run(bench_kernel.scenario(name, bench_kernel.paths(N)[name]), Tree.v5_7, strict=True)
    stats = result.tasks["T"].stats
    assert {key: stats.get(key, 0) for key in COUNTED[name]} == COUNTED[name]
