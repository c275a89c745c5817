"""Walks and addresses as tables: text first, HTML of the same cells."""

from __future__ import annotations

from dataclasses import dataclass

from course.views.table import Column, Line, Table
from course.walk.walk import TABLES, Walk
from pyemu.hw import Kind, PageFault, x86

__all__ = ["Shown", "Walked", "error_text", "split"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A table; shown as one, printed as text.

    Attributes
    ----------
    table : Table
        The cells.
    """

    table: Table

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


@dataclass(frozen=True, slots=True)
class Walked:
    """One access through page tables, level by level.

    Attributes
    ----------
    found : Walk
        The entries, and what became of the access.
    root : int
        Physical address of the top table.
    """

    found: Walk
    root: int

    @property
    def pa(self) -> int | None:
        """Physical address; None if the access faults."""
        return None if self.found.page is None else self.found.page.pa

    @property
    def outcome(self) -> str:
        """What became of it: ``translated``, ``error code 0x7``, or ``not canonical``."""
        if isinstance(self.found.fault, PageFault):
            return f"error code {self.found.fault.error_code:#x}"
        return "not canonical" if self.found.fault is not None else "translated"

    @property
    def table(self) -> Table:
        """The walk as cells."""
        lines = tuple(
            Line(
                (
                    *(str(step.level), step.table, str(step.index), f"{step.pa:#x}", f"{step.entry:#018x}"),
                    f"{step.entry & x86.ADDRESS:#x}" if step.entry & x86.P else "-",
                    " ".join(step.names) or "not present",
                )
            )
            for step in self.found.steps
        )
        columns = (
            *(Column("level", 5, right=True), Column("table", 5), Column("index", 5, right=True)),
            *(Column("entry at", 12, right=True), Column("entry", 18), Column("leads to", 12, right=True)),
            Column("bits", 24),
        )
        title = f"{_word(self.found.kind)} of {self.found.va:#x} in user mode; top table: {self.root:#x}"
        return Table(title, columns, lines, (self._ending(),))

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()

    def _ending(self) -> str:
        found = self.found
        if found.page is not None:
            return f"Physical address {found.page.pa:#x}."
        if isinstance(found.fault, PageFault):
            return f"{error_text(found.fault)}. Why: {found.why}."
        return f"{found.fault}."


def error_text(fault: PageFault) -> str:
    """Say what a page fault tells the kernel.

    Examples
    --------
    >>> error_text(PageFault(7, 0x5000))
    'Page fault, CR2 0x5000, error code 0x7: P (the page is present), W (a write), U (user mode)'
    """
    code = fault.error_code
    said = ["P (the page is present)" if code & 1 else "P clear (no page)"]
    said += ["W (a write)"] if code & 2 else []
    said += ["U (user mode)"] if code & 4 else []
    said += ["RSVD (a reserved bit is set)"] if code & 8 else []
    said += ["I (an instruction fetch)"] if code & 16 else []
    return f"Page fault, CR2 {fault.cr2:#x}, error code {code:#x}: {', '.join(said)}"


def split(va: int) -> Shown:
    """Take a virtual address apart.

    Parameters
    ----------
    va : int
        Virtual address of 48 bits, 0 to 2**64 - 1.

    Returns
    -------
    Shown
        A line for each index and for the offset.
    """
    lines = []
    for level in range(4, 0, -1):
        low = x86.level_shift(level)
        index = va >> low & x86.N_ENTRIES - 1
        what = f"index into the {TABLES[level]}"
        lines.append(Line((f"{low + 8} to {low}", f"{index:09b}", str(index), f"level {level}: {what}")))
    offset = va & x86.PAGE_SIZE - 1
    lines.append(Line(("11 to 0", f"{offset:012b}", str(offset), f"offset in the page, {offset:#x}")))
    columns = (
        *(Column("bits", 10), Column("in binary", 12, right=True), Column("number", 6, right=True)),
        Column("what it is", 40),
    )
    return Shown(Table(f"The virtual address {va:#x}", columns, tuple(lines)))


def _word(kind: Kind) -> str:
    return {Kind.READ: "Read", Kind.WRITE: "Write", Kind.FETCH: "Instruction fetch"}[kind]
