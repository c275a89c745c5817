"""The page tables of exercise H1: pages of all sizes, drawn from the seed, a bit changed here and there."""

from __future__ import annotations

from collections.abc import Mapping

from course.checks.draw import Draw
from pyemu.hw import x86

__all__ = ["FULL", "ROOT", "Tables"]

ROOT = 0x1000
FULL = x86.P | x86.RW | x86.US
STEP = 37  # between the places of two pages in the top table: no two share a table below it


class Tables:
    """RAM that grows by the tables of each page.

    Parameters
    ----------
    draw : Draw
        Decides addresses, frames and places.

    Attributes
    ----------
    ram : bytearray
        The tables; the top one stands at `ROOT`.
    """

    def __init__(self, draw: Draw) -> None:
        number = draw("tables", range(1, 100_000))
        self._pick = Draw(str(number), draw.place)
        self.ram = bytearray(ROOT + x86.PAGE_SIZE)
        self._n_pages = 0

    def map(self, level: int = 1, change: Mapping[int, tuple[int, int]] | None = None) -> int:
        """Map a page at a place of its own, and give an address in it.

        Parameters
        ----------
        level : int
            1 for a page of 4 KiB, 2 for 2 MiB, 3 for 1 GiB.
        change : mapping of int to tuple of (int, int)
            By level: bits that are set and cleared in its entry. Entries grant everything else.

        Returns
        -------
        int
            A canonical address, anywhere in the page.
        """
        va, table = self.place(), ROOT
        for upper in range(4, level - 1, -1):
            set_bits, clear = (change or {}).get(upper, (0, 0))
            if upper == level:
                frame = self._number("frame", 1 << 40 - x86.level_shift(level)) << x86.level_shift(level)
                entry = frame | FULL | (x86.PS if level > 1 else 0)
            else:
                entry = len(self.ram) | FULL
                self.ram += bytes(x86.PAGE_SIZE)
            x86.write_entry(self.ram, x86.entry_address(table, va, upper), entry & ~clear | set_bits)
            table = entry & x86.ADDRESS
        return va

    def place(self) -> int:
        """Give an address that no page covers, and that no other call gives."""
        self._n_pages += 1
        top = (self._number("top", 512, once=True) + self._n_pages * STEP) % 512
        va = top << 39 | self._number("address", 1 << 39)
        return va if top < 256 else va | 0xFFFF << 48

    def entries(self, va: int) -> str:
        """Say the rights of the entries on the way to an address, from level 4 down."""
        words, table = [], ROOT
        for level in range(4, 0, -1):
            entry = x86.read_entry(self.ram, x86.entry_address(table, va, level))
            words.append(_letters(entry))
            if not entry & x86.P or (level < 4 and entry & x86.PS):
                break
            table = entry & x86.ADDRESS & (1 << 40) - 1
        return " ".join(words)

    def _number(self, what: str, below: int, *, once: bool = False) -> int:
        return self._pick(what if once else f"{what} {self._n_pages}", range(below))


def _letters(entry: int) -> str:
    """Give the letters of an entry's bits, a dash for each that is clear."""
    bits = (("P", x86.P), ("W", x86.RW), ("U", x86.US), ("N", x86.NX), ("S", x86.PS))
    return "".join(letter if entry & bit else "-" for letter, bit in bits)
