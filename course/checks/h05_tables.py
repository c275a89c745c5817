"""Page tables, addresses and kinds of access for the walk of H5, and what the processor makes of them."""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from course.compiled.tables import N_FRAMES, ROOT, random_tables
from pyemu.hw import Registers, x86

__all__ = ["Batch", "batch", "moved", "outside", "swapped_out"]

_RAM = N_FRAMES * x86.PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Batch:
    """One call of a walk.

    Attributes
    ----------
    ram : bytes
        The page tables.
    vas : tuple of int
        Virtual addresses.
    writes : tuple of int
        1 where the access is a write.
    """

    ram: bytes
    vas: tuple[int, ...]
    writes: tuple[int, ...]

    def job(self) -> dict[str, Any]:
        """Give it as `course.checks.h05_worker` reads it."""
        return {
            "ram": self.ram.hex(),
            "root": ROOT,
            "vas": array("Q", self.vas).tobytes().hex(),
            "writes": bytes(self.writes).hex(),
        }

    def expected(self) -> tuple[int, tuple[int, ...], array[int]]:
        """Ask the processor: accesses before the first fault, their physical addresses, and the tables."""
        return _expected(self)


@lru_cache(maxsize=64)
def _expected(given: Batch) -> tuple[int, tuple[int, ...], array[int]]:
    cpu = Registers(cr0=x86.CR0_WP, cr3=ROOT, cr4=x86.CR4_PAE, efer=x86.EFER_NXE, cpl=3)
    kinds = ["write" if one else "read" for one in given.writes]
    found = x86.access_many(bytearray(given.ram), cpu, given.vas, kinds, twin="ref")
    n_done = next((n for n, status in enumerate(found.status) if status), len(given.vas))
    ram = bytearray(given.ram)  # with the access that faults, which may set A on its way, and none after it
    x86.access_many(ram, cpu, given.vas[: n_done + 1], kinds[: n_done + 1], twin="ref")
    return n_done, tuple(found.pa[:n_done]), array("Q", bytes(ram))


def batch(seed: int, n: int, *, faults: bool = False) -> Batch:
    """Make page tables in which every page may be written, and accesses."""
    tables = random_tables(seed, n, faults=faults)
    choice = random.Random(f"writes {seed}")
    return Batch(tables.ram.tobytes(), tuple(tables.vas), tuple(int(choice.random() < 0.3) for _ in range(n)))


def moved(given: Batch) -> Batch:
    """Give the same accesses, and every page in another frame."""
    entries = array("Q", given.ram)
    for n, entry in enumerate(entries):
        if entry & x86.P and entry & 0xFFFFFFFFFF000 >= _RAM:
            entries[n] = entry ^ 0x5A000
    return replace(given, ram=entries.tobytes())


def outside(given: Batch, *, next_entry: bool = False) -> Batch:
    """Let one table of level 3 lie behind the RAM: that of an access in the second half.

    With `next_entry` the first access that comes there needs the first entry of that table, which is the
    first one behind the RAM.
    """
    entries = array("Q", given.ram)
    first = given.vas[0] >> 39 & 511
    for n in range(len(given.vas) // 2, len(given.vas)):
        index = given.vas[n] >> 39 & 511
        if index != first:
            entries[ROOT // 8 + index] = _RAM | x86.P | x86.RW | x86.US
            break
    vas = list(given.vas)
    if next_entry:
        there = next(n for n, va in enumerate(vas) if va >> 39 & 511 == index)
        vas[there] &= ~(511 << 30)
    return replace(given, ram=entries.tobytes(), vas=tuple(vas))


def swapped_out(given: Batch) -> Batch:
    """Let the page that is needed last be absent, with an entry that says where it lies: not 0, without P."""
    entries = array("Q", given.ram)
    page = list(dict.fromkeys(va >> 12 for va in given.vas))[-1]
    place, table = 0, ROOT
    for shift in (27, 18, 9, 0):
        place = (table >> 3) + (page >> shift & 511)
        table = entries[place] & 0xFFFFFFFFFF000
    entries[place] &= ~x86.P
    return replace(given, ram=entries.tobytes())
