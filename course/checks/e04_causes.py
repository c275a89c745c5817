"""The misconceptions of exercise E4, as a run shows them.

What a wrong answer does depends on the scenario, so each cause looks at events and facts, never at the
source.
"""

from __future__ import annotations

from itertools import pairwise, takewhile

from course.checks.e03_area_causes import before_violation
from course.checks.e04_area_causes import AREA_CAUSES, REFUSAL_CAUSES
from course.checks.e04_round_causes import (
    CALLEE,
    END_CAUSES,
    FIXUP,
    FLAG_CAUSES,
    HELD,
    LATE_CAUSES,
    LOOP,
    ROUND_CAUSES,
    SIGNALS,
    in_kernel_mode,
    of_loop,
    signals_of,
)
from course.checks.e04_test_causes import TEST_CAUSES
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_RETRY,
    Signal,
)

__all__ = ["CAUSES", "LOOP"]

FIRST = "Linux v5.7, include/linux/mm.h, fault_flag_allow_retry_first"

Numbers = dict[str, int | str] | None


def signal_pending_at(run: KernelRun, rule: str) -> bool:
    """Say whether a signal was sent to the task and not yet taken when it first broke a rule."""
    number = run.mine.trace.tasks.index(run.case.task) + 1
    waiting = False
    for event in run.mine.trace.select("signal_sent", "signal_taken", "violation"):
        if event.kind == "signal_sent" and event.b == number:
            waiting = True
        elif event.kind == "signal_taken" and event.task == number:
            waiting = False
        elif event.kind == "violation" and event.a == rule:
            return waiting
    return False


def still_clears(run: KernelRun) -> Numbers:
    """An attempt after the first might not retry, and ended in SIGBUS."""
    later = run.facts.flags[1:]
    if run.facts.outcome.startswith(("SIGBUS", "EFAULT")) and any(
        not word & FAULT_FLAG_ALLOW_RETRY for word in later
    ):
        return {"attempts": len(run.facts.flags)}
    return None


def forgets_tried(run: KernelRun) -> Numbers:
    """The second attempt looks like the first."""
    mine, kernel = run.facts.flags, run.wanted.flags
    if len(mine) > 1 and mine[1] == mine[0] and not mine[1] & FAULT_FLAG_TRIED and len(kernel) > 1:
        return {"second": hex(mine[1]), "wanted": hex(kernel[1])}
    return None


def cap_3(run: KernelRun) -> Numbers:
    """The loop ended while the last attempt still said RETRY, after more than one, without a signal."""
    if "wakes" not in run.case.numbers:
        return None
    events = run.mine.trace.select("exception", "attempt_end", task=run.case.task)
    first = list(takewhile(lambda event: event.kind == "attempt_end", events[1:]))
    if 1 < len(first) < run.case.numbers["needed"] and int(first[-1].a) & VM_FAULT_RETRY:
        return dict(run.case.numbers)
    return None


def sigkill_only(run: KernelRun) -> Numbers:
    """The fault waited, the handler ran, but only after more attempts."""
    late = run.facts.before_handler > run.wanted.before_handler
    if late and run.facts.handler_runs and run.case.scenario.name == "S10a":
        return {"before_handler": run.facts.before_handler}
    return None


def unlock_on_signal(run: KernelRun) -> Numbers:
    """The lock was released though it wasn't held, while a signal was pending."""
    return {} if signal_pending_at(run, "bad unlock balance") else None


def test_before_fault(run: KernelRun) -> Numbers:
    """The task took the lock, and went back to user mode with it, while a signal was pending."""
    done, _ = before_violation(run)
    locked = done is not None and done.kind == "lock_taken" and not in_kernel_mode(run)
    return {} if locked and signal_pending_at(run, HELD) else None


def counts_on_signal(run: KernelRun) -> Numbers:
    """More faults were counted than came to an end, and a signal ended one."""
    more = run.facts.minor + run.facts.major > run.wanted.minor + run.wanted.major
    killed = any(int(one.a) == Signal.SIGKILL for one in signals_of(run))
    return {} if more and (killed or run.facts.handler_runs) else None


def eats_signal(run: KernelRun) -> Numbers:
    """A signal was thrown away."""
    return {} if "lost signal" in run.rules else None


def stale_vma(run: KernelRun) -> Numbers:
    """An area was used that was found before the lock was dropped."""
    return {} if run.rules & {"stale vma", "use after free"} else None


def no_nine(run: KernelRun) -> Numbers:
    """SIGSTOP was sent, and the task made attempt after attempt until the page was there."""
    if run.case.scenario.name != "S13-stop" or run.facts.before_handler <= run.wanted.before_handler:
        return None
    stop = signals_of(run)[0]
    taken = next((one.t for one in run.mine.trace.select("signal_taken", task=run.case.task)), run.mine.ticks)
    return {"ms": (taken - stop.t) // 1_000}


def kernel_returns(run: KernelRun) -> Numbers:
    """A signal came during a copy, and the same instruction of the kernel faulted once more."""
    sent = signals_of(run)
    if not sent or not in_kernel_mode(run) or run.facts.exceptions <= run.wanted.exceptions:
        return None
    events = run.mine.trace.select("attempt_end", "fixup", "exception", task=run.case.task)
    again = any(
        (one.kind, two.kind) == ("attempt_end", "exception") and int(one.a) & VM_FAULT_RETRY
        for one, two in pairwise(events)
    )
    return {"signal": Signal(int(sent[0].a)).name} if again else None


def kernel_fixup_on_usr1(run: KernelRun) -> Numbers:
    """A signal came during a copy, which failed though no attempt did."""
    failed = run.facts.outcome == "EFAULT" and run.wanted.outcome.startswith("ret=")
    errors = [event for event in run.mine.trace.select("attempt_end") if int(event.a) & VM_FAULT_ERROR]
    return {} if failed and signals_of(run) and not errors else None


CAUSES = (
    Cause(
        "eats-signal",
        of_loop(eats_signal),
        "You cleared what was pending. The fault path only looks at signals; they are taken on the way back "
        "to user mode.",
        "Linux v5.7, kernel/signal.c, get_signal: the one place that takes a signal from the queue",
    ),
    *REFUSAL_CAUSES,
    *ROUND_CAUSES,
    Cause(
        "stale-vma",
        of_loop(stale_vma),
        "While the lock was dropped, another thread may have unmapped the area. What find_vma gave before "
        "the wait counts "
        "no longer: look it up again after each down_read.",
        LOOP,
    ),
    Cause(
        "test-before-fault",
        of_loop(test_before_fault),
        "You look at signals before the attempt. Then the lock is held and must be released, and a fault "
        "that needs no "
        "wait is put off. Look after the attempt: fault_signal_pending says yes only for VM_FAULT_RETRY.",
        SIGNALS,
    ),
    Cause(
        "unlock-on-signal",
        of_loop(unlock_on_signal),
        "You release the lock when a signal ends the fault. handle_mm_fault has released it already: whoever "
        "gets "
        "VM_FAULT_RETRY holds nothing.",
        CALLEE,
    ),
    Cause(
        "counts-on-signal",
        of_loop(counts_on_signal),
        "You count a fault that a signal ended. The same access faults again after the handler, and that "
        "fault is counted then; of a killed task none is.",
        LOOP,
    ),
    *LATE_CAUSES,
    Cause(
        "sigkill-only",
        of_loop(sigkill_only),
        "A signal had ended the wait, and you went round again: you leave for SIGKILL alone, or for no "
        "signal at all. While one is pending no attempt can wait, so the loop runs hot until the page comes.",
        SIGNALS,
    ),
    Cause(
        "still-clears",
        of_loop(still_clears),
        "You clear FAULT_FLAG_ALLOW_RETRY after the first attempt, as 5.6 does. Without it the second "
        "attempt may not wait "
        "for the monitor, and a missing page becomes an error.",
        FIRST,
    ),
    *FLAG_CAUSES,
    Cause(
        "cap-3",
        of_loop(cap_3),
        "Your loop counts its rounds. Nobody knows how often a monitor wakes without a page: only an answer "
        "or a signal "
        "ends the loop.",
        LOOP,
    ),
    Cause(
        "forgets-TRIED",
        of_loop(forgets_tried),
        "FAULT_FLAG_TRIED belongs to each attempt after VM_FAULT_RETRY, in both modes. ALLOW_RETRY without "
        "TRIED means the first attempt, and the first attempt drops the lock to wait for a page lock; the "
        "later ones keep it.",
        FIRST,
    ),
    Cause(
        "no-nine",
        of_loop(no_nine),
        "After a later attempt you don't leave for every signal. SIGSTOP ends the wait as well, and the task "
        "can stop only on its way to user mode: until then it goes round and round.",
        SIGNALS,
    ),
    Cause(
        "kernel-returns",
        of_loop(kernel_returns),
        "You return to kernel code without a word. It goes on with the instruction that faulted. Only "
        "SIGKILL ends a fault of kernel mode, and then no_context has to say where to go on.",
        FIXUP,
    ),
    Cause(
        "kernel-fixup-on-usr1",
        of_loop(kernel_fixup_on_usr1),
        "You end a fault of kernel mode for any signal. The copy can't be taken up again later, so its "
        "system call fails. fault_signal_pending says yes in kernel mode for SIGKILL only.",
        SIGNALS,
    ),
    *END_CAUSES,
    *AREA_CAUSES,
    *TEST_CAUSES,
)
