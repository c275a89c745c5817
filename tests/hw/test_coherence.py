"""What a TLB may never change, and what it must: properties over random TLBs and random edits."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu.hw import (
    COMPILED,
    Access,
    HardwareFault,
    Mmu,
    Registers,
    TlbArray,
    TlbConfig,
    WalkCache,
    make_mmu,
    riscv,
    x86,
)
from pyemu.hw.tlb import Policy
from tests.hw import random_tlbs
from tests.hw.machines import ALL, FRAME, RISCV_VA, ROOT, USER_RW, VA, Machine, RiscvMachine, registers

TWINS = ("ref", "fast") if COMPILED else ("ref",)
N_PAGES = 8
KINDS = ("read", "write", "fetch")
X86_LEAVES = (0, x86.P | x86.US, USER_RW, USER_RW | x86.NX, x86.P | x86.RW, USER_RW | x86.D, USER_RW | x86.G)
RISCV_LEAVES = (
    0,
    riscv.V | riscv.R | riscv.U,
    ALL,
    ALL & ~riscv.X,
    ALL & ~riscv.U,
    ALL | riscv.D,
    ALL | riscv.G,
)

Step = tuple[str, int, int]
configs = st.integers(0, 1 << 32).map(lambda seed: random_tlbs.config(random.Random(seed)))
steps = st.lists(
    st.tuples(
        st.sampled_from([*KINDS, *KINDS, "edit", "edit upper", "switch"]),
        st.integers(0, N_PAGES - 1),
        st.integers(0, 6),
    ),
    max_size=60,
)


def outcome(access: Callable[..., Access], *arguments: object, **options: object) -> int | HardwareFault:
    try:
        return access(*arguments, **options).pa
    except HardwareFault as fault:
        return fault


def path(machine: Machine | RiscvMachine, va: int) -> list[int]:
    """Where the entries on the way to a page lie, from the top; all tables are there."""
    places, table = [], ROOT
    for level in range(machine.levels, 0, -1):
        places.append(x86.entry_address(table, va, level))
        entry = machine.entry(places[-1])
        table = entry & x86.ADDRESS if isinstance(machine, Machine) else riscv.frame_address(entry)
    return places


@settings(deadline=None)
@given(config=configs, todo=steps, levels=st.sampled_from([4, 5]))
def test_with_every_edit_invalidated_a_tlb_of_x86_shows_only_in_the_counters(
    config: TlbConfig, todo: list[Step], levels: int
) -> None:
    for twin in TWINS:
        machine, plain = Machine(levels), Machine(levels)
        for i in range(N_PAGES):
            for one in (machine, plain):
                one.map(VA + (i // 2 << 21) + 0x1000 * i, FRAME + 0x1000 * i)
        pcid = 0

        def cpu(pcid: int, no_flush: bool, user: bool = True) -> Registers:
            return registers(
                user=user,
                pge=True,
                pcid=pcid,
                no_flush=no_flush,
                la57=levels == 5,
            )

        mmu = make_mmu(machine.ram, twin, config)
        mmu.load(cpu(0, False))
        for what, page, choice in todo:
            va = VA + (page // 2 << 21) + 0x1000 * page
            if what in KINDS:
                expected = outcome(x86.access, plain.ram, cpu(pcid, False), va, what, twin=twin)
                assert outcome(mmu.access, va, what) == expected
            elif what == "switch":
                pcid = choice % 3
                mmu.load(cpu(pcid, True))
            else:
                *upper, leaf = path(plain, va)
                for one in (machine, plain):
                    if what == "edit":
                        one.set(leaf, FRAME + 0x1000 * choice | X86_LEAVES[choice])
                    else:
                        one.set(upper[choice % len(upper)], one.entry(upper[choice % len(upper)]) ^ x86.RW)
                mmu.invpcid("all")
            if not config.walk_caches:  # with them, fewer entries are read, so fewer get A
                assert machine.ram == plain.ram


@settings(deadline=None)
@given(config=configs, todo=steps, levels=st.sampled_from([3, 4]))
def test_with_every_edit_invalidated_a_tlb_of_a_hart_shows_only_in_the_counters(
    config: TlbConfig, todo: list[Step], levels: int
) -> None:
    for twin in TWINS:
        machine, plain = RiscvMachine(levels), RiscvMachine(levels)
        for i in range(N_PAGES):
            for one in (machine, plain):
                one.map(RISCV_VA + (i // 2 << 21) + 0x1000 * i, FRAME + 0x1000 * i)
        cpu = machine.hart()
        mmu = make_mmu(machine.ram, twin, config)
        mmu.load(cpu)
        for what, page, choice in todo:
            va = RISCV_VA + (page // 2 << 21) + 0x1000 * page
            if what in KINDS:
                expected = outcome(riscv.access, plain.ram, cpu, va, what, twin=twin)
                assert outcome(mmu.access, va, what) == expected
            elif what == "switch":
                cpu = machine.hart(choice % 3, page % 2, sum=choice > 3)
                mmu.load(cpu)
            else:
                leaf = path(plain, va)[-1]
                for one in (machine, plain):
                    one.set(leaf, riscv.entry_of(FRAME + 0x1000 * choice, RISCV_LEAVES[choice]))
                mmu.sfence_vma(va)
            assert machine.ram == plain.ram


@settings(deadline=None)
@given(
    todo=st.lists(
        st.tuples(
            st.sampled_from(["read", "edit", "invlpg", "context", "switch", "flush"]),
            st.integers(0, N_PAGES - 1),
            st.integers(0, 30),
        ),
        max_size=80,
    )
)
def test_a_stale_entry_is_used_until_it_is_invalidated(todo: list[Step]) -> None:
    """A TLB with room for all is a dictionary from (PCID, page) to what the tables said at its walk."""
    config = TlbConfig((TlbArray(1, 32),), (TlbArray(1, 64),))
    for twin in TWINS:
        machine = Machine()
        leaves = [machine.map(VA + 0x1000 * i, FRAME + 0x1000 * i) for i in range(N_PAGES)]
        mmu = make_mmu(machine.ram, twin, config)
        mmu.load(registers(pcid=0))
        pcid, now = 0, {i: FRAME + 0x1000 * i for i in range(N_PAGES)}
        cached: dict[tuple[int, int], int] = {}
        for what, page, choice in todo:
            va = VA + 0x1000 * page
            if what == "read":
                frame = cached.setdefault((pcid, page), now[page])
                assert mmu.read(va) == frame
            elif what == "edit":
                now[page] = FRAME + 0x1000 * choice
                machine.set(leaves[page], now[page] | USER_RW)
            elif what == "invlpg":
                cached.pop((pcid, page), None)
                mmu.invlpg(va)
            elif what == "context":
                cached = {key: frame for key, frame in cached.items() if key[0] != choice % 3}
                mmu.invpcid("context", choice % 3)
            else:
                pcid = choice % 3
                if what == "flush":
                    cached = {key: frame for key, frame in cached.items() if key[0] != pcid}
                mmu.load(registers(pcid=pcid, no_flush=what == "switch"))


@pytest.mark.parametrize("policy", ["lru", "plru", "fifo", "random"])
@given(trace=st.lists(st.integers(0, 20), max_size=100), sets=st.integers(1, 4), ways=st.integers(1, 5))
def test_no_set_holds_more_than_its_ways_or_a_page_twice(
    policy: Policy, trace: list[int], sets: int, ways: int
) -> None:
    config = TlbConfig(
        (TlbArray(sets, ways, policy=policy),),
        walk_caches=(WalkCache(2, sets, ways, policy),),
    )
    for twin in TWINS:
        machine = Machine()
        for page in range(21):
            machine.map(VA + (page << 21), FRAME + 0x1000 * page)
        mmu: Mmu = machine.start(twin, config)
        mmu.access_many([VA + (page << 21) for page in trace], "read")
        snapshot = mmu.tlb_entries()
        for array in (*snapshot.l1, *snapshot.walk_caches):
            assert all(len(ways_held) <= ways for ways_held in array.sets)
            held = [entry[0] for entry in array.entries]
            assert len(held) == len(set(held))
        stats = mmu.stats
        assert stats.l1_hits + stats.l1_misses == stats.accesses
        assert stats.walk_cache_hits[0] == stats.walk_refs[0] - stats.walk_refs[3]
