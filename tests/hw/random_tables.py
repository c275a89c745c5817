"""Random page tables and accesses that meet every rule of the walk often.

A few tables per level are linked at random. Few indices of each are in use ("hot"), so that random
addresses reach leaves often, and every kind of entry is there: absent, read-only, supervisor, NX,
large, with reserved bits.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pyemu.hw import Registers, x86

N_TABLES = {4: 1, 3: 3, 2: 5, 1: 8}
FIRST_TABLE = 0x1000
TABLES_END = FIRST_TABLE + 0x1000 * sum(N_TABLES.values())
RAM_BYTES = 0x20000
FRAME_LIMIT = 1 << 36  # leaves point between the end of ram and here


def chance(rng: random.Random, percent: float) -> bool:
    return rng.random() * 100 < percent


@dataclass
class RandomTables:
    """Tables at `FIRST_TABLE`..`TABLES_END` of a ram of `RAM_BYTES`.

    `wild` also makes what an oracle on real memory can't follow: tables beyond ram, tables that
    serve at two levels, and leaves inside the tables.
    """

    rng: random.Random
    wild: bool = False

    def __post_init__(self) -> None:
        self.tables = {}
        pa = FIRST_TABLE
        for level, n in N_TABLES.items():
            self.tables[level] = [pa + 0x1000 * i for i in range(n)]
            pa += 0x1000 * n
        # The two highest level-4 slots stay free for the code of an oracle.
        self.hot = {level: self.rng.sample(range(510 if level == 4 else 512), 4) for level in N_TABLES}

    @property
    def root(self) -> int:
        return self.tables[4][0]

    def entry(self, level: int) -> int:
        """A random entry for a table of `level`."""
        rng = self.rng
        if chance(rng, 8):
            return rng.getrandbits(64) & ~x86.P  # absent: all else is ignored
        entry = x86.P | rng.getrandbits(64) & (
            x86.PWT | x86.PCD | x86.A | x86.D | x86.G | 0x7 << 9 | 0x7FF << 52
        )
        for bit, percent in ((x86.RW, 90), (x86.US, 90), (x86.NX, 7)):
            if chance(rng, percent):
                entry |= bit
        leaf = level == 1 or chance(rng, {4: 4, 3: 12, 2: 20}[level])
        if level == 1:
            entry |= rng.getrandbits(1) * x86.PAT_4K
        elif leaf:
            entry |= x86.PS
        if leaf and level < 4:
            pa = rng.randrange(RAM_BYTES, FRAME_LIMIT) & -0x1000
            if self.wild and chance(rng, 3):
                pa = rng.randrange(RAM_BYTES) & -0x1000
            if not chance(rng, 15):  # a misaligned large page has reserved bits set
                pa &= -x86.page_size(level)
                pa = pa or FRAME_LIMIT
            entry |= pa
            if level > 1 and chance(rng, 50):
                entry |= x86.PAT_LARGE
        elif leaf:  # there are no pages of 512 GiB
            entry |= rng.choice((0, 1 << 39, self.tables[3][0]))
        elif self.wild and chance(rng, 4):
            entry |= rng.choice((RAM_BYTES, FRAME_LIMIT, rng.choice(self.tables[rng.randint(1, 4)])))
        else:
            entry |= rng.choice(self.tables[max(level - 1, 1)])
        if chance(rng, 1):
            lowest = 36 if leaf or self.wild else 40  # not reserved, it would move a table out of ram
            entry |= 1 << rng.randrange(lowest, 52)  # reserved from maxphyaddr up
        return entry

    def fill(self, ram: bytearray) -> None:
        """Write random entries at the hot indices of all tables."""
        for level, tables in self.tables.items():
            for table in tables:
                for i in self.hot[level]:
                    x86.write_entry(ram, table + 8 * i, self.entry(level))

    def edit(self) -> tuple[int, int]:
        """A place in the tables and a new entry for it."""
        level = self.rng.choice((1, 1, 1, 2, 3))
        where = self.rng.choice(self.tables[level]) + 8 * self.rng.choice(self.hot[level])
        return where, self.entry(level)

    def address(self) -> int:
        """A random virtual address, mostly one that the tables know."""
        rng = self.rng
        va = rng.getrandbits(12)
        for level in N_TABLES:
            i = rng.choice(self.hot[level]) if chance(rng, 98) else rng.randrange(510)
            va |= i << x86.level_shift(level)
        if va >> 47:
            va |= 0xFFFF << 48
        if chance(rng, 2):
            va ^= 1 << rng.randrange(47, 64)  # not canonical
        return va

    def registers(self, **fixed: int) -> Registers:
        """Random paging state over these tables."""
        rng = self.rng
        cr4 = rng.getrandbits(1) * x86.CR4_SMEP | rng.getrandbits(1) * x86.CR4_SMAP
        values: dict[str, int] = {
            "cr0": x86.CR0_PG | x86.CR0_PE | (x86.CR0_WP if chance(rng, 70) else 0),
            "cr3": self.root | rng.getrandbits(2) << 3,  # PWT, PCD
            "cr4": x86.CR4_PAE | cr4,
            "efer": x86.EFER_LME | x86.EFER_LMA | (x86.EFER_NXE if chance(rng, 80) else 0),
            "cpl": rng.choice((0, 0, 3, 3, 3)),
            "ac": chance(rng, 30),
            "maxphyaddr": rng.choice((36, 40, 46, 52)),
        }
        return Registers(**(values | fixed))  # type: ignore[arg-type]  # ac is a bool

    def kind(self) -> int:
        return self.rng.choice((0, 0, 1, 1, 2))
