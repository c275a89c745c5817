"""A small computer to play with: RAM, page tables that can be edited, one CPU in user mode, and its TLB."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course.checks.facts import plural
from course.paging.entry import Entry
from course.paging.shown import Shown, Walked, error_text
from course.views.table import Column, Line, Table
from course.walk.walk import walk
from pyemu.errors import FaultlabError
from pyemu.hw import (
    HardwareFault,
    HitLevel,
    Kind,
    PageFault,
    Registers,
    TableRef,
    TlbConfig,
    check,
    make_mmu,
    x86,
)

__all__ = ["Accesses", "Computer", "Seen"]

ROOT = 0x1000
TABLES = range(0x2000, 0x20000, x86.PAGE_SIZE)
SIZE = 0x40000
"""RAM: the top table, room for other tables, and frames for pages from 0x20000 on."""
FRAMES = 0x100000
"""Frames of pages that only have to be somewhere: beyond the RAM, where nothing stands."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One access and what became of it.

    Attributes
    ----------
    va : int
        Virtual address.
    kind : Kind
        What it did.
    pa : int or None
        Physical address; None after a fault.
    hit : bool
        Whether the TLB knew the translation.
    n_entries : int
        Table entries that were read.
    text : str
        What stands at the physical address.
    fault : HardwareFault or None
        What was raised.
    """

    va: int
    kind: Kind
    pa: int | None
    hit: bool
    n_entries: int
    text: str
    fault: HardwareFault | None = None

    @property
    def outcome(self) -> str:
        """What became of it, in a word: the text that was read, or ``page fault``."""
        return "page fault" if self.fault is not None else self.text

    def __repr__(self) -> str:
        what = f"{self.kind.name.lower()} of {self.va:#x}:"
        if isinstance(self.fault, PageFault):
            return f"{what} miss, {_entries(self.n_entries)}\n    {error_text(self.fault)}"
        if self.pa is None:
            return f"{what} {self.fault}"
        found = "hit" if self.hit else "miss"
        walked = _entries(self.n_entries) if self.n_entries else "no walk"
        stands = f", where {self.text!r} stands" if self.text else ""
        return f"{what} {found}, {walked}, physical address {self.pa:#x}{stands}"


@dataclass(frozen=True, slots=True)
class Accesses:
    """Some accesses, in their order.

    Attributes
    ----------
    seen : tuple of Seen
        Each of them.
    """

    seen: tuple[Seen, ...]

    @property
    def hits(self) -> str:
        """A letter for each: H for a hit, M for a miss."""
        return "".join("H" if one.hit else "M" for one in self.seen)

    @property
    def table(self) -> Table:
        """A line for each access."""
        columns = (
            *(Column("access", 6, right=True), Column("page", 5, right=True), Column("TLB", 5)),
            Column("table entries read", 18, right=True),
        )
        lines = tuple(
            Line((str(nth), str(one.va // x86.PAGE_SIZE), "hit" if one.hit else "miss", str(one.n_entries)))
            for nth, one in enumerate(self.seen, 1)
        )
        hits = self.hits
        return Table(
            "", columns, lines, (f"{plural(hits.count('H'), 'hit')}, {hits.count('M')} missed: {hits}",)
        )

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


class Computer:
    """RAM of 256 KiB, one CPU in user mode, page tables of four levels, and a TLB.

    Parameters
    ----------
    tlb : TlbConfig, optional
        The TLB; two levels of the usual size if absent.

    Examples
    --------
    >>> from pyemu.hw import x86
    >>> computer = Computer()
    >>> computer.map(0x5000, 0x20000)
    >>> computer.store(0x20000, "hello")
    >>> computer.read(0x5000)
    read of 0x5000: miss, 4 entries read, physical address 0x20000, where 'hello' stands
    >>> computer.read(0x5000)
    read of 0x5000: hit, no walk, physical address 0x20000, where 'hello' stands
    >>> computer.change(0x5000, clear=x86.P)
    0x0000000000020026 = not present
    """

    def __init__(self, tlb: TlbConfig | None = None) -> None:
        self.ram = bytearray(SIZE)
        self.cpu = Registers(cr0=x86.CR0_WP, cr3=ROOT, cr4=x86.CR4_PAE, efer=x86.EFER_NXE, cpl=3)
        self.tlb_config = tlb or TlbConfig.two_level()
        self.mmu = make_mmu(self.ram, tlb=self.tlb_config)
        self.mmu.load(self.cpu)
        self._free = iter(TABLES)

    # -- what the kernel does ----------------------------------------------------------------------

    def map(self, va: int, pa: int, bits: int = x86.P | x86.RW | x86.US) -> None:
        """Map a page of 4096 bytes, with the tables that it needs.

        Parameters
        ----------
        va, pa : int
            Where the page appears and where it lies: multiples of 4096.
        bits : int
            Of the leaf; the levels above grant everything.
        """
        x86.map_page(self.ram, ROOT, va, pa, bits, self._free.__next__)

    def entry(self, va: int, level: int = 1) -> Entry:
        """Read the entry that a walk to `va` uses at a level, 4 to 1."""
        return Entry(x86.read_entry(self.ram, self._place(va, level)))

    def change(self, va: int, level: int = 1, *, set: int = 0, clear: int = 0) -> Entry:
        """Set and clear bits of an entry in RAM, and give the new one. The TLB is not told.

        Parameters
        ----------
        va : int
            An address whose walk uses the entry.
        level : int
            4 to 1.
        set, clear : int
            Bits, such as ``x86.RW``.
        """
        place = self._place(va, level)
        x86.write_entry(self.ram, place, x86.read_entry(self.ram, place) & ~clear | set)
        return self.entry(va, level)

    def flush(self, va: int) -> None:
        """Make the TLB forget the page around `va` (the instruction INVLPG)."""
        self.mmu.invlpg(va)

    def store(self, pa: int, text: str) -> None:
        """Put a text into RAM."""
        data = text.encode() + b"\0"
        if not TABLES.stop <= check.integer("pa", pa, 0, SIZE) <= SIZE - len(data):
            raise FaultlabError(
                f"a text can't stand at {pa:#x}: frames for pages lie from {TABLES.stop:#x} to {SIZE:#x}."
            )
        self.ram[pa : pa + len(data)] = data

    # -- what the program does ---------------------------------------------------------------------

    def read(self, va: int) -> Seen:
        """Let the program read."""
        return self._access(va, Kind.READ)

    def write(self, va: int, text: str = "") -> Seen:
        """Let the program write a text."""
        seen = self._access(va, Kind.WRITE)
        if seen.pa is None or not text:
            return seen
        self.store(seen.pa, text)
        return Seen(seen.va, seen.kind, seen.pa, seen.hit, seen.n_entries, text)

    def run(self, pages: Sequence[int]) -> Accesses:
        """Let the program read some pages, one after the other; a page that isn't mapped is mapped first.

        Parameters
        ----------
        pages : sequence of int
            Page numbers, 0 to 511.
        """
        for page in pages:
            check.integer("a page number", page, 0, x86.N_ENTRIES - 1)
            if not self._mapped(page * x86.PAGE_SIZE):
                self.map(page * x86.PAGE_SIZE, FRAMES + page * x86.PAGE_SIZE)
        return Accesses(tuple(self._access(page * x86.PAGE_SIZE, Kind.READ) for page in pages))

    # -- what can be looked at ---------------------------------------------------------------------

    def walk(self, va: int, kind: str = "read") -> Walked:
        """Walk the tables as they stand, without the TLB, and change nothing."""
        return Walked(walk(self, self.cpu, check.address(va), Kind(check.kind(kind))), ROOT)

    def page(self, pa: int) -> bytes | None:
        """Give the 4096 bytes at a physical address; None beyond the RAM."""
        return bytes(self.ram[pa : pa + x86.PAGE_SIZE]) if pa + x86.PAGE_SIZE <= SIZE else None

    def tlb(self) -> Shown:
        """Show what the first level of the TLB holds: a line for each set that isn't empty."""
        lines = []
        array = self.mmu.tlb_entries().l1[0]
        for nth, ways in enumerate(array.sets):
            held = [f"page {one.vpn:#x} -> frame {one.pfn:#x} {_rights(one.flags)}" for one in ways]
            if held:
                lines.append(Line((str(nth), "; ".join(held))))
        title = f"TLB, {len(array.sets)} sets, last used first"
        columns = (Column("set", 4, right=True), Column("holds", 76))
        return Shown(Table(title, columns, tuple(lines) or (Line(("-", "nothing")),)))

    def _mapped(self, va: int) -> bool:
        found = walk(self, self.cpu, va, Kind.READ)
        return found.page is not None

    def _place(self, va: int, level: int) -> int:
        check.integer("level", level, 1, 4)
        steps = walk(self, self.cpu, check.address(va), Kind.READ).steps
        for step in steps:
            if step.level == level:
                return step.pa
        raise FaultlabError(
            f"the walk to {va:#x} doesn't come to level {level}: the entry of level "
            f"{steps[-1].level if steps else 4} is not present. Map a page there first."
        )

    def _access(self, va: int, kind: Kind) -> Seen:
        refs: list[TableRef] = []
        try:
            done = self.mmu.access(va, kind, refs)
        except HardwareFault as fault:
            return Seen(va, kind, None, False, len(refs), "", fault)
        return Seen(va, kind, done.pa, done.level is not HitLevel.WALK, len(refs), self._text(done.pa))

    def _text(self, pa: int) -> str:
        return bytes(self.ram[pa : pa + 64]).partition(b"\0")[0].decode(errors="replace")


def _rights(flags: int) -> str:
    return " ".join(name for name in ("RW", "US", "D", "NX") if flags & getattr(x86, name))


def _entries(n: int) -> str:
    return f"{n} {'entry' if n == 1 else 'entries'} read"
