"""What CR4.LA57 changes: a fifth level of tables and addresses of 57 bits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.hw import COMPILED, TableRef, x86
from tests.hw.machines import FRAME, ROOT, USER_RW, GiB, Machine, MiB, registers

VA = 0x00AB_CDEF_1234_5000  # bits 48 to 56 choose an entry of level 5
LA57 = registers(la57=True)


def test_five_tables_are_read(twin: str) -> None:
    machine = Machine(levels=5)
    leaf = machine.map(VA)
    mmu = machine.start(twin, cpu=LA57)
    refs: list[TableRef] = []
    access = mmu.access(VA + 0x42, "write", refs)
    assert (access.pa, access.refs) == (FRAME + 0x42, 5)
    assert [ref.level for ref in refs] == [5, 4, 3, 2, 1]
    assert refs[0].pa == ROOT + 8 * (VA >> 48)
    assert [machine.entry(ref.pa) & (x86.A | x86.D) for ref in refs] == [x86.A] * 4 + [x86.A | x86.D]
    assert refs[4].pa == leaf
    assert mmu.stats.walk_refs == (1, 1, 1, 1, 1)


@pytest.mark.parametrize("level", [5, 4])
def test_ps_is_reserved_in_the_two_upper_levels(twin: str, level: int) -> None:
    machine = Machine(levels=5)
    machine.map(VA)
    where = ROOT + 8 * (VA >> 48)
    if level == 4:
        where = x86.entry_address(machine.entry(where) & x86.ADDRESS, VA, 4)
    machine.set(where, machine.entry(where) | x86.PS)
    with pytest.raises(x86.PageFault) as caught:
        x86.access(machine.ram, LA57, VA, "read", twin=twin)
    assert caught.value.error_code == 1 | 4 | 8


@pytest.mark.parametrize(
    ("take", "give", "kind", "code"), [(x86.RW, 0, "write", 7), (0, x86.NX, "fetch", 21)]
)
def test_level_5_has_its_say(twin: str, take: int, give: int, kind: str, code: int) -> None:
    machine = Machine(levels=5)
    machine.map(VA)
    where = ROOT + 8 * (VA >> 48)
    machine.set(where, machine.entry(where) & ~take | give)
    with pytest.raises(x86.PageFault) as caught:
        x86.access(machine.ram, LA57, VA, kind, twin=twin)
    assert caught.value.error_code == code


@pytest.mark.parametrize(
    ("va", "canonical"),
    [
        (0x00FF_FFFF_FFFF_FFFF, True),
        (0x0100_0000_0000_0000, False),
        (0xFEFF_FFFF_FFFF_FFFF, False),
        (0xFF00_0000_0000_0000, True),
        (0x0000_8000_0000_0000, True),
    ],
)
def test_bits_63_to_56_are_equal_in_a_canonical_address(twin: str, va: int, canonical: bool) -> None:
    with pytest.raises(x86.PageFault if canonical else x86.GeneralProtection):
        x86.access(Machine().ram, LA57, va, "read", twin=twin)


def test_changing_la57_drops_everything(twin: str) -> None:
    machine = Machine()
    machine.map(0x5000, flags=USER_RW | x86.G)
    mmu = machine.start(twin, cpu=registers(pge=True, pcid=1))
    mmu.read(0x5000)
    mmu.load(registers(pge=True, pcid=2, la57=True, no_flush=True))
    assert not any(entry for array in mmu.tlb_entries().l1 for entry in array.entries)


@given(
    va=st.integers(0, (1 << 57) - 1).map(lambda va: va if va < 1 << 56 else va | 0xFE << 56),
    pfn=st.integers(0, (1 << 28) - 1),
    level=st.sampled_from([1, 2, 3]),
)
def test_what_is_mapped_is_translated_byte_by_byte(va: int, pfn: int, level: int) -> None:
    size = (4096, 2 * MiB, GiB)[level - 1]
    machine = Machine(levels=5)
    pa = (pfn << 12) & -size
    leaf = machine.map(va & -size, pa, level=level)
    assert x86.leaf_address(machine.ram, ROOT, va, 5) == (leaf if level == 1 else None)
    for twin in ("ref", "fast") if COMPILED else ("ref",):
        access = x86.access(machine.ram, LA57, va, "write", twin=twin)
        assert (access.pa, access.page_size) == (pa + va % size, size)
