"""The compiled twin against the readable one: results, faults, RAM, counters and TLB contents."""

from __future__ import annotations

import random

import pytest

from pyemu.hw import COMPILED, x86
from tests.hw.differential import compare
from tests.hw.mutants import TLB_MUTANTS, WALK_MUTANTS, Mutant
from tests.hw.random_tables import RAM_BYTES, RandomTables

pytestmark = pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")


@pytest.mark.parametrize("seed", range(5))
def test_two_hundred_thousand_random_accesses_agree(seed: int) -> None:
    seen = compare(seed, 200_000)
    assert seen["accesses"] >= 200_000
    codes = {p | w | u for p in (0, 1, 9) for w in (0, 2, 16) for u in (0, 4)}
    missing = ({f"#PF {code:#x}" for code in codes} | {"#GP", "none"}) - set(seen)
    assert not missing, "the random machines no longer meet every outcome"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
def test_a_million_more_random_accesses_agree(seed: int) -> None:
    compare(seed, 1_000_000)


@pytest.mark.parametrize("mutant", TLB_MUTANTS + WALK_MUTANTS[::5], ids=str)
def test_a_readable_twin_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    with pytest.raises(AssertionError):
        compare(11, 100_000, mutant.build())


@pytest.mark.parametrize("ad_on_fault", ["per_level", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_raw_batches_agree_with_raw_single_accesses(seed: int, ad_on_fault: x86.AdOnFault) -> None:
    tables = RandomTables(random.Random(seed), wild=True)
    first = bytearray(RAM_BYTES)
    tables.fill(first)
    cpu = tables.registers()
    addresses = [tables.address() for _ in range(3000)]
    kinds = [tables.kind() for _ in range(3000)]
    rams, answers = [], []
    for twin in ("ref", "fast"):
        many, one_by_one = bytearray(first), bytearray(first)
        batch = x86.access_many(many, cpu, addresses, kinds, twin=twin, ad_on_fault=ad_on_fault)
        singles = []
        for va, kind in zip(addresses, kinds, strict=True):
            try:
                result = x86.access(one_by_one, cpu, va, kind, twin=twin, ad_on_fault=ad_on_fault)
                singles.append((result.pa, 0))
            except x86.PageFault as fault:
                singles.append((x86.MAX_U64, fault.vector << 16 | fault.error_code))
            except x86.GeneralProtection as fault:
                singles.append((x86.MAX_U64, fault.vector << 16))
        assert list(zip(batch.pa, batch.status, strict=True)) == singles
        rams += [many, one_by_one]
        answers.append(singles)
    assert answers[0] == answers[1]
    assert all(ram == rams[0] for ram in rams)
