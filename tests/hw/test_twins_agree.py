"""The compiled twin against the readable one: results, faults, RAM, counters and TLB contents."""

from __future__ import annotations

import random

import pytest

from pyemu.hw import COMPILED, HardwareFault, riscv, twins, x86
from tests.hw.differential import compare
from tests.hw.mutants import NONE, OTHER_WALK_MUTANTS, TLB_MUTANTS, WALK_MUTANTS, Mutant
from tests.hw.random_tables import RAM_BYTES, RandomTables, RiscvTables

compiled = pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")

CODES = {p | w | u for p in (0, 1, 9) for w in (0, 2, 16) for u in (0, 4)}
OUTCOMES = {f"#PF {code:#x}" for code in CODES} | {"#GP", "none", "cause 12", "cause 13", "cause 15"}
OPERATIONS = {
    "invlpg",
    "invpcid",
    "sfence_vma",
    "set_mode",
    "load",
    "clear",
    "edit",
    "single",
    "call",
    "events",
}


@compiled
def test_two_hundred_thousand_random_accesses_agree() -> None:
    seen = compare(0, 200_000)
    assert seen["accesses"] >= 200_000
    machines = {*twins.variants(), "usual machine", "any machine"}
    missing = (OUTCOMES | OPERATIONS | machines) - set(seen)
    assert not missing, "the random machines no longer meet every outcome and operation"


@compiled
@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_ten_million_random_accesses_agree(seed: int) -> None:
    compare(seed, 500_000)


MUTANTS = OTHER_WALK_MUTANTS + TLB_MUTANTS + WALK_MUTANTS[::5]


def check_noticed(mutant: Mutant) -> None:
    wrong = mutant.build()
    with pytest.raises((AssertionError, KeyError)):  # some break the sets of the readable twin itself
        compare(11, 500_000, wrong)


@pytest.mark.parametrize("mutant", MUTANTS[::4], ids=str)
def test_a_readable_twin_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    check_noticed(mutant)


@pytest.mark.long
@pytest.mark.parametrize("mutant", [one for one in MUTANTS if one not in MUTANTS[::4]], ids=str)
def test_each_other_wrong_rule_is_noticed(mutant: Mutant) -> None:
    check_noticed(mutant)


def test_a_copy_without_a_change_is_not_noticed() -> None:
    compare(11, 20_000, NONE.build())


@compiled
@pytest.mark.parametrize("ad_on_fault", ["per_level", "none"])
@pytest.mark.parametrize("seed", range(3))
def test_raw_batches_agree_with_raw_single_accesses(seed: int, ad_on_fault: x86.AdOnFault) -> None:
    tables = RandomTables(random.Random(seed), wild=True, levels=4 + seed % 2)
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
            except HardwareFault as fault:
                singles.append((x86.MAX_U64, fault.status))
        assert list(zip(batch.pa, batch.status, strict=True)) == singles
        rams += [many, one_by_one]
        answers.append(singles)
    assert answers[0] == answers[1]
    assert all(ram == rams[0] for ram in rams)


@compiled
@pytest.mark.parametrize("levels", [3, 4])
@pytest.mark.parametrize("seed", range(2))
def test_raw_accesses_of_a_hart_agree(seed: int, levels: int) -> None:
    tables = RiscvTables(random.Random(seed), wild=True, levels=levels)
    rams = [bytearray(RAM_BYTES) for _ in range(3)]
    tables.fill(rams[0])
    rams[1][:] = rams[2][:] = rams[0]
    for _ in range(30):
        cpu = tables.hart()
        addresses = [tables.address() for _ in range(100)]
        kinds = [tables.kind() for _ in range(100)]
        one, two = (
            riscv.access_many(ram, cpu, addresses, kinds, twin=twin)
            for ram, twin in zip(rams, ("ref", "fast"), strict=False)
        )
        assert (one.pa, one.status) == (two.pa, two.status)
        singles = []
        for va, kind in zip(addresses, kinds, strict=True):
            try:
                singles.append((riscv.access(rams[2], cpu, va, kind).pa, 0))
            except riscv.PageFault as fault:
                singles.append((x86.MAX_U64, fault.status))
        assert list(zip(one.pa, one.status, strict=True)) == singles
    assert rams[0] == rams[1] == rams[2]
