"""Walk and TLB against Unicorn's CPU: results, error codes, CR2 and every A and D bit."""

from __future__ import annotations

import pytest

from tests.hw import sequences, single_accesses
from tests.hw.mutants import NONE, TLB_MUTANTS, WALK_MUTANTS, Mutant
from tests.hw.oracle import TWINS

pytest.importorskip("unicorn", reason="Unicorn, the oracle, is not installed")

from tests.hw.unicorn_cpu import UnicornCpu

LONG = pytest.mark.long
TLB = [mutant for mutant in TLB_MUTANTS if mutant.name in sequences.VISIBLE_MUTANTS]


@pytest.mark.parametrize(
    ("seed", "n"), [(0, 20_000), *(pytest.param(100 + i, 50_000, marks=LONG) for i in range(4))]
)
def test_random_accesses_end_as_on_unicorn(seed: int, n: int) -> None:
    single_accesses.verify(single_accesses.compare(UnicornCpu, seed, n, TWINS), n, UnicornCpu.cpls)


@pytest.mark.parametrize(
    ("seed", "n"), [(0, 20_000), *(pytest.param(100 + i, 50_000, marks=LONG) for i in range(4))]
)
def test_accesses_among_edits_and_flushes_end_as_on_unicorn(seed: int, n: int) -> None:
    sequences.verify(sequences.compare(UnicornCpu, seed, n, TWINS), n)


def test_the_unchanged_copy_agrees() -> None:
    same = (NONE,)
    assert single_accesses.compare(UnicornCpu, 7, 2000, same).difference == ""
    assert sequences.compare(UnicornCpu, 7, 2000, same).difference == ""


@pytest.mark.parametrize("mutant", WALK_MUTANTS, ids=str)
def test_a_walk_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    report = single_accesses.compare(UnicornCpu, 7, 10_000, (mutant,))
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"


@pytest.mark.parametrize("mutant", TLB, ids=str)
def test_a_tlb_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    report = sequences.compare(UnicornCpu, 7, 40_000, (mutant,))
    assert report.difference, f"{report.n} accesses did not notice the mutant {mutant}"
