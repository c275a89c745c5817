"""One walk of RISC-V page tables: Sv39 (3 levels) or Sv48 (4 levels).

Levels count from 1 (pages of 4 KiB) up, as on x86; the manual counts from 0. Pages of 512 GiB, which
Sv48 could map at level 4, are not modelled: they fault.
"""

from __future__ import annotations

from pyemu.hw.bits import PAGE_SHIFT, Kind, page_size
from pyemu.hw.faults import RiscvPageFault
from pyemu.hw.ref.steps import Step, Walked, low_bits
from pyemu.hw.registers import RiscvRegisters
from pyemu.hw.riscv_bits import RESERVED, A, D, G, R, U, V, W, X, frame_address
from pyemu.hw.tables import entry_address, read_entry, set_bits
from pyemu.hw.tlb import TableRef, TlbEntry

READ, WRITE, FETCH = int(Kind.READ), int(Kind.WRITE), int(Kind.FETCH)

CAUSES = {FETCH: 12, READ: 13, WRITE: 15}
"""What scause tells of each kind of access."""


def page_fault(va: int, kind: int) -> RiscvPageFault:
    """Make the fault of an access. Why it faulted, the hardware doesn't tell."""
    return RiscvPageFault(CAUSES[kind], va)


def misaligned(level: int, entry: int) -> bool:
    """Tell whether the frame of a leaf is no multiple of its page's size."""
    return frame_address(entry) % page_size(level) != 0


def permits(cpu: RiscvRegisters, rights: int, kind: int) -> bool:
    """Tell whether the bits R, W, X and U of a leaf allow the access now."""
    if cpu.user:
        if not rights & U:
            return False
    elif rights & U and (kind == FETCH or not cpu.sum):
        return False
    if kind == READ:
        return bool(rights & R or (cpu.mxr and rights & X))
    return bool(rights & (W if kind == WRITE else X))


def walk(
    ram: memoryview,
    cpu: RiscvRegisters,
    va: int,
    kind: int,
    start: Step | None = None,
    refs: list[TableRef] | None = None,
) -> Walked:
    """Translate one sign-extended address through the tables, as the hart does.

    Parameters
    ----------
    ram : memoryview of uint8, shape (n_bytes,)
        Emulated RAM. Without Svade, A and D bits are set in it: of the leaf only, and only if the
        access succeeds.
    cpu : RiscvRegisters
        Its paging state.
    va : int
        Virtual address whose unused bits equal the highest used one.
    kind : int
        A number of `Kind`.
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
    RiscvPageFault
        An entry is invalid, or the access isn't permitted.

    References
    ----------
    RISC-V Privileged Architecture 1.12, section 4.3.2 "Virtual Address Translation Process".
    """
    level, table, above = start or Step(cpu.levels, cpu.root, 0)
    steps: list[Step] = []
    while True:
        where = entry_address(table, va, level)
        entry = read_entry(ram, where)
        if refs is not None:
            refs.append(TableRef(level, where))
        if not entry & V or entry & (R | W) == W or entry & RESERVED:
            raise page_fault(va, kind)
        if entry & (R | X):
            break
        if level == 1 or entry & (A | D | U):
            raise page_fault(va, kind)
        above |= entry & G
        level, table = level - 1, frame_address(entry)
        steps.append(Step(level, table, above))
    if level > 3 or misaligned(level, entry) or not permits(cpu, entry, kind):
        raise page_fault(va, kind)
    marks = A | D if kind == WRITE else A
    if cpu.svade and entry & marks != marks:
        raise page_fault(va, kind)
    entry = set_bits(ram, where, marks)
    size = page_size(level)
    is_global = bool((entry | above) & G)
    page = TlbEntry(
        vpn=(low_bits(va, cpu.va_bits) & -size) >> PAGE_SHIFT,
        pfn=frame_address(entry) >> PAGE_SHIFT,
        flags=entry & (R | W | X | U | D),
        page_size=size,
        size=size,
        asid=0 if is_global else cpu.asid,
        is_global=is_global,
    )
    return Walked(page, steps)
