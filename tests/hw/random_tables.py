"""Random page tables and accesses that meet every rule of the walk often.

A few tables per level are linked at random. Few indices of each are in use ("hot"), so that random
addresses reach leaves often, and every kind of entry is there: absent, read-only, supervisor, NX,
large, with reserved bits.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from pyemu.hw import Registers, riscv, x86

N_TABLES = {5: 1, 4: 3, 3: 3, 2: 5, 1: 8}
FIRST_TABLE = 0x1000
TABLES_END = FIRST_TABLE + 0x1000 * sum(N_TABLES.values())
RAM_BYTES = 0x20000
FRAME_LIMIT = 1 << 36  # leaves point between the end of ram and here


def chance(rng: random.Random, percent: float) -> bool:
    return rng.random() * 100 < percent


@dataclass
class RandomTables:
    """Tables of x86-64 at `FIRST_TABLE`..`TABLES_END` of a ram of `RAM_BYTES`.

    `wild` also makes what an oracle on real memory can't follow: tables beyond ram, tables that
    serve at two levels, and leaves inside the tables.
    """

    rng: random.Random
    wild: bool = False
    levels: int = 4

    BITS: ClassVar[tuple[int, ...]] = (0, 1, 2, 5, 6, 6, 8, 8, 8, 63)  # P, RW, US, A, D, G, NX

    GLOBAL_BIT: ClassVar[int] = 8

    def __post_init__(self) -> None:
        self.tables = {}
        pa = FIRST_TABLE
        for level in range(self.levels, 0, -1):
            n = 1 if level == self.levels else N_TABLES[level]
            self.tables[level] = [pa + 0x1000 * i for i in range(n)]
            pa += 0x1000 * n
        # The two highest slots of the top table stay free for the code of an oracle.
        self.hot = {
            level: self.rng.sample(range(510 if level == self.levels else 512), 4) for level in self.tables
        }

    @property
    def root(self) -> int:
        return self.tables[self.levels][0]

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
        leaf = level == 1 or chance(rng, {5: 3, 4: 6, 3: 12, 2: 20}[level])
        if level == 1:
            entry |= rng.getrandbits(1) * x86.PAT_4K
        elif leaf:
            entry |= x86.PS
        if leaf and level < 4:
            entry |= self.frame(level)
            if level > 1 and chance(rng, 50):
                entry |= x86.PAT_LARGE
        elif leaf:  # there are no pages of 512 GiB
            entry |= rng.choice((0, 1 << 39, self.tables[3][0]))
        else:
            entry |= self.next_table(level)
        if chance(rng, 1):
            lowest = 36 if leaf or self.wild else 40  # not reserved, it would move a table out of ram
            entry |= 1 << rng.randrange(lowest, 52)  # reserved from maxphyaddr up
        return entry

    def frame(self, level: int) -> int:
        """A random physical address for a leaf of `level`, sometimes misaligned."""
        rng = self.rng
        pa = rng.randrange(RAM_BYTES, FRAME_LIMIT) & -0x1000
        if self.wild and chance(rng, 3):
            pa = rng.randrange(RAM_BYTES) & -0x1000
        if not chance(rng, 15):
            pa &= -x86.page_size(level)
            pa = pa or max(FRAME_LIMIT, x86.page_size(level))
        return pa

    def next_table(self, level: int) -> int:
        """A random table for an entry of `level` to point to."""
        rng = self.rng
        if self.wild and chance(rng, 4):
            return rng.choice((RAM_BYTES, FRAME_LIMIT, rng.choice(self.tables[rng.randint(1, self.levels)])))
        return rng.choice(self.tables[max(level - 1, 1)])

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
        for level in self.tables:
            i = rng.choice(self.hot[level]) if chance(rng, 98) else rng.randrange(510)
            va |= i << x86.level_shift(level)
        sign = 11 + 9 * self.levels
        if va >> sign:
            va |= x86.MAX_U64 & -(1 << sign)
        if chance(rng, 2):
            va ^= 1 << rng.randrange(sign, 64)  # not canonical
        return va

    def registers(self, **fixed: int) -> Registers:
        """Random paging state over these tables, without PCIDs and global pages."""
        rng = self.rng
        cr4 = rng.getrandbits(1) * x86.CR4_SMEP | rng.getrandbits(1) * x86.CR4_SMAP
        values: dict[str, int] = {
            "cr0": x86.CR0_PG | x86.CR0_PE | (x86.CR0_WP if chance(rng, 70) else 0),
            "cr3": self.root | rng.getrandbits(2) << 3,  # PWT, PCD
            "cr4": x86.CR4_PAE | cr4 | (x86.CR4_LA57 if self.levels == 5 else 0),
            "efer": x86.EFER_LME | x86.EFER_LMA | (x86.EFER_NXE if chance(rng, 80) else 0),
            "cpl": rng.choice((0, 0, 3, 3, 3)),
            "ac": chance(rng, 30),
            "maxphyaddr": rng.choice((36, 40, 46, 52)),
        }
        return Registers(**(values | fixed))  # type: ignore[arg-type]  # ac is a bool

    def kind(self) -> int:
        return self.rng.choice((0, 0, 1, 1, 2))


@dataclass
class RiscvTables(RandomTables):
    """The same of RISC-V: Sv39 with 3 levels, Sv48 with 4."""

    levels: int = 3

    BITS: ClassVar[tuple[int, ...]] = (0, 1, 2, 3, 4, 5, 5, 5, 6, 7, 7)  # V, R, W, X, U, G, A, D
    GLOBAL_BIT: ClassVar[int] = 5
    POINTER: ClassVar[int] = riscv.A | riscv.D | riscv.U
    """Bits that must be 0 in an entry that points to a table."""

    def entry(self, level: int) -> int:
        """A random entry for a table of `level`."""
        rng = self.rng
        if chance(rng, 6):
            return rng.getrandbits(64) & ~riscv.V
        bits = riscv.V | rng.getrandbits(2) << 8 | (riscv.G if chance(rng, 8 if level > 1 else 20) else 0)
        if level > 1 and not chance(rng, {4: 12, 3: 12, 2: 20}[level]):
            pa = self.next_table(level)
            if chance(rng, 3):
                bits |= rng.getrandbits(8) & self.POINTER
        else:
            pa = self.frame(level)
            for bit, percent in (
                (riscv.R, 90),
                (riscv.W, 80),
                (riscv.X, 70),
                (riscv.U, 60),
                (riscv.A, 60),
                (riscv.D, 50),
            ):
                if chance(rng, percent):
                    bits |= bit
            if chance(rng, 5):
                pa |= rng.getrandbits(20) << 36  # up to 56 bits
        if chance(rng, 1):
            bits |= 1 << rng.randrange(54, 64)  # reserved
        return riscv.entry_of(pa, bits)

    def hart(self) -> riscv.Registers:
        """Random paging state over these tables."""
        rng = self.rng
        mode = riscv.SV39 if self.levels == 3 else riscv.SV48
        asid = rng.choice((0, 1, 2, 0xFFFF))
        priv, sum_, mxr, svade = rng.choice((0, 0, 1)), chance(rng, 50), chance(rng, 30), chance(rng, 20)
        return riscv.Registers(riscv.satp(self.root, mode, asid), priv, sum_, mxr, svade)
