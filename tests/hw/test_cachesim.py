"""Counts of the TLB against pycachesim: to a simulator of caches, a TLB is a cache of lines of 4096 bytes.

Both have two levels; an entry that leaves the second one stays in the first; the set is the page number
modulo the number of sets, which need not be a power of two. The traces only read, because a write has
a cost of its own in a cache (a line that goes back).
"""

from __future__ import annotations

import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from pyemu.hw import TlbArray, TlbConfig, x86
from pyemu.hw.tlb import Policy
from tests.hw.machines import ROOT, registers
from tests.hw.mutants import TLB_MUTANTS, Mutant
from tests.hw.oracle import TWINS, Subject
from tests.hw.sequences import mmu_of

cachesim: Any = pytest.importorskip("cachesim", reason="pycachesim, the oracle, is not installed")

TRACES = ("hotseq", "hotrnd", "zipf", "uniform")
N_ACCESSES = 10_000
POLICIES: tuple[Policy, ...] = ("lru", "fifo")
GENERATOR = Path(__file__).parents[1] / "bench" / "gen_traces.py"
GEOMETRIES = [
    TlbConfig((TlbArray(sets1, ways1, policy=policy),), (TlbArray(sets2, ways2, policy=policy),))
    for policy in POLICIES
    for sets1, ways1, sets2, ways2 in (
        (1, 1, 1, 1),
        (1, 1, 1, 2),
        (1, 4, 1, 16),
        (1, 6, 7, 2),
        (1, 32, 1, 64),
        (1, 48, 3, 100),
        (1, 64, 128, 12),
        (2, 2, 4, 3),
        (3, 2, 5, 3),
        (3, 16, 6, 16),
        (4, 4, 1, 12),
        (4, 8, 64, 8),
        (5, 5, 25, 5),
        (7, 3, 11, 13),
        (8, 6, 96, 16),
        (10, 4, 100, 10),
        (12, 4, 384, 4),
        (13, 1, 17, 1),
        (16, 4, 8, 2),  # a second level that is smaller than the first
        (16, 4, 128, 12),
        (16, 6, 128, 16),
        (24, 4, 171, 9),
        (32, 2, 256, 6),
        (64, 1, 1536, 1),
    )
]
COUNTING_MUTANTS = {
    "lru-is-fifo",
    "fifo-is-lru",
    "evicts-the-newest",
    "one-way-too-many",
    "set-by-mask",
    "l2-not-filled",
}


def name_of(config: TlbConfig) -> str:
    (l1,), (l2,) = config.l1, config.l2
    return f"{l1.policy}-{l1.sets}x{l1.ways}-{l2.sets}x{l2.ways}"


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, array[int]]:
    """The addresses of the benchmark's traces, shorter; bit 0 says write there and is cleared."""
    folder = tmp_path_factory.mktemp("traces")
    subprocess.run([sys.executable, GENERATOR, folder, str(N_ACCESSES)], check=True)
    return {
        name: array("Q", (va & ~1 for va in array("Q", (folder / f"{name}.u64").read_bytes())))
        for name in TRACES
    }


@pytest.fixture(scope="module")
def ram(traces: dict[str, array[int]]) -> bytearray:
    """Tables that map each page of the traces."""
    ram = bytearray(4 << 20)
    tables = iter(range(ROOT + 0x1000, len(ram), 0x1000))
    for page in sorted({va >> 12 for trace in traces.values() for va in trace}):
        x86.map_page(ram, ROOT, page << 12, page & 0xFFFF << 12, x86.P | x86.US, tables.__next__)
    return ram


def misses_of_a_cache(trace: array[int], config: TlbConfig) -> tuple[int, int]:
    """What pycachesim counts in the two levels."""
    (l1,), (l2,) = config.l1, config.l2
    line, policy = 1 << 12, l1.policy.upper()
    second = cachesim.Cache("L2", l2.sets, l2.ways, line, policy)
    first = cachesim.Cache("L1", l1.sets, l1.ways, line, policy, load_from=second, store_to=second)
    memory = cachesim.MainMemory()
    memory.load_to(second)
    memory.store_from(second)
    simulator = cachesim.CacheSimulator(first, memory)
    simulator.load(trace.tolist())  # of a list: a single address would be cut to 32 bits
    return first.stats()["MISS_count"], second.stats()["MISS_count"]


def misses_of_a_tlb(
    subject: Subject, ram: bytearray, trace: array[int], config: TlbConfig
) -> tuple[int, int]:
    """What ours counts in the two levels."""
    mmu = mmu_of(subject, ram, config, "none")
    mmu.load(registers())
    assert mmu.access_many(trace, "read").done
    return mmu.stats.l1_misses, mmu.stats.l2_misses


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("config", GEOMETRIES, ids=name_of)
def test_a_tlb_misses_as_often_as_a_cache(
    traces: dict[str, array[int]], ram: bytearray, config: TlbConfig, name: str
) -> None:
    expected = misses_of_a_cache(traces[name], config)
    assert {twin: misses_of_a_tlb(twin, ram, traces[name], config) for twin in TWINS} == dict.fromkeys(
        TWINS, expected
    )


@pytest.mark.parametrize("mutant", [m for m in TLB_MUTANTS if m.name in COUNTING_MUTANTS], ids=str)
def test_a_tlb_that_counts_wrongly_is_noticed(
    traces: dict[str, array[int]], ram: bytearray, mutant: Mutant
) -> None:
    policy: Policy = "fifo" if mutant.name == "fifo-is-lru" else "lru"
    config = TlbConfig((TlbArray(7, 3, policy=policy),), (TlbArray(11, 13, policy=policy),))
    wrong = [misses_of_a_tlb(mutant, ram, traces[name], config) for name in TRACES]
    assert wrong != [misses_of_a_cache(traces[name], config) for name in TRACES]


def test_the_mutants_that_count_wrongly_have_these_names() -> None:
    assert {mutant.name for mutant in TLB_MUTANTS} >= COUNTING_MUTANTS
