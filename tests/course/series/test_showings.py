"""Scenarios that show a patch: their numbers are those of the cards, and each of them can be wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course.series.showings import SHOWINGS, UNCHANGED, Showing, run_showing
from course.series.verify import by_sameness

EVERY = [(patch, showing) for patch, showings in SHOWINGS.items() for showing in showings]
IDS = [f"P{patch}-{one.scenario}" for patch, one in EVERY]
S13 = SHOWINGS[13][0]


@pytest.mark.parametrize(
    ("patch", "showing"), EVERY, ids=[f"P{patch}-{one.scenario}" for patch, one in EVERY]
)
def test_a_scenario_gives_the_numbers_on_every_tree_and_changes_where_it_should(
    patch: int, showing: Showing
) -> None:
    shown = run_showing(showing)
    assert shown.wrong == ()
    assert shown.changes == showing.changes
    assert patch in showing.changes or not showing.changes


def test_the_numbers_are_those_of_the_table_of_the_series() -> None:
    numbers = {one.scenario: dict(one.values) for _, one in EVERY}
    assert numbers["S13"] == {0: ("SIGBUS(code=2)", 2, 1, 0), 13: ("ret=5", 3, 2, 1)}
    assert numbers["S9"] == {0: (1, 2, 1, 1, 0, 1), 9: (2, 2, 2, 0, 1, 1)}
    assert [value[0] for value in numbers["S10c"].values()] == ["ret=5", "SIGBUS(code=2)", "ret=5"]
    assert numbers["S10a"] == {0: (2, 3, 2, 1, 1, 4), 10: (2, 3, 2, 1, 0, 3)}


def test_a_wrong_number_is_named_with_scenario_tree_and_field() -> None:
    wrong = run_showing(replace(S13, values={0: ("SIGBUS(code=2)", 2, 1, 1), 13: ("ret=5", 3, 2, 1)})).wrong
    assert len(wrong) == 13
    assert wrong[9] == "S13 on tree upto9: maj_flt should be 1, and is 0."


def test_a_change_at_another_patch_is_seen() -> None:
    shown = run_showing(replace(S13, values={0: ("SIGBUS(code=2)", 2, 1, 0), 12: ("ret=5", 3, 2, 1)}))
    assert shown.changes == (13,)
    assert [sentence[:19] for sentence in shown.wrong] == ["S13 on tree upto12:"] * 4


def test_patches_can_be_taken_out_and_the_first_trees_left_out() -> None:
    shown = run_showing(replace(S13, values={9: S13.values[0]}, first=9, without=(13,)))
    assert (shown.wrong, shown.changes, len(shown.values)) == ((), (), 8)


def test_what_changes_is_told_in_short_words() -> None:
    assert S13.told(13) == "outcome SIGBUS(code=2) -> ret=5, attempts 2 -> 3, messages 1 -> 2, major 0 -> 1"
    assert S13.told(9) == ""


def test_what_a_patch_leaves_as_it_is_is_the_same_on_every_tree() -> None:
    (s2,) = UNCHANGED[2]
    shown = run_showing(s2)
    assert (shown.wrong, shown.changes) == ((), ())
    assert by_sameness(shown).facts == ("S2: the same on all trees",)
    assert by_sameness(shown).wrong == ()


def test_a_change_where_none_should_be_is_told() -> None:
    found = by_sameness(run_showing(S13))
    assert found.wrong == ("S13 changes at patch 13; it should at no patch.",)
