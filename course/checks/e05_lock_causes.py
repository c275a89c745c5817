"""The misconceptions of exercise E5 about mmap_sem and what is said of it, as a run shows them."""

from __future__ import annotations

from course.checks.e05_early_causes import FUNCTION, Numbers, lock_of, mine, since_close
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import ACQUISITIONS, SLEEPS_WITH_LOCK
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_RETRY_NOWAIT,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VmFault,
)

__all__ = ["LOCKS"]

CALLEE = "Linux v5.7, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"

DROPPED, RETAKEN = ["lock_dropped"], ["lock_dropped", "lock_taken"]


def closed_queued(run: KernelRun) -> Numbers:
    """A close after the message was queued, and that was not told by RETRY."""
    for one in mine(run):
        if one.kinds("message") and lock_of(one) and one.bits and not one.bits & VM_FAULT_RETRY:
            return {} if since_close(run, "attempt_end") else None
    return None


def old_hack(run: KernelRun) -> Numbers:
    """NOPAGE, with a lock that was dropped and taken again."""
    emulated = [one for one in mine(run) if one.bits == VM_FAULT_NOPAGE and lock_of(one) == RETAKEN]
    if not emulated:
        return None
    return {"acquisitions": ACQUISITIONS.of(run.mine, run.case.task), "minor": run.facts.minor}


def nopage_unlocked(run: KernelRun) -> Numbers:
    """NOPAGE, with a lock that was dropped."""
    return {} if any(one.bits & VM_FAULT_NOPAGE and lock_of(one) == DROPPED for one in mine(run)) else None


def not_retry(run: KernelRun) -> Numbers:
    """Another value than RETRY, with a lock that was dropped."""
    for one in mine(run):
        if one.bits and not one.bits & VM_FAULT_RETRY and lock_of(one) == DROPPED:
            return {"bits": VmFault(one.bits).name or hex(one.bits)}
    return None


def retake_and_retry(run: KernelRun) -> Numbers:
    """RETRY, with a lock that was dropped and taken again."""
    return {} if any(one.bits & VM_FAULT_RETRY and lock_of(one) == RETAKEN for one in mine(run)) else None


def keeps_lock(run: KernelRun) -> Numbers:
    """RETRY with a lock that was never dropped, for a caller that would wait."""
    for one in mine(run):
        waits = one.flags & FAULT_FLAG_ALLOW_RETRY and not one.flags & FAULT_FLAG_RETRY_NOWAIT
        if waits and one.bits & VM_FAULT_RETRY and not lock_of(one):
            return {}
    return None


def drops_late(run: KernelRun) -> Numbers:
    """The task slept with the lock."""
    return {} if SLEEPS_WITH_LOCK.of(run.mine, run.case.task) else None


LOCKS = (
    Cause(
        "closed-queued",
        closed_queued,
        "Your message was queued, and mmap_sem dropped. Every value but RETRY promises that it was held all "
        "the time, whatever came in between; the line of the table is for who has not queued yet.",
        FUNCTION,
    ),
    Cause(
        "old-hack",
        old_hack,
        "After a signal you take mmap_sem again and give NOPAGE, as 5.6 does. Patch 10 removes these lines: "
        "RETRY with the lock dropped lets the caller see the signal, and leave.",
        "Linux v5.7, fs/userfaultfd.c, handle_userfault: the end, beside that of v5.6",
    ),
    Cause(
        "NOPAGE-unlocked",
        nopage_unlocked,
        "You give NOPAGE after you have dropped mmap_sem. Every value but RETRY promises that the lock was "
        "held all the time.",
        CALLEE,
    ),
    Cause(
        "not-RETRY",
        not_retry,
        "Whatever ended the wait, SIGKILL too, the lock is gone, and RETRY is the one value that says so. "
        "What follows from a signal is your caller's business.",
        CALLEE,
    ),
    Cause(
        "retake+RETRY",
        retake_and_retry,
        "You take mmap_sem again and give RETRY. Who gets RETRY holds nothing, and takes the lock itself.",
        CALLEE,
    ),
    Cause(
        "keeps-lock",
        keeps_lock,
        "On one of your ways to RETRY there is no up_read. Whoever takes that way leaves a lock that nobody "
        "releases any more; drop it before the ways part.",
        CALLEE,
    ),
    Cause(
        "drops-late",
        drops_late,
        "You sleep before up_read. Until the monitor answers, nobody can map, unmap, or close: drop "
        "mmap_sem as soon as you have looked.",
        FUNCTION,
    ),
)
"""The most special first."""
