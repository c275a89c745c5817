"""Reading and editing page tables in emulated RAM: what the model of a kernel does to them.

These functions are the kernel's side. They know the format, but no rights, no TLB and no faults;
after an edit that takes something away, the kernel must still invalidate (`Mmu.invlpg`).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from pyemu.hw import check
from pyemu.hw.bits import ADDRESS, MAX_U64, PS, RW, US, P, is_canonical, level_shift, page_size

_U64 = Struct("<Q")  # entries are little-endian on every host


def read_entry(ram: Any, pa: int) -> int:
    """Read the 64-bit entry at physical address `pa`; memory beyond `ram` reads as zeros."""
    if pa + 8 > len(ram):
        return 0
    entry: int = _U64.unpack_from(ram, pa)[0]
    return entry


def write_entry(ram: Any, pa: int, entry: int) -> None:
    """Store the 64-bit `entry` at physical address `pa`.

    Raises
    ------
    BadValueError
        The place isn't inside `ram`, or the entry is no 64-bit number.
    """
    check.integer("the entry", entry, 0, MAX_U64)
    if not 0 <= pa <= len(ram) - 8:
        raise check.BadValueError(
            f"an entry can't be stored at physical address {pa:#x}: ram ends at {len(ram):#x}"
        )
    _U64.pack_into(ram, pa, entry)


def set_bits(ram: Any, pa: int, bits: int) -> int:
    """Set `bits` in the present entry at `pa`, as a walk sets A and D, and return the entry."""
    entry: int = _U64.unpack_from(ram, pa)[0]
    if entry & bits != bits:
        entry |= bits
        _U64.pack_into(ram, pa, entry)
    return entry


def entry_address(table: int, va: int, level: int) -> int:
    """Return the physical address of the entry that `va` selects in the `table` of `level` (4..1)."""
    return table + ((va >> level_shift(level)) & 511) * 8


def leaf_address(ram: Any, root: int, va: int) -> int | None:
    """Find the level-1 entry of `va`.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
    root : int
        Physical address of the level-4 table.
    va : int
        Virtual address.

    Returns
    -------
    int or None
        Its physical address; None if a table above is missing, or a large page covers `va`.
    """
    table = root & ADDRESS
    for level in (4, 3, 2):
        entry = read_entry(ram, entry_address(table, va, level))
        if not entry & P or (level < 4 and entry & PS):
            return None
        table = entry & ADDRESS
    return entry_address(table, va, 1)


def map_page(
    ram: Any,
    root: int,
    va: int,
    pa: int,
    flags: int,
    alloc_table: Callable[[], int],
    *,
    level: int = 1,
    table_flags: int = P | RW | US,
) -> int:
    """Map one page, making the tables on the way down.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Emulated RAM, changed in place.
    root : int
        Physical address of the level-4 table.
    va, pa : int
        Where the page appears and where it lies; multiples of its size.
    flags : int
        Bits of the leaf entry (``P | RW | US | NX ...``). PS is added for large pages.
    alloc_table : callable
        Returns the physical address of a fresh page of zeros for a table.
    level : int
        1 for a page of 4 KiB, 2 for 2 MiB, 3 for 1 GiB.
    table_flags : int
        Bits of the entries of new tables on the way; by default the leaf alone decides.

    Returns
    -------
    int
        Physical address of the leaf entry.

    Raises
    ------
    BadValueError
        An address is out of range or misaligned, or a large page is in the way.
    """
    check.integer("the level", level, 1, 3)
    size = page_size(level)
    check.address(va, "va")
    check.integer("pa", pa, 0, ADDRESS)
    check.integer("flags", flags, 0, MAX_U64)
    if va % size or pa % size:
        raise check.BadValueError(f"va {va:#x} and pa {pa:#x} must be multiples of the page size {size:#x}")
    if not is_canonical(va):
        raise check.BadValueError(f"va {va:#x} is not canonical (bits 63..47 must be equal)")
    table = root & ADDRESS
    for upper in range(4, level, -1):
        where = entry_address(table, va, upper)
        entry = read_entry(ram, where)
        if not entry & P:
            entry = alloc_table() | table_flags
            write_entry(ram, where, entry)
        elif upper < 4 and entry & PS:
            raise check.BadValueError(
                f"va {va:#x} lies in a page of {page_size(upper):#x} bytes (level {upper}); unmap that first"
            )
        table = entry & ADDRESS
    where = entry_address(table, va, level)
    write_entry(ram, where, pa | (flags & ~ADDRESS) | (PS if level > 1 else 0))
    return where
