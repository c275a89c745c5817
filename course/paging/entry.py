"""An entry of a page table that says what it holds."""

from __future__ import annotations

from course.views.table import Column, Line, Table
from pyemu.hw import x86

__all__ = ["Entry"]

_BITS = ("P", "RW", "US", "PWT", "PCD", "A", "D", "PS", "G", "NX")
_ALWAYS = ("P", "RW", "US", "A", "D", "NX")  # a column each, also where they are clear


class Entry(int):
    """The 64 bits of an entry: a number like any other, shown with its address and the names of its bits.

    Examples
    --------
    >>> Entry(0x5590067)
    0x0000000005590067 = address 0x5590000, bits P RW US A D
    >>> Entry(0x5590066)
    0x0000000005590066 = not present
    >>> hex(Entry(0x5590067).address)
    '0x5590000'
    """

    @property
    def address(self) -> int:
        """Physical address of the next table, or of the page."""
        return self & x86.ADDRESS

    @property
    def bits(self) -> str:
        """Names of the bits that are set; none has a meaning where P is clear."""
        if not self & x86.P:
            return "not present"
        return " ".join(name for name in _BITS if self & getattr(x86, name))

    @property
    def table(self) -> Table:
        """Where the entry leads to and a column for each bit, 1 where it is set."""
        present = bool(self & x86.P)
        bits = [name for name in _BITS if name in _ALWAYS or (present and self & getattr(x86, name))]
        columns = (Column("entry", 18), Column("leads to", 12, right=True))
        cells = (f"{int(self):#018x}", f"{self.address:#x}" if present else "-")
        shown = ("1" if self & getattr(x86, name) else "0" for name in bits)
        notes = () if present else ("Not present: none of its other bits has a meaning.",)
        return Table(
            "", (*columns, *(Column(name, 3, right=True) for name in bits)), (Line((*cells, *shown)),), notes
        )

    def _repr_html_(self) -> str:
        return self.table.html()

    def __repr__(self) -> str:
        if not self & x86.P:
            return f"{int(self):#018x} = {self.bits}"
        return f"{int(self):#018x} = address {self.address:#x}, bits {self.bits}"
