"""What a CPU caches of its page tables: arrays of translations in two levels, and walk caches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from pyemu.hw.bits import PAGE_SHIFT, Kind, level_shift
from pyemu.hw.ref.sets import FifoSet, Key, LruSet, PlruSet, RandomSet, Set, Xorshift, all_states
from pyemu.hw.ref.steps import Step
from pyemu.hw.tlb import ArraySnapshot, TlbArray, TlbEntry, WalkCache, WalkEntry

GLOBAL = -1
"""Where a key names the address space, global entries have this."""


class Array:
    """Sets of ways. An entry lies in the set that the first number of its key chooses."""

    def __init__(self, shape: TlbArray | WalkCache, seed: int) -> None:
        self.shape = shape
        self.seed = seed
        self.clear()

    def clear(self) -> None:
        """Forget all, what the policy remembers too."""
        self.random = Xorshift(self.seed)
        policies: dict[str, Callable[[int], Set]] = {
            "fifo": FifoSet,
            "lru": LruSet,
            "plru": PlruSet,
            "random": partial(RandomSet, random=self.random),
        }
        self.new_set = policies[self.shape.policy]
        self.sets: dict[int, Set] = {}  # those that were ever used

    def set_of(self, key: Key) -> Set:
        """Return the set in which an entry with this key lies."""
        number = key[0] % self.shape.sets
        if number not in self.sets:
            self.sets[number] = self.new_set(self.shape.ways)
        return self.sets[number]

    def find(self, key: Key) -> Any:
        """Return the entry under `key`, or None."""
        return self.set_of(key).find(key)

    def touch(self, key: Key) -> None:
        """Note a use of the entry under `key`."""
        self.set_of(key).touch(key)

    def insert(self, key: Key, entry: Any) -> None:
        """Put an entry under `key`, in place of the one that is there."""
        ways = self.set_of(key)
        ways.remove(key)
        ways.insert(key, entry)

    def remove(self, key: Key) -> None:
        """Forget the entry under `key`, if it is there."""
        self.set_of(key).remove(key)

    def discard(self, doomed: Callable[[Any], bool]) -> None:
        """Forget all entries that are `doomed`; what the policy remembers stays."""
        for ways in self.sets.values():
            for key, entry in ways.items():
                if doomed(entry):
                    ways.remove(key)

    def snapshot(self) -> ArraySnapshot:
        """Return all entries and what the policy remembers."""
        empty = self.new_set(self.shape.ways)
        sets = [self.sets.get(number, empty) for number in range(self.shape.sets)]
        held = tuple(tuple(entry for _, entry in ways.items()) for ways in sets)
        state = (self.random.x,) if self.shape.policy == "random" else all_states(sets)
        return ArraySnapshot(held, state)


class Hit(NamedTuple):
    """An entry and where it was found."""

    array: Array
    key: Key
    entry: TlbEntry


def cut(entry: TlbEntry, va: int, size: int) -> TlbEntry:
    """Return the piece of `size` bytes around `va` of a translation that covers more."""
    if size == entry.size:
        return entry
    vpn = (va & -size) >> PAGE_SHIFT
    return entry._replace(vpn=vpn, pfn=entry.pfn + vpn - entry.vpn, size=size)


class Arrays:
    """Several arrays of one sort."""

    def __init__(self, shapes: Sequence[TlbArray | WalkCache], seeds: Sequence[int]) -> None:
        self.arrays = [Array(shape, seed) for shape, seed in zip(shapes, seeds, strict=True)]

    def clear(self) -> None:
        """Forget all, what the policies remember too."""
        for array in self.arrays:
            array.clear()

    def discard(self, doomed: Callable[[Any], bool]) -> None:
        """Forget all entries that are `doomed`."""
        for array in self.arrays:
            array.discard(doomed)

    def snapshot(self) -> tuple[ArraySnapshot, ...]:
        """Return what each array holds."""
        return tuple(array.snapshot() for array in self.arrays)


class Level(Arrays):
    """The arrays of one level. Addresses come without their unused high bits."""

    def __init__(self, shapes: Sequence[TlbArray], seeds: Sequence[int]) -> None:
        super().__init__(shapes, seeds)
        self.serving = {
            int(kind): [
                (array, shape.sizes)
                for array, shape in zip(self.arrays, shapes, strict=True)
                if shape.serves_class(kind is Kind.FETCH)
            ]
            for kind in Kind
        }

    def find(self, va: int, kind: int, asid: int, permits: Callable[[int], bool]) -> Hit | None:
        """Find an entry that permits the access.

        One that doesn't is no hit, because it may be stale: the tables decide, and it is forgotten. So
        a kernel needs no flush after it has granted rights.
        """
        for array, sizes in self.serving[kind]:
            for size in sizes:
                for space in (asid, GLOBAL):
                    key = (va // size, size, space)
                    entry = array.find(key)
                    if entry is None:
                        continue
                    if permits(entry.flags):
                        array.touch(key)
                        return Hit(array, key, entry)
                    array.remove(key)
        return None

    def insert(self, entry: TlbEntry, va: int, kind: int) -> None:
        """Keep the largest piece around `va` that an array can hold; none, if there is no such array."""
        serving = self.serving[kind]
        held = [size for _, sizes in serving for size in sizes if size <= entry.size]
        if not held:
            return
        size = max(held)
        array = next(array for array, sizes in serving if size in sizes)
        piece = cut(entry, va, size)
        array.insert((va // size, size, GLOBAL if entry.is_global else entry.asid), piece)


class WalkCaches(Arrays):
    """The walk caches of one CPU: at most one for each upper level of tables."""

    def __init__(self, shapes: Sequence[WalkCache], seeds: Sequence[int]) -> None:
        super().__init__(shapes, seeds)
        self.by_level = {shape.level: array for shape, array in zip(shapes, self.arrays, strict=True)}

    def find(self, va: int, asid: int) -> Step | None:
        """Find out how far down a walk can start: the lowest level wins."""
        for level in sorted(self.by_level):
            key = (va >> level_shift(level), asid)
            entry: WalkEntry | None = self.by_level[level].find(key)
            if entry is not None:
                self.by_level[level].touch(key)
                return Step(level - 1, entry.table, entry.flags)
        return None

    def insert(self, steps: Sequence[Step], va: int, asid: int) -> None:
        """Keep what a walk has read of the upper tables."""
        for step in steps:
            level = step.level + 1  # of the entry that led to this step
            if level in self.by_level:
                prefix = va >> level_shift(level)
                self.by_level[level].insert((prefix, asid), WalkEntry(prefix, step.table, step.flags, asid))

    def remove(self, va: int, asid: int) -> None:
        """Forget what a walk for `va` would use."""
        for level, array in self.by_level.items():
            array.remove((va >> level_shift(level), asid))
