"""Patch 6: arm64 asks fault_signal_pending() before its branch for RETRY.

References
----------
Linux v5.6.4 and v5.7.14, arch/arm64/mm/fault.c, do_page_fault [fact:p06-arm64].
"""

from __future__ import annotations

from course.series.decisions.attempt import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    Attempt,
    attempts,
    fault_signal_pending,
    lock_trouble,
    retries_shown,
    unreachable,
)
from course.series.decisions.pair import Pair
from course.series.decisions.records import Action, Decision, Mode, Pending
from pyemu.arches import arch_of

__all__ = ["PAIR", "after", "before"]


def before(case: Attempt) -> Decision:
    """Decide inside the branch for RETRY."""
    major = case.major or bool(case.fault & VM_FAULT_MAJOR)
    if case.fault & VM_FAULT_RETRY:
        if case.pending is Pending.KILL:
            return leave(case)
        if case.flags & FAULT_FLAG_ALLOW_RETRY:
            return again(case, major)
    return finish(case, major)


def after(case: Attempt) -> Decision:
    """Decide about the signal before that branch."""
    major = case.major or bool(case.fault & VM_FAULT_MAJOR)
    if fault_signal_pending(case.fault, case.pending):
        return leave(case)
    if case.fault & VM_FAULT_RETRY and case.flags & FAULT_FLAG_ALLOW_RETRY:
        return again(case, major)
    return finish(case, major)


def leave(case: Attempt) -> Decision:
    """Leave without the lock."""
    return Decision(Action.RETURN if case.mode is Mode.USER else Action.FIXUP)


def again(case: Attempt, major: bool) -> Decision:
    """Make the second and last attempt."""
    return Decision(Action.RETRY, 0, case.flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED, major)


def finish(case: Attempt, major: bool) -> Decision:
    """Release the lock; count the fault once, as major when one of its attempts was."""
    if case.fault & VM_FAULT_ERROR:
        return Decision(Action.ERROR, 1)
    return Decision(Action.DONE, 1, counted=("maj_flt" if major else "min_flt",))


PAIR = Pair(
    "what follows handle_mm_fault in arm64's do_page_fault",
    lambda: attempts(arch_of("arm64")),
    before,
    after,
    unreachable,
    trouble=lock_trouble,
    shown=retries_shown("arm64"),
)
