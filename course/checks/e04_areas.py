"""Faults of exercise E4 that no area allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.facts import Fact
from course.checks.kernel_case import KernelCase, KernelRun

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["ACCESSES", "AREAS", "changed", "refused", "unasked"]

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
    """Accesses below an area, above it, and against its rights, by a program and by the kernel."""
    hole, page, secret, other = (
        {"area": "V", "page": n} for n in draw("order", ((0, 1, 2, 3), (3, 2, 1, 0)))
    )
    program = [
        *({"do": "munmap", **one} for one in (hole, other)),
        {"do": "mprotect", **secret, "prot": "none"},
        *({"do": do, **page} for do in ("read", "write")),
        *({"do": do, **hole} for do in ("read", "write")),
        *({"do": "read", **one} for one in (secret, other)),
        *({"do": "tmpfs_write", **one} for one in (hole, secret)),
        {"do": "munmap", **secret},
    ]
    return _case(
        {"pages": 4, "prot": "r"},
        program,
        [],
        f"V is for reading; T unmaps pages 0 and 3, and takes all rights from page {secret['page']}. T reads "
        f"and writes page {page['page']}, then page {hole['page']}, reads pages {secret['page']} and "
        f"{other['page']}, has system calls read pages {hole['page']} and {secret['page']}, and unmaps page "
        f"{secret['page']}.",
    )


def changed(draw: Draw) -> KernelCase:
    """Areas that change while a fault waits: one goes, one loses a right, and the last one goes."""
    gone, read_only = draw("pages", ((1, 2), (2, 1)))
    at = draw("at", range(2_000, 9_000, 500))
    program = [
        {"do": "read", "area": "V", "page": gone},
        {"do": "write", "area": "V", "page": read_only},
        {"do": "read", "area": "V", "page": 3},
    ]
    other = [
        {"do": "pause", "ticks": at},
        {"do": "munmap", "area": "V", "page": gone},
        {"do": "pause", "ticks": 10_000},
        {"do": "mprotect", "area": "V", "page": read_only, "prot": "r"},
        {"do": "pause", "ticks": 10_000},
        {"do": "munmap", "area": "V", "page": 3},
    ]
    return _case(
        {"pages": 4, "file": "F", "shared": True},
        program,
        other,
        f"T reads page {gone} of V, a file on a slow disk; its thread U unmaps that page meanwhile. Then T "
        f"writes page {read_only} of V, and U makes that page one for reading. Then T reads page 3, and U "
        "unmaps it; no area lies above.",
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
