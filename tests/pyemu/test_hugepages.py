"""What a huge page holds, and where it lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.flags import HPAGE_SIZE
from pyemu.hugepages import FRAMES, LINE, POOL_PFN, POOL_START, HugeBytes, HugePool, head
from pyemu.state import State

WRITES = st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=150)), max_size=6)


@given(WRITES, st.integers(0, 255), st.integers(0, 500), st.integers(1, 300))
def test_it_holds_what_a_plain_array_would(
    writes: list[tuple[int, bytes]], fill: int, offset: int, n: int
) -> None:
    plain, huge = bytearray([fill]) * 1000, HugeBytes(fill)
    for place, data in writes:
        plain[place : place + len(data)] = data
        huge = huge.written(place, data)
    assert huge.read(offset, n) == plain[offset : offset + n]


def test_a_read_ends_with_the_page() -> None:
    assert HugeBytes(3).written(HPAGE_SIZE - 1, b"x").read(HPAGE_SIZE - 2, 9) == b"\x03x"


def test_equal_contents_are_equal_values() -> None:
    one = HugeBytes().written(5, b"ab").written(5, bytes(2))
    assert one == HugeBytes()
    assert HugeBytes().written(200, b"b").written(5, b"a") == HugeBytes().written(5, b"a").written(200, b"b")
    assert HugeBytes(7).written(LINE - 1, b"\x07x").lines == ((1, b"x" + b"\x07" * (LINE - 1)),)


def test_use_is_counted_for_the_first_frame() -> None:
    assert head(POOL_PFN + FRAMES + 5) == POOL_PFN + FRAMES
    assert head(POOL_PFN) == POOL_PFN
    assert head(POOL_PFN - 1) == POOL_PFN - 1
    assert FRAMES == 512


def test_what_is_promised_is_not_available() -> None:
    assert HugePool((1, 2, 3), 2).available == 1


def test_a_state_reads_and_writes_a_huge_page_as_it_does_ram() -> None:
    state = State(ram_pages=16, n_cpus=1, twin="ref")
    state.fill_pool(2)
    first, second = state.alloc_huge_page(9), state.alloc_huge_page()
    assert (first, second) == (POOL_PFN, POOL_PFN + FRAMES)
    state.store((second << 12) + 4096, b"abc")
    assert state.load((second << 12) + 4095, 5) == b"\x00abc\x00"
    assert state.load((first << 12) + 123, 1) == b"\x09"
    state.store(100, b"ram")
    assert state.load(100, 3) == b"ram"
    assert state.load(POOL_START, 1) == b"\x09"


@pytest.mark.parametrize("twin", ["ref", "fast"])
def test_the_hardware_walks_to_a_huge_page(twin: str) -> None:
    state = State(ram_pages=16, n_cpus=1, twin=twin)
    state.fill_pool(1)
    state.new_mm(1)
    pfn = state.alloc_huge_page()
    state.set_huge_pte(1, 0x7F00_0020_0000, pfn << 12 | 0x87)
    from pyemu.hw import Registers, TableRef, x86

    state.mmus[0].load(Registers(cr0=x86.CR0_WP, cr3=state.roots[1], cr4=0, efer=x86.EFER_NXE, cpl=3))
    references: list[TableRef] = []
    done = state.access(0, 0x7F00_0020_3456, "write", references)
    assert done.pa == (pfn << 12) + 0x3456
    assert len(references) == 3  # the page directory's entry is the last one
    assert state.get_huge_pte(1, 0x7F00_0020_0000) == pfn << 12 | 0xE7  # with A and D
    assert state.get_pte(1, 0x7F00_0020_3000) == 0
