"""The scenarios of exercise E3: faults of T from user mode and from kernel mode.

All run on the tree before the series. What is slow is a file on a disk, or a monitor
that serves T's area by a userfaultfd.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.e04_areas import changed
from course.checks.e04_scenarios import killed, wakes
from course.checks.facts import Fact
from course.checks.kernel_case import KernelCase
from course.checks.kernel_mode import copying
from course.checks.scenarios import HANDLED
from pyemu.tree import Tree

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.scenario import Scenario

__all__ = [
    "LOCKED_REPORT",
    "PAGE_FAULTS",
    "SERVED_FAULTS",
    "beyond",
    "forbidden",
    "in_kernel",
    "killed_again",
    "killed_in_user_mode",
    "plain",
    "refused_later",
    "remapped",
    "slow",
    "unmapped",
    "woken",
]


def _perf(event: str) -> Fact:
    """Make a fact of a software event that perf counts."""
    return Fact(
        event, lambda result, task: result.tasks[task].counters[event], lambda n: f"perf event {event}: {n}"
    )


PAGE_FAULTS = _perf("page-faults")
SERVED_FAULTS = (_perf("minor-faults"), _perf("major-faults"))


def _locked_report(result: Result, task: str) -> bool:
    held = False
    for event in result.trace.select("lock_taken", "lock_dropped", "fault_signal", "fixup", task=task):
        if event.kind in ("fault_signal", "fixup") and held:
            return True
        held = event.kind == "lock_taken"
    return False


LOCKED_REPORT = Fact(
    "locked_report",
    _locked_report,
    lambda locked: f"an error is reported {'with' if locked else 'without'} mmap_sem",
)
"""Whether an error was reported, as a signal or to a fixup, while the task held mmap_sem."""


def scenario(
    title: str, area: dict[str, Any], program: list[Any], *others: dict[str, Any], cached: bool = False
) -> Scenario:
    """Make a scenario of T and its area, which may show a file: on a disk, or cached in memory."""
    from pyemu.scenario import Scenario

    signals = {"SIGBUS": "escape", "SIGSEGV": "escape", **dict.fromkeys(HANDLED, "handler")}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "E3",
            "title": title,
            "machine": {"n_cpus": 4},
            "files": [{"name": "F", "pages": 3, "byte": 6, "cached": cached}] if "file" in area else [],
            "areas": [{"name": "V", "process": "T", "pages": 4, **area}],
            "tasks": [{"name": "T", "process": "T", "signals": signals, "program": program}, *others],
        }
    )


def before(case: KernelCase) -> KernelCase:
    """Give the same case on the tree before the series."""
    return replace(case, tree=Tree.before)


def _case(told: Scenario, happens: str, **numbers: int) -> KernelCase:
    return before(KernelCase(told, happens, numbers))


def _access(draw: Draw) -> tuple[dict[str, Any], str]:
    page, do = draw("page", (1, 2)), draw("access", ("read", "write"))
    return {"do": do, "area": "V", "page": page}, f"T {do}s page {page} of V"


def plain(draw: Draw) -> KernelCase:
    """Two faults that the first attempt serves; the second is at the first address of the area."""
    access, sentence = _access(draw)
    told = scenario("Nothing to wait for", {}, [access, {"do": "read", "area": "V", "page": 0}])
    return _case(told, f"{sentence}, and reads page 0: fresh memory, nobody waits", first=0)


def beyond(draw: Draw) -> KernelCase:
    """The first attempt ends in SIGBUS: the file has no such page."""
    access = {"do": draw("access", ("read", "write")), "area": "V", "page": 3}
    told = scenario("A page beyond the end", {"file": "F", "shared": True}, [access])
    return _case(told, f"T {access['do']}s page 3 of V, which shows a file of three pages")


def forbidden(draw: Draw) -> KernelCase:
    """The area forbids the access."""
    page = draw("page", (1, 2, 3))
    told = scenario("Not to be written", {"prot": "r"}, [{"do": "write", "area": "V", "page": page}])
    return _case(told, f"T writes page {page} of V, which is for reading")


def unmapped(draw: Draw) -> KernelCase:
    """There is no area; another one may lie above."""
    page = {"area": "V", "page": draw("page", (0, 1, 3))}
    steps = [{"do": "munmap", **page}, {"do": "read", **page}]
    return _case(scenario("No area", {}, steps), f"T unmaps page {page['page']} of V and reads it")


def slow(draw: Draw, signal: bool = False) -> KernelCase:
    """S9: the disk reads the page; perhaps a signal comes meanwhile."""
    page, at, name = draw("page", (1, 2)), draw("at", range(2_000, 9_000, 500)), draw("signal", HANDLED)
    send = {"do": "signal", "task": "T", "signal": name}
    sender = {"name": "S", "program": [{"do": "pause", "ticks": at}, send]}
    told = scenario(
        "A page on the disk",
        {"file": "F", "shared": True},
        [{"do": "read", "area": "V", "page": page}],
        *([sender] if signal else []),
    )
    told = replace(told, name="S9" if signal else told.name)
    happens = f"T reads page {page} of V, which the disk reads for 10000 us"
    return _case(told, happens + (f"; after {at} us comes {name}, which T handles" if signal else ""))


def remapped(draw: Draw) -> KernelCase:
    """While T waits for the disk, its thread U maps fresh memory over the page."""
    page, at = {"area": "V", "page": draw("page", (1, 2))}, draw("at", range(2_000, 9_000, 500))
    program = [{"do": "pause", "ticks": at}, {"do": "mmap_fixed", **page}]
    other = {"name": "U", "process": "T", "program": program}
    told = scenario("An area that goes", {"file": "F", "shared": True}, [{"do": "read", **page}], other)
    return _case(
        told,
        f"T reads page {page['page']} of V, which the disk reads for 10000 us. After {at} us U maps fresh "
        "memory over it",
        first=1,
    )


def refused_later(draw: Draw) -> KernelCase:
    """While T waits for the disk, its thread U unmaps the page; or it takes the right to write."""
    return before(changed(draw))


def in_kernel(draw: Draw, what: str) -> KernelCase:
    """Give a case of a copy of the kernel's, on this tree."""
    return before(copying(draw, what))


def woken(draw: Draw) -> KernelCase:
    """S13 from user mode."""
    return before(wakes(draw, 1))


def killed_in_user_mode(draw: Draw) -> KernelCase:
    """SIGKILL while T waits for its monitor."""
    return before(killed(draw))


def killed_again(draw: Draw, do: str) -> KernelCase:
    """SIGKILL while the second attempt waits for a page lock: that attempt gives RETRY, too."""
    page, at = draw("page", (0, 1, 2)), draw("at", range(3_000, 9_000, 500))
    access = [{"do": "pause", "ticks": 10}, {"do": do, "area": "V", "page": page}]
    hold = {"do": "hold_page", "file": "F", "page": page}
    holder = {"name": "H", "program": [hold | {"ticks": 1_000}, hold | {"ticks": 20_000}]}
    kill = {"do": "signal", "task": "T", "signal": "SIGKILL"}
    killer = {"name": "K", "program": [{"do": "pause", "ticks": at}, kill]}
    area = {"file": "F", "shared": True}
    who = "T reads" if do == "read" else f"A system call ({do}) reads"
    return _case(
        scenario("Killed at the second attempt", area, access, holder, killer, cached=True),
        f"{who} page {page} of V, which is in memory. H holds the page's lock, and takes it again after "
        f"1000 us. So both attempts wait for it; after {at} us comes SIGKILL",
    )
