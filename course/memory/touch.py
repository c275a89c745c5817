"""``touch``: plain accesses to a few pages, one after the other, and what each of them costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course.conform.measure import between_marks
from course.memory.steps import Step, read_steps, scenario_of
from course.views.table import Column, Line, Table
from pyemu.errors import FaultlabError
from pyemu.flags import PAGE_MASK, PAGE_SIZE, PageFaultError, Signal
from pyemu.hw import x86
from pyemu.machine import Result, run
from pyemu.state import ZERO_PFN
from pyemu.trace import Event
from pyemu.tree import Tree

__all__ = ["Access", "Fault", "Touched", "touch"]

MANY = 100
"""Owners of the zero page: whoever has it, it is never theirs alone."""
BITS = (("P", x86.P), ("RW", x86.RW), ("US", x86.US))


@dataclass(frozen=True, slots=True)
class Fault:
    """One page fault.

    Attributes
    ----------
    error_code, cr2 : int
        What the processor says: error code, and the address that was accessed.
    did : str
        What the kernel did about it.
    counted : str
        ``minor``, ``major`` or ``neither``.
    n_owners : int
        How many processes had the page's frame before: 0 without a page, `MANY` for the zero page.
    """

    error_code: int
    cr2: int
    did: str
    counted: str
    n_owners: int

    @property
    def words(self) -> str:
        """The error code and its bits, as lesson 01 names them."""
        names = [name for name, bit in zip("PWU", (1, 2, 4), strict=True) if self.error_code & bit]
        return f"{self.error_code:#x} {' '.join(names)}".strip()


@dataclass(frozen=True, slots=True)
class Access:
    """One step, and what came of it.

    Attributes
    ----------
    step : Step
        What was done.
    faults : tuple of Fault
        In order; a system call may have several.
    entry : int
        The page's entry afterwards, without A and D.
    outcome : str
        What the program got, such as ``ret=7`` or ``SIGSEGV(code=2)``; empty if it was no access.
    """

    step: Step
    faults: tuple[Fault, ...]
    entry: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Touched:
    """What the steps cost; shown as a table, printed as text.

    Attributes
    ----------
    accesses : tuple of Access
        One a step.
    result : Result
        The run, for a timeline.
    """

    accesses: tuple[Access, ...]
    result: Result

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All page faults, in order."""
        return tuple(fault for access in self.accesses for fault in access.faults)

    @property
    def table(self) -> Table:
        """The steps as cells."""
        columns = (
            *(Column("step", 26), Column("error code", 10), Column("CR2", 8)),
            *(Column("the kernel", 30), Column("counted", 8), Column("entry afterwards", 16)),
            Column("gives", 15),
        )
        return Table("", columns, tuple(line for access in self.accesses for line in _lines(access)))

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


def touch(
    *steps: str,
    file: str = "",
    file_pages: int = 4,
    prot: str = "rw",
    tree: Tree = Tree.after,
    title: str = "",
) -> Touched:
    """Do some steps one after the other, and say what each costs.

    The area has the addresses from 0x5000 up to 0x9000: four pages.

    Parameters
    ----------
    *steps : str
        Such as ``read 0x5010``, ``write 0x5010 9``, ``child read 0x5010``, ``syscall write 0x5000``.
    file : str
        Empty: memory of the program's own. ``cold`` or ``cached``: the area shows a file, shared by all.
    file_pages : int
        Length of the file, 1 to 4 pages.
    prot : str
        What the area allows: ``r`` or ``rw``.
    tree : Tree
        The kernel.
    title : str
        What a timeline of the run is called.

    Returns
    -------
    Touched
        A line for each step.

    Raises
    ------
    FaultlabError
        A text is no step; the message lists what a step can be.

    Examples
    --------
    >>> touch("read 0x5010", "write 0x5010").faults[1].words
    '0x7 P W U'
    """
    if file not in ("", "cold", "cached"):
        raise FaultlabError(f"file is {file!r}; it must be empty (no file), 'cold' or 'cached'.")
    read = read_steps(steps)
    scenario = scenario_of(read, file=file, file_pages=file_pages, prot=prot, title=title)
    result = run(scenario, tree)
    return Touched(tuple(_accesses(read, result, shared=bool(file))), result)


def _accesses(steps: list[Step], result: Result, shared: bool) -> Iterator[Access]:
    """Give the steps in order, with what their tasks' events between two marks tell."""
    parts = {
        int(label): events for task in result.tasks for label, events in between_marks(result, task) if label
    }
    entries: dict[str, dict[int, int]] = {"P": {}, "child": {}, "other": {}}
    for n, step in enumerate(steps):
        key = step.who if step.who in entries else "P"
        mine = entries[key]
        outcome, faults = "", list[Fault]()
        for events in _by_exception(parts[n]):
            before = {who: dict(those) for who, those in entries.items()}
            for event in events:
                if event.kind == "pte":
                    mine[int(event.a)] = int(event.b)
                elif event.kind == "report" and event.a == "outcome":
                    outcome = str(event.b)
            if events and events[0].kind == "exception":
                page = int(events[0].a) & PAGE_MASK
                was = before[key].get(page, 0)
                faults.append(_fault(events, was, mine.get(page, 0), _owners(was, before, page), shared))
        if step.do == "fork":
            entries["child"] = dict(mine)
        entry = mine.get(step.va & PAGE_MASK, 0) & ~(x86.A | x86.D)
        yield Access(step, tuple(faults), entry, outcome)


def _by_exception(events: list[Event]) -> Iterator[list[Event]]:
    """Cut the events of a step: what came before the first exception, then from one to the next."""
    part: list[Event] = []
    for event in events:
        if event.kind == "exception":
            yield part
            part = []
        part.append(event)
    yield part


def _owners(entry: int, entries: dict[str, dict[int, int]], page: int) -> int:
    """Say how many processes have the frame that an entry names."""
    frame = entry & x86.ADDRESS
    if not entry or frame == ZERO_PFN * PAGE_SIZE:
        return MANY if entry else 0
    return sum(those.get(page, 0) & x86.ADDRESS == frame for those in entries.values())


def _fault(events: list[Event], before: int, entry: int, n_owners: int, shared: bool) -> Fault:
    counters = {event.a for event in events if event.kind == "counter"}
    counted = "major" if "maj_flt" in counters else "minor" if "min_flt" in counters else "neither"
    code, va = int(events[0].b), int(events[0].a)
    return Fault(code, va, _did(events, code, before, entry, n_owners, shared), counted, n_owners)


def _did(events: list[Event], code: int, before: int, entry: int, n_owners: int, shared: bool) -> str:
    """Say what the kernel did about a fault."""
    for event in events:
        if event.kind == "fault_signal":
            return f"sends {Signal(int(event.a)).name}"
        if event.kind == "fixup":
            return "ends the copy at its fixup"
    calls = {event.text for event in events if event.kind == "call"}
    if code & PageFaultError.PROT:
        if (before ^ entry) & x86.ADDRESS == 0:
            return "lets it write to the file" if shared else "reuses the page: last owner"
        return "maps a fresh page instead" if n_owners == MANY else "copies the page"
    if "do_fault" in calls:
        asked = any(event.kind == "disk" for event in events)
        return "reads the file, maps its page" if asked else "maps the page of the file"
    return "maps a fresh page" if entry & x86.RW else "maps the zero page"


def _lines(access: Access) -> Iterator[Line]:
    """Give a line for each fault of a step, and one for a step without."""
    entry = access.entry
    names = " ".join(name for name, bit in BITS if entry & bit)
    place = f"{entry & x86.ADDRESS:#x} {names}" if entry & x86.P else "-"
    if access.step.do == "fork":
        place = ""
    gives = access.outcome.removeprefix("ret=")
    first = access.step.text
    for fault in access.faults[:-1]:
        yield Line((first, fault.words, f"{fault.cr2:#x}", fault.did, fault.counted, "", ""))
        first = ""
    if access.faults:
        last = access.faults[-1]
        yield Line((first, last.words, f"{last.cr2:#x}", last.did, last.counted, place, gives))
    else:
        none = "no fault" if access.step.accesses else ""
        yield Line((first, none, "", "", "", place, gives))
