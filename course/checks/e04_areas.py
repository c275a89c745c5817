"""Faults of exercise E4 that no area allows, and one that meets a lock which is taken again and again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.facts import Fact
from course.checks.kernel_case import KernelCase, KernelRun

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["ACCESSES", "AREAS", "changed", "refused", "relocked", "unasked"]

AREAS = "areas"
"""What the scenarios are called in which an area refuses an access."""


def _accesses(result: Result, task: str) -> tuple[str, ...]:
    return result.tasks[task].outcomes


ACCESSES = Fact(
    "accesses",
    _accesses,
    lambda all_: (
        "accesses give " + ", ".join(one.removeprefix("ret=") for one in all_) if all_ else "no access"
    ),
)
"""What each access of a task came to, in order."""


def refused(draw: Draw) -> KernelCase:
    """Accesses below an area, above it, and against its rights."""
    first, middle, last = ({"area": "V", "page": page} for page in draw("order", ((0, 1, 2), (2, 1, 0))))
    program = [
        *({"do": "munmap", **page} for page in (first, last)),
        {"do": "read", **middle},
        {"do": "read", **first},
        {"do": "write", **middle},
        {"do": "read", **last},
    ]
    lower = "below" if first["page"] == 0 else "above"
    upper = "above" if first["page"] == 0 else "below"
    return _case(
        {"pages": 3, "prot": "r"},
        program,
        [],
        "V has one page, for reading, between two that T has unmapped. T reads the page and the one "
        f"{lower}, writes the page, and reads the one {upper}.",
    )


def changed(draw: Draw) -> KernelCase:
    """Areas that change while a fault waits: one goes, one loses a right."""
    gone, read_only = draw("pages", ((1, 2), (2, 1)))
    at = draw("at", range(2_000, 9_000, 500))
    program = [
        {"do": "read", "area": "V", "page": gone},
        {"do": "write", "area": "V", "page": read_only},
    ]
    other = [
        {"do": "pause", "ticks": at},
        {"do": "munmap", "area": "V", "page": gone},
        {"do": "pause", "ticks": 10_000},
        {"do": "mprotect", "area": "V", "page": read_only, "prot": "r"},
    ]
    return _case(
        {"pages": 4, "file": "F", "shared": True},
        program,
        other,
        f"T reads page {gone} of V, a file on a slow disk; its thread U unmaps that page meanwhile. Then T "
        f"writes page {read_only} of V, and U makes that page one for reading.",
    )


def unasked(run: KernelRun) -> bool:
    """Say whether something else came of an access that no area allows, or it came later."""
    wanted = run.right(ACCESSES)
    other = run.case.scenario.name == AREAS or run.value(ACCESSES) != wanted
    return other and "SIGSEGV" in "".join(wanted)


def _case(area: dict[str, Any], program: list[Any], other: list[Any], happens: str) -> KernelCase:
    """Make a case of T, its area V, and perhaps its thread U."""
    from pyemu.scenario import Scenario

    signals = {"SIGBUS": "escape", "SIGSEGV": "escape"}
    told = Scenario.from_dict(
        {
            "version": 1,
            "name": AREAS,
            "title": "No area, or one that forbids it",
            "machine": {"n_cpus": 4},
            "files": [{"name": "F", "pages": 4, "read_ahead": 0}] if "file" in area else [],
            "areas": [{"name": "V", "process": "T", **area}],
            "tasks": [
                {"name": "T", "process": "T", "signals": signals, "program": program},
                *([{"name": "U", "process": "T", "program": other}] if other else []),
            ],
        }
    )
    return KernelCase(told, happens)


def relocked(draw: Draw) -> KernelCase:
    """S9-relock: a page of a file whose lock another task takes again and again."""
    from pyemu.scenario import Scenario

    library, n = Scenario.load("S9-relock"), draw("locks", range(3, 7))
    holder, *others = library.tasks
    told = replace(library, tasks=(replace(holder, program=holder.program[:1] * n), *others))
    return KernelCase(
        told,
        f"T reads a page of a file that is in memory. H holds the page's lock, and takes it again, {n} times "
        "in all. Attempt 2 waits with mmap_sem held, and gives VM_FAULT_LOCKED.",
    )
