"""Bits of RISC-V paging under the names of the privileged specification.

An entry of a page table is 64 bits, and the same layout serves all levels of Sv39 and Sv48::

    63     54 53                          10 9   8 7  6  5  4  3  2  1  0
    must be 0|   number of a frame           | RSW |D |A |G |U |X |W |R |V
             |   or of the next table        |

An entry with R or X is a leaf; one with neither points to the next table.

References
----------
The RISC-V Instruction Set Manual, volume II: Privileged Architecture, version 20211203 (1.12), chapter 4.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "PPN",
    "PPN_SHIFT",
    "RESERVED",
    "SV39",
    "SV48",
    "A",
    "D",
    "G",
    "R",
    "U",
    "V",
    "W",
    "X",
    "entry_of",
    "frame_address",
    "satp",
]

V: Final = 1 << 0  # valid: without it nothing else in the entry is looked at
R: Final = 1 << 1
W: Final = 1 << 2
X: Final = 1 << 3
U: Final = 1 << 4  # a page of user mode
G: Final = 1 << 5  # in every address space; in an entry above, it holds for all that lies below
A: Final = 1 << 6
D: Final = 1 << 7
PPN_SHIFT: Final = 10
PPN: Final = ((1 << 44) - 1) << PPN_SHIFT
RESERVED: Final = -(1 << 54) & (1 << 64) - 1  # of extensions that aren't modelled: Svnapot, Svpbmt

# Modes of satp.
SV39: Final = 8
SV48: Final = 9


def frame_address(entry: int) -> int:
    """Return the physical address that an entry points to."""
    return (entry & PPN) >> PPN_SHIFT << 12


def entry_of(pa: int, flags: int) -> int:
    """Make the entry that points to the physical address `pa` and has the bits `flags`.

    Examples
    --------
    >>> hex(entry_of(0x8000_0000, V | R))
    '0x20000003'
    """
    return pa >> 12 << PPN_SHIFT | flags


def satp(root: int, mode: int = SV39, asid: int = 0) -> int:
    """Make the value of satp for the table at physical address `root`.

    Examples
    --------
    >>> hex(satp(0x8000_0000, SV48, asid=7))
    '0x9000700000080000'
    """
    return mode << 60 | asid << 44 | root >> 12
