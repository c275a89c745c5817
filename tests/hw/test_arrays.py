"""Which array holds what: page sizes, pieces of large pages, data and fetches, walk caches."""

from __future__ import annotations

import pytest

from pyemu.hw import HitLevel, Mmu, PageFault, TableRef, TlbArray, TlbConfig, WalkCache, WalkEntry, x86
from tests.hw.machines import FRAME, ROOT, USER_RW, VA, GiB, Machine, MiB, held, level, registers

L1, L2, WALK = HitLevel.L1, HitLevel.L2, HitLevel.WALK
K4, M2, G1 = 4096, 2 * MiB, GiB
BIG, HUGE = 0x4020_0000, 8 * GiB


@pytest.fixture
def machine() -> Machine:
    """A page of each size, at `VA`, `BIG` and `HUGE`."""
    machine = Machine()
    machine.map()
    machine.map(BIG, 6 * MiB, level=2)
    machine.map(HUGE, 16 * GiB, level=3)
    return machine


def sizes(mmu: Mmu) -> list[list[int]]:
    """The sizes that each array holds, L1 before L2."""
    snapshot = mmu.tlb_entries()
    return [[entry.size for entry in array.entries] for array in (*snapshot.l1, *snapshot.l2)]


def test_each_page_goes_to_the_array_of_its_size(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(4, 4), TlbArray(1, 4, (M2,)), TlbArray(1, 2, (G1,)))))
    assert [level(mmu, va) for va in (VA, BIG, HUGE)] == [WALK] * 3
    assert sizes(mmu) == [[K4], [M2], [G1]]
    assert [level(mmu, va) for va in (VA, BIG + M2 - 1, HUGE + G1 - 1)] == [L1] * 3
    assert mmu.read(HUGE + 0x1234_5678) == 16 * GiB + 0x1234_5678
    assert [(entry.vpn, entry.pfn) for entry in held(mmu)][2] == (HUGE >> 12, 16 * GiB >> 12)


def test_a_page_is_held_in_the_largest_pieces_there_is_room_for(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(4, 4), TlbArray(1, 4, (M2,)))))
    assert mmu.read(HUGE + 5 * M2 + 7) == 16 * GiB + 5 * M2 + 7
    (entry,) = held(mmu)
    assert (entry.size, entry.page_size, entry.vpn) == (M2, G1, (HUGE + 5 * M2) >> 12)
    assert [level(mmu, HUGE + 5 * M2), level(mmu, HUGE + 6 * M2)] == [L1, WALK]


def test_the_first_array_with_room_for_the_size_takes_it(machine: Machine, twin: str) -> None:
    mmu = machine.start(
        twin, TlbConfig((TlbArray(1, 4, (K4, M2), "data"), TlbArray(1, 4, (K4, M2)), TlbArray(1, 4)))
    )
    mmu.read(BIG)
    assert sizes(mmu) == [[M2], [], []]
    mmu.fetch(BIG)
    assert sizes(mmu) == [[M2], [M2], []]


def test_one_array_of_several_sizes_chooses_the_set_by_the_page_number_at_each_size(
    machine: Machine, twin: str
) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(7, 2, (K4, M2, G1)),)))
    for va in (VA, BIG, HUGE):
        mmu.read(va)
    (array,) = mmu.tlb_entries().l1
    place = {entry.size: number for number, ways in enumerate(array.sets) for entry in ways}
    assert place == {K4: (VA >> 12) % 7, M2: (BIG >> 21) % 7, G1: (HUGE >> 30) % 7}


def test_a_level_without_room_for_a_size_does_not_hold_it(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 4, (M2,)),), (TlbArray(1, 4, (K4,)),)))
    assert [level(mmu, VA), level(mmu, VA)] == [WALK, L2]
    assert sizes(mmu) == [[], [K4]]


@pytest.mark.parametrize("l2", [(), (TlbArray(1, 4, (G1,)),)])
def test_a_page_that_no_level_holds_is_walked_each_time(
    machine: Machine, twin: str, l2: tuple[TlbArray, ...]
) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 4, (M2,)),), l2))
    batch = mmu.access_many([VA + 8 * i for i in range(40)], "read", detail=True)
    assert list(batch.level) == [WALK] * 40
    assert mmu.stats.walk_refs == (40, 40, 40, 40, 0)


def test_what_l1_gets_from_l2_is_no_larger_than_what_l2_holds(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 1, (K4, M2)),), (TlbArray(1, 4, (K4,)),)))
    mmu.read(BIG)
    mmu.read(VA)  # takes the only way of L1
    assert sizes(mmu) == [[K4], [K4, K4]]
    assert level(mmu, BIG + 8) is L2
    (array,) = mmu.tlb_entries().l1
    assert [(entry.vpn, entry.size, entry.page_size) for entry in array.entries] == [(BIG >> 12, K4, M2)]


def test_a_walk_for_d_brings_the_whole_page(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 1, (K4, M2)),), (TlbArray(1, 4, (K4,)),)))
    mmu.read(BIG)
    mmu.read(VA)
    assert level(mmu, BIG, "write") is L2
    assert sizes(mmu) == [[M2], [K4, K4]]
    assert mmu.stats.d_walks == 1


def test_fetches_and_data_have_arrays_of_their_own(machine: Machine, twin: str) -> None:
    config = TlbConfig((TlbArray(4, 4, serves="data"), TlbArray(4, 4, serves="fetch")), (TlbArray(8, 4),))
    mmu = machine.start(twin, config)
    assert [level(mmu, VA, kind) for kind in ("read", "fetch", "write", "fetch")] == [WALK, L2, L1, L1]


def test_a_second_level_may_serve_data_only(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 1),), (TlbArray(8, 4, serves="data"),)))
    for va, kind in ((VA, "fetch"), (HUGE, "read"), (VA, "fetch"), (HUGE, "read")):
        mmu.access(va, kind)
    stats = mmu.stats
    assert (stats.l2_hits, stats.l2_misses, stats.walks) == (1, 3, 3)
    assert [entry.vpn for entry in mmu.tlb_entries().l2[0].entries] == [HUGE >> 12]


def test_without_a_second_level_each_miss_walks(machine: Machine, twin: str) -> None:
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 1),)))
    for va in (VA, HUGE, VA):
        mmu.read(va)
    stats = mmu.stats
    assert (stats.l1_misses, stats.l2_hits, stats.l2_misses, stats.walks) == (3, 0, 3, 3)


def test_invlpg_and_faults_drop_pieces_in_all_arrays(machine: Machine, twin: str) -> None:
    config = TlbConfig((TlbArray(4, 4, serves="data"), TlbArray(4, 4, serves="fetch")), (TlbArray(8, 4),))
    mmu = machine.start(twin, config)

    def fill() -> None:
        mmu.read(BIG)
        mmu.fetch(BIG + 0x7000)

    fill()
    assert len(held(mmu)) == 4
    mmu.invlpg(BIG + M2 - 1)
    assert held(mmu) == []
    fill()
    leaf = x86.entry_address(ROOT, BIG, 4)
    machine.set(leaf, 0)
    with pytest.raises(PageFault):
        mmu.read(BIG + 0x9000)
    assert held(mmu) == []


def test_an_entry_that_does_not_permit_an_access_is_forgotten(twin: str) -> None:
    machine = Machine()
    leaf = machine.map(flags=x86.P | x86.US)
    mmu = machine.start(twin, TlbConfig((TlbArray(1, 4, serves="data"), TlbArray(1, 4, serves="fetch"))))
    mmu.read(VA)
    mmu.fetch(VA)
    machine.set(leaf, FRAME | USER_RW)
    mmu.write(VA)
    assert sorted(entry.flags for entry in held(mmu)) == [x86.US, x86.US | x86.RW | x86.D]


# ------------------------------------------------------------------------------------------- walk caches


def caches(*levels: int, ways: int = 4) -> TlbConfig:
    """The smallest TLB, which is always missed, and walk caches."""
    return TlbConfig((TlbArray(1, 1),), (), tuple(WalkCache(level, 1, ways) for level in levels))


def refs_of(mmu: Mmu, va: int, kind: str = "read") -> list[int]:
    """The levels of the tables that an access reads."""
    refs: list[TableRef] = []
    mmu.access(va, kind, refs)
    return [ref.level for ref in refs]


@pytest.mark.parametrize(
    ("levels", "near", "in_the_same_gib", "far"),
    [
        ((), [4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 2, 1]),
        ((2,), [1], [4, 3, 2, 1], [4, 3, 2, 1]),
        ((3,), [2, 1], [2, 1], [4, 3, 2, 1]),
        ((4,), [3, 2, 1], [3, 2, 1], [3, 2, 1]),
        ((4, 2, 3), [1], [2, 1], [3, 2, 1]),
        ((5,), [4, 3, 2, 1], [4, 3, 2, 1], [4, 3, 2, 1]),
    ],
)
def test_a_walk_starts_at_the_lowest_table_that_is_known(
    twin: str, levels: tuple[int, ...], near: list[int], in_the_same_gib: list[int], far: list[int]
) -> None:
    machine = Machine()
    offsets = (0, 0x1000, M2, G1)
    for i, offset in enumerate(offsets):
        machine.map(HUGE + offset, FRAME + 0x1000 * i)
    mmu = machine.start(twin, caches(*levels))
    assert [refs_of(mmu, HUGE + offset) for offset in offsets] == [[4, 3, 2, 1], near, in_the_same_gib, far]
    n = sum(len(refs) for refs in ([4, 3, 2, 1], near, in_the_same_gib, far))
    assert sum(mmu.stats.walk_refs) == n


def test_hits_are_counted_by_level(twin: str) -> None:
    machine = Machine(levels=5)
    offsets = (0, 0x1000, M2, G1, 1 << 39, 1 << 48)
    for i, offset in enumerate(offsets):
        machine.map(HUGE + offset, FRAME + 0x1000 * i)
    mmu = machine.start(twin, caches(2, 3, 4, 5), registers(la57=True))
    for offset in offsets:
        mmu.read(HUGE + offset)
    assert mmu.stats.walk_cache_hits == (1, 1, 1, 1)
    assert mmu.stats.walk_refs == (6, 5, 4, 3, 2)


def test_a_walk_cache_remembers_rights_of_the_levels_above(twin: str) -> None:
    machine = Machine()
    machine.map()
    machine.map(VA + 0x1000, FRAME + 0x1000)
    top = x86.entry_address(ROOT, VA, 4)
    machine.set(top, machine.entry(top) & ~x86.RW | x86.NX)
    mmu = machine.start(twin, caches(2))
    mmu.read(VA)
    (entry,) = mmu.tlb_entries().walk_caches[0].entries
    assert entry == WalkEntry(VA >> 21, entry.table, x86.US | x86.NX, 0)
    for kind, code in (("write", 7), ("fetch", 21)):
        with pytest.raises(PageFault) as caught:
            mmu.access(VA + 0x1000, kind)
        assert caught.value.error_code == code


def test_a_stale_upper_entry_is_used_until_it_is_invalidated(twin: str) -> None:
    machine = Machine()
    machine.map()
    machine.map(VA + 0x1000, FRAME + 0x1000)
    mmu = machine.start(twin, caches(3))
    mmu.read(VA)
    top = x86.entry_address(ROOT, VA, 4)
    machine.set(top, 0)
    assert mmu.read(VA + 0x1000) == FRAME + 0x1000
    mmu.invlpg(HUGE)  # any address: all walk caches of this PCID go
    with pytest.raises(PageFault):
        mmu.read(VA)


def test_a_fault_forgets_the_way_that_led_to_it(twin: str) -> None:
    machine = Machine()
    machine.map()
    machine.map(BIG, FRAME + 0x1000)
    mmu = machine.start(twin, caches(2))
    mmu.read(VA)
    mmu.read(BIG)
    with pytest.raises(PageFault):
        mmu.read(VA + 0x1000)
    (array,) = mmu.tlb_entries().walk_caches
    assert [entry.prefix for entry in array.entries] == [BIG >> 21]


def test_a_walk_that_faults_fills_no_walk_cache(twin: str) -> None:
    machine = Machine()
    machine.map()
    mmu = machine.start(twin, caches(2, 3, 4))
    with pytest.raises(PageFault):
        mmu.read(VA + 0x1000)
    assert mmu.stats.walk_refs == (1, 1, 1, 1, 0)
    assert not any(tuple(array.entries) for array in mmu.tlb_entries().walk_caches)


def test_a_is_set_only_in_entries_that_a_walk_reads(twin: str) -> None:
    machine = Machine()
    machine.map()
    machine.map(VA + 0x1000, FRAME + 0x1000)
    mmu = machine.start(twin, caches(2))
    mmu.read(VA)
    top = x86.entry_address(ROOT, VA, 4)
    machine.set(top, machine.entry(top) & ~x86.A)
    mmu.read(VA + 0x1000)
    assert not machine.entry(top) & x86.A


def test_a_leaf_is_in_no_walk_cache(twin: str, machine: Machine) -> None:
    mmu = machine.start(twin, caches(2, 3, 4))
    mmu.read(BIG)
    mmu.read(HUGE)
    two, three, four = mmu.tlb_entries().walk_caches
    assert (len([*two.entries]), len([*three.entries]), len([*four.entries])) == (0, 1, 1)


def test_a_full_walk_cache_gives_up_what_was_used_longest_ago(twin: str) -> None:
    machine = Machine()
    addresses = [HUGE + i * M2 for i in range(3)]
    for i, va in enumerate(addresses):
        machine.map(va, FRAME + 0x1000 * i)
        machine.map(va + 0x1000, FRAME + 0x8000 + 0x1000 * i)
    mmu = machine.start(twin, caches(2, ways=2))
    a, b, c = addresses
    for va in (a, b, a + 0x1000, c):  # c takes b's way
        mmu.read(va)
    (array,) = mmu.tlb_entries().walk_caches
    assert [entry.prefix for entry in array.entries] == [c >> 21, a >> 21]
