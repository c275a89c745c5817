"""Verdicts: each check can fail, and says what is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course.series.mutants import Survivors
from course.series.pairs import PAIRS
from course.series.patches import patch_of
from course.series.proof import prove
from course.series.showings import SHOWINGS, run_showing
from course.series.verify import by_decision, by_emulator, by_names, by_runs, verify_patch

S13 = SHOWINGS[13][0]
ALL_NOTICED = Survivors(10, 10, {}, ())


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (1, "names only"),
        (2, "decision table and runs"),
        (3, "decision table and runs"),
        (4, "decision table and runs"),
        (5, "decision table and runs"),
        (6, "decision table and runs"),
        (7, "decision table and runs"),
        (8, "decision table and runs"),
        (9, "runs"),
        (10, "runs"),
        (11, "names only"),
        (12, "runs"),
        (13, "runs"),
        (14, "runs"),
        (15, "runs"),
        (16, "decision table and runs"),
    ],
)
def test_each_patch_says_how_it_was_checked(number: int, how: str) -> None:
    verdict = verify_patch(patch_of(number))
    assert (verdict.how, verdict.holds, verdict.wrong) == (how, True, ())
    assert verdict.facts


def test_a_patch_that_nothing_shows_fails() -> None:
    verdict = verify_patch(patch_of(13), pairs={}, showings={})
    assert not verdict.holds
    assert verdict.wrong == ("Nothing shows this patch: it has neither a scenario nor a decision table.",)


def test_a_scenario_that_changes_elsewhere_fails_the_patch() -> None:
    elsewhere = {13: (replace(S13, values={0: S13.values[0], 12: S13.values[13]}),)}
    verdict = verify_patch(patch_of(13), showings=elsewhere)
    assert not verdict.holds
    assert "S13 changes at patch 13; it should at patch 12." in verdict.wrong
    assert "S13 is not said to change at patch 13." in verdict.wrong


def test_a_scenario_with_another_number_fails_the_patch() -> None:
    shown = run_showing(replace(S13, values={0: S13.values[0], 13: ("ret=5", 3, 2, 2)}))
    found = by_runs(13, shown)
    assert [sentence for sentence in found.wrong if "maj_flt should be 2, and is 1" in sentence]


def test_a_scenario_that_shows_two_patches_says_so() -> None:
    faulty = run_showing(SHOWINGS[4][0])
    assert by_runs(4, faulty).facts[0].endswith("; it changes at patch 13 as well")
    assert by_runs(13, faulty).facts[0].endswith("; it changes at patch 4 as well")


def test_a_decision_that_differs_fails_the_patch() -> None:
    verdict = verify_patch(patch_of(5), pairs={5: replace(PAIRS[5], after=PAIRS[7].after)})
    assert verdict.holds is False
    assert any("they should be equal" in sentence for sentence in verdict.wrong)
    assert any("inputs more are wrong" in sentence for sentence in verdict.wrong)


def test_an_emulator_that_decides_otherwise_fails_the_patch() -> None:
    found = by_emulator(5, replace(PAIRS[5], after=PAIRS[6].after))
    assert len(found.wrong) == 4
    assert found.wrong[0].startswith("On tree upto5, arc, gave ")
    assert "the emulator decides" in found.wrong[0]
    assert found.wrong[3].endswith("runs more decide otherwise.")
    assert by_emulator(5, PAIRS[5]).wrong == ()


def test_a_scenario_that_changes_nowhere_says_so() -> None:
    found = by_runs(6, run_showing(SHOWINGS[6][0]))
    assert found.facts == ("B7 on arm64: the same on every tree",)
    assert found.wrong == ()


def test_a_planted_fault_that_goes_unnoticed_fails_the_patch() -> None:
    found = by_decision(prove(PAIRS[5]), replace(ALL_NOTICED, wrong=("before, leave: drop 'x'",)))
    assert found.wrong == (
        "A planted fault went unnoticed, or is named and was noticed: before, leave: drop 'x'.",
    )


def test_a_rename_that_renames_something_else_fails_the_patch() -> None:
    assert by_names(PAIRS[1], {"nonblocking": "locked"}).wrong == ()
    assert by_names(PAIRS[1], {"nonblocking": "blocked"}).wrong == (
        "Before and after differ in more than nonblocking is now blocked.",
    )


def test_patch_8_is_told_with_both_rows_and_with_our_fix() -> None:
    facts = verify_patch(patch_of(8)).facts
    assert facts[0] == "S8a: oom 0 -> 1; at no other patch"
    assert any(fact.startswith("differs in S8b (") for fact in facts)
    assert "the emulator decides alike in 208 runs on each of upto7, upto8, upto8+B6" in facts
    assert any(fact.startswith("with our fix B6: differs in S8a (") for fact in facts)
    assert any("bad unlock balance" in fact for fact in facts)
