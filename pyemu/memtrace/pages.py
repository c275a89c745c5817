"""Which pages a trace touches, how often, and tables that map them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyemu.hw import Kind, Registers, x86
from pyemu.memtrace.files import Chunk

__all__ = ["Machine", "PageCounts", "Region", "far_apart", "mapped", "page_numbers", "touched"]

Ints: TypeAlias = NDArray[np.int64]

NEAR = 1 << 21
"""Pages nearer than this many bytes are of one region; it is what one table of 4 KiB pages maps."""


def page_numbers(chunk: Chunk, page_size: int = x86.PAGE_SIZE) -> Ints:
    """Give the page number of each access: int64, shape (n,).

    Parameters
    ----------
    chunk : Chunk
        Accesses.
    page_size : int
        Bytes of a page, a power of two.
    """
    shift = np.uint64(page_size.bit_length() - 1)
    return (chunk.addresses >> shift).view(np.int64)


class PageCounts:
    """Counts the accesses of each page.

    Parameters
    ----------
    page_size : int
        Bytes of a page, a power of two.

    Attributes
    ----------
    pages : array of int64, shape (n_pages,)
        Numbers of the pages that were touched, ascending.
    counts : array of int64, shape (n_pages, 3)
        Reads, writes and fetches of each.
    """

    def __init__(self, page_size: int = x86.PAGE_SIZE) -> None:
        self.page_size = page_size
        self.pages: Ints = np.empty(0, np.int64)
        self.counts: Ints = np.empty((0, len(Kind)), np.int64)

    def add(self, chunk: Chunk) -> None:
        """Count accesses."""
        keys, n = np.unique(page_numbers(chunk, self.page_size) << 2 | chunk.kinds, return_counts=True)
        pages = np.union1d(self.pages, keys >> 2)
        counts = np.zeros((len(pages), len(Kind)), np.int64)
        counts[np.searchsorted(pages, self.pages)] = self.counts
        counts[np.searchsorted(pages, keys >> 2), keys & 3] += n
        self.pages, self.counts = pages, counts

    def regions(self) -> list[Region]:
        """Group the pages by their neighbourhood, in the order of addresses."""
        far = np.flatnonzero(far_apart(self.pages, self.page_size)) + 1
        parts = zip(np.split(self.pages, far), np.split(self.counts, far), strict=True)
        return [
            Region(
                int(pages[0]) * self.page_size,
                int(pages[-1] + 1) * self.page_size,
                len(pages),
                *map(int, counts.sum(axis=0)),
            )
            for pages, counts in parts
            if len(pages)
        ]


def far_apart(pages: Ints, page_size: int) -> NDArray[np.bool_]:
    """Tell of ascending pages whether each two neighbours are of two regions: shape (n_pages - 1,)."""
    return np.diff(pages) >= max(NEAR // page_size, 2)


@dataclass(frozen=True, slots=True)
class Region:
    """Pages that lie near each other."""

    start: int
    """Address of the first page."""
    stop: int
    """Where the last one ends."""
    n_pages: int
    """Pages that were touched."""
    n_reads: int
    n_writes: int
    n_fetches: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Tables in RAM, and registers that use them."""

    ram: bytearray
    cpu: Registers
    n_tables: int


def mapped(pages: Ints, page_size: int = x86.PAGE_SIZE) -> Machine:
    """Make tables that map pages, for user mode to do everything with.

    The RAM holds the tables alone. The frames lie behind it, in the order of the pages: they can be
    translated to.

    Parameters
    ----------
    pages : array of int64, shape (n_pages,)
        Different page numbers.
    page_size : int
        4096, or 2 MiB for large pages.

    Raises
    ------
    BadValueError
        An address is not canonical.
    """
    level = 1 if page_size == x86.PAGE_SIZE else 2
    shifts = range(9, 9 * (5 - level), 9)  # the pages above, and how many tables they need
    n_tables = 1 + sum(len(np.unique(pages >> shift)) for shift in shifts)
    size = n_tables * x86.PAGE_SIZE
    ram = bytearray(size)
    free = iter(range(x86.PAGE_SIZE, size, x86.PAGE_SIZE))
    first = -(-size // page_size)
    for nth, page in enumerate(pages.tolist()):
        va = page * page_size % (x86.MAX_U64 + 1)
        x86.map_page(
            ram, 0, va, (first + nth) * page_size, x86.P | x86.RW | x86.US, free.__next__, level=level
        )
    cpu = Registers(cr0=x86.CR0_WP, cr3=0, cr4=x86.CR4_PAE, efer=x86.EFER_NXE, cpl=3)
    return Machine(ram, cpu, n_tables)


def touched(chunks: Iterator[Chunk], page_size: int = x86.PAGE_SIZE) -> Ints:
    """Give the numbers of the pages that a trace touches: int64, shape (n_pages,), ascending."""
    pages: Ints = np.empty(0, np.int64)
    for chunk in chunks:
        pages = np.union1d(pages, np.unique(page_numbers(chunk, page_size)))
    return pages
