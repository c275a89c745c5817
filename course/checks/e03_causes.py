"""The misconceptions of exercise E3, as a run shows them."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.e03_area_causes import AREA_CAUSES, LOOP, SIGNAL_CAUSES, before_violation
from course.checks.e03_scenarios import LOCKED_REPORT, PAGE_FAULTS
from course.checks.e04_round_causes import user_no_context
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import FAULT_FLAG_TRIED, SIGKILL, VM_FAULT_ERROR, VM_FAULT_RETRY, Signal

__all__ = ["CAUSES", "LOOP"]

CALLEE = "Linux v5.6, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"
FIXUP = "Linux v5.6, arch/x86/mm/fault.c, no_context"
COUNTS = "Linux v5.6, arch/x86/mm/fault.c, do_user_addr_fault, `major |= fault & VM_FAULT_MAJOR`"

Numbers = dict[str, int | str] | None


def ends(run: KernelRun) -> list[int]:
    """Give the bits that each attempt ended with."""
    return [int(event.a) for event in run.mine.trace.select("attempt_end", task=run.case.task)]


def breaks(*rules: str) -> Callable[[KernelRun], Numbers]:
    """Make a cause's test of rules that a run broke."""
    return lambda run: {} if run.rules & set(rules) else None


def allow_with_retry(run: KernelRun) -> Numbers:
    """The lock was released after a later attempt that gave RETRY."""
    done, rule = before_violation(run)
    later = done is not None and done.kind == "attempt_end" and int(done.b) > 1
    return {"attempt": int(done.b)} if done and later and rule == "bad unlock balance" else None


def counts_killed(run: KernelRun) -> Numbers:
    """A fault that SIGKILL ended was counted."""
    more = run.facts.minor + run.facts.major > run.wanted.minor + run.wanted.major
    return {} if more and run.wanted.outcome == f"killed:{SIGKILL}" else None


def reports_locked(run: KernelRun) -> Numbers:
    """An error was reported under the lock."""
    return {} if run.value(LOCKED_REPORT) and not run.right(LOCKED_REPORT) else None


def kernel_kill_return(run: KernelRun) -> Numbers:
    """SIGKILL was sent, and kernel code faulted again and again on one instruction."""
    sent = run.mine.trace.select("signal_sent")
    killed = any(event.a == SIGKILL for event in sent)
    return {} if killed and run.mine.end != "done" and run.facts.exceptions > run.wanted.exceptions else None


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


def retry_is_error(run: KernelRun) -> Numbers:
    """The access ended in SIGBUS, and no attempt had said so."""
    wrong = run.facts.outcome.startswith(("SIGBUS", "EFAULT")) and run.facts.outcome != run.wanted.outcome
    return {} if wrong and not any(bits & VM_FAULT_ERROR for bits in ends(run)) else None


def nonfatal_return(run: KernelRun) -> Numbers:
    """The fault was left for a signal that does not kill."""
    early = run.facts.handler_runs and run.facts.before_handler < run.wanted.before_handler
    if run.case.scenario.name != "S9" or not early:
        return None
    (sent,) = run.mine.trace.select("signal_sent")
    return {"signal": Signal(int(sent.a)).name, "exceptions": run.wanted.exceptions}


def keeps_allow(run: KernelRun) -> Numbers:
    """S13 went well."""
    if run.case.scenario.name != "S13" or run.facts.attempts <= 2 or run.facts.messages < 2:
        return None
    return {"attempts": run.facts.attempts}


def no_tried(run: KernelRun) -> Numbers:
    """The second attempt is not marked."""
    mine, kernel = run.facts.flags, run.wanted.flags
    if len(mine) > 1 and len(kernel) > 1 and not mine[1] & FAULT_FLAG_TRIED:
        return {"mine": hex(mine[1]), "right": hex(kernel[1])}
    return None


def counts_each(run: KernelRun) -> Numbers:
    """More faults were counted than there were exceptions."""
    counted = run.facts.minor + run.facts.major
    return {} if counted > run.facts.exceptions else None


def last_major(run: KernelRun) -> Numbers:
    """A fault whose first attempt was major was counted as minor."""
    return {} if run.facts.minor > run.wanted.minor and run.facts.major < run.wanted.major else None


def pf_in_loop(run: KernelRun) -> Numbers:
    """The perf event came more often than the exception."""
    return {} if run.value(PAGE_FAULTS) > run.facts.exceptions else None


def unlock_after_error_missing(run: KernelRun) -> Numbers:
    """An attempt ended in an error, and the lock was held to the end."""
    held = run.rules & {"mmap_sem held on return", "mmap_sem held on exit"}
    last = (ends(run) or [0])[-1]
    return {} if held and last & VM_FAULT_ERROR and not last & VM_FAULT_RETRY else None


CAUSES = (
    *SIGNAL_CAUSES,
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
        "no-relock",
        breaks("vma without mmap_sem"),
        "You go round without mmap_sem. After VM_FAULT_RETRY you hold nothing: take the lock first, then "
        "look for the area.",
        LOOP,
    ),
    Cause(
        "stale-vma",
        breaks("stale vma", "use after free"),
        "You make the second attempt with the area that you found before the wait. Meanwhile another thread "
        "may have unmapped it: call find_vma again.",
        LOOP,
    ),
    Cause(
        "unlock-after-error-missing",
        unlock_after_error_missing,
        "An attempt that ends in an error comes back with mmap_sem held, like one that went well. Release it "
        "before you report the error.",
        LOOP,
    ),
    Cause(
        "unlock-on-retry",
        breaks("bad unlock balance"),
        "You release mmap_sem after VM_FAULT_RETRY. Who gives RETRY has released it already.",
        CALLEE,
    ),
    Cause(
        "kernel-kill-return",
        kernel_kill_return,
        "You return, whoever faulted. In user mode SIGKILL is taken on the way. Kernel code goes back to the "
        "instruction that faulted, and faults again.",
        FIXUP,
    ),
    Cause(
        "no-kill-test",
        no_kill_test,
        "You don't ask for fatal_signal_pending after VM_FAULT_RETRY. SIGKILL ended the wait; the task needs "
        "no page any more.",
        LOOP,
    ),
    Cause(
        "retry-is-error",
        retry_is_error,
        "You report an error when handle_mm_fault says RETRY. It says that it has waited, and that you "
        "should ask again.",
        CALLEE,
    ),
    Cause(
        "nonfatal-return",
        nonfatal_return,
        "You leave the fault for any signal. Linux 5.6 asks for fatal_signal_pending, and other signals "
        "wait.",
        LOOP,
    ),
    Cause(
        "keeps-allow",
        keeps_allow,
        "You don't clear FAULT_FLAG_ALLOW_RETRY after the first attempt. So each attempt may wait: that is "
        "Linux 5.7.",
        LOOP,
    ),
    Cause(
        "no-tried",
        no_tried,
        "You don't set FAULT_FLAG_TRIED for the second attempt. It tells the callee that the page was asked "
        "for before.",
        LOOP,
    ),
    Cause(
        "counts-each",
        counts_each,
        "You count after each attempt. min_flt and maj_flt count faults, and one that retries is one.",
        COUNTS,
    ),
    Cause(
        "last-major",
        last_major,
        "You keep the MAJOR bit of the last attempt only. The first one asked the disk; the second finds the "
        "page in memory.",
        COUNTS,
    ),
    Cause(
        "pf-in-loop",
        pf_in_loop,
        "You report page-faults in each round. The event stands before the loop.",
        LOOP,
    ),
    Cause(
        "counts-killed",
        counts_killed,
        "You count before you leave for SIGKILL. min_flt and maj_flt count faults that were served.",
        COUNTS,
    ),
    *AREA_CAUSES,
    Cause(
        "reports-locked",
        reports_locked,
        "You call mm_fault_error before up_read. Sending a signal needs no area: the lock is released first.",
        LOOP,
    ),
)
