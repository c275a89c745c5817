"""What walks of all formats have in common: where one stands, and what it gives."""

from __future__ import annotations

from typing import NamedTuple

from pyemu.hw.tlb import TlbEntry


class Step(NamedTuple):
    """Where a walk stands: the table that it reads next, and what the levels above have given."""

    level: int
    """Of the table."""
    table: int
    """Its physical address."""
    flags: int
    """Rights (x86) or G (RISC-V) so far."""


class Walked(NamedTuple):
    """What a walk that succeeded gives."""

    entry: TlbEntry
    """The translation of the whole page."""
    steps: list[Step]
    """Where it stood after each upper entry that it read, from the top: what walk caches keep."""


def low_bits(va: int, va_bits: int) -> int:
    """Cut an address to the bits that are translated; the others only repeat the highest of them."""
    return va & (1 << va_bits) - 1


def physical(entry: TlbEntry, va: int) -> int:
    """Translate an address by an entry that covers it."""
    return (entry.pfn << 12) + va % entry.size
