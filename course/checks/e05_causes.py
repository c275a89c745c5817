"""The misconceptions of exercise E5 about attempts and counts, as a run shows them; and all others."""

from __future__ import annotations

from course.checks.e05_early_causes import EARLY, FUNCTION, Numbers, mine, pending
from course.checks.e05_lock_causes import LOCKS
from course.checks.e05_queue_causes import ENTRIES, WAKES
from course.checks.e05_state_causes import STATES
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
)

__all__ = ["CAUSES"]


def first_only(run: KernelRun) -> Numbers:
    """A later attempt was not allowed to wait, though its flags say that it may."""
    again = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
    for number, one in enumerate(mine(run), 1):
        if one.flags & again == again and one.bits & VM_FAULT_SIGBUS:
            return {"attempt": number}
    return None


def major_always(run: KernelRun) -> Numbers:
    """MAJOR without a sleep."""
    return {} if any(one.bits & VM_FAULT_MAJOR and not one.sleeps for one in mine(run)) else None


def no_sleep(run: KernelRun) -> Numbers:
    """MAJOR where a pending signal had left nothing of the sleep."""
    for one in mine(run):
        if one.bits & VM_FAULT_MAJOR and not one.sleeps and (name := pending(run, one)):
            return {"signal": name}
    return None


def signal_hides(run: KernelRun) -> Numbers:
    """RETRY after a sleep, with MAJOR here and without it there."""
    slept = {bool(one.bits & VM_FAULT_MAJOR) for one in mine(run) if one.sleeps and one.bits}
    return {} if len(slept) == 2 else None


def no_major(run: KernelRun) -> Numbers:
    """RETRY after a sleep, without MAJOR."""
    slept = [one.bits for one in mine(run) if one.sleeps and one.bits & VM_FAULT_RETRY]
    return {} if any(not bits & VM_FAULT_MAJOR for bits in slept) else None


CAUSES = (
    *EARLY,
    *LOCKS,
    Cause(
        "first-only",
        first_only,
        "You let only the first attempt wait, as for a page lock. A monitor may wake without a page, so a "
        "later attempt must be able to ask again: look at FAULT_FLAG_ALLOW_RETRY alone.",
        FUNCTION,
    ),
    *STATES,
    *WAKES,
    *ENTRIES,
    Cause(
        "MAJOR-for-signal",
        no_sleep,
        "A sleep that a pending signal ends never begins: schedule() comes back at once. Ask "
        "ends_sleep(state) before it, and add MAJOR only where you slept.",
        FUNCTION,
    ),
    Cause(
        "major-always",
        major_always,
        "You add VM_FAULT_MAJOR where there was no sleep. It says that the fault had to wait; add it only "
        "where you slept.",
        FUNCTION,
    ),
    Cause(
        "MAJOR-unless-signal",
        signal_hides,
        "MAJOR is lost on one of your ways from the sleep to the end. A sleep that a signal ends was a "
        "sleep: add MAJOR where you slept, and take it back nowhere.",
        FUNCTION,
    ),
    Cause(
        "no-major",
        no_major,
        "You don't add VM_FAULT_MAJOR after the sleep. The caller counts a major fault by it.",
        FUNCTION,
    ),
)
"""The most special first."""
