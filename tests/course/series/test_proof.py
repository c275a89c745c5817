"""The comparison of both sides: it holds for the kernel's patches, and breaks when one side is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course.series.decisions.p01_locked import RENAMED, after, before
from course.series.decisions.pair import Pair
from course.series.decisions.records import Action, Decision
from course.series.pairs import ALSO, PAIRS
from course.series.proof import prove, same_but_for_names

EVERY = [*PAIRS.items(), *((patch, pair) for patch, pairs in ALSO.items() for pair in pairs)]
IDS = [f"P{patch}-{pair.name.replace(' ', '_')}" for patch, pair in EVERY]


@pytest.mark.parametrize(("patch", "pair"), EVERY, ids=IDS)
def test_the_sides_differ_where_the_pair_says_and_nowhere_else(patch: int, pair: Pair) -> None:
    proof = prove(pair)
    assert proof.wrong == ()
    assert proof.holds
    assert 0 < proof.n_reachable < proof.n_inputs


@pytest.mark.parametrize("patch", [1, 2, 3, 4, 5, 6, 7, 11, 16])
def test_of_a_refactor_nothing_can_be_seen(patch: int) -> None:
    proof = prove(PAIRS[patch])
    assert proof.n_differing == 0
    assert not proof.troubles
    assert not PAIRS[patch].seen


def test_patch_8_differs_in_exactly_two_rows_and_our_fix_leaves_one() -> None:
    proof, fixed = prove(PAIRS[8]), prove(ALSO[8][0])
    assert set(proof.rows) == {"S8a", "S8b", "S8a and S8b"}
    assert set(fixed.rows) == {"S8a"}
    assert [trouble for trouble in proof.troubles if not trouble.startswith("after: bad unlock")] == []
    assert proof.troubles
    assert not fixed.troubles


def test_the_dead_row_of_patch_4_is_unreachable_by_i2() -> None:
    proof = prove(PAIRS[4])
    assert list(proof.dead) == ["RETRY, not allowed, without SIGKILL"]
    assert any(rule.startswith("I2") for rule in proof.rules)


def test_without_patch_15_patch_16_can_be_seen() -> None:
    assert prove(PAIRS[16]).n_differing == 0
    assert prove(ALSO[16][0]).n_differing > 0


def test_a_side_that_decides_otherwise_breaks_the_proof() -> None:
    pair = PAIRS[5]
    wrong = prove(replace(pair, after=lambda case: replace(pair.after(case), unlocks=0)))
    assert not wrong.holds
    assert "they should be equal" in str(wrong.wrong[0])
    assert str(wrong.wrong[0].before) in str(wrong.wrong[0])


def test_a_row_in_which_the_sides_are_equal_breaks_the_proof() -> None:
    pair = PAIRS[8]
    assert {one.why for one in prove(replace(pair, after=pair.before)).wrong} >= {"they should differ: S8b"}


def test_a_row_that_says_something_else_breaks_the_proof() -> None:
    pair = PAIRS[8]

    def three_times(case: object) -> Decision:
        decision: Decision = pair.after(case)
        return replace(decision, unlocks=3) if decision.unlocks == 2 else decision

    assert "the row S8b says something else" in {
        one.why for one in prove(replace(pair, after=three_times)).wrong
    }


def test_a_row_that_should_be_dead_and_is_reachable_breaks_the_proof() -> None:
    reachable = replace(PAIRS[4], unreachable=lambda case: "")
    assert any("is reachable" in one.why for one in prove(reachable).wrong)


def test_a_pair_of_decisions_that_never_occurs_breaks_the_proof() -> None:
    pair = PAIRS[4]
    told = {row: both | {("return", "BUG")} for row, both in pair.told.items()}
    assert [one.why for one in prove(replace(pair, told=told)).wrong] == ["this never occurs"]


def test_patch_1_changes_a_name_and_nothing_else() -> None:
    assert same_but_for_names(before, after, RENAMED)
    assert not same_but_for_names(before, after, {})
    assert not same_but_for_names(PAIRS[5].before, PAIRS[5].after, RENAMED)


def test_a_decision_reads_as_a_phrase() -> None:
    said = Decision(Action.RETRY, 0, 0x20, counted=("min_flt",))
    assert str(said) == "retry with 0x20 TRIED, counts min_flt"
    assert str(Decision(Action.ERROR, 2, sends=("SIGBUS",))) == "error, unlocks 2 times, sends SIGBUS"
