"""The misconceptions of exercise E5 about who may not wait, as a run shows them."""

from __future__ import annotations

from course.checks.explore_case import ExploreRun
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import Attempt, attempts
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_RETRY_NOWAIT,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    Signal,
)

__all__ = ["EARLY", "FUNCTION", "Numbers", "lock_of", "mine", "pending", "since_close"]

FUNCTION = "Linux v5.7, fs/userfaultfd.c, handle_userfault"
Numbers = dict[str, int | str] | None


def mine(run: KernelRun) -> list[Attempt]:
    """Give the attempts of the learner's run."""
    return attempts(run.mine, run.case.task)


def lock_of(one: Attempt) -> list[str]:
    """Give what an attempt did with mmap_sem."""
    return one.kinds("lock_dropped", "lock_taken")


def since_close(run: KernelRun, *kinds: str) -> bool:
    """Say whether the task did one of these things after the userfaultfd was closed."""
    closed = [event.step for event in run.mine.trace.select("uffd") if event.b == "close"]
    return any(
        event.step > closed[0] for event in run.mine.trace.select(*kinds, task=run.case.task) if closed
    )


def pending(run: KernelRun, one: Attempt) -> str:
    """Give the signal that was sent last before an attempt ended, and not taken by then; empty for none."""
    events = run.mine.trace.select("signal_sent", "signal_taken")
    before = [event for event in events if event.step < one.end]
    return Signal(int(before[-1].a)).name if before and before[-1].kind == "signal_sent" else ""


def exiting_waits(run: KernelRun) -> Numbers:
    """A task that exits sent a message."""
    return {} if "exiting" in run.case.numbers and run.facts.messages else None


def features_unread(run: KernelRun) -> Numbers:
    """A message was queued for a monitor that wants none."""
    return {} if "refused" in run.case.numbers and run.facts.messages else None


def waits_unasked(run: KernelRun) -> Numbers:
    """A message was queued for a caller without ALLOW_RETRY."""
    for one in mine(run):
        if not one.flags & FAULT_FLAG_ALLOW_RETRY and one.kinds("message"):
            return {"flags": hex(one.flags)}
    return None


def queued_early(run: KernelRun) -> Numbers:
    """A message was queued for a caller that may not wait or will not, and the attempt ended at once."""
    for one in mine(run):
        waits = one.flags & FAULT_FLAG_ALLOW_RETRY and not one.flags & FAULT_FLAG_RETRY_NOWAIT
        if not waits and one.kinds("message") and one.bits and not lock_of(one):
            return {"flags": hex(one.flags)}
    return None


def signal_is_exit(run: KernelRun) -> Numbers:
    """A task with a pending signal got SIGBUS, as one that exits."""
    if run.case.numbers:
        return None
    for one in mine(run):
        signal = pending(run, one)
        if signal and one.bits & VM_FAULT_SIGBUS and not lock_of(one):
            return {"signal": signal}
    return None


def signal_first(run: KernelRun) -> Numbers:
    """A task with a pending signal dropped the lock and queued nothing."""
    for one in mine(run):
        signal = pending(run, one)
        if signal and one.bits & VM_FAULT_RETRY and lock_of(one) and not one.kinds("message"):
            return {"signal": signal}
    return None


def flags_first(run: KernelRun) -> Numbers:
    """The userfaultfd is closed, the caller may not wait or will not, and the value is not NOPAGE."""
    if "closing" not in run.case.numbers or run.facts.messages:
        return None
    return None if mine(run)[0].bits == VM_FAULT_NOPAGE else {"flags": hex(mine(run)[0].flags)}


def nowait_drops(run: KernelRun) -> Numbers:
    """The lock was dropped in an attempt that must not wait."""
    return {} if any(one.flags & FAULT_FLAG_RETRY_NOWAIT and lock_of(one) for one in mine(run)) else None


def later_line(run: KernelRun) -> Numbers:
    """Two lines of the table fit, nothing was queued, and no SIGBUS was given."""
    if "two" not in run.case.numbers or run.facts.messages:
        return None
    return None if all(one.bits & VM_FAULT_SIGBUS for one in mine(run)) else {}


def released_sigbus(run: KernelRun) -> Numbers:
    """An attempt gave SIGBUS because the userfaultfd was closed."""
    sigbus = any(one.bits & VM_FAULT_SIGBUS and not lock_of(one) for one in mine(run))
    return {} if sigbus and since_close(run, "attempt_end") else None


def no_released_test(run: KernelRun) -> Numbers:
    """A message was queued after a close that came before the function's first operation."""
    return {} if not isinstance(run, ExploreRun) and since_close(run, "message") else None


EARLY = (
    Cause(
        "exiting-waits",
        exiting_waits,
        "You don't ask whether the task exits. Its memory is about to go, and a monitor that never answers "
        "would keep it from ending.",
        FUNCTION,
    ),
    Cause(
        "features-equal",
        features_unread,
        "You don't ask for UFFD_FEATURE_SIGBUS, or you compare `features` as a whole. It is a word of bits, "
        "and others may be set beside this one.",
        FUNCTION,
    ),
    Cause(
        "flags-first",
        flags_first,
        "The line of the closed userfaultfd stands before those of the caller's flags: NOPAGE, also for "
        "a caller that may not wait, or will not.",
        FUNCTION,
    ),
    Cause(
        "queued-early",
        queued_early,
        "You ask the table's last lines after you have queued. M may have read the message by then, and "
        "serves a fault that is gone.",
        FUNCTION,
    ),
    Cause(
        "waits-unasked",
        waits_unasked,
        "You don't ask for FAULT_FLAG_ALLOW_RETRY. Who does not set it has no way to take a RETRY: it "
        "goes on as if it held mmap_sem.",
        FUNCTION,
    ),
    Cause(
        "signal-is-exit",
        signal_is_exit,
        "You take a pending signal for the end of the task. Who is killed has not begun to exit: "
        "current.exiting is still false, and the fault takes the usual way, which the signal cuts short.",
        FUNCTION,
    ),
    Cause(
        "signal-first",
        signal_first,
        "You look for signals before you queue. Where the caller asks again at once, as a kernel copy does, "
        "M would never learn which page is missing.",
        FUNCTION,
    ),
    Cause(
        "nowait-drops",
        nowait_drops,
        "FAULT_FLAG_RETRY_NOWAIT asks for RETRY at once. This is the one RETRY that keeps the lock: the "
        "caller goes on with it, and releases it.",
        FUNCTION,
    ),
    Cause(
        "later-line",
        later_line,
        "The first line of the table that fits decides. A task that exits, or whose monitor wants no "
        "messages, gets SIGBUS, whatever else is true.",
        FUNCTION,
    ),
    Cause(
        "released-sigbus",
        released_sigbus,
        "You treat a closed userfaultfd as an error. The area is about to be plain memory: with NOPAGE the "
        "access is made again, and finds it so.",
        FUNCTION,
    ),
    Cause(
        "no-released-test",
        no_released_test,
        "You don't ask whether the userfaultfd is closed before you queue. Nobody will read a message any "
        "more: give NOPAGE, and keep the lock.",
        FUNCTION,
    ),
)
"""The most special first."""
