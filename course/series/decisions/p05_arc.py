"""Patch 5: arc asks fault_signal_pending(); its order was right before: SIGKILL first, then the retry.

arc counts a fault at its end, by what the last attempt gave: a fault that waited for the disk in its first
attempt counts as minor.

References
----------
Linux v5.6.4 and v5.7.14, arch/arc/mm/fault.c, do_page_fault [fact:p05-arc] [fact:count-arc].
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
    if case.fault & VM_FAULT_RETRY:
        if case.pending is Pending.KILL:
            return leave(case)
        if case.flags & FAULT_FLAG_ALLOW_RETRY:
            return again(case)
    return finish(case)


def after(case: Attempt) -> Decision:
    """Decide about the signal first, then about the retry."""
    if fault_signal_pending(case.fault, case.pending):
        return leave(case)
    if case.fault & VM_FAULT_RETRY and case.flags & FAULT_FLAG_ALLOW_RETRY:
        return again(case)
    return finish(case)


def leave(case: Attempt) -> Decision:
    """Leave without the lock."""
    return Decision(Action.RETURN if case.mode is Mode.USER else Action.FIXUP)


def again(case: Attempt) -> Decision:
    """Make the second and last attempt; what the first gave is forgotten."""
    return Decision(Action.RETRY, 0, case.flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)


def finish(case: Attempt) -> Decision:
    """Release the lock and count; the perf event stands here as well."""
    if case.fault & VM_FAULT_ERROR:
        return Decision(Action.ERROR, 1, counted=("page-faults",))
    counter = "maj_flt" if case.fault & VM_FAULT_MAJOR else "min_flt"
    return Decision(Action.DONE, 1, counted=("page-faults", counter))


PAIR = Pair(
    "what follows handle_mm_fault in arc's do_page_fault",
    lambda: attempts(arch_of("arc")),
    before,
    after,
    unreachable,
    trouble=lock_trouble,
    shown=retries_shown("arc"),
)
