"""Presets of real processors, and the ledger of costs."""

from __future__ import annotations

from dataclasses import fields

import pytest

from pyemu.hw import BadValueError, TlbArray, TlbConfig, make_mmu
from pyemu.hw.costs import SOURCES, Costs, ledger
from pyemu.hw.presets import PRESETS
from tests.hw.machines import VA, Machine, registers


def n_entries(arrays: tuple[TlbArray, ...], size: int, serves: str) -> int:
    return sum(a.sets * a.ways for a in arrays if size in a.sizes and a.serves in ("all", serves))


@pytest.mark.parametrize(
    ("name", "data", "fetch", "second"),
    [
        ("nehalem", 64, 128, 512),
        ("haswell", 64, 128, 1024),
        ("skylake", 64, 128, 1536),
        ("zen2", 64, 64, 2048),
        ("zen4", 72, 64, 3072),
        ("u54", 32, 32, 0),
    ],
)
def test_a_preset_has_the_entries_that_its_processor_reports(
    name: str, data: int, fetch: int, second: int
) -> None:
    config = PRESETS[name].config
    assert n_entries(config.l1, 4096, "data") == data
    assert n_entries(config.l1, 4096, "fetch") == fetch
    assert n_entries(config.l2, 4096, "data") == second


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_reaches_as_far_as_its_entries(name: str, twin: str) -> None:
    config = PRESETS[name].config
    n = n_entries(config.l1, 4096, "data")
    machine = Machine()
    addresses = [VA + 0x1000 * i for i in range(n)]
    for i, va in enumerate(addresses):
        machine.map(va, 0x100_0000 + 0x1000 * i)
    mmu = machine.start(twin, config)
    mmu.access_many(addresses * 3, "read")
    assert mmu.stats.l1_misses == n


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_names_sources_and_assumptions(name: str) -> None:
    preset = PRESETS[name]
    assert all(": " in source for source in preset.sources)
    assert any("replacement" in assumption for assumption in preset.assumptions)


def test_each_cost_has_a_source() -> None:
    assert set(SOURCES) == {field.name for field in fields(Costs)}


def test_a_ledger_adds_up_what_was_counted(twin: str) -> None:
    machine = Machine()
    for i in range(3):
        machine.map(VA + 0x1000 * i, 0x100_0000 + 0x1000 * i)
    mmu = make_mmu(machine.ram, twin, TlbConfig.two_level(1, 1, 1, 3))
    mmu.load(registers())
    mmu.access_many([VA + 0x1000 * (i % 3) for i in range(9)], "read")
    mmu.access_many([VA + (1 << 30)], "read")
    mmu.invlpg(VA)
    book = ledger(mmu.stats, Costs(1, 10, 100, 1000, 10_000, 100_000))
    # 0 L1 hits, 6 L2 hits, 3 walks of 4 tables, a fault after 2 tables, one load, one INVLPG
    assert [item.n for item in book.items] == [0, 6, 14, 1, 1, 1]
    assert book.total == 60 + 1400 + 1000 + 10_000 + 100_000
    assert str(book).splitlines()[-1].split() == ["total", "112460"]


def test_a_negative_cost_is_refused() -> None:
    with pytest.raises(BadValueError, match="l2_hit is -0x1"):
        Costs(l2_hit=-1)
