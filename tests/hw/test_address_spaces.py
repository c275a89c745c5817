"""Whose translations an access may use, and which ones each operation drops: PCIDs, ASIDs, global pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyemu.hw import HitLevel, Mmu, Registers, TlbArray, TlbConfig, WalkCache, make_mmu, riscv, x86
from pyemu.hw.mmu import InvpcidKind
from tests.hw.machines import ALL, FRAME, RISCV_VA, ROOT, USER_RW, VA, Machine, RiscvMachine, held, level
from tests.hw.machines import registers as plain

OWN, SHARED = VA, VA + 0x1000  # the second one is global
HIT, WALK = HitLevel.L1, HitLevel.WALK


def registers(pcid: int, *, no_flush: bool = True, pge: bool = True, **bits: bool) -> Registers:
    return plain(pcid=pcid, no_flush=no_flush, pge=pge, **bits)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.map(OWN)
    machine.map(SHARED, FRAME + 0x1000, USER_RW | x86.G)
    return machine


@pytest.fixture
def mmu(machine: Machine, twin: str) -> Mmu:
    """PCID 1 and PCID 2 have read both pages; PCID 1 runs."""
    config = TlbConfig((TlbArray(4, 4),), (TlbArray(8, 4),), (WalkCache(2, 4, 4),))
    mmu = machine.start(twin, config, registers(1))
    for pcid in (1, 2, 1):
        mmu.load(registers(pcid))
        mmu.read(OWN)
        mmu.read(SHARED)
    return mmu


def known(mmu: Mmu) -> set[str]:
    """Names of what is cached, in both levels alike, and of walk caches."""
    names = {("global" if entry.is_global else f"own {entry.asid}") for entry in held(mmu)}
    return names | {
        f"walks {entry.asid}" for array in mmu.tlb_entries().walk_caches for entry in array.entries
    }


EVERYTHING = {"global", "own 1", "own 2", "walks 1", "walks 2"}


def test_an_entry_of_another_pcid_is_no_hit_but_a_global_one_is(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, cpu=registers(1))
    assert [level(mmu, OWN), level(mmu, SHARED)] == [WALK, WALK]
    mmu.load(registers(2))
    assert [level(mmu, OWN), level(mmu, SHARED)] == [WALK, HIT]
    mmu.load(registers(1))
    assert [level(mmu, OWN), level(mmu, SHARED)] == [HIT, HIT]


def test_a_global_entry_belongs_to_pcid_0_in_a_snapshot(mmu: Mmu) -> None:
    assert {(entry.vpn, entry.asid, entry.is_global) for entry in held(mmu)} == {
        (OWN >> 12, 1, False),
        (OWN >> 12, 2, False),
        (SHARED >> 12, 0, True),
    }
    assert known(mmu) == EVERYTHING


def test_g_means_nothing_without_pge(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, cpu=registers(1, pge=False))
    mmu.read(SHARED)
    assert not any(entry.is_global for entry in held(mmu))
    mmu.load(registers(2, pge=False))
    assert level(mmu, SHARED) is WALK


def test_g_of_an_upper_entry_means_nothing_on_x86(machine: Machine, twin: str) -> None:
    top = x86.entry_address(ROOT, OWN, 4)
    machine.set(top, machine.entry(top) | x86.G)
    mmu = machine.start(twin, cpu=registers(1))
    mmu.read(OWN)
    assert not any(entry.is_global for entry in held(mmu))


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        (lambda mmu: mmu.load(registers(1)), EVERYTHING),
        (lambda mmu: mmu.load(registers(1, no_flush=False)), {"global", "own 2", "walks 2"}),
        (lambda mmu: mmu.load(registers(2, no_flush=False)), {"global", "own 1", "walks 1"}),
        (lambda mmu: mmu.load(registers(3, no_flush=False)), EVERYTHING),
        (lambda mmu: mmu.load(registers(2, smep=True)), {"global", "own 1", "walks 1"}),
        (lambda mmu: mmu.load(registers(1, smap=True)), EVERYTHING),
        (lambda mmu: mmu.load(registers(1, wp=False)), EVERYTHING),
        (lambda mmu: mmu.load(registers(1, user=False)), EVERYTHING),
        (lambda mmu: mmu.load(registers(1, pge=False)), set()),
        (lambda mmu: mmu.load(registers(1, nxe=False)), set()),
        (lambda mmu: mmu.load(plain(pge=True)), set()),
        (lambda mmu: mmu.load(plain(pcid=1, pge=True, no_flush=True, maxphyaddr=46)), set()),
        (lambda mmu: mmu.set_mode(0), EVERYTHING),
        (lambda mmu: mmu.invlpg(OWN), {"global", "own 2", "walks 2"}),
        (lambda mmu: mmu.invlpg(SHARED), {"own 1", "own 2", "walks 2"}),
        (lambda mmu: mmu.invlpg(OWN ^ 1 << 63), EVERYTHING),
        (lambda mmu: mmu.invpcid("address", 2, OWN), {"global", "own 1", "walks 1"}),
        (lambda mmu: mmu.invpcid("address", 2, SHARED), {"global", "own 1", "own 2", "walks 1"}),
        (lambda mmu: mmu.invpcid("context", 2), {"global", "own 1", "walks 1"}),
        (lambda mmu: mmu.invpcid("context", 0), EVERYTHING),
        (lambda mmu: mmu.invpcid("all_non_global"), {"global"}),
        (lambda mmu: mmu.invpcid("all", 7), set()),
    ],
)
def test_what_each_operation_leaves(mmu: Mmu, operation: Callable[[Mmu], None], left: set[str]) -> None:
    operation(mmu)
    assert known(mmu) == left


@pytest.mark.parametrize(
    ("operation", "flushes", "invalidations"),
    [
        (lambda mmu: mmu.load(registers(1)), 0, 0),
        (lambda mmu: mmu.load(registers(1, no_flush=False)), 1, 0),
        (lambda mmu: mmu.load(registers(1, smep=True, no_flush=False)), 1, 0),
        (lambda mmu: mmu.load(registers(1, nxe=False)), 1, 0),
        (lambda mmu: mmu.set_mode(0), 0, 0),
        (lambda mmu: mmu.invlpg(OWN), 0, 1),
        (lambda mmu: mmu.invlpg(1 << 63), 0, 1),
        (lambda mmu: mmu.invpcid("address", 2, OWN), 0, 1),
        (lambda mmu: mmu.invpcid("context", 2), 1, 0),
        (lambda mmu: mmu.invpcid("all_non_global"), 1, 0),
        (lambda mmu: mmu.invpcid("all"), 1, 0),
    ],
)
def test_operations_are_counted(
    mmu: Mmu, operation: Callable[[Mmu], None], flushes: int, invalidations: int
) -> None:
    before = mmu.stats
    operation(mmu)
    after = mmu.stats
    assert (after.flushes - before.flushes, after.invalidations - before.invalidations) == (
        flushes,
        invalidations,
    )


def test_without_pcids_a_load_of_cr3_keeps_global_entries_only(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, cpu=plain(pge=True))
    for va in (OWN, SHARED):
        mmu.read(va)
    mmu.load(plain(pge=True, no_flush=True))  # bit 63 means nothing without CR4.PCIDE
    assert [level(mmu, OWN), level(mmu, SHARED)] == [WALK, HIT]


@pytest.mark.parametrize("kind", ["address", "context", "all", "all_non_global"])
def test_invpcid_of_pcid_0_needs_no_pcide(machine: Machine, twin: str, kind: InvpcidKind) -> None:
    mmu = machine.start(twin)
    mmu.read(OWN)
    mmu.invpcid(kind, 0, OWN)
    assert held(mmu) == []


def test_an_invlpg_before_any_registers_is_only_counted(machine: Machine, twin: str) -> None:
    mmu = make_mmu(machine.ram, twin)
    mmu.invlpg(OWN)
    assert mmu.stats.invalidations == 1


def test_a_global_entry_and_an_own_one_of_the_same_page_can_stand_side_by_side(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 4),)), registers(1))
    mmu.read(VA)
    machine.set(leaf, (FRAME + 0x5000) | USER_RW | x86.G)
    mmu.load(registers(2))
    assert mmu.read(VA) == FRAME + 0x5000
    mmu.load(registers(1))
    assert mmu.read(VA) == FRAME  # the own entry is asked first
    assert [entry.is_global for entry in held(mmu)] == [False, True]
    assert mmu.write(VA) == FRAME + 0x5000  # the walk for D finds a global page: it takes the place of both
    assert [entry.is_global for entry in held(mmu)] == [True]


# ------------------------------------------------------------------------------------------- RISC-V

LOCAL, COMMON = RISCV_VA, RISCV_VA + 0x1000


@pytest.fixture
def harts() -> RiscvMachine:
    machine = RiscvMachine()
    machine.map(LOCAL)
    machine.map(COMMON, FRAME + 0x1000, ALL | riscv.G)
    return machine


@pytest.fixture
def hart(harts: RiscvMachine, twin: str) -> Mmu:
    """ASID 1 and ASID 2 have read both pages; ASID 1 runs."""
    mmu = harts.start(twin, TlbConfig((TlbArray(4, 4),), (TlbArray(8, 4),), (WalkCache(2, 4, 4),)))
    for asid in (1, 2, 1):
        mmu.load(harts.hart(asid))
        mmu.read(LOCAL)
        mmu.read(COMMON)
    return mmu


def test_satp_drops_nothing_but_a_change_of_mode_does(hart: Mmu, harts: RiscvMachine) -> None:
    assert known(hart) == EVERYTHING
    flushes = hart.stats.flushes
    hart.load(riscv.Registers(riscv.satp(0x2000, riscv.SV39, 9), 1, sum=True, mxr=True))
    assert (known(hart), hart.stats.flushes) == (EVERYTHING, flushes)
    hart.load(riscv.Registers(riscv.satp(ROOT, riscv.SV48, 1), 0))
    assert (known(hart), hart.stats.flushes) == (set(), flushes + 1)


def test_registers_of_the_other_format_drop_everything(hart: Mmu, mmu: Mmu, harts: RiscvMachine) -> None:
    hart.load(plain())
    mmu.load(harts.hart(1))
    assert known(hart) == known(mmu) == set()


@pytest.mark.parametrize(
    ("va", "asid", "left"),
    [
        (None, None, set()),
        (None, 1, {"global", "own 2", "walks 2"}),
        (None, 2, {"global", "own 1", "walks 1"}),
        (LOCAL, None, {"global", "walks 1", "walks 2"}),
        (LOCAL, 1, EVERYTHING - {"own 1"}),
        (LOCAL, 2, EVERYTHING - {"own 2"}),
        (COMMON, None, EVERYTHING - {"global"}),
        (COMMON, 1, EVERYTHING),
        (LOCAL | 1 << 63, None, EVERYTHING),
    ],
)
def test_what_sfence_vma_leaves(hart: Mmu, va: int | None, asid: int | None, left: set[str]) -> None:
    before = hart.stats
    hart.sfence_vma(va, asid)
    assert known(hart) == left
    counted = (hart.stats.flushes - before.flushes, hart.stats.invalidations - before.invalidations)
    assert counted == ((1, 0) if va is None else (0, 1))


@pytest.mark.parametrize("upper", [3, 2])
def test_g_of_any_level_makes_a_page_global(harts: RiscvMachine, twin: str, upper: int) -> None:
    table = ROOT
    for number in range(3, upper, -1):
        table = riscv.frame_address(harts.entry(riscv.entry_address(table, LOCAL, number)))
    where = riscv.entry_address(table, LOCAL, upper)
    harts.set(where, harts.entry(where) | riscv.G)
    config = TlbConfig((TlbArray(4, 4),), (), (WalkCache(2, 1, 1),))
    mmu = harts.start(twin, config)
    mmu.load(harts.hart(1))
    mmu.read(LOCAL)
    mmu.sfence_vma(LOCAL)
    mmu.read(LOCAL)  # by way of the walk cache, which remembers G
    mmu.load(harts.hart(2))
    assert level(mmu, LOCAL) is HIT
    assert [entry.is_global for entry in held(mmu)] == [True]


def test_rights_of_a_hart_are_checked_on_hits_too(harts: RiscvMachine, twin: str) -> None:
    mmu = harts.start(twin)
    mmu.read(LOCAL)
    mmu.load(harts.hart(priv=1))
    with pytest.raises(riscv.PageFault):
        mmu.read(LOCAL)
    mmu.load(harts.hart(priv=1, sum=True))
    assert mmu.read(LOCAL) == FRAME


def test_with_svade_a_write_through_a_clean_entry_faults(harts: RiscvMachine, twin: str) -> None:
    leaf = riscv.leaf_address(harts.ram, ROOT, LOCAL)
    assert leaf is not None
    harts.set(leaf, riscv.entry_of(FRAME, ALL | riscv.A))
    mmu = harts.start(twin)
    mmu.load(harts.hart(svade=True))
    mmu.read(LOCAL)
    with pytest.raises(riscv.PageFault) as caught:
        mmu.write(LOCAL)
    assert (caught.value.cause, mmu.stats.d_walks, held(mmu)) == (15, 1, [])
    harts.set(leaf, riscv.entry_of(FRAME, ALL | riscv.A | riscv.D))
    assert mmu.write(LOCAL) == FRAME
