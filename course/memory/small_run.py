"""Steps on a small memory whose kernel is the learner's: page faults, fork, and pages given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

from course.memory.small import ZERO_FRAME, Entry, SmallMemory
from course.memory.steps import Step, read_steps
from pyemu.errors import FaultlabError
from pyemu.flags import PageFaultError
from pyemu.hw import PageFault

__all__ = ["Kernel", "SmallAccess", "SmallFault", "SmallRun", "small_run"]

MOST_FAULTS = 3
"""Of one access; who faults more often will not stop."""
STEPS = ("read", "write", "drop", "protect", "fork", "exit")


@dataclass(frozen=True, slots=True)
class Kernel:
    """The learner's three functions.

    Attributes
    ----------
    page_fault : callable
        ``page_fault(kernel, process, address, error_code)``.
    fork : callable
        ``fork(kernel, parent, child)``.
    dontneed : callable
        ``dontneed(kernel, process, address)``.
    """

    page_fault: Callable[[SimpleNamespace, str, int, int], object]
    fork: Callable[[SimpleNamespace, str, str], object]
    dontneed: Callable[[SimpleNamespace, str, int], object]


@dataclass(frozen=True, slots=True)
class SmallFault:
    """One page fault.

    Attributes
    ----------
    error_code : int
        The processor's.
    gives : str
        ``zero page``, ``fresh frame``, ``same frame``, ``other frame`` (one that was in use), a signal with
        its code, or ``nothing``.
    area : str
        What the area allows; empty without one.
    n_owners : int
        Of the frame, before.
    before, after : tuple of (int, bool), or None
        The entry of the page.
    copied : tuple of tuple of (int, int)
        Frames copied to, with those copied from.
    n_counted : int
        How often it was counted.
    """

    error_code: int
    gives: str
    area: str = ""
    n_owners: int = 0
    before: Entry | None = None
    after: Entry | None = None
    copied: tuple[tuple[int, int], ...] = ()
    n_counted: int = 0


@dataclass(frozen=True, slots=True)
class SmallAccess:
    """One step, and what came of it.

    Attributes
    ----------
    step : Step
        What was done.
    outcome : str
        The byte, or the signal; empty if it was no access.
    faults : tuple of SmallFault
        In order.
    before, after : mapping of (str, int) to (int, bool)
        All entries, by process and page.
    copied : tuple of tuple of (int, int)
        Of a step that is no access: frames copied to, with those copied from.
    n_counted : int
        Of a step that is no access: how many faults were counted.
    signalled : bool
        Of a step that is no access: whether a signal was sent.
    """

    step: Step
    outcome: str
    faults: tuple[SmallFault, ...] = ()
    before: Mapping[tuple[str, int], Entry] = field(default_factory=dict)
    after: Mapping[tuple[str, int], Entry] = field(default_factory=dict)
    copied: tuple[tuple[int, int], ...] = ()
    n_counted: int = 0
    signalled: bool = False

    @property
    def process(self) -> str:
        """Whose step it is."""
        return _process(self.step)

    @property
    def text(self) -> str:
        """What came of it, in words."""
        faults = ", ".join(f"fault {one.error_code:#x}: {one.gives}" for one in self.faults)
        return f"{self.outcome}, {faults or 'no fault'}"


@dataclass(frozen=True, slots=True)
class SmallRun:
    """What the steps came to.

    Attributes
    ----------
    accesses : tuple of SmallAccess
        One a step.
    min_flt, maj_flt : int
        Faults counted.
    broken : tuple of tuple of (str, str)
        Rules that were broken, with a sentence each.
    shared_writes : tuple of str
        Processes that wrote into a frame of several owners.
    stale_after : str
        The step after which a processor first knew what an entry no longer says; empty when none did.
    slips : frozenset of str
        What `SmallMemory` tells of owners that were counted wrongly.
    """

    accesses: tuple[SmallAccess, ...]
    min_flt: int
    maj_flt: int
    broken: tuple[tuple[str, str], ...] = ()
    shared_writes: tuple[str, ...] = ()
    stale_after: str = ""
    slips: frozenset[str] = frozenset()

    @property
    def told(self) -> dict[str, str]:
        """What each access came to, by its number and words."""
        return {
            f"{n}. {one.step.text}": one.text for n, one in enumerate(self.accesses, 1) if one.step.accesses
        }


def small_run(steps: tuple[str, ...], kernel: Kernel) -> SmallRun:
    """Do steps on a small memory, with a learner's kernel; at the end every process ends.

    Parameters
    ----------
    steps : tuple of str
        As for `touch`: reads, writes, ``drop``, ``protect``, ``fork`` and ``child exit``.
    kernel : Kernel
        The learner's functions.

    Returns
    -------
    SmallRun
        What came of it.

    Raises
    ------
    FaultlabError
        A text is no step, or none of those here.
    """
    memory = SmallMemory()
    accesses = tuple(_accesses(memory, _read(steps), kernel))
    for process in ("child", "parent"):
        memory.end(process)
    for frame in memory.lost():
        memory.broken.append(("lost frame", f"frame {frame} is named by no entry, and was never given back"))
    return SmallRun(
        accesses,
        memory.counters["min_flt"],
        memory.counters["maj_flt"],
        tuple(memory.broken),
        tuple(memory.shared_writes),
        memory.stale_after,
        frozenset(memory.slips),
    )


def _read(texts: tuple[str, ...]) -> list[Step]:
    steps = read_steps(texts)
    for step, text in zip(steps, texts, strict=True):
        if step.do not in STEPS or step.who == "other":
            raise FaultlabError(f"{text!r} is no step here; {', '.join(STEPS)} are.")
    return steps


def _process(step: Step) -> str:
    return "child" if step.who == "child" else "parent"


def _accesses(memory: SmallMemory, steps: list[Step], kernel: Kernel) -> Iterator[SmallAccess]:
    operations = memory.operations()
    for step in steps:
        process = _process(step)
        match step.do:
            case "fork":
                memory.rights["child"] = dict(memory.rights["parent"])
                yield _called(memory, step, partial(kernel.fork, operations, "parent", "child"))
            case "drop":
                yield _called(memory, step, partial(kernel.dontneed, operations, process, step.va))
            case "exit":
                memory.end("child")
                yield SmallAccess(step, "")
            case "protect":
                memory.protect(process, step.va, step.more)
                yield SmallAccess(step, "")
            case _:
                yield _access(memory, step, partial(kernel.page_fault, operations, process))


def _called(memory: SmallMemory, step: Step, function: Callable[[], object]) -> SmallAccess:
    """Let the learner's kernel do a step that is no access, and see what it did."""
    before, n_copied, n_counted = memory.entries(), len(memory.copied), memory.counters.total()
    with memory.step(step.do):
        function()
    if memory.signal is not None:
        memory.broken.append(("signal without a fault", f"{memory.signal[0]} was sent, and nothing accessed"))
    return SmallAccess(
        step,
        "",
        before=before,
        after=memory.entries(),
        copied=tuple(memory.copied[n_copied:]),
        n_counted=memory.counters.total() - n_counted,
        signalled=memory.signal is not None,
    )


def _access(memory: SmallMemory, step: Step, page_fault: Callable[[int, int], object]) -> SmallAccess:
    """Make an access until it succeeds, or is given up."""
    byte = None if step.do == "read" else int(step.more or "7", 0)
    before = memory.entries()
    faults: list[SmallFault] = []
    outcome = "faults again and again"
    while len(faults) < MOST_FAULTS:
        try:
            outcome = str(memory.access(step.who, step.va, byte))
            break
        except PageFault as fault:
            faults.append(_served(memory, _process(step), fault, page_fault))
        if memory.signal is not None:
            name, code = memory.signal
            outcome = f"{name}(code={code})"
            break
    return SmallAccess(step, outcome, tuple(faults), before, memory.entries())


def _served(
    memory: SmallMemory, process: str, fault: PageFault, page_fault: Callable[[int, int], object]
) -> SmallFault:
    """Let the learner's kernel serve a fault, and see what it did."""
    before = memory.entry(process, fault.cr2)
    owners = memory.owners(before[0]) if before else 0
    n_copied, n_counted = len(memory.copied), memory.counters.total()
    with memory.step("fault"):
        page_fault(fault.cr2, fault.error_code)
    after = memory.entry(process, fault.cr2)
    return SmallFault(
        fault.error_code,
        _gives(memory, before, after, fault.error_code),
        memory.area(process, fault.cr2),
        owners,
        before,
        after,
        tuple(memory.copied[n_copied:]),
        memory.counters.total() - n_counted,
    )


def _gives(
    memory: SmallMemory,
    before: Entry | None,
    after: Entry | None,
    error_code: int,
) -> str:
    """Say in a word or two what a fault was given."""
    if memory.signal is not None:
        return f"{memory.signal[0]} {memory.signal[1]}"
    if after is None:
        return "nothing"
    if after[0] == ZERO_FRAME:
        return "zero page"
    if before is not None and error_code & PageFaultError.PROT and after[0] == before[0]:
        return "same frame"
    return "fresh frame" if after[0] in memory.allocated else "other frame"
