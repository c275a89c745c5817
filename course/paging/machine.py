"""A real machine, frozen: the dump of `course.walk`, for hands."""

from __future__ import annotations

from collections.abc import Iterator

from course.paging.entry import Entry
from course.paging.shown import Walked
from course.walk.dump import SAMPLE, Dump
from course.walk.listing import listing
from course.walk.walk import walk
from pyemu.errors import FaultlabError
from pyemu.hw import Kind, Registers, check, x86

__all__ = ["Frozen", "frozen"]


class Frozen:
    """A machine that was stopped while a program ran: registers and page tables, to be read only.

    Parameters
    ----------
    dump : Dump
        Its physical memory, with the registers of a CPU.

    Attributes
    ----------
    cpu : Registers
        As they stood; user mode.
    root : int
        Physical address of the top table, from CR3.

    Raises
    ------
    FaultlabError
        The dump notes no registers.
    """

    def __init__(self, dump: Dump) -> None:
        if not dump.cpus:
            raise FaultlabError(f"{dump.path} notes no registers; use a dump of dump-guest-memory.")
        self._dump = dump
        noted = dump.cpus[0]
        self.cpu = Registers(
            cr0=noted.cr0,
            cr3=noted.cr3,
            cr4=noted.cr4,
            efer=x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE,
            cpl=3,
        )
        self.root = self.cpu.root

    def entry(self, at: int) -> Entry:
        """Read the entry at a physical address.

        Parameters
        ----------
        at : int
            A multiple of 8 in one of the tables.

        Raises
        ------
        FaultlabError
            No entry stands there.
        """
        if at < 0 or at % 8:
            raise FaultlabError(
                f"no entry stands at {at:#x}: an entry has 8 bytes, so its address is a multiple of 8. "
                "It is table + 8 * index, and the table is entry & x86.ADDRESS: without the entry's bits."
            )
        page = self._dump.page(at & -x86.PAGE_SIZE)
        if page is None:
            raise FaultlabError(
                f"{at:#x} lies in no table of this machine. An entry leads to "
                "entry & x86.ADDRESS: the address without the entry's bits."
            )
        return Entry(x86.read_entry(page, at % x86.PAGE_SIZE))

    def walk(self, va: int, kind: str = "read") -> Walked:
        """Let the processor make an access: level by level, up to the page or the fault.

        Parameters
        ----------
        va : int
            Virtual address.
        kind : {"read", "write", "fetch"}
            What the access does.
        """
        return Walked(walk(self._dump, self.cpu, check.address(va), Kind(check.kind(kind))), self.root)

    def pages(self) -> Iterator[int]:
        """Give the virtual address of each page that user mode may read, in ascending order."""
        for one in listing(self._dump, self.cpu).ranges:
            if one.user:
                yield from range(one.va, one.end, one.page_size)


def frozen() -> Frozen:
    """Open the machine that comes along: a shell that runs under Linux 6.1.192 on an emulated PC.

    Returns
    -------
    Frozen
        See `course.walk` for where it comes from.
    """
    return Frozen(Dump(SAMPLE))
