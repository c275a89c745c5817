"""What goes wrong with SIGKILL in the loop of exercise E3: not asked for, asked too early, not heeded."""

from __future__ import annotations

from itertools import pairwise

from course.checks.e03_area_causes import LOOP, before_violation
from course.checks.e04_round_causes import in_kernel_mode, signals_of, user_no_context
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import ACQUISITIONS
from pyemu.flags import SIGKILL, VM_FAULT_RETRY

__all__ = ["FIXUP_CAUSES", "KILL_CAUSES"]

FIXUP = "Linux v5.6, arch/x86/mm/fault.c, no_context"

Numbers = dict[str, int | str] | None


def _sent(run: KernelRun) -> bool:
    return any(event.a == SIGKILL for event in signals_of(run))


def allow_with_retry(run: KernelRun) -> Numbers:
    """The lock was released after a later attempt that gave RETRY."""
    done, rule = before_violation(run)
    later = done is not None and done.kind == "attempt_end" and int(done.b) > 1
    return {"attempt": int(done.b)} if done and later and rule == "bad unlock balance" else None


def no_return(run: KernelRun) -> Numbers:
    """An attempt followed a fixup, in the same exception."""
    events = run.mine.trace.select("exception", "fixup", "attempt", task=run.case.task)
    kinds = [event.kind for event in events]
    return {} if ("fixup", "attempt") in pairwise(kinds) else None


def double_fixup(run: KernelRun) -> Numbers:
    """A fixup followed a fixup, in the same exception."""
    events = run.mine.trace.select("exception", "fixup", "attempt", task=run.case.task)
    return {} if ("fixup", "fixup") in pairwise(event.kind for event in events) else None


def kernel_kill_return(run: KernelRun) -> Numbers:
    """SIGKILL was sent, an attempt of kernel code gave RETRY, and the next thing is the same fault."""
    if not _sent(run) or not in_kernel_mode(run):
        return None
    retried = False
    for event in run.mine.trace.select("exception", "fixup", "attempt_end", task=run.case.task):
        if event.kind == "exception" and retried:
            return {}
        retried = event.kind == "attempt_end" and bool(int(event.a) & VM_FAULT_RETRY)
    return None


def no_kill_test(run: KernelRun) -> Numbers:
    """An attempt began while SIGKILL was pending."""
    sent = False
    for event in run.mine.trace.select("signal_sent", "attempt"):
        if event.kind == "signal_sent":
            sent = sent or event.a == SIGKILL
        elif sent:
            n = int(event.b)
            return {"done": n - 1, "next": n} if n > 1 else None
    return None


def lock_before_kill(run: KernelRun) -> Numbers:
    """SIGKILL was sent, and the lock was taken more often than the kernel takes it, for no attempt."""
    more = run.value(ACQUISITIONS) > run.right(ACQUISITIONS)
    return {} if _sent(run) and more and run.facts.attempts == run.wanted.attempts else None


def kill_without_retry(run: KernelRun) -> Numbers:
    """SIGKILL was pending from the beginning, no attempt of a program gave RETRY, and it ended the fault."""
    ends = run.mine.trace.select("attempt_end", task=run.case.task)
    retried = any(int(event.a) & VM_FAULT_RETRY for event in ends)
    early = "pending" in run.case.numbers and not retried
    return {} if early and not in_kernel_mode(run) else None


FIXUP_CAUSES = (
    Cause(
        "allow-with-retry",
        allow_with_retry,
        "You ask for RETRY and ALLOW_RETRY together. The second attempt gives RETRY as well, if SIGKILL ends "
        "its wait for a locked page: it holds nothing then. Ask for RETRY alone.",
        LOOP,
    ),
    Cause(
        "user-no-context",
        user_no_context,
        "You call no_context for a program, too. A program has no fixup: it is left by a bare return, and "
        "its signal is taken on the way to user mode.",
        FIXUP,
    ),
    Cause(
        "no-return",
        no_return,
        "no_context says where kernel code will go on; it does not end your function. Return after it.",
        FIXUP,
    ),
    Cause(
        "double-fixup",
        double_fixup,
        "mm_fault_error does for kernel code what is needed: it calls no_context itself. A second call looks "
        "for a fixup of the fixup, and there is none.",
        FIXUP,
    ),
)
"""Recognised by events that no other mistake shows."""

KILL_CAUSES = (
    Cause(
        "kernel-kill-return",
        kernel_kill_return,
        "You leave a fault of kernel code by a bare return. In user mode SIGKILL is taken on the way back. "
        "Kernel code goes on with the instruction that faulted: without a page, for ever.",
        FIXUP,
    ),
    Cause(
        "no-kill-test",
        no_kill_test,
        "Ask for fatal_signal_pending after each VM_FAULT_RETRY, whatever attempt it is, and leave the fault "
        "then: the task needs no page any more.",
        LOOP,
    ),
    Cause(
        "lock-before-kill",
        lock_before_kill,
        "Ask for fatal_signal_pending first. A task that is to die goes round no more, so it needs no lock: "
        "to get it may take long, since others hold it.",
        LOOP,
    ),
    Cause(
        "kill-without-retry",
        kill_without_retry,
        "SIGKILL ends waits, and RETRY says that there was one. After anything else mmap_sem is still held, "
        "and the fault is served or has failed: that is said and counted as if there were no signal.",
        LOOP,
    ),
)
"""Recognised where SIGKILL was sent."""
