"""The faults of exercise E8: attempts read from runs on several kernels, with what each run counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from pyemu.flags import VM_FAULT_MAJOR

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["GATED", "Attempts", "Fault", "driver_faults", "faults_of", "slow_last", "user_faults"]

Attempts = tuple[tuple[int, int, int], ...]

GATED = ("riscv", "arm", "mips", "s390", "openrisc")
"""Some of the architectures that counted while ALLOW_RETRY was set [fact:count-gated]."""
FILES = [{"name": "F", "pages": 4}]
SHORT = [{"name": "F", "pages": 1, "cached": True}]
MAPPED = {"file": "F", "shared": True}
SERVED = {"userfaultfd": True}


@dataclass(slots=True)
class Fault:
    """One fault, or one call of get_user_pages.

    Attributes
    ----------
    name : str
        What happened, in a few words.
    attempts : list of (int, int, int)
        The flags that went in, the bits that came out, and reads from a disk that the attempt began.
    counted : dict of str to int
        How often each counter grew: ``maj_flt``, ``minor-faults``, ``pgfault``, ...
    regs : bool
        There was an exception, so the kernel has registers of the task.
    """

    name: str
    attempts: list[tuple[int, int, int]] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    regs: bool = True

    @property
    def given(self) -> Attempts:
        """The attempts, as a learner's function gets them."""
        return tuple(self.attempts)


def faults_of(result: Result, name: str) -> list[Fault]:
    """Read the faults of task T from a run."""
    kinds = ("exception", "attempt", "attempt_end", "disk", "counter")
    found = [Fault(name, regs=False)]
    flags = reads = 0
    for event in result.trace.select(*kinds, task="T"):
        if event.kind == "exception":
            found.append(Fault(f"{name}, fault {len(found)}" if len(found) > 1 else name))
        elif event.kind == "attempt":
            flags, reads = int(event.a), 0
        elif event.kind == "disk":
            reads += 1
        elif event.kind == "attempt_end":
            found[-1].attempts.append((flags, int(event.a), reads))
        else:
            counted = found[-1].counted
            counted[str(event.a)] = counted.get(str(event.a), 0) + 1
    return [one for one in found if one.attempts]


def _run(
    name: str,
    tree: str,
    area: dict[str, Any],
    step: dict[str, Any],
    others: Sequence[dict[str, Any]] = (),
    arch: str = "x86",
    files: Sequence[dict[str, Any]] = (),
) -> list[Fault]:
    """Run a task T that makes one step on an area V, and read its faults."""
    from pyemu import Scenario, Tree, run

    signals = {"SIGBUS": "escape", "SIGUSR1": "handler"}
    scenario = {
        "version": 1,
        "name": name,
        "title": "One fault, counted",
        "machine": {"arch": arch},
        "files": list(files),
        "areas": [{"name": "V", "pages": 4, **area}],
        "tasks": [{"name": "T", "signals": signals, "program": [step | {"area": "V"}]}, *others],
    }
    return faults_of(run(Scenario.from_dict(scenario), Tree.parse(tree), strict=True), f"{name} on {tree}")


def _monitor(page: int, n_wakes: int, ticks: int) -> dict[str, Any]:
    asked = ({"do": "wait_message"}, {"do": "pause", "ticks": ticks})
    place = {"area": "V", "page": page}
    program = [*(*asked, {"do": "wake", **place}) * n_wakes, *asked, {"do": "copy", "byte": 5, **place}]
    return {"name": "M", "monitor": True, "program": program}


def user_faults(draw: Draw, arch: str, trees: Sequence[str]) -> Iterator[Fault]:
    """Give faults of user mode: without a wait, after waits, with an error, with a signal."""
    page, ticks = draw("page", (1, 2, 3)), draw("ticks", range(1_000, 9_000, 500))
    n_wakes = draw("wakes", (1, 2, 3))
    read = {"do": "read", "page": page}
    late = {"name": "S", "program": [{"do": "pause", "ticks": ticks}, _signal("SIGUSR1")]}
    for tree in trees:
        yield from _run("a page of zeros", tree, {}, read, arch=arch)
        yield from _run("a page from the disk", tree, MAPPED, read, arch=arch, files=FILES)
        yield from _run("a page of a monitor", tree, SERVED, read, [_monitor(page, 0, ticks)], arch)
        waits = f"{n_wakes + 1} waits for a monitor"
        yield from _run(waits, tree, SERVED, read, [_monitor(page, n_wakes, ticks)], arch)
        yield from _run("beyond the end of a file", tree, MAPPED, read, arch=arch, files=SHORT)
        yield from _run("SIGUSR1 during the read", tree, MAPPED, read, [late], arch, FILES)


def _signal(name: str) -> dict[str, Any]:
    return {"do": "signal", "task": "T", "signal": name}


def driver_faults(draw: Draw, tree: str) -> Iterator[Fault]:
    """Give faults that a driver makes through get_user_pages: there was no exception."""
    pin = {"do": "pin", "page": draw("page", (1, 2, 3)), "entry": "get_user_pages_locked"}
    yield from _run("a driver pins a page of zeros", tree, {}, pin)
    yield from _run("a driver pins a page from the disk", tree, MAPPED, pin, files=FILES)


def slow_last(fault: Fault, name: str, count: Callable[[Attempts], dict[str, int]]) -> Fault:
    """Give a fault as another one, but for its last attempt, which reads the page from the disk.

    No scenario does that, so the rule as the emulator's table has it says what is counted.
    """
    *first, (flags, bits, _) = fault.attempts
    attempts = [*first, (flags, bits | int(VM_FAULT_MAJOR), 1)]
    return Fault(name, attempts, count(tuple(attempts)))
