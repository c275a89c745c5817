"""Walk and TLB against Unicorn's CPU: results, error codes, CR2 and every A and D bit."""

from __future__ import annotations

import pytest

from tests.hw import sequences, single_accesses
from tests.hw.mutants import NONE, WALK_MUTANTS, Mutant
from tests.hw.oracle import TWINS

pytest.importorskip("unicorn", reason="Unicorn, the oracle, is not installed")

from tests.hw.unicorn_cpu import FiveLevelUnicornCpu, UnicornCpu

RUNS = [
    (UnicornCpu, 0, 20_000),
    (FiveLevelUnicornCpu, 0, 10_000),
    *(pytest.param(UnicornCpu, 100 + i, 50_000, marks=pytest.mark.long) for i in range(4)),
    pytest.param(FiveLevelUnicornCpu, 100, 50_000, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("oracle", "seed", "n"), RUNS)
def test_random_accesses_end_as_on_unicorn(oracle: type[UnicornCpu], seed: int, n: int) -> None:
    single_accesses.verify(single_accesses.compare(oracle, seed, n, TWINS), n, oracle)


@pytest.mark.parametrize(("oracle", "seed", "n"), RUNS)
def test_accesses_among_edits_and_flushes_end_as_on_unicorn(
    oracle: type[UnicornCpu], seed: int, n: int
) -> None:
    sequences.verify(sequences.compare(oracle, seed, n, TWINS), n)


def test_the_unchanged_copy_agrees() -> None:
    same = (NONE,)
    assert single_accesses.compare(UnicornCpu, 7, 2000, same).difference == ""
    assert sequences.compare(UnicornCpu, 7, 2000, same).difference == ""


@pytest.mark.parametrize("mutant", WALK_MUTANTS, ids=str)
def test_a_walk_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    report = single_accesses.compare(UnicornCpu, 7, 10_000, (mutant,))
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


@pytest.mark.parametrize("mutant", sequences.MUTANTS, ids=str)
def test_a_tlb_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    report = sequences.compare(UnicornCpu, 7, 40_000, (mutant,))
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


def test_the_mutants_that_results_show_have_these_names() -> None:
    assert {mutant.name for mutant in sequences.MUTANTS} == sequences.VISIBLE_MUTANTS
