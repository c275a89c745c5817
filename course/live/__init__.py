"""Real kernels beside the emulator: what was recorded of them, and the one that runs here.

====================  =======================================================================
``beside``            an experiment on recorded kernels, and on the trees that stand for them
``attempts_beside``   a traced kernel and the emulator, word by word
``minor_faults``      the minor faults of an access, and how many more an event makes of them
``rounds``            a busy loop: how many rounds each kernel made of it
``noticed``           which rows of a real kernel notice that a patch is missing
``try_agrees``        a learner's rule of comparing: too strict, too lax, or as it should be
``own_kernel``        the same experiments on the kernel that runs here, within a limit of time
====================  =======================================================================

::

    records.jsonl    lines of the recordings, as they are; `stored` reads them
    uffd             the system call userfaultfd and its requests
    plan, planning   what two processes do; the plan that a scenario is
    victim, monitor  the experiment on the kernel that runs here: these processes
    accesses         what the victim does to its memory; counters: what that costs
    order, sides     what happened in which order; a kernel, its tree and a recording, compared
    reasons          why they may differ, by name
    recording        what a kernel did as a record that ``faultlab conform`` reads
    asking, played   experiments and scenarios, asked of the kernel that runs here
    qemu, booted     another kernel in an emulated machine; guest, initramfs: what runs there
    command          ``faultlab live``; showing: its tables

What was recorded is compared by the rules of `course.conform`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.live.agree import try_agrees as try_agrees
    from course.live.own import own_kernel as own_kernel
    from course.live.tables import attempts_beside as attempts_beside
    from course.live.tables import beside as beside
    from course.live.tables import minor_faults as minor_faults
    from course.live.tables import noticed as noticed
    from course.live.tables import rounds as rounds

# The victim's process loads nothing of these.
_HOME = {
    "attempts_beside": "course.live.tables",
    "beside": "course.live.tables",
    "minor_faults": "course.live.tables",
    "noticed": "course.live.tables",
    "own_kernel": "course.live.own",
    "rounds": "course.live.tables",
    "try_agrees": "course.live.agree",
}

__all__ = ["attempts_beside", "beside", "minor_faults", "noticed", "own_kernel", "rounds", "try_agrees"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'course.live' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
