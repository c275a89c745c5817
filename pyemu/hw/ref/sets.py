"""One set of a TLB: a few ways, and the policy that chooses which one a new entry takes.

The four policies differ in what they remember::

    LRU     who was used when: the order of use
    FIFO    who came when: the order of insertion
    PLRU    a tree of bits over the ways, each pointing away from the half used last
    random  nothing

A set finds an entry by its key. Entries of a PLRU or random set stay in their way; with LRU and FIFO
nobody could tell, so these sets are dictionaries in the order of age.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Protocol

Key = tuple[int, ...]
"""What an entry is found by: page number, page size and address space."""


class Set(Protocol):
    """What all sets do."""

    def find(self, key: Key) -> Any:
        """Return the entry under `key`, or None."""

    def touch(self, key: Key) -> None:
        """Note a use of the entry under `key`."""

    def insert(self, key: Key, entry: Any) -> None:
        """Put an entry under `key`, which isn't there; in a full set another one goes."""

    def remove(self, key: Key) -> None:
        """Forget the entry under `key`, if it is there."""

    def items(self) -> list[tuple[Key, Any]]:
        """Return keys and entries: the newest first, or by way."""

    def state(self) -> tuple[int, ...]:
        """Return what the set remembers beyond its entries."""


class FifoSet:
    """The oldest entry goes. The dictionary is in order of age, the oldest first."""

    def __init__(self, n_ways: int) -> None:
        self.n_ways = n_ways
        self.held: dict[Key, Any] = {}

    def find(self, key: Key) -> Any:
        """Return the entry under `key`, or None."""
        return self.held.get(key)

    def touch(self, key: Key) -> None:
        """Note a use: it doesn't count."""

    def insert(self, key: Key, entry: Any) -> None:
        """Put an entry as the newest one."""
        if len(self.held) == self.n_ways:
            del self.held[next(iter(self.held))]
        self.held[key] = entry

    def remove(self, key: Key) -> None:
        """Forget the entry under `key`, if it is there."""
        self.held.pop(key, None)

    def items(self) -> list[tuple[Key, Any]]:
        """Return keys and entries, the newest first."""
        return list(reversed(self.held.items()))

    def state(self) -> tuple[int, ...]:
        """Return nothing: all is in the order."""
        return ()


class LruSet(FifoSet):
    """The least recently used entry goes: an entry that is used becomes the newest one."""

    def touch(self, key: Key) -> None:
        """Make the entry the most recently used one."""
        self.held[key] = self.held.pop(key)


class NumberedSet(ABC):
    """A set whose ways have numbers: an entry takes the lowest empty way, else that of a victim."""

    def __init__(self, n_ways: int) -> None:
        self.n_ways = n_ways
        self.ways: list[Key | None] = []  # up to the highest way ever used
        self.held: dict[Key, Any] = {}

    def find(self, key: Key) -> Any:
        """Return the entry under `key`, or None."""
        return self.held.get(key)

    def touch(self, key: Key) -> None:
        """Note a use of the entry under `key`."""
        self.used(self.ways.index(key))

    def insert(self, key: Key, entry: Any) -> None:
        """Put an entry into the lowest empty way, or into the victim's."""
        if len(self.held) < len(self.ways):
            way = self.ways.index(None)
        elif len(self.ways) < self.n_ways:
            way = len(self.ways)
            self.ways.append(None)
        else:
            way = self.victim()
            victim = self.ways[way]
            if victim is not None:
                del self.held[victim]
        self.ways[way] = key
        self.held[key] = entry
        self.used(way)

    def remove(self, key: Key) -> None:
        """Forget the entry under `key`, if it is there."""
        if self.held.pop(key, None) is not None:
            self.ways[self.ways.index(key)] = None

    def items(self) -> list[tuple[Key, Any]]:
        """Return keys and entries in the order of ways."""
        return [(key, self.held[key]) for key in self.ways if key is not None]

    @abstractmethod
    def used(self, way: int) -> None:
        """Note that a way was used or filled."""

    @abstractmethod
    def victim(self) -> int:
        """Choose the way that is given up in a full set."""


class PlruSet(NumberedSet):
    """Tree-PLRU: each node of a binary tree over the ways has a bit that points to the half to give up.

    The node over the ways ``lo..hi-1`` splits them at ``mid = (lo + hi + 1) // 2``, and its bit is number
    `mid` of `bits`; so every number from 1 to n - 1 names one node. With six ways::

                       mid 3
               mid 2           mid 5
          mid 1     w2    mid 4     w5
         w0   w1         w3   w4
    """

    def __init__(self, n_ways: int) -> None:
        super().__init__(n_ways)
        self.bits = 0  # bit set: the right half is given up next

    def used(self, way: int) -> None:
        """Let every node on the way down point to the other half."""
        lo, hi = 0, self.n_ways
        while hi - lo > 1:
            mid = (lo + hi + 1) // 2
            if way < mid:
                self.bits |= 1 << mid
                hi = mid
            else:
                self.bits &= ~(1 << mid)
                lo = mid

    def victim(self) -> int:
        """Follow the bits."""
        lo, hi = 0, self.n_ways
        while hi - lo > 1:
            mid = (lo + hi + 1) // 2
            if self.bits >> mid & 1:
                lo = mid
            else:
                hi = mid
        return lo

    def state(self) -> tuple[int, ...]:
        """Return the bits of the tree."""
        return (self.bits,)


class Xorshift:
    """The generator of an array with the random policy: xorshift64, seeded through splitmix64.

    References
    ----------
    G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003); G. Steele, D. Lea,
    C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """

    MASK = (1 << 64) - 1

    def __init__(self, seed: int) -> None:
        z = (seed + 0x9E37_79B9_7F4A_7C15) & self.MASK
        z = (z ^ z >> 30) * 0xBF58_476D_1CE4_E5B9 & self.MASK
        z = (z ^ z >> 27) * 0x94D0_49BB_1331_11EB & self.MASK
        self.x = z ^ z >> 31 | 1

    def below(self, n: int) -> int:
        """Draw a number from 0 to ``n - 1``."""
        x = self.x
        x ^= x << 13 & self.MASK
        x ^= x >> 7
        x ^= x << 17 & self.MASK
        self.x = x
        return (x >> 32) * n >> 32


class RandomSet(NumberedSet):
    """A way drawn by the generator of the array goes."""

    def __init__(self, n_ways: int, random: Xorshift) -> None:
        super().__init__(n_ways)
        self.random = random

    def used(self, way: int) -> None:
        """Note a use: it doesn't count."""

    def victim(self) -> int:
        """Draw a way."""
        return self.random.below(self.n_ways)

    def state(self) -> tuple[int, ...]:
        """Return nothing: the generator belongs to the array."""
        return ()


def all_states(sets: Iterable[Set]) -> tuple[int, ...]:
    """Join what the sets remember."""
    return tuple(number for one in sets for number in one.state())
