"""Rules of one walk, each with the error code that the manual gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.hw import COMPILED, x86
from tests.hw.machines import FRAME, ROOT, USER_RW, VA, Machine, registers

P, W, U, RSVD, I = 1, 2, 4, 8, 16  # noqa: E741  (the manual's letters)
USER_RO = x86.P | x86.US
KERNEL_RW = x86.P | x86.RW
KERNEL_RO = x86.P

ALLOWED = -1
CASES = [
    # leaf flags, kind, registers, error code
    (USER_RW, "read", {}, ALLOWED),
    (USER_RW, "write", {}, ALLOWED),
    (USER_RW, "fetch", {}, ALLOWED),
    (0, "read", {}, U),
    (0, "write", {}, U | W),
    (0, "fetch", {}, U | I),
    (0, "fetch", {"nxe": False}, U),
    (0, "fetch", {"nxe": False, "smep": True}, U | I),
    (0, "read", {"user": False}, 0),
    (0, "write", {"user": False}, W),
    (USER_RO, "write", {}, P | U | W),
    (USER_RO, "read", {}, ALLOWED),
    (KERNEL_RW, "read", {}, P | U),
    (KERNEL_RW, "write", {}, P | U | W),
    (KERNEL_RW, "write", {"user": False}, ALLOWED),
    (KERNEL_RO, "write", {"user": False}, P | W),
    (KERNEL_RO, "write", {"user": False, "wp": False}, ALLOWED),
    (USER_RO, "write", {"user": False, "wp": False}, ALLOWED),
    (USER_RO, "write", {"wp": False}, P | U | W),
    (USER_RW | x86.NX, "fetch", {}, P | U | I),
    (USER_RW | x86.NX, "read", {}, ALLOWED),
    (USER_RW | x86.NX, "read", {"nxe": False}, P | U | RSVD),
    (USER_RW, "read", {"user": False, "smap": True}, P),
    (USER_RW, "write", {"user": False, "smap": True}, P | W),
    (USER_RW, "read", {"user": False, "smap": True, "ac": True}, ALLOWED),
    (USER_RW, "fetch", {"user": False, "smap": True}, ALLOWED),
    (USER_RW, "fetch", {"user": False, "smep": True}, P | I),
    (USER_RW, "read", {"user": False, "smep": True}, ALLOWED),
    (KERNEL_RW, "fetch", {"user": False, "smep": True, "smap": True}, ALLOWED),
    (USER_RW | 1 << 45, "read", {}, P | U | RSVD),
    (USER_RW | 1 << 62, "read", {}, ALLOWED),
]


@pytest.mark.parametrize(("flags", "kind", "state", "code"), CASES)
def test_an_access_ends_as_the_manual_says(
    twin: str, flags: int, kind: str, state: dict[str, bool], code: int
) -> None:
    machine = Machine()
    leaf = machine.map()
    machine.set(leaf, FRAME | flags)
    cpu = registers(**state)
    if code == ALLOWED:
        assert x86.access(machine.ram, cpu, VA + 0x123, kind, twin=twin).pa == FRAME + 0x123
    else:
        with pytest.raises(x86.PageFault) as caught:
            x86.access(machine.ram, cpu, VA + 0x123, kind, twin=twin)
        assert (caught.value.error_code, caught.value.cr2) == (code, VA + 0x123)


@pytest.mark.parametrize("level", [4, 3, 2])
@pytest.mark.parametrize(
    ("take", "give", "kind", "code"),
    [
        (x86.P, 0, "read", U),
        (x86.RW, 0, "write", P | U | W),
        (x86.US, 0, "read", P | U),
        (0, x86.NX, "fetch", P | U | I),
        (0, 1 << 50, "read", P | U | RSVD),
    ],
)
def test_each_level_has_its_say(twin: str, level: int, take: int, give: int, kind: str, code: int) -> None:
    machine = Machine()
    machine.map()
    table = ROOT
    for upper in range(4, level, -1):
        table = machine.entry(x86.entry_address(table, VA, upper)) & x86.ADDRESS
    where = x86.entry_address(table, VA, level)
    machine.set(where, machine.entry(where) & ~take | give)
    with pytest.raises(x86.PageFault) as caught:
        x86.access(machine.ram, registers(), VA, kind, twin=twin)
    assert caught.value.error_code == code


@pytest.mark.parametrize("va", [0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 1 << 63])
def test_an_address_that_is_not_canonical_is_a_general_protection_fault(twin: str, va: int) -> None:
    with pytest.raises(x86.GeneralProtection):
        x86.access(Machine().ram, registers(), va, "read", twin=twin)


@pytest.mark.parametrize(("kind", "bits"), [("read", x86.A), ("fetch", x86.A), ("write", x86.A | x86.D)])
def test_an_access_sets_a_at_every_level_and_a_write_sets_d_in_the_leaf(
    twin: str, kind: str, bits: int
) -> None:
    machine = Machine()
    leaf = machine.map()
    x86.access(machine.ram, registers(), VA, kind, twin=twin)
    assert machine.entry(leaf) == FRAME | USER_RW | bits
    assert machine.entry(x86.entry_address(ROOT, VA, 4)) & (x86.A | x86.D) == x86.A


@pytest.mark.parametrize(("ad_on_fault", "bits"), [("per_level", x86.A), ("none", 0)])
def test_a_fault_below_leaves_a_above_only_per_level(
    twin: str, ad_on_fault: x86.AdOnFault, bits: int
) -> None:
    machine = Machine()
    leaf = machine.map()
    machine.set(leaf, FRAME | USER_RO)
    with pytest.raises(x86.PageFault):
        x86.access(machine.ram, registers(), VA, "write", twin=twin, ad_on_fault=ad_on_fault)
    assert machine.entry(x86.entry_address(ROOT, VA, 4)) & x86.A == bits
    assert machine.entry(leaf) == FRAME | USER_RO


def test_a_large_page_has_reserved_bits_below_its_address_but_pat_is_none(twin: str) -> None:
    machine = Machine()
    leaf = machine.map(0x4020_0000, 0x20_0000, USER_RW, level=2)
    cpu = registers()
    machine.set(leaf, machine.entry(leaf) | x86.PAT_LARGE)
    access = x86.access(machine.ram, cpu, 0x4020_0000 + 0x12345, "read", twin=twin)
    assert (access.pa, access.page_size) == (0x21_2345, 1 << 21)
    machine.set(leaf, machine.entry(leaf) | 1 << 13)
    with pytest.raises(x86.PageFault) as caught:
        x86.access(machine.ram, cpu, 0x4020_0000, "read", twin=twin)
    assert caught.value.error_code == P | U | RSVD


def test_a_table_beyond_ram_reads_as_zeros(twin: str) -> None:
    machine = Machine()
    machine.set(x86.entry_address(ROOT, VA, 4), (1 << 38) | USER_RW)
    with pytest.raises(x86.PageFault) as caught:
        x86.access(machine.ram, registers(), VA, "read", twin=twin)
    assert caught.value.error_code == U


def test_a_table_half_beyond_ram_is_read_up_to_the_end(twin: str) -> None:
    machine = Machine()
    machine.set(x86.entry_address(ROOT, VA, 4), 0x2000 | USER_RW)
    short = machine.ram[: 0x2000 + 0x20]
    with pytest.raises(x86.PageFault):
        x86.access(short, registers(), VA, "read", twin=twin)
    assert len(short) == 0x2020


canonical = st.integers(0, (1 << 47) - 1).map(lambda va: va if va < 1 << 46 else va | 0xFFFF_8 << 44)
levels = st.sampled_from([1, 2, 3])


@given(va=canonical, pfn=st.integers(0, (1 << 28) - 1), level=levels, kind=st.sampled_from([0, 1, 2]))
def test_what_is_mapped_is_translated_byte_by_byte(va: int, pfn: int, level: int, kind: int) -> None:
    size = x86.page_size(level)
    machine = Machine()
    pa = (pfn << 12) & -size
    machine.map(va & -size, pa, level=level)
    for twin in ("ref", "fast") if COMPILED else ("ref",):
        access = x86.access(machine.ram, registers(), va, kind, twin=twin)
        assert (access.pa, access.page_size) == (pa + va % size, size)
