"""The curves of a trace: misses by TLB size, working sets, first accesses over time and address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from course.trace.run import watched
from pyemu.errors import FaultlabError
from pyemu.hw import Kind
from pyemu.memtrace import Memtrace
from pyemu.memtrace.pages import far_apart, page_numbers
from pyemu.memtrace.reuse import Reuse

__all__ = ["Curves", "Heat", "measure"]

Ints: TypeAlias = NDArray[np.int64]

MAX_ENTRIES = 1 << 16
N_COLUMNS = 72
"""Pieces that time is cut into."""
N_ROWS = 24
"""Pieces that the addresses are cut into, about."""


@dataclass(frozen=True, slots=True)
class Heat:
    """Where and when pages were accessed for the first time."""

    starts: list[int]
    """The first address of each row."""
    counts: Ints
    """Pages: int64, shape (n_rows, n_columns)."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What was measured."""

    page_size: int
    reuses: dict[str, Reuse]
    """Of all accesses, of fetches, of reads and writes."""

    @property
    def whole(self) -> Reuse:
        """Of all accesses."""
        return self.reuses["all"]

    @property
    def entries(self) -> list[int]:
        """Sizes of TLBs, up to one in which every page fits: powers of two."""
        largest = min(max(self.whole.n_pages - 1, 1), MAX_ENTRIES)
        return [1 << k for k in range(largest.bit_length() + 1)]

    def working_sets(self) -> Iterator[tuple[int, float]]:
        """Give tau and the average size of the working set, in pages, for powers of two."""
        n = self.whole.n.bit_length()
        yield from ((1 << k, float(pages)) for k, pages in enumerate(self.whole.working_sets(n)))

    def heat(self, n_columns: int = N_COLUMNS) -> Heat:
        """Count first accesses by piece of time and piece of address."""
        pages, times = self.whole.first_pages, self.whole.first_times
        starts = _rows(np.sort(pages), self.page_size)
        counts = np.zeros((len(starts), n_columns), np.int64)
        rows = np.searchsorted(starts, pages, side="right") - 1
        np.add.at(counts, (rows, times * n_columns // self.whole.n), 1)
        return Heat([int(start) * self.page_size for start in starts], counts)

    def as_json(self) -> dict[str, Any]:
        """Give everything as data."""
        whole = self.whole
        return {
            "page_size": self.page_size,
            "entries": self.entries,
            "misses": {
                name: [int(reuse.misses(n)[n]) for n in self.entries] for name, reuse in self.reuses.items()
            },
            "accesses": {name: reuse.n for name, reuse in self.reuses.items()},
            "working_set": [{"tau": tau, "pages": pages} for tau, pages in self.working_sets()],
            "window": whole.window,
            "windows": whole.windows.tolist(),
            "first": [
                {"va": page * self.page_size, "t": t}
                for page, t in zip(whole.first_pages.tolist(), whole.first_times.tolist(), strict=True)
            ],
        }


def measure(trace: Memtrace, page_size: int) -> Curves:
    """Read a trace once, and measure all curves.

    Parameters
    ----------
    trace : Memtrace
        Of any length.
    page_size : int
        Bytes of a page, a power of two.

    Raises
    ------
    FaultlabError
        It holds no access.
    """
    if not trace.totals.n:
        raise FaultlabError(f"{trace.path} holds no access, so it has no curves.")
    window = -(-trace.totals.n // N_COLUMNS)
    reuses = {name: Reuse(window) for name in ("all", "fetches", "reads and writes")}
    everything, fetches, data = reuses.values()
    for chunk in watched(trace, "measure"):
        pages = page_numbers(chunk, page_size)
        fetched = chunk.kinds == Kind.FETCH
        everything.add(pages)
        fetches.add(pages[fetched])
        data.add(pages[~fetched])
    return Curves(page_size, reuses)


def _rows(pages: Ints, page_size: int) -> Ints:
    """Cut the pages that were touched into rows: none holds two regions, and each has about as many pages."""
    most = -(-len(pages) // N_ROWS)
    new = np.concatenate(([True], far_apart(pages, page_size)))
    first = np.maximum.accumulate(np.where(new, np.arange(len(pages)), 0))
    starts: Ints = pages[(np.arange(len(pages)) - first) % most == 0]
    return starts
