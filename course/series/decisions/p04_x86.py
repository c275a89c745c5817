"""Patch 4: x86 asks fault_signal_pending() first, and a defensive branch is gone.

Before, every RETRY was dealt with in one branch, the one that was not allowed as well. After, a RETRY without
ALLOW_RETRY and without SIGKILL would fall through and release a lock that is not held. No callee gives one
(I2), so nothing can be seen: the row is dead.

References
----------
Linux v5.6.4 and v5.7.14, arch/x86/mm/fault.c, do_user_addr_fault [fact:p04-x86]
[fact:invariant-killed].
"""

from __future__ import annotations

from course.series.decisions.attempt import (
    DEAD_ROW_TOLD,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    Attempt,
    attempts,
    dead_row,
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
    """Decide in one branch for every RETRY."""
    major = case.major or bool(case.fault & VM_FAULT_MAJOR)
    if case.fault & VM_FAULT_RETRY:
        if case.flags & FAULT_FLAG_ALLOW_RETRY:
            flags = case.flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
            if case.pending is not Pending.KILL:
                return Decision(Action.RETRY, 0, flags, major)
        return leave(case)
    return finish(case, major)


def after(case: Attempt) -> Decision:
    """Decide about the signal first, then about the retry."""
    major = case.major or bool(case.fault & VM_FAULT_MAJOR)
    if fault_signal_pending(case.fault, case.pending):
        return leave(case)
    if case.fault & VM_FAULT_RETRY and case.flags & FAULT_FLAG_ALLOW_RETRY:
        flags = case.flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
        return Decision(Action.RETRY, 0, flags, major)
    return finish(case, major)


def leave(case: Attempt) -> Decision:
    """Leave without the lock: a user access runs again, a copy of the kernel takes the exception table."""
    return Decision(Action.RETURN if case.mode is Mode.USER else Action.FIXUP)


def finish(case: Attempt, major: bool) -> Decision:
    """Release the lock; count the fault once, as major when one of its attempts was."""
    if case.fault & VM_FAULT_ERROR:
        return Decision(Action.ERROR, 1)
    return Decision(Action.DONE, 1, counted=("maj_flt" if major else "min_flt",))


PAIR = Pair(
    "what follows handle_mm_fault in do_user_addr_fault",
    lambda: attempts(arch_of("x86")),
    before,
    after,
    unreachable,
    dead_row,
    DEAD_ROW_TOLD,
    trouble=lock_trouble,
    shown=retries_shown("x86"),
)
