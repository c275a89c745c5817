"""Reading and editing page tables in emulated RAM: what the model of a kernel does to them.

These functions are the kernel's side. They know the format, but no rights, no TLB and no faults;
after an edit that takes something away, the kernel must still invalidate (`Mmu.invlpg`).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any, NamedTuple

from pyemu.hw import check, riscv_bits
from pyemu.hw.bits import ADDRESS, MAX_U64, PAGE_SHIFT, PS, RW, US, P, is_canonical, level_shift, page_size
from pyemu.hw.registers import Registers, RiscvRegisters

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
    """Return the physical address of the entry that `va` selects in the `table` of `level` (5..1)."""
    return table + ((va >> level_shift(level)) & 511) * 8


class _Format(NamedTuple):
    """What editing has to know of a format."""

    present: int
    """The bit without which an entry leads nowhere."""
    is_leaf: Callable[[int, int], bool]
    """Whether a present entry, of an upper level, is a leaf."""
    frame: Callable[[int], int]
    """The physical address in an entry."""
    entry: Callable[[int, int], int]
    """The entry with a physical address and flags."""
    large: int
    """The bit that makes an entry of an upper level a leaf, where there is one."""
    last_frame: int
    """The highest physical address that an entry can hold."""


_X86 = _Format(
    P,
    lambda entry, level: level < 4 and bool(entry & PS),
    lambda entry: entry & ADDRESS,
    lambda pa, flags: pa | flags & ~ADDRESS,
    PS,
    ADDRESS,
)
_RISCV = _Format(
    riscv_bits.V,
    lambda entry, level: bool(entry & (riscv_bits.R | riscv_bits.X)),
    riscv_bits.frame_address,
    lambda pa, flags: riscv_bits.entry_of(pa, flags & ~riscv_bits.PPN),
    0,
    riscv_bits.frame_address(riscv_bits.PPN),
)


def path(ram: Any, registers: Registers | RiscvRegisters, va: int) -> list[tuple[int, int]]:
    """List the present entries that a walk for `va` would read, from the top.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
    registers : Registers or RiscvRegisters
        Whose tables.
    va : int
        Virtual address; its unused high bits are not looked at.

    Returns
    -------
    list of tuple
        Physical address and value of each entry. Nothing is checked beyond the bit that says present.
    """
    form = _X86 if isinstance(registers, Registers) else _RISCV
    table, found = registers.root, []
    for level in range(registers.levels, 0, -1):
        where = entry_address(table, va, level)
        entry = read_entry(ram, where)
        if not entry & form.present:
            break
        found.append((where, entry))
        if form.is_leaf(entry, level):
            break
        table = form.frame(entry)
    return found


def leaf_address(ram: Any, root: int, va: int, levels: int = 4, *, level: int = 1) -> int | None:
    """Find the entry of `va` for a page of 4 KiB, or for a larger one, in tables of x86-64.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
    root : int
        Physical address of the top table.
    va : int
        Virtual address.
    levels : int
        4, or 5 with CR4.LA57.
    level : int
        1 for a page of 4 KiB, 2 for 2 MiB, 3 for 1 GiB.

    Returns
    -------
    int or None
        Its physical address; None if a table above is missing, or a larger page covers `va`.
    """
    return _leaf_address(_X86, ram, root & ADDRESS, va, levels, level)


def riscv_leaf_address(ram: Any, root: int, va: int, levels: int = 3) -> int | None:
    """Find the level-1 entry of `va`, in tables of RISC-V: `leaf_address` with 3 levels (Sv39) or 4."""
    return _leaf_address(_RISCV, ram, root, va, levels, 1)


def _leaf_address(form: _Format, ram: Any, root: int, va: int, levels: int, level: int) -> int | None:
    table = root
    for upper in range(levels, level, -1):
        entry = read_entry(ram, entry_address(table, va, upper))
        if not entry & form.present or form.is_leaf(entry, upper):
            return None
        table = form.frame(entry)
    return entry_address(table, va, level)


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
    levels: int = 4,
) -> int:
    """Map one page in tables of x86-64, making the tables on the way down.

    Parameters
    ----------
    ram : buffer of uint8, shape (n_bytes,)
        Emulated RAM, changed in place.
    root : int
        Physical address of the top table.
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
    levels : int
        4, or 5 with CR4.LA57.

    Returns
    -------
    int
        Physical address of the leaf entry.

    Raises
    ------
    BadValueError
        An address is out of range or misaligned, or a large page is in the way.
    """
    check.integer("levels", levels, 4, 5)
    return _map_page(_X86, ram, root & ADDRESS, va, pa, flags, alloc_table, level, table_flags, levels)


def riscv_map_page(
    ram: Any,
    root: int,
    va: int,
    pa: int,
    flags: int,
    alloc_table: Callable[[], int],
    *,
    level: int = 1,
    levels: int = 3,
) -> int:
    """Map one page in tables of RISC-V, making the tables on the way down.

    Parameters
    ----------
    ram, root, va, pa, alloc_table, level
        As for `map_page`.
    flags : int
        Bits of the leaf entry (``V | R | W | X | U ...``).
    levels : int
        3 for Sv39, 4 for Sv48.

    Returns
    -------
    int
        Physical address of the leaf entry.

    Raises
    ------
    BadValueError
        An address is out of range or misaligned, or a large page is in the way.
    """
    check.integer("levels", levels, 3, 4)
    return _map_page(_RISCV, ram, root, va, pa, flags, alloc_table, level, riscv_bits.V, levels)


def _map_page(
    form: _Format,
    ram: Any,
    root: int,
    va: int,
    pa: int,
    flags: int,
    alloc_table: Callable[[], int],
    level: int,
    table_flags: int,
    levels: int,
) -> int:
    check.integer("the level", level, 1, 3)
    size = page_size(level)
    check.address(va, "va")
    check.integer("pa", pa, 0, form.last_frame)
    check.integer("flags", flags, 0, MAX_U64)
    if va % size or pa % size:
        raise check.BadValueError(f"va {va:#x} and pa {pa:#x} must be multiples of the page size {size:#x}")
    va_bits = PAGE_SHIFT + 9 * levels
    if not is_canonical(va, va_bits):
        raise check.BadValueError(f"va {va:#x} is not canonical (bits 63..{va_bits - 1} must be equal)")
    table = root
    for upper in range(levels, level, -1):
        where = entry_address(table, va, upper)
        entry = read_entry(ram, where)
        if not entry & form.present:
            entry = form.entry(alloc_table(), table_flags)
            write_entry(ram, where, entry)
        elif form.is_leaf(entry, upper):
            raise check.BadValueError(
                f"va {va:#x} lies in a page of {page_size(upper):#x} bytes (level {upper}); unmap that first"
            )
        table = form.frame(entry)
    where = entry_address(table, va, level)
    write_entry(ram, where, form.entry(pa, flags | form.large if level > 1 else flags))
    return where
