"""The walk against Unicorn's CPU: results, error codes, CR2 and every A and D bit."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from pyemu.hw import COMPILED, Access, HardwareFault, PageFault, Registers, bits, ref, x86
from pyemu.hw.faults import GeneralProtection
from tests.hw.mutants import WALK_MUTANTS, Mutant
from tests.hw.random_tables import RAM_BYTES, TABLES_END, RandomTables

pytest.importorskip("unicorn", reason="Unicorn, the oracle, is not installed")

from tests.hw.unicorn_cpu import Seen, UnicornCpu, answer

Walk = Callable[[bytearray, Registers, int, int], Access]
N_PER_MACHINE = 1000
MAXPHYADDR = 40  # Unicorn's, for every CPU model


def first_difference(seed: int, n_accesses: int, walk: Walk) -> tuple[int, str, Counter[int]]:
    """Make random accesses with Unicorn and with `walk` until they differ.

    Returns
    -------
    int, str, Counter
        Accesses made, the difference ("" if there was none), and how often each error code was seen
        (-1: success, -2: #GP).
    """
    rng = random.Random(seed)
    codes = Counter[int]()
    n = 0
    while n < n_accesses:
        tables = RandomTables(rng)
        ram = bytearray(RAM_BYTES)
        tables.fill(ram)
        oracle = UnicornCpu(ram, tables.root, spare=TABLES_END)
        ours = bytearray(ram)
        for _ in range(min(N_PER_MACHINE, n_accesses - n)):
            cpu, va, kind = tables.registers(maxphyaddr=MAXPHYADDR), tables.address(), tables.kind()
            expected = oracle.access(cpu, va, kind)
            got = attempt(walk, ours, cpu, va, kind)
            n += 1
            codes[code_of(expected)] += 1
            if got != expected:
                return n, f"{cpu}, va {va:#x}, kind {kind}: Unicorn {expected}, ours {got}", codes
            if ours[:TABLES_END] != ram[:TABLES_END]:
                return n, f"{cpu}, va {va:#x}, kind {kind}: A or D bits differ", codes
    return n, "", codes


def attempt(walk: Walk, ram: bytearray, cpu: Registers, va: int, kind: int) -> Seen:
    try:
        return answer(walk(ram, cpu, va, kind))
    except HardwareFault as fault:
        return answer(fault)


def code_of(seen: Seen) -> int:
    if isinstance(seen.fault, PageFault):
        return seen.fault.error_code
    return -1 if seen.fault is None else -2


@pytest.mark.parametrize("seed", range(5))
def test_ten_thousand_random_accesses_end_as_on_unicorn(seed: int) -> None:
    twin = "fast" if COMPILED else "ref"
    n, difference, codes = first_difference(
        seed, 10_000, lambda ram, cpu, va, kind: x86.access(ram, cpu, va, kind, twin=twin)
    )
    assert (n, difference) == (10_000, "")
    reachable = {p | w | u for p in (0, 1, 9) for w in (0, 2, 16) for u in (0, 4)}
    assert set(codes) == reachable | {-1, -2}, "the random tables no longer meet every error code"


def walk_of(module: Any) -> Walk:
    """The raw access through another copy of the readable walk."""

    def walk(ram: bytearray, cpu: Registers, va: int, kind: int) -> Access:
        if not bits.is_canonical(va):
            raise GeneralProtection(va)
        entry = module.walk(memoryview(ram), cpu, va, kind)
        return Access(entry.pfn << 12 | va & 0xFFF, entry.page_size)

    return walk


def test_the_unchanged_copy_of_the_walk_agrees() -> None:
    assert first_difference(7, 2000, walk_of(Mutant("none", "READ, ", "READ, ").build()))[:2] == (2000, "")
    assert first_difference(7, 2000, walk_of(ref))[:2] == (2000, "")


@pytest.mark.parametrize("mutant", WALK_MUTANTS, ids=str)
def test_a_walk_with_one_wrong_rule_is_noticed(mutant: Mutant) -> None:
    n, difference, _ = first_difference(7, 5000, walk_of(mutant.build()))
    assert difference, f"{n} accesses did not notice the mutant {mutant}"
