"""Rules of one walk of RISC-V tables, each with the outcome that the privileged specification gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.hw import COMPILED, riscv
from tests.hw.machines import ALL, FRAME, RISCV_VA, ROOT, GiB, MiB, RiscvMachine

V, R, W, X, U, G, A, D = (1 << i for i in range(8))
KERNEL = V | R | W | X
USER, SUPERVISOR = 0, 1

CASES = [
    # leaf flags, kind, privilege, other bits, allowed
    (V | R | U, "read", USER, {}, True),
    (V | R | U, "write", USER, {}, False),
    (V | R | U, "fetch", USER, {}, False),
    (V | R | W | U, "write", USER, {}, True),
    (V | R | W | U, "fetch", USER, {}, False),
    (V | X | U, "fetch", USER, {}, True),
    (V | X | U, "read", USER, {}, False),
    (V | X | U, "read", USER, {"mxr": True}, True),
    (V | X | U, "write", USER, {"mxr": True}, False),
    (V | R | X | U, "write", USER, {}, False),
    (V | U, "read", USER, {}, False),
    (V | W | U, "write", USER, {}, False),
    (V | W | X | U, "fetch", USER, {}, False),
    (ALL & ~V, "read", USER, {}, False),
    (KERNEL, "read", USER, {}, False),
    (KERNEL, "fetch", USER, {}, False),
    (KERNEL, "read", USER, {"sum": True, "mxr": True}, False),
    (KERNEL, "read", SUPERVISOR, {}, True),
    (KERNEL, "write", SUPERVISOR, {}, True),
    (KERNEL, "fetch", SUPERVISOR, {}, True),
    (ALL, "read", SUPERVISOR, {}, False),
    (ALL, "write", SUPERVISOR, {}, False),
    (ALL, "fetch", SUPERVISOR, {}, False),
    (ALL, "read", SUPERVISOR, {"sum": True}, True),
    (ALL, "write", SUPERVISOR, {"sum": True}, True),
    (ALL, "fetch", SUPERVISOR, {"sum": True}, False),
    (ALL | 1 << 54, "read", USER, {}, False),
    (ALL | 1 << 61, "read", USER, {}, False),
    (ALL | 1 << 63, "read", USER, {}, False),
    (ALL | 3 << 8, "read", USER, {}, True),
    (ALL, "read", USER, {"svade": True}, False),
    (ALL | A, "read", USER, {"svade": True}, True),
    (ALL | A, "fetch", USER, {"svade": True}, True),
    (ALL | A, "write", USER, {"svade": True}, False),
    (ALL | D, "write", USER, {"svade": True}, False),
    (ALL | A | D, "write", USER, {"svade": True}, True),
]
CAUSES = {"fetch": 12, "read": 13, "write": 15}


@pytest.mark.parametrize("levels", [3, 4])
@pytest.mark.parametrize(("flags", "kind", "priv", "bits", "allowed"), CASES)
def test_an_access_ends_as_the_specification_says(
    twin: str, levels: int, flags: int, kind: str, priv: int, bits: dict[str, bool], allowed: bool
) -> None:
    machine = RiscvMachine(levels)
    leaf = machine.map()
    machine.set(leaf, riscv.entry_of(FRAME, flags))
    cpu = machine.hart(priv=priv, **bits)
    if allowed:
        access = riscv.access(machine.ram, cpu, RISCV_VA + 0x123, kind, twin=twin)
        assert (access.pa, access.page_size, access.refs) == (FRAME + 0x123, 4096, levels)
    else:
        with pytest.raises(riscv.PageFault) as caught:
            riscv.access(machine.ram, cpu, RISCV_VA + 0x123, kind, twin=twin)
        assert (caught.value.cause, caught.value.stval) == (CAUSES[kind], RISCV_VA + 0x123)
        assert machine.entry(leaf) == riscv.entry_of(FRAME, flags)


@pytest.mark.parametrize(("kind", "marks"), [("read", A), ("fetch", A), ("write", A | D)])
def test_the_hardware_sets_a_and_d_in_the_leaf_only(twin: str, kind: str, marks: int) -> None:
    machine = RiscvMachine()
    leaf = machine.map()
    top = riscv.entry_address(ROOT, RISCV_VA, 3)
    before = machine.entry(top)
    riscv.access(machine.ram, machine.hart(), RISCV_VA, kind, twin=twin)
    assert machine.entry(leaf) == riscv.entry_of(FRAME, ALL | marks)
    assert machine.entry(top) == before


@pytest.mark.parametrize("bit", [A, D, U, 1 << 54, 1 << 63])
def test_an_entry_that_points_to_a_table_has_reserved_bits(twin: str, bit: int) -> None:
    machine = RiscvMachine()
    machine.map()
    top = riscv.entry_address(ROOT, RISCV_VA, 3)
    machine.set(top, machine.entry(top) | bit)
    with pytest.raises(riscv.PageFault):
        riscv.access(machine.ram, machine.hart(), RISCV_VA, "read", twin=twin)


def test_g_of_an_upper_entry_is_no_reserved_bit(twin: str) -> None:
    machine = RiscvMachine()
    machine.map()
    top = riscv.entry_address(ROOT, RISCV_VA, 3)
    machine.set(top, machine.entry(top) | G)
    assert riscv.access(machine.ram, machine.hart(), RISCV_VA, "read", twin=twin).pa == FRAME


def test_a_pointer_in_the_last_table_faults(twin: str) -> None:
    machine = RiscvMachine()
    leaf = machine.map()
    machine.set(leaf, riscv.entry_of(0x2000, V))
    with pytest.raises(riscv.PageFault):
        riscv.access(machine.ram, machine.hart(), RISCV_VA, "read", twin=twin)


@pytest.mark.parametrize(("level", "size"), [(2, 2 * MiB), (3, GiB)])
@pytest.mark.parametrize("levels", [3, 4])
def test_a_superpage_is_aligned_or_faults(twin: str, levels: int, level: int, size: int) -> None:
    machine = RiscvMachine(levels)
    leaf = machine.map(4 * GiB, 8 * GiB, level=level)
    access = riscv.access(machine.ram, machine.hart(), 4 * GiB + 0x12345, "read", twin=twin)
    assert (access.pa, access.page_size) == (8 * GiB + 0x12345, size)
    machine.set(leaf, riscv.entry_of(8 * GiB + size // 2, ALL))
    with pytest.raises(riscv.PageFault):
        riscv.access(machine.ram, machine.hart(), 4 * GiB, "read", twin=twin)


def test_a_page_of_512_gib_is_not_modelled(twin: str) -> None:
    machine = RiscvMachine(levels=4)
    machine.set(riscv.entry_address(ROOT, 0, 4), riscv.entry_of(0, ALL))
    with pytest.raises(riscv.PageFault):
        riscv.access(machine.ram, machine.hart(), 0, "read", twin=twin)


@pytest.mark.parametrize(("levels", "sign"), [(3, 38), (4, 47)])
def test_an_address_is_sign_extended_or_faults(twin: str, levels: int, sign: int) -> None:
    machine = RiscvMachine(levels)
    high = (1 << 64) - (1 << sign)
    machine.map(high)
    assert riscv.access(machine.ram, machine.hart(), high, "read", twin=twin).pa == FRAME
    for bit in (sign, 63):
        with pytest.raises(riscv.PageFault) as caught:
            riscv.access(machine.ram, machine.hart(), high ^ 1 << bit, "fetch", twin=twin)
        assert caught.value.cause == 12


def test_a_physical_address_has_56_bits(twin: str) -> None:
    machine = RiscvMachine()
    pa = (1 << 56) - 0x1000
    machine.map(pa=pa)
    assert riscv.access(machine.ram, machine.hart(), RISCV_VA + 5, "read", twin=twin).pa == pa + 5
    mmu = machine.start(twin)
    assert [mmu.access(RISCV_VA + 7, "read").pa for _ in range(2)] == [pa + 7] * 2


def test_a_table_beyond_ram_reads_as_zeros(twin: str) -> None:
    machine = RiscvMachine()
    machine.set(riscv.entry_address(ROOT, RISCV_VA, 3), riscv.entry_of(1 << 55, V))
    with pytest.raises(riscv.PageFault):
        riscv.access(machine.ram, machine.hart(), RISCV_VA, "read", twin=twin)


def test_a_batch_of_raw_accesses_tells_causes(twin: str) -> None:
    machine = RiscvMachine()
    machine.map(flags=V | R | U)
    batch = riscv.access_many(
        machine.ram, machine.hart(), [RISCV_VA, RISCV_VA, 1 << 63], [0, 1, 2], twin=twin
    )
    assert list(batch.pa) == [FRAME, (1 << 64) - 1, (1 << 64) - 1]
    assert list(batch.status) == [0, 15, 12]


@given(
    va=st.integers(0, (1 << 38) - 1),
    high=st.booleans(),
    pfn=st.integers(0, (1 << 44) - 1),
    level=st.sampled_from([1, 2, 3]),
    levels=st.sampled_from([3, 4]),
    kind=st.sampled_from([0, 1, 2]),
)
def test_what_is_mapped_is_translated_byte_by_byte(
    va: int, high: bool, pfn: int, level: int, levels: int, kind: int
) -> None:
    size = 4096 << 9 * (level - 1)
    if high:
        va += (1 << 64) - (1 << 38)
    machine = RiscvMachine(levels)
    pa = (pfn << 12) & -size
    leaf = machine.map(va & -size, pa, level=level)
    if level == 1:
        assert riscv.leaf_address(machine.ram, ROOT, va, levels) == leaf
    for twin in ("ref", "fast") if COMPILED else ("ref",):
        access = riscv.access(machine.ram, machine.hart(), va, kind, twin=twin)
        assert (access.pa, access.page_size) == (pa + va % size, size)


def test_there_is_no_leaf_address_without_tables_or_inside_a_superpage() -> None:
    machine = RiscvMachine()
    machine.map(4 * GiB, 8 * GiB, level=2)
    assert riscv.leaf_address(machine.ram, ROOT, 4 * GiB) is None
    assert riscv.leaf_address(machine.ram, ROOT, 1 * GiB) is None


@pytest.mark.parametrize(
    ("va", "pa", "levels", "words"),
    [
        (1 << 38, 0, 3, "bits 63..38 must be equal"),
        (1 << 47, 0, 4, "bits 63..47 must be equal"),
        (0, 1 << 56, 3, "pa is"),
        (0, 0, 5, "levels is"),
    ],
)
def test_a_mapping_that_the_format_cannot_hold_is_refused(va: int, pa: int, levels: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RiscvMachine(levels).map(va, pa)
