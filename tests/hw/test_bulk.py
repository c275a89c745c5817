"""Bulk runs by themselves: how they stop, what they refuse, and both twins alike."""

from __future__ import annotations

import random
from array import array
from typing import Any

import numpy as np
import pytest

from pyemu.errors import HardwareError
from pyemu.hw import (
    COMPILED,
    BadTypeError,
    BadValueError,
    Mmu,
    Registers,
    TlbArray,
    TlbConfig,
    WalkCache,
    make_mmu,
    riscv,
    x86,
)
from pyemu.hw.bulk import AnonArea, Frames, Stop, copy_page_range, run_bulk
from pyemu.hw.twins import variants

PAGE = 4096
V = 0x7F00_0000_0000
ROOT = 0x2000
N_FRAMES = 64
AREAS = [
    AnonArea(V, V + 8 * PAGE),
    AnonArea(V + 8 * PAGE, V + 10 * PAGE, "r"),
    AnonArea(0x4000, 0x6000, "none"),
]


def registers(levels: int = 4, **changes: Any) -> Registers:
    cr4 = x86.CR4_LA57 if levels == 5 else 0
    return Registers(**{"cr0": x86.CR0_WP, "cr3": ROOT, "cr4": cr4, "efer": x86.EFER_NXE, "cpl": 3} | changes)


def machine(twin: str, ram: Any = None, levels: int = 4, **keys: Any) -> tuple[Mmu, Any, Frames]:
    """An MMU, its RAM and its frames: 1 is the zero page, 2 the top table."""
    ram = bytearray(N_FRAMES * PAGE) if ram is None else ram
    mmu = make_mmu(ram, twin, **keys)
    mmu.load(registers(levels))
    return mmu, ram, Frames(3, N_FRAMES)


def entry_of(ram: Any, va: int) -> int:
    place = x86.leaf_address(ram, ROOT, va)
    return 0 if place is None else x86.read_entry(ram, place)


def test_a_read_maps_the_zero_page_and_a_write_replaces_it(twin: str) -> None:
    mmu, ram, frames = machine(twin)
    done = run_bulk(mmu, [V, V + 8], "read", areas=AREAS, frames=frames)
    assert (done.n_zero_maps, done.n_faults, done.min_flt, done.n_tables, done.rss) == (1, 1, 1, 3, 0)
    assert entry_of(ram, V) == 1 << 12 | x86.P | x86.US | x86.A
    done = run_bulk(mmu, [V, V], ["read", "write"], areas=AREAS, frames=frames, values=9)
    assert (done.n_zero_copies, done.n_faults, done.n_tables, done.rss) == (1, 1, 0, 1)
    assert entry_of(ram, V) == 6 << 12 | x86.P | x86.US | x86.RW | x86.A | x86.D
    assert (ram[PAGE], ram[6 * PAGE], frames.refcount[6], frames.mapcount[6]) == (0, 9, 1, 1)
    assert list(done.pa) == [PAGE, 6 * PAGE]


def test_a_page_is_copied_while_others_map_it_and_then_reused(twin: str) -> None:
    mmu, ram, frames = machine(twin)
    run_bulk(mmu, [V + 5], "write", areas=AREAS, frames=frames, values=[7])
    place = x86.leaf_address(ram, ROOT, V)
    assert place is not None
    # As fork leaves it: read-only, named by two entries.
    shared = x86.read_entry(ram, place) & ~x86.RW
    x86.write_entry(ram, place, shared)
    mmu.invlpg(V)
    frames.refcount[3] = frames.mapcount[3] = 2
    done = run_bulk(mmu, [V], "write", areas=AREAS, frames=frames, values=8)
    assert (done.n_copies, done.n_reuses, done.rss) == (1, 0, 0)
    assert (ram[done.pa[0]], ram[done.pa[0] + 5], ram[3 * PAGE], ram[3 * PAGE + 5]) == (8, 7, 0, 7)
    assert (frames.refcount[3], frames.mapcount[3]) == (1, 1)
    x86.write_entry(ram, place, shared)
    mmu.invlpg(V)
    done = run_bulk(mmu, [V], "write", areas=AREAS, frames=frames)
    assert (done.n_copies, done.n_reuses, int(done.pa[0])) == (0, 1, 3 * PAGE)


@pytest.mark.parametrize(
    ("address", "kind", "stop", "n_faults"),
    [
        (V + 10 * PAGE, "read", Stop.SEGV_MAPERR, 1),
        (V - 1, "write", Stop.SEGV_MAPERR, 1),
        (0xFFFF_8000_0000_0000, "read", Stop.SEGV_MAPERR, 1),
        (V + 8 * PAGE, "write", Stop.SEGV_ACCERR, 1),
        (0x4000, "read", Stop.SEGV_ACCERR, 1),
        (1 << 47, "read", Stop.GENERAL_PROTECTION, 0),
    ],
)
def test_a_signal_stops_the_run_at_its_access(
    twin: str, address: int, kind: str, stop: Stop, n_faults: int
) -> None:
    mmu, _, frames = machine(twin)
    done = run_bulk(mmu, [V, address, V], ["read", kind, "write"], areas=AREAS, frames=frames)
    assert (done.n, done.n_done, done.stop, done.done) == (3, 1, stop, False)
    assert (done.n_faults, done.min_flt) == (1 + n_faults, 1)


@pytest.mark.parametrize(("end", "n_done"), [(6, 0), (7, 1), (8, 2)])
def test_without_enough_frames_the_run_stops_and_takes_none(twin: str, end: int, n_done: int) -> None:
    mmu, ram, _ = machine(twin)
    frames = Frames(3, end)
    before = bytes(ram)
    done = run_bulk(mmu, [V, V + PAGE, V + 2 * PAGE], "write", areas=AREAS, frames=frames)
    assert (done.n_done, done.stop) == (n_done, Stop.OUT_OF_FRAMES)
    assert frames.n_left == (3 if n_done == 0 else 0)
    assert (bytes(ram) == before) == (n_done == 0)


def test_frames_that_were_given_back_are_taken_first_the_last_one_first(twin: str) -> None:
    mmu, ram, frames = machine(twin)
    frames.next, frames.free = 30, [20, 29, 7]
    ram[7 * PAGE : 8 * PAGE] = bytes([255]) * PAGE
    done = run_bulk(mmu, [V, V + PAGE], "write", areas=AREAS, frames=frames)
    assert ([int(pa) >> 12 for pa in done.pa], frames.free, frames.next) == ([7, 31], [], 32)
    assert not any(ram[7 * PAGE : 8 * PAGE])


def test_what_isnt_anonymous_memory_stops_the_run(twin: str) -> None:
    for level, pfn, flags in ((2, 0, x86.RW), (1, 50, 0), (1, 60, 0), (1, 1 << 20, 0)):
        mmu, ram, frames = machine(twin)
        frames.mapcount[60] = 1  # of a page that nobody holds
        tables = iter((40 * PAGE, 41 * PAGE, 42 * PAGE)).__next__
        x86.map_page(ram, ROOT, V, pfn * PAGE, x86.P | flags, tables, level=level)
        before = bytes(ram)
        done = run_bulk(mmu, [V], "write", areas=AREAS, frames=frames)
        assert (done.n_done, done.stop, done.min_flt) == (0, Stop.FOREIGN, 0)
        changed = [i for i, (a, b) in enumerate(zip(before, ram, strict=True)) if a != b]
        assert {before[i] ^ ram[i] for i in changed} <= {x86.A}


def test_no_tables_make_a_run_endless(twin: str) -> None:
    mmu, ram, frames = machine(twin)
    x86.write_entry(ram, ROOT + (V >> 39) * 8, ROOT | x86.P | x86.RW | x86.A)  # its own table, not for users
    done = run_bulk(
        mmu, [V + (i << 30) for i in range(8)], "write", areas=[AnonArea(0, 1 << 47)], frames=frames
    )
    assert (done.n_done, done.stop) == (0, Stop.FOREIGN)


GEOMETRIES = {
    "usual": TlbConfig.two_level(),
    "odd": TlbConfig(
        l1=(TlbArray(3, 2, policy="plru"),),
        l2=(TlbArray(5, 3, policy="random"),),
        walk_caches=(WalkCache(2, 1, 2), WalkCache(3, 1, 1)),
        seed=3,
    ),
}


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin")
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("levels", [4, 5])
@pytest.mark.parametrize("variant", variants())
def test_the_twins_agree_bit_by_bit(geometry: str, levels: int, variant: str) -> None:
    dice = random.Random(f"{geometry} {levels}")
    for _ in range(15):
        n_frames = dice.choice([12, 40, 64])
        areas = [
            AnonArea(start, start + 6 * PAGE, dice.choice(["rw", "rw", "r"])) for start in (V, V + (1 << 30))
        ]
        first = random_ram(dice, n_frames, areas[0])
        sides = []
        for twin in ("ref", "fast"):
            ram, frames = bytearray(first), Frames(30 if n_frames > 30 else 10, n_frames)
            for pfn in range(3, frames.next):
                frames.refcount[pfn], frames.mapcount[pfn] = pfn % 3, pfn % 5 % 3
            frames.free = [pfn for pfn in range(3, frames.next, 3) if not frames.refcount[pfn]]
            mmu, *_ = machine(twin, ram, levels, tlb=GEOMETRIES[geometry], variant=variant)
            sides.append((mmu, ram, frames))
        for _ in range(10):
            n = dice.randrange(60)
            addresses = [dice.choice(areas).start + dice.randrange(-1, 6 * PAGE) for _ in range(n)]
            kinds = [dice.choice(["read", "write", "fetch"]) for _ in range(n)]
            values = dice.choice([None, dice.randrange(256)])
            left, right = (
                (
                    run_bulk(mmu, addresses, kinds, areas=areas, frames=frames, values=values),
                    ram,
                    (frames.free, frames.next, frames.refcount.tolist(), frames.mapcount.tolist()),
                    mmu.stats,
                    mmu.tlb_entries(),
                )
                for mmu, ram, frames in sides
            )
            assert left == right


def random_ram(dice: random.Random, n_frames: int, area: AnonArea) -> bytes:
    """RAM with some entries of an area in it, right ones and wrong ones."""
    ram = bytearray(n_frames * PAGE)
    tables = iter(range(5 * PAGE, 9 * PAGE, PAGE)).__next__
    if dice.random() < 0.7:
        for page in range(6):
            flags = x86.P | x86.US | dice.choice([0, 0, x86.RW, x86.D, x86.NX])
            pfn = dice.choice([1, *range(9, n_frames + 1)])
            if dice.random() < 0.4:
                x86.map_page(ram, ROOT, area.start + page * PAGE, pfn * PAGE, flags, tables)
    return bytes(ram)


def test_a_child_needs_frames_for_its_tables(twin: str) -> None:
    mmu, ram, frames = machine(twin)
    run_bulk(mmu, [V, V + PAGE], ["write", "read"], areas=AREAS, frames=frames)
    frames.next = frames.end - 2
    with pytest.raises(HardwareError, match="no frame is left"):
        copy_page_range(ram, ROOT, 50 * PAGE, AREAS, frames)
    with pytest.raises(BadValueError, match="child is 0x40000"):
        copy_page_range(ram, ROOT, N_FRAMES * PAGE, AREAS, frames)


def test_an_area_without_pages_of_its_own_isnt_shared(twin: str) -> None:
    mmu, ram, frames = machine(twin)
    run_bulk(mmu, [V, V + 8 * PAGE], ["write", "read"], areas=AREAS, frames=frames)
    assert copy_page_range(ram, ROOT, 50 * PAGE, AREAS, frames) == 1
    assert x86.read_entry(ram, x86.leaf_address(ram, 50 * PAGE, V) or 0) == entry_of(ram, V)
    assert not entry_of(ram, V) & x86.RW


def test_arrays_in_give_arrays_out(twin: str) -> None:
    for addresses, kind in ((np.array([V], np.uint64), np.ndarray), (array("Q", [V]), array), ([V], array)):
        mmu, _, frames = machine(twin)
        done = run_bulk(mmu, addresses, "write", areas=AREAS, frames=frames)
        assert isinstance(done.pa, kind)
    mmu, _, frames = machine(twin)
    out = np.zeros(4, np.uint64)
    assert run_bulk(mmu, [V], np.array([1], np.uint8), areas=AREAS, frames=frames, out=out).pa is out
    assert out[0] == 3 * PAGE


def test_nothing_to_do_is_done(twin: str) -> None:
    mmu, _, frames = machine(twin)
    done = run_bulk(mmu, [], "read", areas=[], frames=frames)
    assert (done.n, done.n_done, done.done, done.stop, done.min_flt) == (0, 0, True, Stop.NONE, 0)


BAD_CALLS: list[tuple[dict[str, Any], str]] = [
    ({"areas": [AnonArea(V, V + 2 * PAGE), AnonArea(V + PAGE, V + 3 * PAGE)]}, "overlap"),
    ({"areas": ["V"]}, "areas holds 'V'"),
    ({"frames": [3]}, r"frames is \[3\]"),
    ({"frames": Frames(3, N_FRAMES + 1)}, "frames end at 0x41, but ram has 0x40"),
    ({"values": 256}, "values is 0x100"),
    ({"values": [1, -1]}, r"values\[1\] is -0x1"),
    ({"values": [1]}, "there are 1 values for 2 addresses"),
    ({"values": array("H", [1, 2])}, "values has items of format 'H'"),
    ({"kinds": ["read"]}, "there are 1 kinds for 2 addresses"),
    ({"kinds": bytes([0, 3])}, r"kinds\[1\] is 3"),
    ({"addresses": [V, -1]}, r"addresses\[1\] is -0x1"),
    ({"out": array("Q")}, "out holds 0 results"),
    ({"mmu": None}, "mmu is None"),
]


@pytest.mark.parametrize(("changes", "words"), BAD_CALLS)
def test_a_bad_call_is_refused_before_any_access(twin: str, changes: dict[str, Any], words: str) -> None:
    mmu, _, frames = machine(twin)
    good: dict[str, Any] = {"mmu": mmu, "addresses": [V, V], "kinds": "read", "areas": AREAS}
    good["frames"] = frames
    with pytest.raises((BadValueError, BadTypeError), match=words):
        run_bulk(**good | changes)
    assert mmu.stats.accesses == 0


@pytest.mark.parametrize(
    ("free", "next_", "words"),
    [
        ([2, 40], 40, r"frames.free\[1\] is 0x28"),
        ([1], 40, r"frames.free\[0\] is 0x1, which is in use"),
        ([5], 40, r"frames.free\[0\] is 0x5, which is in use"),
        ([6, 6], 40, "twice"),
        (["a"], 40, r"frames.free\[0\] is 'a'"),
        ([], 65, "frames.next is 0x41"),
    ],
)
def test_frames_that_cant_be_true_are_refused(twin: str, free: list[Any], next_: int, words: str) -> None:
    mmu, _, frames = machine(twin)
    frames.refcount[5] = 1
    frames.free, frames.next = free, next_
    with pytest.raises((BadValueError, BadTypeError), match=words):
        run_bulk(mmu, [V], "write", areas=AREAS, frames=frames)


@pytest.mark.parametrize(
    ("start", "end", "prot", "words"),
    [
        (0, 0x1001, "rw", "cuts a page"),
        (0x1000, 0x1000, "rw", "the end of an area is 0x1000"),
        (0x1000, 1 << 48, "rw", "the end of an area"),
        (-1, 0x1000, "rw", "the start of an area"),
        ("a", 0x1000, "rw", "the start of an area is 'a'"),
        (0, 0x1000, "rx", "prot is 'rx'"),
    ],
)
def test_an_area_checks_its_values(start: Any, end: int, prot: str, words: str) -> None:
    with pytest.raises((BadValueError, BadTypeError), match=words):
        AnonArea(start, end, prot)


@pytest.mark.parametrize(
    ("first", "end", "zero"), [(0, 4, 0), (5, 4, 1), (2, 4, 2), (2, 1 << 40, 1), (2, "4", 1)]
)
def test_frames_check_their_values(first: int, end: Any, zero: int) -> None:
    with pytest.raises((BadValueError, BadTypeError)):
        Frames(first, end, zero)


def test_only_x86_in_user_mode_runs_programs(twin: str) -> None:
    mmu, _, frames = machine(twin)
    mmu.set_mode(0)
    with pytest.raises(BadValueError, match="cpl is 0"):
        run_bulk(mmu, [V], "read", areas=AREAS, frames=frames)
    mmu.load(riscv.Registers(satp=8 << 60 | 2, priv=0))
    with pytest.raises(BadValueError, match="run_bulk is an operation of x86"):
        run_bulk(mmu, [V], "read", areas=AREAS, frames=frames)
    with pytest.raises(HardwareError, match="no registers yet"):
        run_bulk(make_mmu(bytearray(N_FRAMES * PAGE), twin), [V], "read", areas=AREAS, frames=frames)
