"""The table of numbers of the series: six scenarios on five trees, as the specification has them."""

from __future__ import annotations

from typing import Any

import pytest

from course.series.showings import SIGNALLED_COPY, run_showing, value_of
from pyemu import Scenario, Tree, run

TREES = {
    "P8": Tree.upto(8),
    "P9": Tree.upto(9),
    "P10": Tree.upto(10),
    "P12": Tree.upto(12),
    "P13": Tree.upto(13),
}
S10A, S9 = (
    "exceptions attempts messages_queued maj_flt min_flt acquisitions",
    "exceptions attempts maj_flt min_flt pgmajfault",
)
S13, S12 = "outcome attempts messages_queued maj_flt", "outcome attempts maj_flt min_flt"
BUS = "SIGBUS(code=2)"
TABLE = [
    ("S13", S13, {"P8": (BUS, 2, 1, 0), "P13": ("ret=5", 3, 2, 1)}),
    ("S10a", S10A, {"P8": (2, 3, 2, 1, 1, 4), "P10": (2, 3, 2, 1, 0, 3)}),
    (
        "S12",
        S12,
        {"P8": ("ret=4096", 2, 1, 0), "P12": ("EFAULT", 2, 0, 0), "P13": ("ret=4096", 10_002, 0, 1)},
    ),
    ("S9", S9, {"P8": (1, 2, 1, 0, 1), "P9": (2, 2, 0, 1, 1)}),
]
CELLS = [(name, fields, tree, values) for name, fields, values in TABLE for tree in TREES]


@pytest.mark.parametrize(("name", "fields", "tree", "values"), CELLS, ids=[f"{c[0]}-{c[2]}" for c in CELLS])
def test_a_cell(name: str, fields: str, tree: str, values: dict[str, tuple[Any, ...]]) -> None:
    known = [one for one in TREES if one in values and list(TREES).index(one) <= list(TREES).index(tree)]
    result = run(name, TREES[tree])
    assert tuple(value_of(result, "T", field) for field in fields.split()) == values[known[-1]]


def test_patch_10_without_9_ends_in_sigbus() -> None:
    assert run("S10c", Tree.upto(10) - 9).tasks["T"].outcome == BUS


@pytest.mark.parametrize("access", ["read", "tmpfs_write"], ids=["user", "kernel"])
@pytest.mark.parametrize("tree", TREES)
def test_sigkill_ends_the_wait_at_once_in_every_tree(tree: str, access: str) -> None:
    scenario = Scenario.from_dict(
        {
            "version": 1,
            "name": "killed",
            "title": "SIGKILL at 1 s, the page at 5 s",
            "areas": [{"name": "V", "pages": 4, "userfaultfd": True}],
            "tasks": [
                {"name": "T", "program": [{"do": access, "area": "V", "page": 1}]},
                {
                    "name": "M",
                    "monitor": True,
                    "program": [
                        {"do": "wait_message"},
                        {"do": "pause", "ticks": 1_000_000},
                        {"do": "signal", "task": "T", "signal": "SIGKILL"},
                        {"do": "pause", "ticks": 4_000_000},
                        {"do": "copy", "area": "V", "page": 1},
                    ],
                },
            ],
        }
    )
    result = run(scenario, TREES[tree])
    assert result.tasks["T"].outcome == "killed:9"
    assert value_of(result, "T", "ms") == 1_000
    assert result.spins == 0


def test_the_busy_loop_is_one_attempt_a_microsecond() -> None:
    shown = run_showing(SIGNALLED_COPY)
    assert [values[1] for values in shown.values] == [2] * 13 + [10_002] * 4
