"""What differs between the variants and forms of the compiled loop, and must not be seen."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from pyemu.hw import COMPILED, EventLog, Mmu, TlbArray, TlbConfig, make_mmu, twins, x86
from pyemu.hw.tlb import Policy
from tests.hw import compiled, differential
from tests.hw.machines import FRAME, VA, Machine, registers

MiB = 1 << 20
MAKERS = ["ref", *twins.variants()]


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs for the readable twin and for each variant of the other."""
    return str(request.param)


def start(maker: str, tlb: TlbConfig | None = None) -> Mmu:
    machine = Machine()
    for i in range(8):
        machine.map(VA + 0x1000 * i, FRAME + 0x1000 * i)
    mmu = (
        make_mmu(machine.ram, "ref", tlb)
        if maker == "ref"
        else make_mmu(machine.ram, "fast", tlb, variant=maker)
    )
    mmu.load(registers())
    return mmu


RUN = [VA + 8 * i for i in range(40)]
"""Accesses to one page, which the compiled loop makes in blocks of 8."""


def test_a_run_in_a_page_that_no_array_of_l1_takes_misses_each_time(maker: str) -> None:
    mmu = start(maker, TlbConfig((TlbArray(4, 4, (2 * MiB,)),), (TlbArray(4, 4),)))
    batch = mmu.access_many(RUN, "read", detail=True)
    assert list(batch.level) == [2] + [1] * 39
    assert (mmu.stats.l1_misses, mmu.stats.walks) == (40, 1)


@pytest.mark.parametrize("capacity", [16, 17, 21, 22])
def test_a_full_log_stops_a_run_before_a_hit_too(maker: str, capacity: int) -> None:
    log = EventLog(capacity)
    batch = start(maker).access_many(RUN, "read", events=log)
    assert (batch.n_done, log.n) == (40 if capacity == 22 else 1, 6)


@pytest.mark.parametrize(
    "kinds", [b"\0" * 20 + b"\1" * 20, b"\0\1" * 20, b"\1\0" * 20, b"\0" * 11 + b"\1" + b"\2" * 28]
)
def test_kinds_may_change_within_a_run(maker: str, kinds: bytes) -> None:
    mmu, readable = start(maker), start("ref")
    one, two = mmu.access_many(RUN, kinds, detail=True), readable.access_many(RUN, kinds, detail=True)
    assert (one.pa, one.level, one.refs) == (two.pa, two.level, two.refs)
    assert (mmu.stats, mmu.tlb_entries()) == (readable.stats, readable.tlb_entries())


@pytest.mark.parametrize("policy", ["plru", "random"])
@pytest.mark.parametrize("ways", [3, 5, 8])
def test_a_new_entry_takes_the_first_empty_way(maker: str, policy: Policy, ways: int) -> None:
    mmu = start(maker, TlbConfig((TlbArray(1, ways, policy=policy),)))
    mmu.access_many([VA + 0x1000 * i for i in range(ways)], "read")
    assert [entry.pfn for entry in mmu.tlb_entries().l1[0].entries] == [
        (FRAME >> 12) + i for i in range(ways)
    ]


@pytest.mark.parametrize("shift", range(1, 8))
def test_arrays_may_start_at_any_byte(maker: str, shift: int) -> None:
    addresses = memoryview(bytearray(8 * len(RUN) + shift))[shift:].cast("Q")
    out = memoryview(bytearray(8 * len(RUN) + shift))[shift:].cast("Q")
    for i, va in enumerate(RUN):
        addresses[i] = va
    assert start(maker).access_many(addresses, "read", out).done
    assert out.tolist() == [FRAME + va % 0x1000 for va in RUN]
    twin = "ref" if maker == "ref" else "fast"
    pages = x86.access_many(Machine().ram, registers(), addresses, 0, out=out, twin=twin)
    assert list(pages.pa) == [x86.MAX_U64] * len(RUN)


@pytest.mark.skipif(not COMPILED or not compiled.AVAILABLE, reason="nothing can be compiled here")
@pytest.mark.long
def test_random_machines_meet_every_form_of_the_loop_in_every_variant(tmp_path: Path) -> None:
    workshop = compiled.Workshop(tmp_path)
    path = workshop.build("counted", compiled.count_forms)
    counted, counters = compiled.load(path), ctypes.CDLL(str(path))
    for variant in twins.variants():
        for form in compiled.forms():
            ctypes.c_int.in_dll(counters, f"met_{form}").value = 0
        differential.compare(7, 50_000, other=differential.copy(counted, variant))
        met = {form: ctypes.c_int.in_dll(counters, f"met_{form}").value for form in compiled.forms()}
        assert len(met) >= 3
        assert min(met.values()) >= 20, f"{variant}: {met}"
