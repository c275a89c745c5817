"""Patch 3: the test "RETRY and SIGKILL" of seventeen fault handlers becomes fault_signal_pending().

What follows the test stays as it was, with each architecture's own habits.

References
----------
Linux v5.6.4 and v5.7.14, include/linux/sched/signal.h and the files named in
`pyemu.arches` [fact:p03-helper].
"""

from __future__ import annotations

from course.series.decisions.attempt import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    Attempt,
    attempts,
    fault_signal_pending,
    lock_trouble,
    unreachable,
)
from course.series.decisions.pair import Pair
from course.series.decisions.records import Action, Decision, Mode, Pending
from pyemu.arches import Accounting, PageFaults, Reaction, arch_of, converted_by

__all__ = ["PAIR", "after", "before"]


def before(case: Attempt) -> Decision:
    """Decide with the test written out."""
    if case.fault & VM_FAULT_RETRY and case.pending is Pending.KILL:
        return leave(case)
    return go_on(case)


def after(case: Attempt) -> Decision:
    """Decide by the helper."""
    if fault_signal_pending(case.fault, case.pending):
        return leave(case)
    return go_on(case)


def leave(case: Attempt) -> Decision:
    """Leave because of SIGKILL. The lock was dropped, except where it was asked not to be."""
    unlocks = 1 if case.flags & FAULT_FLAG_RETRY_NOWAIT else 0
    if case.mode is Mode.KERNEL and case.arch.reaction is Reaction.FIXUP:
        return Decision(Action.FIXUP, unlocks)
    return Decision(Action.RETURN, unlocks)


def go_on(case: Attempt) -> Decision:
    """Go on without a signal: an error, one retry, or the end of the fault."""
    counted = ["page-faults"] if case.arch.page_faults is PageFaults.ATTEMPT else []
    if case.fault & VM_FAULT_ERROR:
        return Decision(Action.ERROR, 1, counted=tuple(counted))
    if case.arch.page_faults is PageFaults.SERVED:
        counted.append("page-faults")
    if case.flags & FAULT_FLAG_ALLOW_RETRY and case.arch.accounting is Accounting.GATED:
        counted.append("maj_flt" if case.fault & VM_FAULT_MAJOR else "min_flt")
    if case.fault & VM_FAULT_RETRY and case.flags & FAULT_FLAG_ALLOW_RETRY:
        return again(case, counted)
    if case.arch.page_faults is PageFaults.DONE:
        counted.append("page-faults")
    return Decision(Action.DONE, 1, counted=tuple(counted))


def again(case: Attempt, counted: list[str]) -> Decision:
    """Make the second and last attempt; s390 tells a guest instead when the lock was kept."""
    if case.arch.nowait and case.flags & FAULT_FLAG_RETRY_NOWAIT:
        return Decision(Action.PFAULT, 1, counted=tuple(counted))
    flags = case.flags & ~(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT)
    if case.arch.sets_tried:
        flags |= FAULT_FLAG_TRIED
    return Decision(Action.RETRY, 0, flags, counted=tuple(counted))


def _killed(arch: str) -> Attempt:
    return Attempt(arch_of(arch), Mode.KERNEL, Pending.KILL, VM_FAULT_RETRY, FAULT_FLAG_ALLOW_RETRY)


def _first(arch: str, pending: Pending) -> Attempt:
    fault = VM_FAULT_RETRY | VM_FAULT_MAJOR
    return Attempt(arch_of(arch), Mode.USER, pending, fault, FAULT_FLAG_ALLOW_RETRY)


PAIR = Pair(
    "what follows handle_mm_fault in 17 fault handlers of 16 architectures",
    lambda: attempts(*converted_by(3)),
    before,
    after,
    unreachable,
    trouble=lock_trouble,
    shown=(
        ("RETRY, user mode, SIGKILL (riscv)", _first("riscv", Pending.KILL)),
        ("RETRY, user mode, another signal (riscv)", _first("riscv", Pending.SIGNAL)),
        ("RETRY, user mode, another signal (alpha)", _first("alpha", Pending.SIGNAL)),
        ("RETRY, kernel mode, SIGKILL (arm)", _killed("arm")),
        ("RETRY, kernel mode, SIGKILL (riscv)", _killed("riscv")),
    ),
)
