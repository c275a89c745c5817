"""Records about translation lookaside buffers, shared by both twins.

The model has two levels, each a number of sets of a number of ways, with true LRU::

    access --> L1 dTLB --miss--> STLB --miss--> walk of the tables
                 hit               hit: copied      found: put into both
                                        into L1

The set of a page is its page number modulo the number of sets. An entry that leaves the STLB stays
in the L1. Pages of 2 MiB and 1 GiB are held as their 4 KiB pieces (processors may do that, and
INVLPG then drops all pieces).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from pyemu.hw import check


class HitLevel(IntEnum):
    """Where a translation was found."""

    L1 = 0
    STLB = 1
    WALK = 2


@dataclass(frozen=True, slots=True)
class TlbGeometry:
    """Sets and ways of the two levels; any numbers from 1, no powers of two needed."""

    l1_sets: int = 16
    l1_ways: int = 4
    stlb_sets: int = 128
    stlb_ways: int = 12

    def __post_init__(self) -> None:
        """Check every number against its range."""
        for name in ("l1_sets", "l1_ways", "stlb_sets", "stlb_ways"):
            high = 1 << 16 if name.endswith("sets") else 1 << 10
            check.integer(name, getattr(self, name), 1, high)


class TlbEntry(NamedTuple):
    """One 4 KiB translation as a TLB holds it; a plain tuple, so that it can be part of a key."""

    vpn: int
    """Virtual page number: the address without its low 12 bits."""
    pfn: int
    """Physical frame number."""
    flags: int
    """Rights of all levels together (entry bits RW and US: each level has it; NX: any level has it),
    and D if the leaf's dirty bit is known to be set."""
    page_size: int
    """Bytes of the page that the tables map: 4096, 2 MiB or 1 GiB."""


class TlbSnapshot(NamedTuple):
    """All entries: a tuple for each level, of a tuple for each set, most recently used entry first."""

    l1: tuple[tuple[TlbEntry, ...], ...]
    stlb: tuple[tuple[TlbEntry, ...], ...]


@dataclass(frozen=True, slots=True)
class TlbStats:
    """What an MMU counted since it was made or cleared.

    ``l1_hits + l1_misses`` is the number of accesses to canonical addresses;
    ``stlb_hits + stlb_misses == l1_misses``.
    """

    accesses: int
    """Accesses tried, those that faulted included."""
    l1_hits: int
    l1_misses: int
    stlb_hits: int
    stlb_misses: int
    walks: int
    """Walks because no level held a translation that permits the access."""
    d_walks: int
    """Walks that set D, because a write hit an entry whose D was clear."""
    faults: int


class TableRef(NamedTuple):
    """One read of a page table by a walk."""

    level: int
    """4 down to 1."""
    pa: int
    """Physical address of the entry."""


@dataclass(frozen=True, slots=True)
class Access:
    """One access that succeeded."""

    pa: int
    """Physical address."""
    page_size: int
    """Bytes of the page: 4096, 2 MiB or 1 GiB."""
    level: HitLevel = field(default=HitLevel.WALK)
    """Where the translation was found."""
