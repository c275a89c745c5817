"""Records about translation lookaside buffers, shared by both twins.

A **TLB array** is a number of sets of a number of ways, each way holding one translation. A TLB has
two levels of arrays, and **walk caches** (Intel: paging-structure caches) hold entries of the upper
tables, so that a walk can start further down::

    access --> L1 arrays --miss--> L2 arrays --miss--> walk caches --> walk of the rest of the tables
                hit                  hit: copied                        found: put into L2, then L1
                                          into L1

The set of a page is its page number modulo the number of sets. An entry that leaves L2 stays in L1.
A page that is larger than what the arrays hold is held in pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, NamedTuple

from pyemu.hw import check
from pyemu.hw.bits import MAX_U64

__all__ = [
    "Access",
    "ArraySnapshot",
    "HitLevel",
    "Policy",
    "Serves",
    "TableRef",
    "TlbArray",
    "TlbConfig",
    "TlbEntry",
    "TlbSnapshot",
    "TlbStats",
    "WalkCache",
    "WalkEntry",
]

Serves = Literal["all", "data", "fetch"]
"""Which accesses an array serves; data means reads and writes."""

Policy = Literal["lru", "plru", "fifo", "random"]
"""Which way a full set gives up: the least recently used one, the one at the end of a tree of bits that
point away from use (tree-PLRU), the oldest one, or one drawn at random."""

PAGE_SIZES = (1 << 12, 1 << 21, 1 << 30)
MAX_SETS, MAX_WAYS, MAX_PLRU_WAYS = 1 << 16, 1 << 12, 64
MAX_ARRAYS = 8  # of one level


class HitLevel(IntEnum):
    """Where a translation was found."""

    L1 = 0
    L2 = 1
    WALK = 2


# ------------------------------------------------------------------------------------------- configuration


@dataclass(frozen=True, slots=True)
class TlbArray:
    """One array of translations.

    Parameters
    ----------
    sets, ways : int
        Any numbers up to 65536 and 4096; no powers of two needed. One set: fully associative.
    sizes : tuple of int
        Page sizes that it holds, in bytes, ascending: 4096, 2 MiB, 1 GiB or several of them.
    serves : {"all", "data", "fetch"}
        Which accesses it serves.
    policy : {"lru", "plru", "fifo", "random"}
        Which entry goes when a set is full. A tree of bits has at most 64 ways.

    Raises
    ------
    BadValueError, BadTypeError
        A value is out of its range.
    """

    sets: int
    ways: int
    sizes: tuple[int, ...] = (4096,)
    serves: Serves = "all"
    policy: Policy = "lru"

    def __post_init__(self) -> None:
        """Check every value against its range."""
        _check_shape(self)
        _tuple_of("sizes", self.sizes, int, "page sizes in bytes")
        if not self.sizes or [size for size in PAGE_SIZES if size in self.sizes] != list(self.sizes):
            raise check.BadValueError(
                f"sizes is {self.sizes}; it must name one or more of {PAGE_SIZES}, in ascending order"
            )
        check.one_of("serves", self.serves, ("all", "data", "fetch"))

    def serves_class(self, fetch: bool) -> bool:
        """Tell whether it serves fetches, or else reads and writes."""
        return self.serves in ("all", "fetch" if fetch else "data")


@dataclass(frozen=True, slots=True)
class WalkCache:
    """A cache of table entries of one upper level: what they point to, and the rights down to there.

    Parameters
    ----------
    level : int
        Of the entries that it holds: 2 (x86: PDE), 3 (PDPTE), 4 (PML4E) or 5 (PML5E).
    sets, ways, policy
        As for `TlbArray`.

    References
    ----------
    Intel SDM volume 3A, section 4.10.3 "Paging-Structure Caches".
    """

    level: int
    sets: int
    ways: int
    policy: Policy = "lru"

    def __post_init__(self) -> None:
        """Check every value against its range."""
        check.integer("level", self.level, 2, 5)
        _check_shape(self)


@dataclass(frozen=True, slots=True)
class TlbConfig:
    """The arrays of one CPU.

    Parameters
    ----------
    l1 : tuple of TlbArray
        First level; at least one array for data and one for fetches, which may be the same.
    l2 : tuple of TlbArray
        Second level; may be empty, or not serve all accesses.
    walk_caches : tuple of WalkCache
        At most one for each level of tables.
    seed : int
        Of the random policy, 0 to 2**64 - 1.

    Raises
    ------
    BadValueError, BadTypeError
        An access would be served by no array of the first level, two walk caches have one level, or a
        value is of the wrong type.

    Examples
    --------
    >>> TlbConfig((TlbArray(16, 4, serves="data"), TlbArray(8, 8, serves="fetch"))).l2
    ()
    """

    l1: tuple[TlbArray, ...]
    l2: tuple[TlbArray, ...] = ()
    walk_caches: tuple[WalkCache, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        _tuple_of("l1", self.l1, TlbArray, "TlbArray")
        _tuple_of("l2", self.l2, TlbArray, "TlbArray")
        _tuple_of("walk_caches", self.walk_caches, WalkCache, "WalkCache")
        check.integer("seed", self.seed, 0, MAX_U64)
        for name in ("l1", "l2"):
            if len(getattr(self, name)) > MAX_ARRAYS:
                raise check.BadValueError(
                    f"{name} has {len(getattr(self, name))} arrays; a level has at most {MAX_ARRAYS}"
                )
        for fetch, name in ((False, "data"), (True, "fetch")):
            if not any(array.serves_class(fetch) for array in self.l1):
                raise check.BadValueError(
                    f"no array of l1 serves {name}; give one with serves={name!r} or serves='all'"
                )
        levels = [cache.level for cache in self.walk_caches]
        if len(set(levels)) < len(levels):
            raise check.BadValueError(
                f"walk_caches have the levels {levels}; give at most one for each level of tables"
            )

    @classmethod
    def two_level(
        cls, l1_sets: int = 16, l1_ways: int = 4, l2_sets: int = 128, l2_ways: int = 12
    ) -> TlbConfig:
        """Make the plain one: two unified arrays of 4 KiB pieces with true LRU, and no walk caches."""
        return cls((TlbArray(l1_sets, l1_ways),), (TlbArray(l2_sets, l2_ways),))


def _check_shape(array: TlbArray | WalkCache) -> None:
    """Check what arrays of translations and walk caches have in common."""
    check.integer("sets", array.sets, 1, MAX_SETS)
    check.integer("ways", array.ways, 1, MAX_WAYS)
    check.one_of("policy", array.policy, ("lru", "plru", "fifo", "random"))
    if array.policy == "plru" and array.ways > MAX_PLRU_WAYS:
        raise check.BadValueError(
            f"ways is {array.ways} with policy 'plru'; a tree of bits has at most {MAX_PLRU_WAYS} ways: "
            "use another policy"
        )


def _tuple_of(name: str, value: Any, kind: type, what: str) -> None:
    """Refuse what is no tuple of a type."""
    if not isinstance(value, tuple) or not all(isinstance(one, kind) for one in value):
        raise check.BadTypeError(f"{name} is {value!r}; it must be a tuple of {what}")


# ------------------------------------------------------------------------------------------- contents


class TlbEntry(NamedTuple):
    """One translation as an array holds it; a plain tuple, so that it can be part of a key."""

    vpn: int
    """Virtual page number of the first 4 KiB held: of the low bits of the address (48, 57 or 39)."""
    pfn: int
    """Physical frame number of the first 4 KiB held."""
    flags: int
    """Rights of all levels together, in the format's own bits, and D if the leaf's dirty bit is known
    to be set. x86: RW and US (each level has it), NX (any level has it). RISC-V: R, W, X, U."""
    page_size: int
    """Bytes of the page that the tables map."""
    size: int
    """Bytes that this entry covers, from 4096 up to `page_size`."""
    asid: int
    """The address space that it belongs to (x86: PCID); 0 if it is global."""
    is_global: bool
    """Whether it serves every address space."""


class WalkEntry(NamedTuple):
    """One table entry as a walk cache holds it."""

    prefix: int
    """Bits of the address that lead to the entry: its low bits without those that lower levels use."""
    table: int
    """Physical address of the next table."""
    flags: int
    """What the levels down to here give. x86: RW, US, NX. RISC-V: G if one of them is global."""
    asid: int


class ArraySnapshot(NamedTuple):
    """What one array or walk cache holds."""

    sets: tuple[tuple[Any, ...], ...]
    """For each set its entries. LRU: the most recently used first; FIFO: the newest first; else by the
    number of their way."""
    state: tuple[int, ...]
    """What the policy remembers. PLRU: the bits of each set; random: the state of the generator."""

    @property
    def entries(self) -> Iterator[Any]:
        """All entries, set by set."""
        return (entry for ways in self.sets for entry in ways)


class TlbSnapshot(NamedTuple):
    """Everything that an MMU has cached, array by array as configured."""

    l1: tuple[ArraySnapshot, ...]
    l2: tuple[ArraySnapshot, ...]
    walk_caches: tuple[ArraySnapshot, ...]


# ------------------------------------------------------------------------------------------- accesses


@dataclass(frozen=True, slots=True)
class TlbStats:
    """What an MMU counted since it was made or cleared.

    ``l1_hits + l1_misses`` is the number of accesses to canonical addresses;
    ``l2_hits + l2_misses == l1_misses``, and ``walks == l2_misses``, also if no array of the second
    level serves an access.
    """

    accesses: int
    """Accesses tried, those that faulted included."""
    l1_hits: int
    l1_misses: int
    l2_hits: int
    l2_misses: int
    walks: int
    """Walks because no level held a translation that permits the access."""
    d_walks: int
    """Walks that set D, because a write hit an entry whose D was clear."""
    faults: int
    walk_refs: tuple[int, int, int, int, int]
    """Table entries read at level 1, 2, 3, 4, 5, by walks of both sorts."""
    walk_cache_hits: tuple[int, int, int, int]
    """Walks that a walk cache of level 2, 3, 4, 5 shortened."""
    flushes: int
    """Operations that dropped more than one address: register loads, INVPCID, SFENCE.VMA."""
    invalidations: int
    """Operations for one address: INVLPG, INVPCID, SFENCE.VMA."""


class TableRef(NamedTuple):
    """One read of a page table by a walk."""

    level: int
    """5 down to 1."""
    pa: int
    """Physical address of the entry."""


@dataclass(frozen=True, slots=True)
class Access:
    """One access that succeeded."""

    pa: int
    """Physical address."""
    page_size: int
    """Bytes of the page that the tables map."""
    level: HitLevel = HitLevel.WALK
    """Where the translation was found."""
    refs: int = 0
    """Table entries that were read for it."""
