"""The runs of exercise X2: what each architecture's fault handler does, on trees of the series."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pyemu.arches import ARCHES
from pyemu.flags import FAULT_FLAG_TRIED

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["HELPER", "USERS", "attempts_of_csky", "counts", "reaction", "releases_of_sh", "tried_on_alpha"]

HELPER = 3
"""The patch that brings fault_signal_pending [fact:p03-helper]."""
USERS = tuple(sorted({one.patch for one in ARCHES if one.patch is not None} - {HELPER}))
"""The patches that do nothing but use it."""


def reaction(arch: str, mode: str, signal: str, patches: int) -> str:
    """Say what a handler does in a fault that waits, in one word of `course.reactions`."""
    from course import reactions
    from pyemu.tree import Tree

    return reactions.reaction(arch, mode, signal, Tree.upto(patches))


@cache
def _slow_read(arch: str, patches: int) -> Result:
    """Let T read a page that the disk has to bring."""
    from pyemu import Scenario, Tree, run

    scenario: dict[str, Any] = {
        "version": 1,
        "name": "slow read",
        "title": "A page that the disk has to bring",
        "permits": ["I5"],
        "machine": {"arch": arch},
        "files": [{"name": "F", "pages": 4}],
        "areas": [{"name": "V", "pages": 4, "file": "F", "shared": True, "prot": "r"}],
        "tasks": [{"name": "T", "program": [{"do": "read", "area": "V", "page": 1}]}],
    }
    return run(Scenario.from_dict(scenario), Tree.upto(patches), strict=True)


def counts(arch: str, patches: int) -> tuple[int, int]:
    """Give (maj_flt, min_flt) of one fault that waited for the disk."""
    counters = _slow_read(arch, patches).tasks["T"].counters
    return counters["maj_flt"], counters["min_flt"]


def attempts_of_csky(patches: int) -> int:
    """Give the attempts of csky for one fault that waited for the disk."""
    return _slow_read("csky", patches).tasks["T"].stats["attempts"]


def tried_on_alpha(patches: int) -> bool:
    """Say whether the second attempt of alpha has TRIED."""
    _, second = _slow_read("alpha", patches).trace.select("attempt", task="T")
    return bool(int(second.a) & FAULT_FLAG_TRIED)


@cache
def releases_of_sh(patches: int) -> int:
    """Give how often sh releases mmap_sem in a fault that ends in SIGBUS."""
    from pyemu import Tree, run

    result = run("S8b", Tree.upto(patches))
    (faulted, *_) = result.trace.select("report", task="T")
    unlocks = result.trace.select("lock_dropped", "violation", task="T")
    return sum(event.step < faulted.step for event in unlocks)
