"""Records about anonymous memory, shared by both twins of `pyemu.hw.bulk`: areas, frames, what a run gave.

An **area** is a range of addresses and what it allows. A **frame** holds a page of a program, a page table,
the zero page or nothing; of pages, `Frames` counts who refers to them and how many entries map them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Any

from pyemu.hw import check
from pyemu.hw.bits import ADDRESS, PAGE_SHIFT, PAGE_SIZE, P
from pyemu.hw.ram import make_ram

__all__ = ["AnonArea", "BulkResult", "Frames", "Stop"]

USER_END = 1 << 47  # end of the user half of 48-bit addresses
MAX_FRAMES = 1 << 32


@dataclass(frozen=True, slots=True)
class AnonArea:
    """A private area of anonymous memory.

    Parameters
    ----------
    start, end : int
        First byte and first byte after it: multiples of 4096, in the lower half of the addresses.
    prot : {"rw", "r", "w", "none"}
        What a program may do. As on x86 Linux, "w" allows reading too.

    Raises
    ------
    BadValueError, BadTypeError
        A value is out of range.
    """

    start: int
    end: int
    prot: str = "rw"

    def __post_init__(self) -> None:
        """Check every value against its range."""
        check.integer("the start of an area", self.start, 0, USER_END - PAGE_SIZE)
        check.integer("the end of an area", self.end, self.start + PAGE_SIZE, USER_END)
        if self.start % PAGE_SIZE or self.end % PAGE_SIZE:
            raise check.BadValueError(
                f"an area from {self.start:#x} to {self.end:#x} cuts a page; give multiples of {PAGE_SIZE:#x}"
            )
        check.one_of("prot", self.prot, ("rw", "r", "w", "none"))

    @property
    def readable(self) -> bool:
        """Whether a program may read."""
        return self.prot != "none"

    @property
    def writable(self) -> bool:
        """Whether a program may write."""
        return "w" in self.prot


def in_order(areas: Iterable[AnonArea]) -> tuple[AnonArea, ...]:
    """Return areas by ascending address.

    Raises
    ------
    BadValueError, BadTypeError
        Two of them overlap, or something is no area.
    """
    found = tuple(areas)
    for one in found:
        if not isinstance(one, AnonArea):
            raise check.BadTypeError(f"areas holds {one!r}; each must be a pyemu.hw.bulk.AnonArea")
    found = tuple(sorted(found, key=lambda area: area.start))
    for lower, upper in pairwise(found):
        if lower.end > upper.start:
            raise check.BadValueError(
                f"the areas at {lower.start:#x} and {upper.start:#x} overlap; an address has one area at most"
            )
    return found


class Frames:
    """The page frames of emulated RAM: which are free, and who uses the others.

    A frame is taken from those that were given back, the last one first; else it is the next that was never
    used. So what a run allocates is known beforehand.

    Parameters
    ----------
    first : int
        The first frame that was never used. Those below hold the zero page, the top table and whatever
        else was put there.
    end : int
        First frame after the last one: at most what RAM holds.
    zero_pfn : int
        The frame of the zero page, below `first`. It holds zeros, and nobody counts who maps it.

    Attributes
    ----------
    next : int
        The next frame that was never used.
    free : list of int
        Frames that were given back; the last one goes first.
    refcount : memoryview of uint32, shape (end,)
        Who holds the page in a frame; 0 where no page is: the frame is free, a table or the zero page.
    mapcount : memoryview of uint32, shape (end,)
        Page-table entries that name it.

    Raises
    ------
    BadValueError, BadTypeError
        A number is out of range.

    Notes
    -----
    The counts take memory only where frames were used, as `make_ram` does.

    References
    ----------
    ``struct page``, Linux v5.7, include/linux/mm_types.h: ``_refcount`` and ``_mapcount``.
    """

    __slots__ = ("end", "free", "mapcount", "next", "refcount", "zero_pfn")

    def __init__(self, first: int, end: int, zero_pfn: int = 1) -> None:
        self.end = check.integer("end", end, 2, MAX_FRAMES)
        self.next = check.integer("first", first, 1, end)
        self.zero_pfn = check.integer("zero_pfn", zero_pfn, 0, first - 1)
        self.free: list[int] = []
        self.refcount = _counts(end)
        self.mapcount = _counts(end)

    @property
    def n_left(self) -> int:
        """How many frames can still be taken."""
        return len(self.free) + self.end - self.next

    def take_frame(self, ram: Any) -> int:
        """Take a frame for a table and fill it with zeros; one must be left."""
        if self.free:
            pfn = self.free.pop()
        else:
            pfn = self.next
            self.next += 1
        ram[pfn << PAGE_SHIFT : pfn + 1 << PAGE_SHIFT] = bytes(PAGE_SIZE)
        return pfn

    def alloc_page(self, ram: Any) -> int:
        """Take a frame for a page: who asked holds the one reference to it."""
        pfn = self.take_frame(ram)
        self.refcount[pfn], self.mapcount[pfn] = 1, 0
        return pfn

    def counts(self, entry: int) -> bool:
        """Whether a page-table entry names a page whose users are counted."""
        pfn = (entry & ADDRESS) >> PAGE_SHIFT
        return bool(entry & P) and pfn < self.end and self.refcount[pfn] > 0

    def check(self, n_bytes: int) -> None:
        """Refuse frames that aren't inside `n_bytes` of RAM, and a list of free ones that can't be true.

        Raises
        ------
        BadValueError, BadTypeError
            What is wrong, and where.
        """
        if self.end << PAGE_SHIFT > n_bytes:
            raise check.BadValueError(
                f"frames end at {self.end:#x}, but ram has {n_bytes >> PAGE_SHIFT:#x}; give no more than that"
            )
        check.integer("frames.next", self.next, 1, self.end)
        for i, pfn in enumerate(self.free):
            check.integer(f"frames.free[{i}]", pfn, 0, self.next - 1)
            if self.refcount[pfn] or pfn == self.zero_pfn:
                raise check.BadValueError(f"frames.free[{i}] is {pfn:#x}, which is in use; free it first")
        if len(set(self.free)) < len(self.free):
            raise check.BadValueError("frames.free names a frame twice; each can be taken once")


def _counts(n: int) -> memoryview:
    """Make `n` counts that take memory only where they aren't 0."""
    n_bytes = -(-4 * n // PAGE_SIZE) * PAGE_SIZE
    return memoryview(make_ram(n_bytes)).cast("I")[:n]


class Stop(IntEnum):
    """Why a run ended before its last access."""

    NONE = 0
    """It didn't."""
    SEGV_MAPERR = 1
    """SIGSEGV: no area at the address."""
    SEGV_ACCERR = 2
    """SIGSEGV: the area forbids the access."""
    GENERAL_PROTECTION = 3
    """SIGSEGV: the address is not canonical."""
    OUT_OF_FRAMES = 4
    """Fewer frames are left than the fault needs; it has taken none."""
    FOREIGN = 5
    """The tables hold what isn't plain anonymous memory: a large page, an uncounted frame, a lost right."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What a run gave; counts are those of this run.

    Attributes
    ----------
    n, n_done : int
        Accesses in all, and made. The access at index `n_done` is the one that stopped the run.
    stop : Stop
        Why it ended early.
    pa : array of uint64, shape (n,)
        Physical addresses; those before `n_done` are valid.
    n_faults : int
        Page-fault exceptions, those included that ended in a signal: perf's ``page-faults``.
    n_zero_maps : int
        Missing pages that were read: the zero page is mapped.
    n_zero_fills : int
        Missing pages that were written: a fresh page of zeros.
    n_zero_copies : int
        Writes to the zero page: a fresh page of zeros takes its place.
    n_copies : int
        Writes to a page that others map too: a copy.
    n_reuses : int
        Writes to a page that nobody else maps any more: it becomes writable.
    n_tables : int
        Page tables that were made.
    """

    n: int
    n_done: int
    stop: Stop
    pa: Any
    n_faults: int
    n_zero_maps: int
    n_zero_fills: int
    n_zero_copies: int
    n_copies: int
    n_reuses: int
    n_tables: int

    @property
    def done(self) -> bool:
        """Whether every access has been made."""
        return self.n_done == self.n

    @property
    def min_flt(self) -> int:
        """Faults that were served; vmstat's ``pgfault`` grows by as many. None is major."""
        return self.n_zero_maps + self.n_zero_fills + self.n_zero_copies + self.n_copies + self.n_reuses

    @property
    def rss(self) -> int:
        """Pages by which the resident set has grown; the zero page isn't counted."""
        return self.n_zero_fills + self.n_zero_copies
