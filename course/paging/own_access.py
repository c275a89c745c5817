"""A learner's walk with all its rules, beside that of the processor: one access on the same page tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from course.asking import asked
from course.paging.computer import ROOT, Computer
from course.paging.entry import Entry
from pyemu.hw import x86
from pyemu.hw.tables import path

__all__ = ["MAXPHYADDR", "Outcome", "Request", "Table", "learners", "processors", "try_access"]

MAXPHYADDR = 40
"""Bits of a physical address; the higher address bits of an entry are reserved."""
FullWalk = Callable[[SimpleNamespace, dict[str, Any], int, str], object]
"""``walk(memory, cpu, address, kind)``."""


@dataclass(frozen=True, slots=True)
class Request:
    """One access.

    Attributes
    ----------
    va : int
        Virtual address, 0 to 2**64 - 1.
    kind : str
        ``read``, ``write`` or ``fetch``.
    user : bool
        Whether it comes from user mode.
    wp : bool
        CR0.WP.
    """

    va: int
    kind: str
    user: bool = True
    wp: bool = True

    @property
    def words(self) -> str:
        """The access in words."""
        who = "user" if self.user else "kernel"
        return f"{who} {self.kind} {self.va:#x}{'' if self.wp else ' with WP clear'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of an access.

    Attributes
    ----------
    pa : int or None
        Physical address; None when there is none.
    fault : str
        Empty, ``#PF``, ``#GP``, or a text that says what else it is.
    code, cr2 : int
        Of a page fault.
    entries : tuple of int
        The entries of the walk afterwards, from level 4 down.
    stray : bool
        Whether another entry was changed.
    """

    pa: int | None
    fault: str = ""
    code: int = 0
    cr2: int = 0
    entries: tuple[int, ...] = ()
    stray: bool = False

    @property
    def kind(self) -> str:
        """``translated``, or the fault without its numbers."""
        return self.fault or "translated"

    @property
    def words(self) -> str:
        """All but the entries, in words."""
        if self.fault == "#PF":
            return f"#PF, error code {self.code:#x}, CR2 {self.cr2:#x}"
        return self.fault or f"{self.pa:#x}"


Table = bytearray
"""RAM with page tables in it."""


def processors(ram: Table, root: int, request: Request) -> Outcome:
    """Make an access as the processor does; the tables stay as they are.

    Parameters
    ----------
    ram : bytearray
        RAM with page tables.
    root : int
        Physical address of the top table.
    request : Request
        The access.

    Returns
    -------
    Outcome
        What becomes of it.
    """
    cpu = x86.Registers(
        cr0=x86.CR0_WP if request.wp else 0,
        cr3=root,
        cr4=x86.CR4_PAE,
        efer=x86.EFER_NXE,
        cpl=3 if request.user else 0,
        maxphyaddr=MAXPHYADDR,
    )
    before = path(ram, cpu, request.va)
    try:
        done = x86.access(ram, cpu, request.va, request.kind, twin="ref", ad_on_fault="none")
        return Outcome(done.pa, entries=tuple(x86.read_entry(ram, where) for where, _ in before))
    except x86.PageFault as fault:
        entries = tuple(entry for _, entry in before)
        return Outcome(None, "#PF", fault.error_code, fault.cr2, entries)
    except x86.GeneralProtection:
        return Outcome(None, "#GP", entries=tuple(entry for _, entry in before))
    finally:
        for where, entry in before:
            x86.write_entry(ram, where, entry)


def learners(function: FullWalk, ram: Table, root: int, request: Request) -> tuple[Outcome, tuple[int, ...]]:
    """Make an access with a learner's walk; the tables stay as they are.

    Parameters
    ----------
    function : callable
        The learner's: it gives a physical address, ``("#PF", error code, CR2)`` or ``"#GP"``.
    ram, root, request
        As for `processors`.

    Returns
    -------
    tuple of (Outcome, tuple of int)
        What it says of the access, and where it read entries.
    """
    written: dict[int, int] = {}
    reads: list[int] = []

    def read(pa: object) -> int:
        reads.append(_entry_address(pa))
        return written.get(reads[-1], x86.read_entry(ram, reads[-1]))

    def write(pa: object, entry: object) -> None:
        if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry <= x86.MAX_U64:
            raise ValueError(f"{entry!r} is no entry; it must be a number of 64 bits")
        written[_entry_address(pa)] = entry

    cpu = {"cr3": root, "user": request.user, "wp": request.wp}
    given = function(SimpleNamespace(read=read, write=write), cpu, request.va, request.kind)
    registers = x86.Registers(cr0=0, cr3=root, cr4=0, efer=0, cpl=3)
    used = dict(path(ram, registers, request.va))
    stray = any(x86.read_entry(ram, pa) != entry for pa, entry in written.items() if pa not in used)
    entries = tuple(written.get(where, entry) for where, entry in used.items())
    return replace(_outcome(given), entries=entries, stray=stray), tuple(reads)


def try_access(
    function: FullWalk, computer: Computer, va: int, kind: str = "read", *, user: bool = True, wp: bool = True
) -> None:
    """Make an access with a learner's walk on a small computer, and print it beside the processor's.

    Parameters
    ----------
    function : callable
        The learner's ``walk``.
    computer : Computer
        Its page tables.
    va, kind, user, wp
        The access; see `Request`.
    """
    request = Request(va, kind, user, wp)
    right = processors(computer.ram, ROOT, request)
    mine, failed = asked(learners, function, computer.ram, ROOT, request)
    print(request.words)
    print(f"  yours        {failed or mine[0].words}")
    print(f"  processor's  {right.words}")
    if not failed and mine[0].entries != right.entries:
        for level, own, wanted in zip((4, 3, 2, 1), mine[0].entries, right.entries, strict=False):
            if own != wanted:
                print(f"  level {level}: you leave {Entry(own).bits}, the processor {Entry(wanted).bits}")


def _entry_address(pa: object) -> int:
    if isinstance(pa, bool) or not isinstance(pa, int) or pa < 0 or pa % 8:
        shown = f"{pa:#x}" if isinstance(pa, int) else repr(pa)
        raise ValueError(f"no entry begins at {shown}; entries have eight bytes, from {0:#x} on")
    return pa


def _outcome(given: object) -> Outcome:
    """Read what a learner's walk gave."""
    match given:
        case bool():
            pass
        case int(pa):
            return Outcome(pa)
        case "#GP" | ("#GP",):
            return Outcome(None, "#GP")
        case ("#PF", int(code), int(cr2)):
            return Outcome(None, "#PF", code, cr2)
    return Outcome(None, f"gives {given!r}, which is no outcome")
