"""The scenarios of exercise E3 in which no fault waits: served at once, refused, or failed; facts of all.

All run on the tree before the series; those that wait stand in `course.checks.e03_waits`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.facts import Fact, counted
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED
from pyemu.tree import Tree

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.scenario import Scenario

__all__ = [
    "EARLIER",
    "FIXUPS",
    "FLAG_WORDS",
    "LOCKED",
    "LOCKED_REPORT",
    "PAGE_FAULTS",
    "SERVED_FAULTS",
    "before",
    "beyond",
    "case_of",
    "drivers",
    "failing",
    "forbidden",
    "kernel_beyond",
    "plain",
    "scenario",
    "unmapped",
]


def _perf(event: str) -> Fact:
    """Make a fact of a software event that perf counts."""
    return Fact(
        event, lambda result, task: result.tasks[task].counters[event], lambda n: f"perf event {event}: {n}"
    )


PAGE_FAULTS = _perf("page-faults")
SERVED_FAULTS = (_perf("minor-faults"), _perf("major-faults"))


def _locked_report(result: Result, task: str) -> str:
    held, how = False, "no error is reported"
    for event in result.trace.select("lock_taken", "lock_dropped", "fault_signal", "fixup", task=task):
        if event.kind in ("fault_signal", "fixup"):
            if held:
                return LOCKED
            how = "an error is reported without mmap_sem"
        held = event.kind == "lock_taken"
    return how


LOCKED = "an error is reported with mmap_sem"
LOCKED_REPORT = Fact("locked_report", _locked_report, str)
"""How errors were reported, as a signal or to a fixup: `LOCKED` when one was while the task held mmap_sem."""


FIXUPS = Fact("fixups", lambda result, task: len(result.trace.select("fixup", task=task)), counted("fixup"))
"""How often kernel code was sent to its fixup."""

EARLIER = Fact(
    "earlier accesses",
    lambda result, task: tuple(one.removeprefix("ret=") for one in result.tasks[task].outcomes[:-1]),
    lambda all_: f"earlier accesses give {', '.join(all_)}" if all_ else "no earlier access",
)
"""What each access came to, but for the last, which is the outcome."""


FLAG_WORDS = Fact(
    "flag words",
    lambda result, task: tuple(int(event.a) for event in result.trace.select("attempt", task=task)),
    lambda words: "flags " + ", ".join(map(hex, words)),
)
"""The flag word of each attempt, of all exceptions."""


def scenario(
    title: str,
    area: dict[str, Any],
    program: list[Any],
    *others: dict[str, Any],
    cached: bool = False,
    more_areas: tuple[dict[str, Any], ...] = (),
) -> Scenario:
    """Make a scenario of T and its area V, which may show a file: on a disk, or cached in memory."""
    from pyemu.scenario import Scenario

    signals = {"SIGBUS": "escape", "SIGSEGV": "escape", **dict.fromkeys(HANDLED, "handler")}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "E3",
            "title": title,
            "machine": {"n_cpus": 4},
            "files": [{"name": "F", "pages": 3, "byte": 6, "cached": cached}] if "file" in area else [],
            "areas": [{"name": "V", "process": "T", "pages": 4, **area}, *more_areas],
            "tasks": [{"name": "T", "process": "T", "signals": signals, "program": program}, *others],
        }
    )


def before(case: KernelCase) -> KernelCase:
    """Give the same case on the tree before the series."""
    return replace(case, tree=Tree.before)


def case_of(told: Scenario, happens: str, **numbers: int) -> KernelCase:
    """Make a case on the tree before the series."""
    return before(KernelCase(told, happens, numbers))


def _access(draw: Draw) -> tuple[dict[str, Any], str]:
    page, do = draw("page", (1, 2)), draw("access", ("read", "write"))
    return {"do": do, "area": "V", "page": page}, f"T {do}s page {page} of V"


def plain(draw: Draw) -> KernelCase:
    """Two faults that the first attempt serves; the second is at the first address of the area."""
    access, sentence = _access(draw)
    told = scenario("Nothing to wait for", {}, [access, {"do": "read", "area": "V", "page": 0}])
    return case_of(told, f"{sentence}, and reads page 0: fresh memory, nobody waits", first=0)


def beyond(draw: Draw) -> KernelCase:
    """The first attempt ends in SIGBUS: the file has no such page."""
    access = {"do": draw("access", ("read", "write")), "area": "V", "page": 3}
    told = scenario("A page beyond the end", {"file": "F", "shared": True}, [access])
    return case_of(told, f"T {access['do']}s page 3 of V, which shows a file of three pages")


def kernel_beyond(draw: Draw) -> KernelCase:
    """The only attempt of a fault of kernel code ends in SIGBUS."""
    access = {"do": draw("call", ("tmpfs_write", "pipe_write")), "area": "V", "page": 3}
    told = scenario("A page beyond the end", {"file": "F", "shared": True}, [access])
    return case_of(
        told, f"A system call ({access['do']}) reads page 3 of V, which shows a file of three pages"
    )


def forbidden(draw: Draw) -> KernelCase:
    """The area forbids the access."""
    page = draw("page", (1, 2, 3))
    told = scenario("Not to be written", {"prot": "r"}, [{"do": "write", "area": "V", "page": page}])
    return case_of(told, f"T writes page {page} of V, which is for reading")


def unmapped(draw: Draw) -> KernelCase:
    """There is no area at the address; another one lies above, or none at all."""
    pages = draw("pages", ((0, 3), (3, 1)))
    steps = [{"do": do, "area": "V", "page": page} for page in pages for do in ("munmap", "read")]
    sentence = " and ".join(f"unmaps page {page} of V and reads it" for page in pages)
    return case_of(scenario("No area", {}, steps), f"T {sentence}; page 3 is the last page of its memory")


def drivers(draw: Draw) -> KernelCase:
    """Two drivers, whose first fault each gives an error that is not SIGBUS."""
    page = draw("page", (1, 2, 3))
    scarce = {"name": "W", "process": "T", "pages": 4, "kind": "oom"}
    return case_of(
        scenario(
            "Errors of two drivers",
            {"kind": "sigsegv"},
            [{"do": "read", "area": area, "page": page} for area in ("V", "W")],
            more_areas=(scarce,),
        ),
        f"T reads page {page} of V, whose driver gives VM_FAULT_SIGSEGV; then page {page} of W, whose driver "
        "gives VM_FAULT_OOM, and serves the page at the next exception",
        driver=1,
    )


def failing(draw: Draw) -> KernelCase:
    """Every access fails, in user mode and in kernel mode."""
    gone, read_only = draw("pages", ((0, 1), (1, 2), (2, 0)))
    steps = [
        ("munmap", gone),
        ("read", gone),
        ("write", read_only),
        ("read", 3),
        ("pipe_write", 3),
        ("tmpfs_write", gone),
    ]
    protect = {"do": "mprotect", "area": "V", "page": read_only, "prot": "r"}
    program = [protect, *({"do": do, "area": "V", "page": page} for do, page in steps)]
    return case_of(
        scenario("Nothing is served", {"file": "F", "shared": True}, program),
        f"V shows a file of three pages. T unmaps page {gone} of V, and makes page {read_only} one for "
        f"reading. It reads page {gone}, writes page {read_only}, and reads page 3; then two system calls "
        f"read pages 3 and {gone}",
    )
