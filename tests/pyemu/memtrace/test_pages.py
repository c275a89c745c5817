"""Pages and regions of a trace, and tables that map them."""

from __future__ import annotations

import numpy as np
import pytest

from pyemu.errors import HardwareError
from pyemu.hw import x86
from pyemu.memtrace.files import Chunk
from pyemu.memtrace.pages import PageCounts, Region, mapped

CHUNKS = [
    Chunk(np.array([0x40_0000, 0x40_0008, 0x40_1000], np.uint64), np.array([2, 2, 0], np.uint8)),
    Chunk(
        np.array([0x40_0010, 0x7FFF_F000, 0xFFFF_8000_0000_0000], np.uint64), np.array([1, 1, 0], np.uint8)
    ),
]


def counted(page_size: int = 4096) -> PageCounts:
    pages = PageCounts(page_size)
    for chunk in CHUNKS:
        pages.add(chunk)
    return pages


def test_accesses_of_each_page_are_counted_by_kind() -> None:
    pages = counted()
    assert pages.pages.tolist() == [0x400, 0x401, 0x7FFFF, 0xFFFF_8000_0000_0]
    assert pages.counts.tolist() == [[0, 1, 2], [1, 0, 0], [0, 1, 0], [1, 0, 0]]


def test_pages_that_lie_near_each_other_are_one_region() -> None:
    assert counted().regions() == [
        Region(0x40_0000, 0x40_2000, 2, n_reads=1, n_writes=1, n_fetches=2),
        Region(0x7FFF_F000, 0x8000_0000, 1, n_reads=0, n_writes=1, n_fetches=0),
        Region(0xFFFF_8000_0000_0000, 0xFFFF_8000_0000_1000, 1, n_reads=1, n_writes=0, n_fetches=0),
    ]
    assert PageCounts().regions() == []


@pytest.mark.parametrize("size", [4096, 1 << 21])
def test_every_page_is_mapped_for_everything_and_nothing_else_is(size: int) -> None:
    pages = counted(size).pages
    machine = mapped(pages, size)
    frames = set()
    for page in pages.tolist():
        for kind in ("read", "write", "fetch"):
            found = x86.access(machine.ram, machine.cpu, page * size + 5, kind, twin="auto")
            assert (found.page_size, found.pa % size) == (size, 5)
        frames.add(found.pa)
        with pytest.raises(x86.PageFault):
            x86.access(machine.ram, machine.cpu, page * size + (1 << 30), "read", twin="auto")
    assert len(frames) == len(pages)
    assert min(frames) >= len(machine.ram) == machine.n_tables * 4096


def test_an_address_that_is_not_canonical_is_named() -> None:
    with pytest.raises(HardwareError, match="0x800000000000 is not canonical"):
        mapped(np.array([0x8_0000_0000], np.int64))
