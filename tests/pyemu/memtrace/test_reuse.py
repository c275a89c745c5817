"""Gaps and depths against brute force, and against the TLB model of real geometries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu.hw import Kind, TlbConfig, make_mmu
from pyemu.memtrace import Memtrace
from pyemu.memtrace.files import Chunk
from pyemu.memtrace.pages import mapped, page_numbers, touched
from pyemu.memtrace.reuse import Reuse
from pyemu.memtrace.sample import SAMPLE

# Few pages give short gaps, many give long ones; both ways of counting are met.
PAGES = st.integers(1, 80).flatmap(lambda n: st.lists(st.integers(0, n), max_size=250))


def measured(pages: list[int], window: int, cuts: list[int]) -> Reuse:
    reuse = Reuse(window)
    for part in np.split(np.array(pages, np.int64), sorted(min(cut, len(pages)) for cut in cuts)):
        reuse.add(part)
    return reuse


@given(PAGES, st.integers(1, 300), st.lists(st.integers(0, 250), max_size=3))
def test_everything_is_as_counted_one_by_one(pages: list[int], window: int, cuts: list[int]) -> None:
    reuse = measured(pages, window, cuts)
    stack: list[int] = []
    depths: list[float] = []
    for page in pages:
        depths.append(len(stack) - stack.index(page) if page in stack else float("inf"))
        stack = [*(one for one in stack if one != page), page]
    assert reuse.misses(90).tolist() == [sum(depth > n for depth in depths) for n in range(91)]
    windows = [len(set(pages[at : at + window])) for at in range(0, len(pages), window)]
    assert reuse.windows.tolist() == (windows or [0])
    for k, found in enumerate(reuse.working_sets(9)):
        sizes = [len(set(pages[max(0, at + 1 - 2**k) : at + 1])) for at in range(len(pages))]
        assert found == pytest.approx(sum(sizes) / max(len(pages), 1))
    firsts = {page: pages.index(page) for page in pages}
    assert dict(zip(reuse.first_pages.tolist(), reuse.first_times.tolist(), strict=True)) == firsts
    assert reuse.n_pages == len(firsts)


def zipf() -> Iterator[Chunk]:
    """Accesses with long gaps and short ones, from a seed."""
    random = np.random.default_rng(5)
    for _ in range(3):
        pages = random.zipf(1.2, 50_000).clip(max=3000).astype(np.uint64)
        yield Chunk(pages << np.uint64(12), random.integers(0, 3, len(pages)).astype(np.uint8))


def front_of_sample() -> Iterator[Chunk]:
    yield next(Memtrace(SAMPLE).chunks())


@pytest.mark.parametrize("chunks", [zipf, front_of_sample], ids=["zipf", "sample"])
def test_misses_are_those_of_a_fully_associative_tlb_of_each_size(chunks: object) -> None:
    assert callable(chunks)
    reuse = Reuse(1)
    for chunk in chunks():
        reuse.add(page_numbers(chunk))
    misses = reuse.misses(1024)
    machine = mapped(touched(chunks()))
    for n_ways in (1, 2, 3, 7, 16, 64, 100, 333, 1024):
        mmu = make_mmu(machine.ram, tlb=TlbConfig.two_level(1, n_ways, 1, 1))
        mmu.load(machine.cpu)
        for chunk in chunks():
            assert mmu.access_many(chunk.addresses, chunk.kinds).done
        assert mmu.stats.l1_misses == misses[n_ways]


def test_misses_of_fetches_are_those_of_a_tlb_that_sees_only_fetches() -> None:
    reuse = Reuse(1)
    chunk = next(front_of_sample())
    fetches = chunk.addresses[chunk.kinds == Kind.FETCH]
    reuse.add(page_numbers(Chunk(fetches, chunk.kinds)))
    machine = mapped(touched(front_of_sample()))
    mmu = make_mmu(machine.ram, tlb=TlbConfig.two_level(1, 8, 1, 1))
    mmu.load(machine.cpu)
    mmu.access_many(fetches, "fetch")
    assert mmu.stats.l1_misses == reuse.misses(8)[8]


def test_large_pages_are_counted_as_such() -> None:
    chunk = next(front_of_sample())
    small, large = (touched(iter([chunk]), size) for size in (4096, 1 << 21))
    assert np.array_equal(np.unique(small >> 9), large)
    machine = mapped(large, 1 << 21)
    mmu = make_mmu(machine.ram)
    mmu.load(machine.cpu)
    assert mmu.access(int(chunk.addresses[0]), "fetch").page_size == 1 << 21
