"""Bits of x86-64 paging under the names of the processor manuals.

An entry of a page table is 64 bits, and the same layout serves all levels::

    63 62        52 51                       12 11  9 8  7   6  5  4   3   2  1  0
    NX |  ignored  |  address of a frame       | avl |G |PS |D |A |PCD|PWT|US|RW|P
                      or of the next table            (PS: PAT at level 1)

A virtual address splits into table indices and an offset: four indices, or five with CR4.LA57::

    63       48 47    39 38    30 29    21 20    12 11      0
    sign of 47 | level 4| level 3| level 2| level 1| offset

    63       57 56    48 47    39 38    30 29    21 20    12 11      0
    sign of 56 | level 5| level 4| level 3| level 2| level 1| offset

Entry bits are plain ``int`` and no ``IntFlag``: the readable walk combines them four times an
access, and ``IntFlag`` arithmetic is some twenty times slower.

References
----------
Intel SDM volume 3A, chapter 4 "Paging"; AMD64 APM volume 2, chapter 5.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

__all__ = [
    "ADDRESS",
    "CR0_PE",
    "CR0_PG",
    "CR0_WP",
    "CR4_CET",
    "CR4_LA57",
    "CR4_PAE",
    "CR4_PCIDE",
    "CR4_PGE",
    "CR4_PKE",
    "CR4_PKS",
    "CR4_SMAP",
    "CR4_SMEP",
    "EFER_LMA",
    "EFER_LME",
    "EFER_NXE",
    "MAX_U64",
    "NX",
    "N_ENTRIES",
    "PAGE_SHIFT",
    "PAGE_SIZE",
    "PAT_4K",
    "PAT_LARGE",
    "PCD",
    "PS",
    "PWT",
    "RW",
    "US",
    "A",
    "D",
    "ErrorCode",
    "G",
    "Kind",
    "P",
    "is_canonical",
    "level_shift",
    "page_size",
]

# Entry bits.
P: Final = 1 << 0  # present: without it nothing else in the entry is looked at
RW: Final = 1 << 1  # writes allowed, if every level says so
US: Final = 1 << 2  # user mode allowed, if every level says so
PWT: Final = 1 << 3
PCD: Final = 1 << 4
A: Final = 1 << 5  # accessed: set by the walk
D: Final = 1 << 6  # dirty: set by the walk of a write, in the leaf
PS: Final = 1 << 7  # at level 3 and 2: this entry is the leaf of a 1 GiB or 2 MiB page
G: Final = 1 << 8
PAT_4K: Final = 1 << 7  # the place of PS holds PAT at level 1
PAT_LARGE: Final = 1 << 12
NX: Final = 1 << 63  # no instruction fetch, if any level says so

ADDRESS: Final = 0x000F_FFFF_FFFF_F000  # bits 51..12

# Control registers and EFER: the bits that a walk looks at, and those that put the CPU into long mode.
CR0_PE: Final = 1 << 0
CR0_WP: Final = 1 << 16  # supervisor writes obey RW too
CR0_PG: Final = 1 << 31
CR4_PAE: Final = 1 << 5
CR4_PGE: Final = 1 << 7
CR4_LA57: Final = 1 << 12
CR4_PCIDE: Final = 1 << 17
CR4_SMEP: Final = 1 << 20  # supervisor never fetches from user pages
CR4_SMAP: Final = 1 << 21  # supervisor never reads or writes user pages, unless EFLAGS.AC is set
CR4_PKE: Final = 1 << 22
CR4_CET: Final = 1 << 23
CR4_PKS: Final = 1 << 24
EFER_LME: Final = 1 << 8
EFER_LMA: Final = 1 << 10
EFER_NXE: Final = 1 << 11  # entry bit 63 means NX; without it the bit is reserved

PAGE_SHIFT: Final = 12
PAGE_SIZE: Final = 1 << PAGE_SHIFT
N_ENTRIES: Final = 512
MAX_U64: Final = (1 << 64) - 1


class Kind(IntEnum):
    """What an access does; arrays of kinds hold these numbers as ``uint8``."""

    READ = 0
    WRITE = 1
    FETCH = 2


class ErrorCode(IntFlag):
    """The error code that a page fault pushes; Linux calls the bits ``X86_PF_*``."""

    P = 1  # the page was present: the fault is about rights (or a reserved bit)
    W = 2
    U = 4  # the access came from CPL 3
    RSVD = 8  # a reserved bit was set in an entry
    I = 16  # noqa: E741  (the manual's letter) instruction fetch, told only with NXE or SMEP


def level_shift(level: int) -> int:
    """Return the position of the lowest address bit that the index of `level` (5..1) takes."""
    return PAGE_SHIFT + 9 * (level - 1)


def page_size(level: int) -> int:
    """Return how many bytes one entry of `level` maps: 4 KiB at 1, 2 MiB at 2, 1 GiB at 3."""
    return 1 << level_shift(level)


def is_canonical(va: int, va_bits: int = 48) -> bool:
    """Tell whether all bits of a virtual address from the highest of its `va_bits` up are equal.

    Examples
    --------
    >>> is_canonical(0x0000_7FFF_FFFF_FFFF), is_canonical(0x0000_8000_0000_0000)
    (True, False)
    >>> is_canonical(0x0000_8000_0000_0000, va_bits=57)
    True
    """
    half = 1 << va_bits - 1
    return va < half or va >= MAX_U64 + 1 - half
