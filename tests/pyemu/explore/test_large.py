"""Explorations of minutes: ``make verify`` runs them."""

from __future__ import annotations

import pytest

from pyemu import Tree
from pyemu.explore import explore

pytestmark = pytest.mark.long


@pytest.mark.parametrize("name", ["B1", "S15b"])
def test_the_large_scenarios_hold_on_the_kernel_as_mended(name: str) -> None:
    found = explore(name, Tree.parse("v5_7+B5"), method="local", max_states=2_000_000)
    assert found.finished
    assert found.violations == ()


def test_a_storm_of_signals_holds_on_the_kernel_as_mended() -> None:
    found = explore("signal-storm", Tree.parse("v5_7+B5"), max_states=1_000_000)
    assert found.finished
    assert found.violations == ()


@pytest.mark.parametrize(
    ("name", "tree", "rule", "n_moves"),
    [("B1", "after", "bad unlock balance", 49), ("S15b", "upto14", "SIGKILL waits", 73)],
)
def test_the_large_scenarios_break_where_they_are_known_to(
    name: str, tree: str, rule: str, n_moves: int
) -> None:
    found = explore(name, Tree.parse(tree), max_states=300_000)
    bug = found.finding(rule)
    assert bug is not None
    assert len(bug.schedule) == n_moves
