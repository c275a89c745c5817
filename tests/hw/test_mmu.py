"""Rules of the TLB, each on both twins."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu.hw import (
    COMPILED,
    HitLevel,
    Mmu,
    PageFault,
    Registers,
    TableRef,
    TlbConfig,
    TlbEntry,
    make_mmu,
    x86,
)
from tests.hw.machines import FRAME, ROOT, USER_RW, VA, Machine, registers

TWINS = ("ref", "fast") if COMPILED else ("ref",)
USER_RO = x86.P | x86.US


def start(machine: Machine, twin: str, tlb: TlbConfig | None = None) -> Mmu:
    mmu = make_mmu(machine.ram, twin, tlb)
    mmu.load(registers())
    return mmu


def pages(machine: Machine, n: int) -> list[int]:
    """Map `n` pages and return their addresses."""
    for i in range(n):
        machine.map(VA + 0x1000 * i, FRAME + 0x1000 * i)
    return [VA + 0x1000 * i for i in range(n)]


def held(mmu: Mmu) -> list[TlbEntry]:
    """All translations, of both levels."""
    snapshot = mmu.tlb_entries()
    return [entry for array in (*snapshot.l1, *snapshot.l2) for entry in array.entries]


def levels(mmu: Mmu, addresses: list[int]) -> list[HitLevel]:
    return [mmu.access(va, "read").level for va in addresses]


def test_the_first_access_walks_and_the_next_hits(twin: str) -> None:
    machine = Machine()
    machine.map()
    mmu = start(machine, twin)
    assert levels(mmu, [VA, VA + 8, VA + 0xFFF]) == [HitLevel.WALK, HitLevel.L1, HitLevel.L1]


def test_an_absent_page_is_never_cached(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    machine.set(leaf, 0)
    mmu = start(machine, twin)
    with pytest.raises(PageFault):
        mmu.access(VA, "read")
    machine.set(leaf, FRAME | USER_RW)
    assert mmu.access(VA, "read").pa == FRAME


def test_a_stale_entry_works_until_it_is_invalidated(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    mmu = start(machine, twin)
    mmu.access(VA, "write")
    machine.set(leaf, 0)
    assert mmu.access(VA, "write").pa == FRAME
    mmu.invlpg(VA + 0x123)
    with pytest.raises(PageFault):
        mmu.access(VA, "read")


def test_invlpg_drops_one_page_only(twin: str) -> None:
    machine = Machine()
    addresses = pages(machine, 3)
    mmu = start(machine, twin)
    levels(mmu, addresses)
    mmu.invlpg(addresses[1])
    assert levels(mmu, addresses) == [HitLevel.L1, HitLevel.WALK, HitLevel.L1]


def test_loading_cr3_flushes_all_and_changing_the_mode_nothing(twin: str) -> None:
    machine = Machine()
    addresses = pages(machine, 3)
    mmu = start(machine, twin)
    levels(mmu, addresses)
    mmu.set_mode(0)
    assert levels(mmu, addresses) == [HitLevel.L1] * 3
    mmu.load(registers())
    assert levels(mmu, addresses) == [HitLevel.WALK] * 3


def test_rights_are_checked_on_hits_too(twin: str) -> None:
    machine = Machine()
    machine.map(flags=x86.P | x86.RW)
    mmu = make_mmu(machine.ram, twin)
    mmu.load(registers(user=False))
    mmu.access(VA, "write")
    mmu.set_mode(3)
    with pytest.raises(PageFault) as caught:
        mmu.access(VA, "read")
    assert caught.value.error_code == 5


def test_the_mode_decides_whether_smap_holds(twin: str) -> None:
    machine = Machine()
    machine.map()
    mmu = make_mmu(machine.ram, twin)
    mmu.load(registers(user=False, smap=True))
    with pytest.raises(PageFault):
        mmu.access(VA, "read")
    mmu.set_mode(0, ac=True)
    assert mmu.access(VA, "read").pa == FRAME


def test_a_write_through_a_clean_entry_walks_again_and_sets_d(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    mmu = start(machine, twin)
    mmu.access(VA, "read")
    assert not machine.entry(leaf) & x86.D
    assert mmu.access(VA, "write").level is HitLevel.L1
    assert machine.entry(leaf) & x86.D
    mmu.access(VA, "write")
    assert (mmu.stats.walks, mmu.stats.d_walks) == (1, 1)


def test_granted_rights_need_no_flush(twin: str) -> None:
    machine = Machine()
    leaf = machine.map(flags=USER_RO)
    mmu = start(machine, twin)
    mmu.access(VA, "read")
    machine.set(leaf, FRAME | USER_RW)
    access = mmu.access(VA, "write")
    assert (access.pa, access.level) == (FRAME, HitLevel.WALK)


def test_a_fault_drops_what_is_cached_for_its_page(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    mmu = start(machine, twin)
    mmu.access(VA, "read")
    machine.set(leaf, FRAME | USER_RO)
    with pytest.raises(PageFault):
        mmu.access(VA, "write")  # the clean entry permits it, the walk for D does not
    assert held(mmu) == []


def test_a_full_l1_set_falls_back_to_l2_and_that_to_a_walk(twin: str) -> None:
    machine = Machine()
    addresses = pages(machine, 4)
    mmu = start(machine, twin, TlbConfig.two_level(l1_sets=1, l1_ways=2, l2_sets=1, l2_ways=3))
    assert levels(mmu, addresses) == [HitLevel.WALK] * 4
    assert levels(mmu, [addresses[1], addresses[3], addresses[0]]) == [
        HitLevel.L2,
        HitLevel.L1,
        HitLevel.WALK,
    ]


def test_an_l1_hit_does_not_renew_the_age_in_l2(twin: str) -> None:
    machine = Machine()
    a, b, c = pages(machine, 3)
    mmu = start(machine, twin, TlbConfig.two_level(1, 2, 1, 2))
    levels(mmu, [a, b, a, c])  # c takes a's place in L2: a was walked first
    assert [entry.vpn for entry in mmu.tlb_entries().l2[0].entries] == [c >> 12, b >> 12]
    assert [entry.vpn for entry in mmu.tlb_entries().l1[0].entries] == [c >> 12, a >> 12]


def test_a_large_page_is_cached_in_pieces_and_invlpg_drops_them_all(twin: str) -> None:
    machine = Machine()
    base = 0x4020_0000
    machine.map(base, 0x20_0000, level=2)
    machine.map()
    mmu = start(machine, twin)
    assert levels(mmu, [base, base + 0x5000, VA]) == [HitLevel.WALK] * 3
    mmu.invlpg(base + 0x1F_F000)
    assert levels(mmu, [base, base + 0x5000, VA]) == [HitLevel.WALK, HitLevel.WALK, HitLevel.L1]
    assert mmu.access(base, "read").page_size == 1 << 21


def test_references_list_the_entries_that_a_walk_reads(twin: str) -> None:
    machine = Machine()
    leaf = machine.map()
    mmu = start(machine, twin)
    refs: list[TableRef] = []
    mmu.access(VA, "read", refs)
    assert [ref.level for ref in refs] == [4, 3, 2, 1]
    assert (refs[0].pa, refs[3].pa) == (x86.entry_address(ROOT, VA, 4), leaf)
    refs.clear()
    mmu.access(VA, "read", refs)
    assert refs == []
    with pytest.raises(PageFault):
        mmu.access(VA + (1 << 30), "read", refs)
    assert [ref.level for ref in refs] == [4, 3]


def test_counters_add_up(twin: str) -> None:
    machine = Machine()
    addresses = pages(machine, 6)
    mmu = start(machine, twin, TlbConfig.two_level(1, 2, 1, 4))
    levels(mmu, addresses * 3)
    for va in (1 << 47, VA + (1 << 30)):
        with pytest.raises(x86.HardwareFault):
            mmu.access(va, "read")
    stats = mmu.stats
    assert (stats.accesses, stats.faults) == (20, 2)
    assert stats.l1_hits + stats.l1_misses == 19  # an address that isn't canonical is looked up nowhere
    assert stats.l2_hits + stats.l2_misses == stats.l1_misses
    assert stats.walks == stats.l2_misses


def test_clear_makes_it_as_new_but_keeps_the_registers(twin: str) -> None:
    machine = Machine()
    machine.map()
    mmu = make_mmu(machine.ram, twin)
    fresh = (mmu.stats, mmu.tlb_entries())
    mmu.load(registers())
    mmu.access(VA, "write")
    mmu.clear()
    assert (mmu.stats, mmu.tlb_entries()) == fresh
    assert mmu.access(VA, "read").level is HitLevel.WALK


def test_a_snapshot_can_be_part_of_a_key(twin: str) -> None:
    machine = Machine()
    machine.map(flags=USER_RW | x86.NX)
    mmu = start(machine, twin)
    before = mmu.tlb_entries()
    mmu.access(VA, "write")
    assert len({before, mmu.tlb_entries(), mmu.tlb_entries()}) == 2
    rights = x86.RW | x86.US | x86.NX | x86.D
    assert held(mmu) == [(VA >> 12, FRAME >> 12, rights, 4096, 4096, 0, False)] * 2


class LruList:
    """A set-associative cache in five lines, to count misses with."""

    def __init__(self, n_sets: int, n_ways: int) -> None:
        self.sets: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(n_sets)]
        self.n_ways, self.n_misses = n_ways, 0

    def use(self, vpn: int) -> bool:
        ways = self.sets[vpn % len(self.sets)]
        hit = vpn in ways
        ways[vpn] = None
        ways.move_to_end(vpn)
        if len(ways) > self.n_ways:
            ways.popitem(last=False)
        self.n_misses += not hit
        return hit


small = st.integers(1, 5)
geometries = st.builds(TlbConfig.two_level, small, small, small, small)
traces = st.lists(st.integers(0, 40), max_size=200)


@given(geometry=geometries, trace=traces)
def test_misses_are_those_of_two_lru_lists(geometry: TlbConfig, trace: list[int]) -> None:
    machine = Machine()
    addresses = pages(machine, 41)
    l1 = LruList(geometry.l1[0].sets, geometry.l1[0].ways)
    l2 = LruList(geometry.l2[0].sets, geometry.l2[0].ways)
    for page in trace:
        if not l1.use(addresses[page] >> 12):
            l2.use(addresses[page] >> 12)
    for twin in TWINS:
        mmu = start(machine, twin, geometry)
        mmu.access_many([addresses[page] for page in trace], "read")
        assert (mmu.stats.l1_misses, mmu.stats.walks) == (l1.n_misses, l2.n_misses)


actions = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from(["read", "write", "fetch", "edit"]), st.integers(0, 7)),
    max_size=60,
)
LEAVES = (0, USER_RO, USER_RW, USER_RW | x86.NX, x86.P | x86.RW, USER_RW | x86.D, x86.P, USER_RO | x86.NX)


@settings(deadline=None)
@given(geometry=geometries, steps=actions)
def test_with_every_edit_invalidated_a_tlb_shows_only_in_the_counters(
    geometry: TlbConfig, steps: list[tuple[int, str, int]]
) -> None:
    for twin in TWINS:
        with_tlb, without = Machine(), Machine()
        addresses = pages(with_tlb, 8)
        without.ram[:] = with_tlb.ram
        mmu, cpu = start(with_tlb, twin, geometry), registers()
        for page, what, choice in steps:
            va = addresses[page]
            if what == "edit":
                leaf = x86.leaf_address(with_tlb.ram, ROOT, va)
                assert leaf is not None
                for machine in (with_tlb, without):
                    machine.set(leaf, FRAME + 0x1000 * choice | LEAVES[choice])
                mmu.invlpg(va)
                continue
            assert outcome_of(mmu, va, what) == raw_outcome(without, cpu, va, what, twin)
            assert with_tlb.ram == without.ram


def outcome_of(mmu: Mmu, va: int, kind: str) -> int | PageFault:
    try:
        return mmu.access(va, kind).pa
    except PageFault as fault:
        return fault


def raw_outcome(machine: Machine, cpu: Registers, va: int, kind: str, twin: str) -> int | PageFault:
    try:
        return x86.access(machine.ram, cpu, va, kind, twin=twin).pa
    except PageFault as fault:
        return fault
