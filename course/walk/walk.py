"""One access through the tables of a dump, level by level.

The verdict is that of `pyemu.hw.x86.access`, on a copy of the tables that it needs. What is said about
each level, and why an access faults, is read from the entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from pyemu.hw import Access, Kind, make_ram, x86

__all__ = ["TABLES", "Memory", "Step", "Walk", "names", "walk"]

TABLES = {5: "PML5", 4: "PML4", 3: "PDPT", 2: "PD", 1: "PT"}
"""What the manual calls the table of each level."""

_BITS = {
    "P": x86.P,
    "RW": x86.RW,
    "US": x86.US,
    "PWT": x86.PWT,
    "PCD": x86.PCD,
    "A": x86.A,
    "D": x86.D,
    "PS": x86.PS,
    "G": x86.G,
    "NX": x86.NX,
}


class Memory(Protocol):
    """Physical memory, such as a `Dump`."""

    def page(self, pa: int) -> bytes | None:
        """Give the page at a physical address, a multiple of 4096; None if it isn't there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry that the walk reads."""

    level: int
    """5 or 4 down to 1."""
    index: int
    """Its place in the table."""
    pa: int
    """Its physical address."""
    entry: int
    """Its 64 bits."""

    @property
    def table(self) -> str:
        """The manual's name of the table."""
        return TABLES[self.level]

    @property
    def leaf(self) -> bool:
        """Whether it maps a page: it is present, and points to no table."""
        return is_leaf(self.entry, self.level)

    @property
    def names(self) -> list[str]:
        """The names of the bits that are set."""
        return names(self.entry, self.level)


@dataclass(frozen=True, slots=True)
class Walk:
    """An access and what became of it."""

    va: int
    kind: Kind
    steps: list[Step]
    page: Access | None = None
    """The physical address and the size of the page, if it was translated."""
    fault: x86.PageFault | x86.GeneralProtection | None = None
    """What the processor raises, else; None also if a table is missing."""
    missing: int | None = None
    """Physical address of a table that the dump doesn't hold."""
    why: str = ""
    """Why it faults, in words; empty where the fault says so itself."""
    would_set: list[str] = field(default_factory=list)
    """A and D bits that the access would set, each with its table."""


def names(entry: int, level: int) -> list[str]:
    """Name the bits of an entry that are set: of one that is not present, none has a meaning."""
    if not entry & x86.P:
        return []
    found = [name for name, bit in _BITS.items() if entry & bit]
    if level == 1:
        found = ["PAT" if name == "PS" else name for name in found]
    elif is_leaf(entry, level) and entry & x86.PAT_LARGE:
        found.append("PAT")
    if not is_leaf(entry, level):  # D and G of what points to a table are ignored
        found = [name for name in found if name not in ("D", "G")]
    return found


def is_leaf(entry: int, level: int) -> bool:
    """Tell whether an entry maps a page: it is present, and points to no table."""
    return bool(entry & x86.P) and (level == 1 or (level < 4 and bool(entry & x86.PS)))


def walk(dump: Memory, cpu: x86.Registers, va: int, kind: Kind) -> Walk:
    """Make one access.

    Parameters
    ----------
    dump : Memory
        A dump, or other memory; it is not changed.
    cpu : Registers
        Control registers and privilege level.
    va : int
        Virtual address, 0 to 2**64 - 1.
    kind : Kind
        What the access does.
    """
    if not x86.is_canonical(va, cpu.va_bits):
        return Walk(va, kind, [], fault=x86.GeneralProtection(va))
    steps: list[Step] = []
    tables: dict[int, bytes] = {}
    at = cpu.root
    for level in range(cpu.levels, 0, -1):
        table = dump.page(at)
        if table is None:
            return Walk(va, kind, steps, missing=at)
        tables[at] = table
        where = x86.entry_address(at, va, level)
        entry = x86.read_entry(table, where - at)
        steps.append(Step(level, where % x86.PAGE_SIZE // 8, where, entry))
        if not entry & x86.P or steps[-1].leaf:
            break
        at = entry & x86.ADDRESS
    ram = make_ram(max(tables) + x86.PAGE_SIZE)
    for pa, table in tables.items():
        ram[pa : pa + x86.PAGE_SIZE] = table
    try:
        page = x86.access(ram, cpu, va, kind, twin="auto")
    except x86.PageFault as fault:
        return Walk(va, kind, steps, fault=fault, why=_why(cpu, steps, kind, fault.error_code))
    would_set = []
    for step in steps:
        new = x86.read_entry(ram, step.pa) & ~step.entry
        would_set += [f"{name} in the {step.table}" for name in names(new | x86.P, 1) if new & _BITS[name]]
    return Walk(va, kind, steps, page, would_set=would_set)


def _why(cpu: x86.Registers, steps: list[Step], kind: Kind, code: int) -> str:
    """Say which bits of which entries make the access fault."""
    last = steps[-1]
    if not code & x86.ErrorCode.P:
        return f"the entry of the {last.table} is not present (P is clear)"
    if code & x86.ErrorCode.RSVD:
        return next(text for step in steps if (text := _reserved(cpu, step)))
    without_user = [step.table for step in steps if not step.entry & x86.US]
    without_write = [step.table for step in steps if not step.entry & x86.RW]
    without_fetch = [step.table for step in steps if step.entry & x86.NX]
    if cpu.user and without_user:
        return f"user mode (CPL 3) may not use it: US is clear in the {_and(without_user)}"
    if kind is Kind.WRITE and without_write and (cpu.user or cpu.cr0 & x86.CR0_WP):
        mode = "" if cpu.user else ", and CR0.WP binds the supervisor too"
        return f"it may not be written: RW is clear in the {_and(without_write)}{mode}"
    if kind is Kind.FETCH and without_fetch:
        return f"no instruction may be fetched from it: NX is set in the {_and(without_fetch)}"
    rule = (
        "SMEP: the supervisor fetches nothing" if kind is Kind.FETCH else "SMAP: the supervisor uses nothing"
    )
    return f"{rule} from pages of the user (US is set at every level)"


def _reserved(cpu: x86.Registers, step: Step) -> str:
    """Say which reserved bits are set in an entry; nothing if none is."""
    if step.level > 3 and step.entry & x86.PS:
        return f"PS is set in the {step.table}, where it is reserved"
    bits = step.entry & cpu.reserved
    if bits:
        return f"reserved bits are set in the {step.table}: {bits:#x} (from maxphyaddr and EFER.NXE)"
    if step.leaf and step.level > 1 and step.entry & x86.page_size(step.level) - 1 & ~0x1FFF:
        return f"the address of the large page in the {step.table} is not a multiple of its size"
    return ""


def _and(words: list[str]) -> str:
    return " and the ".join(words)
