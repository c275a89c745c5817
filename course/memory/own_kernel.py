"""Steps on a small memory whose kernel is the learner's: page faults, fork, and pages given back.

What the steps come to is put beside what they come to with the kernel of the emulator (`touch`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from course.memory.own import decision
from course.memory.small import ZERO_FRAME, SmallMemory
from course.memory.steps import Step, read_steps
from course.memory.touch import touch
from pyemu.errors import FaultlabError
from pyemu.flags import PAGE_MASK, PageFaultError
from pyemu.hw import PageFault

__all__ = ["Kernel", "SmallAccess", "SmallFault", "SmallRun", "kernel_run", "small_run", "try_kernel"]

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
        ``zero page``, ``fresh frame``, ``same frame``, a signal with its code, or ``nothing``.
    n_owners : int
        Of the frame, before.
    had_area : str
        What the area allows; empty without one.
    kept_source : bool
        Whether a frame was copied, and the entry names that one as before.
    overwrote : bool
        Whether another frame was copied over the one that the entry named.
    n_counted : int
        How often it was counted.
    """

    error_code: int
    gives: str
    n_owners: int = 0
    had_area: str = ""
    kept_source: bool = False
    overwrote: bool = False
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
    parent_had : bool
        Whether the page had an entry in the parent when it forked, and was not given back since.
    kept : bool
        Of a page given back: whether its entry still was there afterwards.
    took : bool
        Of a page given back: whether the other process lost its entry.
    copied : bool
        Of a fork: whether frames were copied.
    """

    step: Step
    outcome: str
    faults: tuple[SmallFault, ...] = ()
    parent_had: bool = False
    kept: bool = False
    took: bool = False
    copied: bool = False

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
        The step after which an old translation was used first; empty when none was.
    early_put : bool
        Whether a frame was freed before the entry was changed that named it.
    """

    accesses: tuple[SmallAccess, ...]
    min_flt: int
    maj_flt: int
    broken: tuple[tuple[str, str], ...] = ()
    shared_writes: tuple[str, ...] = ()
    stale_after: str = ""
    early_put: bool = False

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
        bool(memory.early_puts),
    )


@lru_cache(maxsize=256)
def kernel_run(steps: tuple[str, ...]) -> SmallRun:
    """Do the same steps on the emulator, with its kernel; see `small_run`."""
    touched = touch(*steps)
    accesses = tuple(
        SmallAccess(
            one.step,
            one.outcome.removeprefix("ret="),
            tuple(SmallFault(fault.error_code, decision(fault, one)) for fault in one.faults),
        )
        for one in touched.accesses
    )
    counted = [fault.counted for fault in touched.faults]
    return SmallRun(accesses, counted.count("minor"), counted.count("major"))


def try_kernel(*steps: str, page_fault: Any, fork: Any, dontneed: Any) -> None:
    """Do steps with a learner's kernel, and print what each comes to, beside the emulator's own kernel.

    Parameters
    ----------
    *steps : str
        As for `touch`.
    page_fault, fork, dontneed : callable
        The learner's functions; see `Kernel`.

    Raises
    ------
    FaultlabError
        A text is no step, or none of those here.
    """
    mine, right = small_run(steps, Kernel(page_fault, fork, dontneed)), kernel_run(steps)
    for (name, text), wanted in zip(mine.told.items(), right.told.values(), strict=True):
        print(f"{name:<28} {text}" if text == wanted else f"{name:<28} {text}; the kernel's: {wanted}")
    for rule, text in mine.broken:
        print(f"{rule}: {text}")
    print(f"minor faults: {mine.min_flt}; the kernel's: {right.min_flt}")


def _read(texts: tuple[str, ...]) -> list[Step]:
    steps = read_steps(texts)
    for step, text in zip(steps, texts, strict=True):
        if step.do not in STEPS or step.who == "other":
            raise FaultlabError(f"{text!r} is no step here; {', '.join(STEPS)} are.")
    return steps


def _accesses(memory: SmallMemory, steps: list[Step], kernel: Kernel) -> Iterator[SmallAccess]:
    operations = memory.operations()
    at_fork: frozenset[int] = frozenset()
    for step in steps:
        process = "child" if step.who == "child" else "parent"
        memory.step = step.do
        match step.do:
            case "fork":
                n_copied = len(memory.copied)
                memory.rights["child"] = dict(memory.rights["parent"])
                at_fork = frozenset(page for page in memory.pages("parent") if memory.entry("parent", page))
                kernel.fork(operations, "parent", "child")
                yield SmallAccess(step, "", copied=bool(memory.copied[n_copied:]))
                continue
            case "exit":
                memory.end("child")
            case "drop":
                other = "parent" if process == "child" else "child"
                had = memory.entry(other, step.va) is not None
                if process == "child":
                    at_fork -= {step.va & PAGE_MASK}
                kernel.dontneed(operations, process, step.va)
                memory.end_step()
                took = had and memory.entry(other, step.va) is None
                yield SmallAccess(step, "", kept=memory.entry(process, step.va) is not None, took=took)
                continue
            case "protect":
                memory.protect(process, step.va, step.more)
            case _:
                had = process == "child" and step.va & PAGE_MASK in at_fork
                yield _access(memory, step, process, kernel, operations, had)
                continue
        yield SmallAccess(step, "")


def _access(
    memory: SmallMemory, step: Step, process: str, kernel: Kernel, operations: SimpleNamespace, had: bool
) -> SmallAccess:
    """Make an access until it succeeds, or is given up."""
    byte = None if step.do == "read" else int(step.more or "7", 0)
    faults: list[SmallFault] = []
    outcome = "faults again and again"
    while len(faults) < MOST_FAULTS:
        try:
            outcome = str(memory.access(step.who, step.va, byte))
            break
        except PageFault as fault:
            faults.append(_served(memory, fault, process, kernel, operations))
        if memory.signal is not None:
            name, code = memory.signal
            outcome = f"{name}(code={code})"
            break
    return SmallAccess(step, outcome, tuple(faults), had)


def _served(
    memory: SmallMemory, fault: PageFault, process: str, kernel: Kernel, operations: SimpleNamespace
) -> SmallFault:
    """Let the learner's kernel serve a fault, and see what it did."""
    memory.signal = None
    memory.step = "copy"
    area = memory.area(process, fault.cr2)
    before = memory.entry(process, fault.cr2) if area else None
    owners = memory.owners(before[0]) if before else 0
    n_copied, n_counted = len(memory.copied), memory.counters.total()
    kernel.page_fault(operations, process, fault.cr2, fault.error_code)
    memory.end_step()
    after = memory.entry(process, fault.cr2) if area else None
    copied = [pair for pair in memory.copied[n_copied:] if before]
    return SmallFault(
        fault.error_code,
        _gives(memory.signal, before, after, fault.error_code),
        owners,
        area,
        any(after and source == before[0] == after[0] for _, source in copied if before),
        any(to == before[0] for to, _ in copied if before),
        memory.counters.total() - n_counted,
    )


def _gives(
    signal: tuple[str, int] | None,
    before: tuple[int, bool] | None,
    after: tuple[int, bool] | None,
    error_code: int,
) -> str:
    """Say in a word or two what a fault was given."""
    if signal is not None:
        return f"{signal[0]} {signal[1]}"
    if after is None:
        return "nothing"
    if after[0] == ZERO_FRAME:
        return "zero page"
    if before is not None and error_code & PageFaultError.PROT and after[0] == before[0]:
        return "same frame"
    return "fresh frame"
