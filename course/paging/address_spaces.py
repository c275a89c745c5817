"""Address spaces for a TLB: page tables by PCID that a kernel edits, and the walk through them.

`play` lets a processor do operations, one after the other, and says what each access came to. Which processor
is left open: that of `pyemu.hw`, or a learner's functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pyemu.errors import FaultlabError
from pyemu.hw import HardwareFault, HitLevel, Registers, TlbArray, TlbConfig, make_mmu, x86
from pyemu.hw.tables import path

__all__ = ["KEEP", "Hardware", "Machine", "Operation", "Processor", "Walk", "play", "try_pcid_tlb"]

KEEP = 1 << 63
"""Bit of a value for CR3: forget nothing."""
LARGE = 1 << 21
PCIDS = (1, 2, 3)
EDITS = {"unmap": (0, x86.P), "remap": (x86.P, 0), "protect": (0, x86.RW), "allow": (x86.RW, 0)}
"""Bits that an edit sets and clears."""
ROOT = 0x1000
Walk = Callable[[int, str], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a processor, or a kernel, does.

    Attributes
    ----------
    do : str
        ``read``, ``write``, ``load_cr3``, ``invlpg`` of the processor; of the kernel, which edits a table and
        tells nobody: ``map``, and for pages of 4 KiB ``unmap``, ``remap`` (the bit P), ``protect`` and
        ``allow`` (the bit RW).
    value : int
        Virtual address, or the value for CR3.
    pcid : int
        Of ``map`` and the other edits: whose table.
    frame : int
        Of ``map``: physical address.
    bits : int
        Of ``map``: bits of the entry; PS makes it a page of 2 MiB.
    """

    do: str
    value: int
    pcid: int = 0
    frame: int = 0
    bits: int = x86.P | x86.RW | x86.US

    @property
    def words(self) -> str:
        """The operation in words."""
        if self.do == "load_cr3":
            return f"CR3 for PCID {self.value & 0xFFF}{', bit 63 set' if self.value & KEEP else ''}"
        if self.do != "map":
            return f"{self.do} {self.value:#x}{f' of PCID {self.pcid}' if self.pcid else ''}"
        kinds = (("2M", x86.PS), ("global", x86.G))
        words = " ".join(name for name, bit in kinds if self.bits & bit)
        rights = "" if self.bits & x86.RW else " read-only"
        return f"map {words} {self.value:#x} of PCID {self.pcid}{rights}".replace("  ", " ")


class Processor(Protocol):
    """A processor with a TLB."""

    def load_cr3(self, value: int) -> object:
        """Load CR3: the PCID in bits 11 to 0, and bit 63."""

    def invlpg(self, address: int) -> object:
        """Forget the page around an address."""

    def access(self, address: int, kind: str, walk: Walk) -> object:
        """Translate: ``("hit", pa)``, ``("miss", pa)`` or ``"fault"``."""


class Machine:
    """RAM with a page table for each PCID.

    Attributes
    ----------
    ram : bytearray
        The tables.
    cr3 : int
        What was loaded last: root and PCID.
    n_walks : int
        Walks so far.
    """

    def __init__(self) -> None:
        self.ram = bytearray(ROOT + len(PCIDS) * x86.PAGE_SIZE)
        self.cr3 = self.root(PCIDS[0]) | PCIDS[0]
        self.n_walks = 0

    def root(self, pcid: int) -> int:
        """Give the top table of a PCID."""
        if pcid not in PCIDS:
            raise FaultlabError(f"PCID {pcid} has no page table; there are {', '.join(map(str, PCIDS))}.")
        return ROOT + PCIDS.index(pcid) * x86.PAGE_SIZE

    @property
    def registers(self) -> Registers:
        """The registers at present."""
        cr4 = x86.CR4_PAE | x86.CR4_PGE | x86.CR4_PCIDE
        return Registers(cr0=x86.CR0_WP, cr3=self.cr3, cr4=cr4, efer=x86.EFER_NXE, cpl=3)

    def walk(self, address: int, kind: str) -> dict[str, Any] | None:
        """Walk the tables for an access, as a processor does after a miss; D is set for a write.

        Parameters
        ----------
        address : int
            Virtual.
        kind : str
            ``read`` or ``write``.

        Returns
        -------
        dict or None
            ``page`` and ``frame`` (where they begin), ``size``, ``writable``, ``dirty`` and ``global``; None
            for a page fault.
        """
        self.n_walks += 1
        try:
            done = x86.access(self.ram, self.registers, address, kind, twin="ref", ad_on_fault="none")
        except HardwareFault:
            return None
        except (TypeError, ValueError) as error:  # BadTypeError, BadValueError
            raise ValueError(str(error)) from None
        entries = [entry for _, entry in path(self.ram, self.registers, address)]
        return {
            "page": address & -done.page_size,
            "frame": done.pa & -done.page_size,
            "size": done.page_size,
            "writable": all(entry & x86.RW for entry in entries),
            "dirty": bool(entries[-1] & x86.D),
            "global": bool(entries[-1] & x86.G),
        }

    def edit(self, one: Operation) -> None:
        """Edit a table as a kernel does."""
        level = 2 if one.do == "map" and one.bits & x86.PS else 1
        root = self.root(one.pcid)
        if one.do == "map":
            x86.map_page(self.ram, root, one.value, one.frame, one.bits, self._table, level=level)
            return
        where = x86.leaf_address(self.ram, root, one.value)
        if one.do not in EDITS or where is None:
            raise FaultlabError(f"{one.words}: map a page of 4 KiB there; then {', '.join(EDITS)} edit it.")
        set_bits, clear = EDITS[one.do]
        x86.write_entry(self.ram, where, x86.read_entry(self.ram, where) & ~clear | set_bits)

    def _table(self) -> int:
        self.ram += bytes(x86.PAGE_SIZE)
        return len(self.ram) - x86.PAGE_SIZE


class Hardware:
    """The processor of `pyemu.hw`, with one array of translations of 4 KiB and 2 MiB, and true LRU.

    Parameters
    ----------
    machine : Machine
        Its tables must all be there: RAM does not grow under a processor.
    sets, ways : int
        Of the array.
    """

    def __init__(self, machine: Machine, sets: int, ways: int) -> None:
        self.machine = machine
        config = TlbConfig((TlbArray(sets, ways, (x86.PAGE_SIZE, LARGE)),))
        self.mmu = make_mmu(machine.ram, "ref", config, ad_on_fault="none")
        self.mmu.load(machine.registers)

    def load_cr3(self, value: int) -> None:
        """Load CR3."""
        cr3 = self.machine.cr3 | value & KEEP
        self.mmu.load(Registers(x86.CR0_WP, cr3, self.machine.registers.cr4, x86.EFER_NXE, 3))

    def invlpg(self, address: int) -> None:
        """Forget the page around an address."""
        self.mmu.invlpg(address)

    def access(self, address: int, kind: str, walk: Walk) -> object:
        """Translate; the walk is its own, and only counted."""
        refs: list[Any] = []
        try:
            done = self.mmu.access(address, kind, refs)
        except HardwareFault:
            self.machine.n_walks += bool(refs)
            return "fault"
        self.machine.n_walks += bool(refs)
        return ("miss" if done.level is HitLevel.WALK else "hit"), done.pa


def play(
    operations: tuple[Operation, ...], processor: Callable[[Machine], Processor]
) -> list[tuple[Operation, str]]:
    """Do operations, and say what each access came to.

    Parameters
    ----------
    operations : tuple of Operation
        In order. What is mapped is mapped before the first of them, so that no table has to be made later.
    processor : callable
        Makes the processor of a machine.

    Returns
    -------
    list of tuple of (Operation, str)
        The accesses, with what they gave: ``hit 0x5010, no walk``.
    """
    machine = Machine()
    for one in operations:
        if one.do == "map":
            machine.edit(one)
    cpu = processor(machine)
    found = []
    for one in operations:
        if one.do == "load_cr3":
            machine.cr3 = machine.root(one.value & 0xFFF) | one.value & 0xFFF
            cpu.load_cr3(one.value)
        elif one.do == "invlpg":
            cpu.invlpg(one.value)
        elif one.do in ("read", "write"):
            before = machine.n_walks
            given = cpu.access(one.value, one.do, machine.walk)
            found.append((one, _words(given, machine.n_walks - before)))
        elif one.do != "map":
            machine.edit(one)
    return found


def _words(given: object, n_walks: int) -> str:
    walks = {0: "no walk", 1: "1 walk"}.get(n_walks, f"{n_walks} walks")
    match given:
        case "fault":
            return f"fault, {walks}"
        case ("hit" | "miss" as found, int(pa)):
            return f"{found} {pa:#x}, {walks}"
    return f"gives {given!r}, which is no outcome"


def try_pcid_tlb(operations: list[Operation], sets: int, ways: int, **mine: Any) -> None:
    """Do operations with a learner's TLB, and print what each access came to, beside the processor's.

    Parameters
    ----------
    operations : list of Operation
        In order.
    sets, ways : int
        Of the TLB.
    **mine : callable
        ``power_on``, ``access``, ``load_cr3`` and ``invlpg`` of the learner.
    """

    def own(_: Machine) -> Any:
        mine["power_on"](sets, ways)
        return type("Own", (), {name: staticmethod(function) for name, function in mine.items()})

    right = play(tuple(operations), lambda machine: Hardware(machine, sets, ways))
    own_answers = iter(play(tuple(operations), own))
    wanted = iter(right)
    for one in operations:
        if one.do not in ("read", "write"):
            print(one.words)
            continue
        (_, text), (_, correct) = next(own_answers), next(wanted)
        print(f"  {one.words:<22} {text}" + ("" if text == correct else f"; the processor's: {correct}"))
