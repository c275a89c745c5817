"""Event logs: what a batch did, record by record."""

from __future__ import annotations

import numpy as np
import pytest

from pyemu.hw import Event, EventLog, HitLevel, Mmu, TlbArray, TlbConfig, WalkCache, What, x86
from tests.hw.machines import FRAME, RISCV_VA, ROOT, VA, Machine, RiscvMachine


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.map()
    machine.map(VA + 0x1000, FRAME + 0x1000)
    return machine


def record(mmu: Mmu, addresses: list[int], kinds: list[str]) -> list[Event]:
    log = EventLog(100)
    mmu.access_many(addresses, kinds, on_fault="skip", events=log)
    return list(log)


def tables(machine: Machine, va: int) -> list[int]:
    """Where the entries on the way to `va` lie, from the top."""
    table, places = ROOT, []
    for level in (4, 3, 2, 1):
        places.append(x86.entry_address(table, va, level))
        table = machine.entry(places[-1]) & x86.ADDRESS
    return places


def test_each_step_of_a_miss_is_an_event_and_a_hit_is_none(machine: Machine, twin: str) -> None:
    events = record(machine.start(twin), [VA, VA + 5, VA], ["read", "read", "write"])
    walk = [
        (What.TABLE_REF, level, 0, place)
        for level, place in zip((4, 3, 2, 1), tables(machine, VA), strict=True)
    ]
    assert events == [
        (0, What.L1_MISS, 0, 0, VA),
        (0, What.L2_MISS, 0, 0, VA),
        *((0, *step) for step in walk),
        (2, What.D_WALK, HitLevel.L1, 0, VA),
        *((2, *step) for step in walk),
    ]


def test_a_walk_cache_hit_tells_the_level_and_the_next_table(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 1),), (TlbArray(1, 1),), (WalkCache(2, 1, 1),)))
    places = tables(machine, VA + 0x1000)
    assert record(mmu, [VA, VA + 0x1000], ["read", "read"])[6:] == [
        (1, What.L1_MISS, 0, 0, VA + 0x1000),
        (1, What.L2_MISS, 0, 0, VA + 0x1000),
        (1, What.WALK_CACHE_HIT, 2, 0, places[3] & -4096),
        (1, What.TABLE_REF, 1, 0, places[3]),
    ]


def test_a_d_walk_after_an_l2_hit_names_that_level(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig.two_level(1, 1, 1, 2))
    events = record(mmu, [VA, VA + 0x1000, VA], ["read", "read", "write"])
    assert [(event.what, event.level) for event in events if event.access == 2][:2] == [
        (What.L1_MISS, 0),
        (What.D_WALK, HitLevel.L2),
    ]


def test_a_fault_ends_the_events_of_its_access(machine: Machine, twin: str) -> None:
    missing, wrong = VA + (1 << 30), 1 << 47
    events = record(machine.start(twin), [missing, wrong], ["write", "read"])
    assert [event.what for event in events] == [
        What.L1_MISS,
        What.L2_MISS,
        What.TABLE_REF,
        What.TABLE_REF,
        What.PAGE_FAULT,
        What.GENERAL_PROTECTION,
    ]
    assert events[-2:] == [
        (0, What.PAGE_FAULT, 0, 6, missing),
        (1, What.GENERAL_PROTECTION, 0, 0, wrong),
    ]


def test_a_hart_logs_causes(twin: str) -> None:
    events = record(RiscvMachine().start(twin), [RISCV_VA, 1 << 63], ["write", "fetch"])
    assert [event.what for event in events] == [
        What.L1_MISS,
        What.L2_MISS,
        What.TABLE_REF,
        What.PAGE_FAULT,
        What.PAGE_FAULT,
    ]
    assert [event.code for event in events[-2:]] == [15, 12]


def test_a_run_stops_before_a_log_overflows_and_goes_on_when_it_is_cleared(
    machine: Machine, twin: str
) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 1),)))  # each access makes six events
    log = EventLog(22)
    batch = mmu.access_many([VA, VA + 0x1000] * 3, "read", events=log)
    assert (batch.n_done, batch.fault, batch.done, log.n, log.full) == (2, None, False, 12, True)
    batch.resume()
    assert batch.n_done == 2
    seen = list(log)
    while not batch.done:
        log.clear()
        batch.resume()
        seen += log
    assert [event.access for event in seen] == [i for i in range(6) for _ in range(6)]


def test_a_full_log_stops_a_run_before_a_hit_too(machine: Machine, twin: str) -> None:
    log = EventLog(16)
    batch = machine.start(twin).access_many([VA] * 40, "read", events=log)
    assert (batch.n_done, log.n) == (1, 6)
    log.clear()
    assert batch.resume().done


def test_only_the_batch_that_asks_is_recorded(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin)
    log = EventLog(100)
    mmu.access_many([VA], "read", events=log)
    n = len(log)
    mmu.read(VA + 0x1000)
    mmu.access_many([VA + 0x1000], "write")
    assert (n, len(log)) == (6, 6)


def test_a_log_is_an_array_of_numpy_too(machine: Machine, twin: str) -> None:
    log = EventLog(16)
    machine.start(twin).access_many([VA], "read", events=log)
    events = log.array()
    assert [tuple(row) for row in events.tolist()] == list(log)
    assert events["value"].dtype == np.uint64
    assert np.shares_memory(events, np.frombuffer(log.buffer, np.uint8))
