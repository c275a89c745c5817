"""All that a table maps, in ranges of equal pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from struct import iter_unpack

from course.walk.dump import Dump
from course.walk.walk import is_leaf
from pyemu.errors import FaultlabError
from pyemu.hw import x86

__all__ = ["Listing", "Range", "listing"]

MAX_TABLES = 1 << 20
"""A table that points to itself would never end."""


@dataclass(frozen=True, slots=True)
class Range:
    """Neighbouring pages with equal size and rights."""

    va: int
    end: int
    """Where the last one ends; 2**64 at most."""
    pa: int
    """Of the first page; the others may lie anywhere."""
    page_size: int
    user: bool
    """Whether user mode may use it: US is set at every level."""
    write: bool
    """Whether RW is set at every level."""
    execute: bool
    """Whether NX is clear at every level."""
    is_global: bool
    """Whether G is set in its leaf."""
    n_accessed: int
    """Pages with A."""
    n_dirty: int
    """Pages with D."""

    @property
    def n_pages(self) -> int:
        """How many pages it has."""
        return (self.end - self.va) // self.page_size

    @property
    def rights(self) -> str:
        """The rights in the manner of ``/proc/PID/maps``: u or s, r, w, x, and g."""
        return (
            ("u" if self.user else "s")
            + "r"
            + ("w" if self.write else "-")
            + ("x" if self.execute else "-")
            + ("g" if self.is_global else "-")
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """What a table maps."""

    ranges: list[Range]
    """By address."""
    n_tables: int
    """Tables that were read; one that is used twice counts twice."""
    missing: list[int]
    """Physical addresses of tables that the dump doesn't hold."""


def listing(dump: Dump, cpu: x86.Registers) -> Listing:
    """List all pages that a CPU's tables map.

    Parameters
    ----------
    dump : Dump
        Physical memory.
    cpu : Registers
        Says where the tables begin, and whether they have four levels or five.

    Raises
    ------
    FaultlabError
        There is no end: more than `MAX_TABLES` tables.
    """
    lister = _Lister(dump, cpu.levels)
    ranges: list[Range] = []
    for page in lister.pages(cpu.root, cpu.levels, 0, x86.US | x86.RW):
        last = ranges[-1] if ranges else None
        if last is not None and last.end == page.va and _alike(last) == _alike(page):
            ranges[-1] = replace(
                last,
                end=page.end,
                n_accessed=last.n_accessed + page.n_accessed,
                n_dirty=last.n_dirty + page.n_dirty,
            )
        else:
            ranges.append(page)
    return Listing(ranges, lister.n_tables, lister.missing)


def _alike(one: Range) -> tuple[int, str]:
    return one.page_size, one.rights


class _Lister:
    """Goes through the tables of a dump."""

    def __init__(self, dump: Dump, levels: int) -> None:
        self.dump = dump
        self.levels = levels
        self.n_tables = 0
        self.missing: list[int] = []

    def pages(self, at: int, level: int, va: int, rights: int) -> Iterator[Range]:
        """Give the pages of a table and of those below it, each as a range of its own."""
        table = self.dump.page(at)
        if table is None:
            self.missing.append(at)
            return
        self.n_tables += 1
        if self.n_tables > MAX_TABLES:
            raise FaultlabError(
                f"the tables below this root have no end: more than {MAX_TABLES} were read. A table that "
                "points to itself looks like this, and so does memory that holds no table: check --cr3."
            )
        size = x86.page_size(level)
        for index, (entry,) in enumerate(iter_unpack("<Q", table)):
            if not entry & x86.P:
                continue
            start = va + index * size
            if level == self.levels and index >= x86.N_ENTRIES // 2:  # the sign, in all bits above
                start |= x86.MAX_U64 & -(size * x86.N_ENTRIES)
            # US and RW: each level has it. NX: any level has it.
            below = rights & entry & (x86.US | x86.RW) | (rights | entry) & x86.NX
            if is_leaf(entry, level):
                yield Range(
                    *(start, start + size, entry & x86.ADDRESS & -size, size),
                    user=bool(below & x86.US),
                    write=bool(below & x86.RW),
                    execute=not below & x86.NX,
                    is_global=bool(entry & x86.G),
                    n_accessed=int(bool(entry & x86.A)),
                    n_dirty=int(bool(entry & x86.D)),
                )
            else:
                yield from self.pages(entry & x86.ADDRESS, level - 1, start, below)
