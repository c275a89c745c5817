"""One walk of x86-64 page tables, with 4 or 5 levels."""

from __future__ import annotations

from pyemu.hw.bits import (
    ADDRESS,
    CR0_WP,
    CR4_PGE,
    CR4_SMAP,
    CR4_SMEP,
    NX,
    PAGE_SHIFT,
    PS,
    RW,
    US,
    A,
    D,
    ErrorCode,
    G,
    Kind,
    P,
    page_size,
)
from pyemu.hw.faults import PageFault
from pyemu.hw.ref.steps import Step, Walked, low_bits
from pyemu.hw.registers import Registers
from pyemu.hw.tables import entry_address, read_entry, set_bits
from pyemu.hw.tlb import TableRef, TlbEntry

WRITE, FETCH = int(Kind.WRITE), int(Kind.FETCH)


def page_fault(cpu: Registers, va: int, kind: int, found: int) -> PageFault:
    """Make the fault of an access, from what the tables gave (0, P or P and RSVD) and the CPU's state."""
    code = found
    if kind == WRITE:
        code |= ErrorCode.W
    if cpu.user:
        code |= ErrorCode.U
    if kind == FETCH and cpu.tells_fetch:
        code |= ErrorCode.I
    return PageFault(int(code), va)


def misaligned(level: int, entry: int) -> bool:
    """Tell whether a leaf `entry` has bits set between its page's address and PAT (bit 12)."""
    return level > 1 and bool(entry & (page_size(level) - 1) & ~0x1FFF)


def permits(cpu: Registers, rights: int, kind: int) -> bool:
    """Tell whether `rights`, taken over all levels (RW and US: all; NX: any), allow the access now."""
    if cpu.user:
        if not rights & US:
            return False
    elif rights & US:
        if kind == FETCH and cpu.cr4 & CR4_SMEP:
            return False
        if kind != FETCH and cpu.cr4 & CR4_SMAP and not cpu.ac:
            return False
    if kind == WRITE:
        return bool(rights & RW) or not (cpu.user or cpu.cr0 & CR0_WP)
    return kind != FETCH or not rights & NX


def walk(
    ram: memoryview,
    cpu: Registers,
    va: int,
    kind: int,
    per_level: bool = True,
    start: Step | None = None,
    refs: list[TableRef] | None = None,
) -> Walked:
    """Translate one canonical address through the tables, as the processor does.

    Parameters
    ----------
    ram : memoryview of uint8, shape (n_bytes,)
        Emulated RAM. A and D bits are set in it.
    cpu : Registers
        Its paging state.
    va : int
        Canonical virtual address.
    kind : int
        A number of `Kind`.
    per_level : bool
        Whether a walk that faults has set A on its way, as QEMU does: in each table that it passed,
        and in a leaf of 1 GiB. Else a walk that faults sets nothing. The architecture allows both.
    start : Step, optional
        Where a walk cache lets it begin; at the top if absent.
    refs : list of TableRef, optional
        Every entry that is read is appended here.

    Returns
    -------
    Walked
        The translation of the page around `va`.

    Raises
    ------
    PageFault
        An entry is absent or malformed, or the access isn't permitted.

    References
    ----------
    Intel SDM volume 3A, sections 4.5 (4-level and 5-level paging), 4.6 (access rights), 4.7
    (page-fault exceptions), 4.8 (accessed and dirty flags).
    """
    level, table, rights = start or Step(cpu.levels, cpu.root, RW | US)
    steps: list[Step] = []
    passed = []  # upper entries whose A waits until the walk has succeeded
    while True:
        where = entry_address(table, va, level)
        entry = read_entry(ram, where)
        if refs is not None:
            refs.append(TableRef(level, where))
        if not entry & P:
            raise page_fault(cpu, va, kind, 0)
        if entry & (cpu.reserved | PS if level > 3 else cpu.reserved):
            raise page_fault(cpu, va, kind, ErrorCode.P | ErrorCode.RSVD)
        rights = rights & entry & (RW | US) | (rights | entry) & NX
        leaf = level == 1 or entry & PS
        if per_level and (level == 3 or not leaf):  # QEMU: at level 3 even if it is the leaf
            set_bits(ram, where, A)
        if leaf:
            break
        if not per_level:
            passed.append(where)
        level, table = level - 1, entry & ADDRESS
        steps.append(Step(level, table, rights))
    if misaligned(level, entry):
        raise page_fault(cpu, va, kind, ErrorCode.P | ErrorCode.RSVD)
    if not permits(cpu, rights, kind):
        raise page_fault(cpu, va, kind, ErrorCode.P)
    for upper in passed:
        set_bits(ram, upper, A)
    entry = set_bits(ram, where, A | D if kind == WRITE else A)
    size = page_size(level)
    is_global = bool(entry & G and cpu.cr4 & CR4_PGE)
    page = TlbEntry(
        vpn=(low_bits(va, cpu.va_bits) & -size) >> PAGE_SHIFT,
        pfn=(entry & ADDRESS & -size) >> PAGE_SHIFT,
        flags=rights | entry & D,
        page_size=size,
        size=size,
        asid=0 if is_global else cpu.asid,
        is_global=is_global,
    )
    return Walked(page, steps)
