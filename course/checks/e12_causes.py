"""The misconceptions of exercise E12, as a run shows them."""

from __future__ import annotations

from itertools import pairwise

from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    EBUSY,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_VMA_LOCK,
    VM_FAULT_COMPLETED,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
)

__all__ = ["CAUSES", "FAULT"]

FAULT = "Linux v6.8, arch/x86/mm/fault.c, do_user_addr_fault"
GUP = "Linux v6.8, mm/gup.c, faultin_page"
SIGNALS = "Linux v6.8, include/linux/sched/signal.h, fault_signal_pending"

Numbers = dict[str, int | str] | None
UNBALANCED = "bad unlock balance"


def attempts(run: KernelRun) -> list[tuple[int, int, bool]]:
    """Give flags and bits of each attempt, and whether it is the first of its exception."""
    made, first, flags = [], True, 0
    for event in run.mine.trace.select("exception", "attempt", "attempt_end", task=run.case.task):
        if event.kind == "exception":
            first = True
        elif event.kind == "attempt":
            flags = int(event.a)
        else:
            made.append((flags, int(event.a), first))
            first = False
    return made


def last_before(run: KernelRun, rule: str) -> tuple[int, int]:
    """Give flags and bits of the last attempt before a rule was broken; zeros when it was not."""
    flags = bits = 0
    for event in run.mine.trace.select("attempt", "attempt_end", "violation"):
        if event.kind == "attempt":
            flags = int(event.a)
        elif event.kind == "attempt_end":
            bits = int(event.a)
        elif event.a == rule:
            return flags, bits
    return 0, 0


def sent(run: KernelRun) -> str:
    """Give the name of the first signal that was sent; empty when none was."""
    return next((event.text.split(" ")[0] for event in run.mine.trace.select("signal_sent")), "")


def completed(run: KernelRun) -> bool:
    """Say whether an attempt gave COMPLETED."""
    return any(bits & VM_FAULT_COMPLETED for _, bits, _ in attempts(run))


def gup_locked_1(run: KernelRun) -> Numbers:
    """get_user_pages was told that the lock was held, after COMPLETED, and somebody released it."""
    return {} if "faultin_page" in run.case.replaced and UNBALANCED in run.rules else None


def gup_ebusy(run: KernelRun) -> Numbers:
    """faultin_page gave EBUSY after COMPLETED."""
    ends = run.mine.trace.select("return", task=run.case.task)
    return {} if completed(run) and any(e.a == "faultin_page" and e.b == -EBUSY for e in ends) else None


def kernel_vma_lock(run: KernelRun) -> Numbers:
    """Kernel mode made an attempt under the lock of the area."""
    wrong = any(flags & FAULT_FLAG_VMA_LOCK and not flags & FAULT_FLAG_USER for flags, _, _ in attempts(run))
    return {} if wrong else None


def keeps_vma_lock(run: KernelRun) -> Numbers:
    """A later attempt says that it holds the lock of the area."""
    later = (flags for flags, _, first in attempts(run) if not first)
    return {} if any(flags & FAULT_FLAG_VMA_LOCK for flags in later) else None


def completed_as_retry(run: KernelRun) -> Numbers:
    """After COMPLETED another attempt was made in the same exception."""
    made = attempts(run)
    pairs = pairwise(made)
    again = any(bits & VM_FAULT_COMPLETED and not first for (_, bits, _), (_, _, first) in pairs)
    return {"attempts": len(made)} if again else None


def unlock_after_completed(run: KernelRun) -> Numbers:
    """A lock was released that COMPLETED had dropped."""
    return {} if last_before(run, UNBALANCED)[1] & VM_FAULT_COMPLETED else None


def unlock_wrong(run: KernelRun) -> Numbers:
    """mmap_lock was released after an attempt under the lock of the area."""
    flags, bits = last_before(run, UNBALANCED)
    return {} if flags & FAULT_FLAG_VMA_LOCK and not bits & VM_FAULT_RETRY else None


def completed_signal(run: KernelRun) -> Numbers:
    """A copy was left for a signal, though the fault was done."""
    other = run.mine.tasks[run.case.task].outcomes != run.kernel.tasks[run.case.task].outcomes
    return {} if completed(run) and sent(run) and other else None


def completed_uncounted(run: KernelRun) -> Numbers:
    """A fault that was done was not counted."""
    return {} if completed(run) and fewer(run) else None


def fewer(run: KernelRun) -> bool:
    """Say whether fewer faults were counted than by the kernel."""
    return run.facts.minor + run.facts.major < run.wanted.minor + run.wanted.major


def unchecked(run: KernelRun) -> Numbers:
    """The kernel sent SIGSEGV, and here an attempt was made."""
    return {} if run.wanted.outcome == "killed:11" and attempts(run) else None


def tried_always(run: KernelRun) -> Numbers:
    """The second attempt has TRIED, and the first, under the lock of the area, gave no MAJOR."""
    made = attempts(run)
    for (before, bits, _), (flags, _, first) in pairwise(made):
        untried = before & FAULT_FLAG_VMA_LOCK and not bits & VM_FAULT_MAJOR
        if untried and not first and flags & FAULT_FLAG_TRIED:
            return {}
    return None


def no_signal_test(run: KernelRun) -> Numbers:
    """A signal came during the first pass, and another attempt was made before its handler."""
    return (
        {"signal": sent(run)} if sent(run) and run.facts.before_handler > run.wanted.before_handler else None
    )


def assume_waited(run: KernelRun) -> Numbers:
    """After RETRY the access was made again in user mode."""
    made = attempts(run)
    pairs = pairwise(made)
    back = any(bits & VM_FAULT_RETRY and first for (_, bits, _), (_, _, first) in pairs)
    return {} if back and not sent(run) else None


CAUSES = (
    Cause(
        "gup-locked-1",
        gup_locked_1,
        "You pass on what you got for locked. It was true before the attempt: whoever gets COMPLETED holds "
        "nothing.",
        GUP,
    ),
    Cause(
        "gup-ebusy",
        gup_ebusy,
        "You say of COMPLETED what RETRY says. EBUSY means that the page has to be tried for again. EAGAIN "
        "means: take the lock, and look it up.",
        GUP,
    ),
    Cause(
        "kernel-vma-lock",
        kernel_vma_lock,
        "You try the lock of the area for kernel mode, too. Linux does so for user mode only: kernel code "
        "that faults by mistake has to be looked up in the exception table before any lock.",
        FAULT,
    ),
    Cause(
        "keeps-VMA_LOCK",
        keeps_vma_lock,
        "FAULT_FLAG_VMA_LOCK is still in the flags of the next attempt. That one holds mmap_lock, and "
        "whoever drops a lock for it would drop the wrong one.",
        FAULT,
    ),
    Cause(
        "completed-as-retry",
        completed_as_retry,
        "You go round again after COMPLETED. The page is in place already: that attempt is what the new word "
        "saves.",
        FAULT,
    ),
    Cause(
        "unlock-after-completed",
        unlock_after_completed,
        "You release a lock after COMPLETED. The attempt has dropped it, as for RETRY.",
        FAULT,
    ),
    Cause(
        "unlock-wrong",
        unlock_wrong,
        "After the first pass you release mmap_lock, which you never took. That attempt was made under the "
        "lock of the area: vma_end_read.",
        FAULT,
    ),
    Cause(
        "completed-signal",
        completed_signal,
        "You ask for signals after COMPLETED. The fault is done: there is nothing to leave. In kernel mode "
        "the copy would even take its fixup, for a page that is there.",
        SIGNALS,
    ),
    Cause(
        "completed-uncounted",
        completed_uncounted,
        "You return at COMPLETED without the counters. It is a fault that was served like any other.",
        "Linux v6.8, mm/memory.c, mm_account_fault",
    ),
    Cause(
        "unchecked",
        unchecked,
        "You lock the area and make the attempt at once. handle_mm_fault relies on it that the access is "
        "allowed: ask access_error first, under this lock as under the other.",
        FAULT,
    ),
    Cause(
        "tried-always",
        tried_always,
        "You set TRIED after each first pass. If that pass did nothing for the page, the next attempt is the "
        "first that may wait, and without the lock: TRIED takes that from it.",
        FAULT,
    ),
    Cause(
        "no-signal-test",
        no_signal_test,
        "After RETRY from the first pass you go on to the loop without a look at the signals. The pass may "
        "have slept, and a signal may have ended that.",
        FAULT,
    ),
    Cause(
        "assume-waited",
        assume_waited,
        "You leave the fault after RETRY, as if it had waited and the access only had to be made again. It "
        "may say no more than: not under this lock. So the access comes back to where it was.",
        FAULT,
    ),
)
