"""Random page tables to walk through, and what the readable twin finds in them."""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass

from pyemu.hw import Registers, x86

__all__ = ["ROOT", "Tables", "random_tables"]

ROOT = 0x1000
N_FRAMES = 64
"""Of the RAM; page tables are all that is in it."""
_SPREAD = (4, 9, 12)  # bits of page numbers in a region: within one table, in two, in a few


@dataclass(frozen=True, slots=True)
class Tables:
    """Page tables and addresses.

    Attributes
    ----------
    ram : array of uint64, shape (n_entries,)
        RAM as entries: the one at physical address ``pa`` is ``ram[pa >> 3]``.
    root : int
        Physical address of the top table.
    vas : array of uint64, shape (n,)
        Canonical virtual addresses of both halves.
    """

    ram: array[int]
    root: int
    vas: array[int]

    def expected(self) -> tuple[array[int], int]:
        """Ask the readable twin.

        Returns
        -------
        tuple of (array of uint64, int)
            Physical addresses, and how many accesses come before the first fault.
        """
        cpu = Registers(cr0=x86.CR0_WP, cr3=self.root, cr4=x86.CR4_PAE, efer=x86.EFER_NXE, cpl=3)
        found = x86.access_many(bytearray(self.ram.tobytes()), cpu, self.vas, "read", twin="ref")
        n_before = next((n for n, status in enumerate(found.status) if status), len(self.vas))
        return array("Q", found.pa), n_before


def random_tables(seed: int, n: int, *, n_pages: int = 40, faults: bool = False) -> Tables:
    """Make page tables of four levels and addresses to walk to; the same seed gives the same.

    Parameters
    ----------
    seed : int
        Of the choice.
    n : int
        How many addresses.
    n_pages : int
        How many pages are mapped.
    faults : bool
        Whether the last third of the addresses may lie where no page is mapped.

    Returns
    -------
    Tables
        All rights are granted, so that a walk ends in an address or at an entry that isn't present.
    """
    choice = random.Random(seed)
    ram = bytearray(N_FRAMES * x86.PAGE_SIZE)
    tables = iter(range(ROOT + x86.PAGE_SIZE, len(ram), x86.PAGE_SIZE))
    regions = [choice.randrange(1 << 36) for _ in range(4)]
    pages = [_near(choice, regions) for _ in range(n_pages)]
    for page in dict.fromkeys(pages):
        bits = x86.P | x86.RW | x86.US | (x86.NX if choice.random() < 0.3 else 0)
        x86.map_page(ram, ROOT, page, choice.randrange(1 << 28) * x86.PAGE_SIZE, bits, tables.__next__)
    vas = array("Q", (choice.choice(pages) + choice.randrange(x86.PAGE_SIZE) for _ in range(n)))
    if faults:
        holes = [_near(choice, regions), _near(choice, [choice.randrange(1 << 36)])]
        for nth in range(2 * n // 3, n):
            if choice.random() < 0.1:
                vas[nth] = choice.choice(holes)
    return Tables(array("Q", bytes(ram)), ROOT, vas)


def _near(choice: random.Random, regions: list[int]) -> int:
    """Choose a page in one of some regions: its canonical address."""
    vpn = (choice.choice(regions) + choice.randrange(1 << choice.choice(_SPREAD))) % (1 << 36)
    return (vpn << 12) | (0xFFFF << 48 if vpn >> 35 else 0)
