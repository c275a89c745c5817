"""The misconceptions of exercise E3, as a run shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from course.checks.e03_area_causes import AREA_CAUSES, LOOP, SIGNAL_CAUSES
from course.checks.e03_counter_causes import COUNTER_CAUSES, FAILED_CAUSES
from course.checks.e03_kill_causes import FIXUP_CAUSES, KILL_CAUSES
from course.checks.e03_scenarios import FLAG_WORDS, LOCKED, LOCKED_REPORT
from course.checks.e04_round_causes import signals_of
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGSEGV,
    FaultFlag,
    Signal,
    VmFault,
    names,
)
from pyemu.trace import Event

__all__ = ["CAUSES", "LOOP"]

CALLEE = "Linux v5.6, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"
ERRORS = "Linux v5.6, arch/x86/mm/fault.c, mm_fault_error, and include/linux/mm_types.h, VM_FAULT_ERROR"

Numbers = dict[str, int | str] | None


def ends(run: KernelRun) -> list[int]:
    """Give the bits that each attempt ended with."""
    return [int(event.a) for event in run.mine.trace.select("attempt_end", task=run.case.task)]


def breaks(*rules: str) -> Callable[[KernelRun], Numbers]:
    """Make a cause's test of rules that a run broke."""
    return lambda run: {} if run.rules & set(rules) else None


def reports_locked(run: KernelRun) -> Numbers:
    """An error was reported under the lock."""
    return {} if run.value(LOCKED_REPORT) == LOCKED != run.right(LOCKED_REPORT) else None


def retry_is_error(run: KernelRun) -> Numbers:
    """The access ended in SIGBUS, and no attempt had said so."""
    wrong = run.facts.outcome.startswith(("SIGBUS", "EFAULT")) and run.facts.outcome != run.wanted.outcome
    return {} if wrong and not any(bits & VM_FAULT_ERROR for bits in ends(run)) else None


def _reports(run: KernelRun) -> Iterator[tuple[Event, Event]]:
    """Give each end of an attempt that a signal or a fixup follows, with that."""
    kinds = ("exception", "attempt", "attempt_end", "fault_signal", "fixup")
    for end, report in pairwise(run.mine.trace.select(*kinds, task=run.case.task)):
        if end.kind == "attempt_end" and report.kind in ("fault_signal", "fixup"):
            yield end, report


def served_is_error(run: KernelRun) -> Numbers:
    """An error was reported after an attempt that had served the fault."""
    served = any(not int(end.a) & (VM_FAULT_ERROR | VM_FAULT_RETRY) for end, _ in _reports(run))
    return {} if served else None


def other_error(run: KernelRun) -> Numbers:
    """SIGBUS was sent after an attempt that gave another error."""
    for end, report in _reports(run):
        other = int(end.a) & (VM_FAULT_OOM | VM_FAULT_SIGSEGV)
        if other and report.kind == "fault_signal" and report.a == Signal.SIGBUS:
            return {"attempt": int(end.b), "error": names(other, VmFault)}
    return None


def leaves_on_retry(run: KernelRun) -> Numbers:
    """Nobody sent a signal, an attempt gave RETRY, and then came the next exception."""
    kinds = ("exception", "lock_taken", "attempt_end", "fault_signal", "fixup")
    left = any(
        end.kind == "attempt_end" and int(end.a) & VM_FAULT_RETRY and again.kind == "exception"
        for end, again in pairwise(run.mine.trace.select(*kinds, task=run.case.task))
    )
    return {} if left and not signals_of(run) else None


def nonfatal_return(run: KernelRun) -> Numbers:
    """The fault was left for a signal that does not kill."""
    early = run.facts.handler_runs and run.facts.before_handler < run.wanted.before_handler
    if run.case.scenario.name != "S9" or not early:
        return None
    (sent,) = run.mine.trace.select("signal_sent")
    return {"signal": Signal(int(sent.a)).name, "exceptions": run.wanted.exceptions}


def keeps_allow(run: KernelRun) -> Numbers:
    """A fault went well at its third attempt: the second was allowed to wait."""
    words = run.facts.flags
    if len(words) <= 2 or not run.facts.outcome.startswith("ret="):
        return None
    return {"attempts": len(words)} if words[1] & FAULT_FLAG_ALLOW_RETRY else None


def no_tried(run: KernelRun) -> Numbers:
    """A second attempt is not marked."""
    pairs = zip(_again(run), run.right(FLAG_WORDS), strict=False)
    for (again, _, mine), right in pairs:
        if again and not mine & FAULT_FLAG_TRIED and right & FAULT_FLAG_TRIED:
            return {"mine": hex(mine), "right": hex(right)}
    return None


def tried_first(run: KernelRun) -> Numbers:
    """A first attempt is marked."""
    for event, right in zip(
        run.mine.trace.select("attempt", task=run.case.task), run.right(FLAG_WORDS), strict=False
    ):
        if event.b == 1 and int(event.a) & FAULT_FLAG_TRIED and not right & FAULT_FLAG_TRIED:
            return {"mine": hex(int(event.a)), "right": hex(right)}
    return None


def loses_flags(run: KernelRun) -> Numbers:
    """A second attempt lacks more than ALLOW_RETRY of what the first one had."""
    for again, before, mine in _again(run):
        if again and (lost := before & ~mine & ~FAULT_FLAG_ALLOW_RETRY):
            return {"flag": names(lost, FaultFlag).split("|")[0]}
    return None


def _again(run: KernelRun) -> list[tuple[bool, int, int]]:
    """Say of each attempt whether it is a further one, what flags the one before had, and what it has."""
    events = run.mine.trace.select("attempt", task=run.case.task)
    words = [int(event.a) for event in events]
    return [(int(event.b) > 1, words[n - 1], words[n]) for n, event in enumerate(events)]


def error_unreported(run: KernelRun) -> Numbers:
    """An attempt ended in an error, and then came the next exception, or the end."""
    kinds = ("exception", "attempt_end", "fault_signal", "fixup", "oom")
    error, attempt = 0, 0
    for event in run.mine.trace.select(*kinds, task=run.case.task):
        if event.kind == "exception" and error:
            break
        bits = int(event.a) if event.kind == "attempt_end" else 0
        error = 0 if bits & VM_FAULT_RETRY else bits & VM_FAULT_ERROR
        attempt = int(event.b) if error else 0
    return {"attempt": attempt, "error": names(error, VmFault).replace("|", "_")} if error else None


def unlock_after_error_missing(run: KernelRun) -> Numbers:
    """An attempt ended in an error, and the lock was held to the end."""
    held = run.rules & {"mmap_sem held on return", "mmap_sem held on exit"}
    last = (ends(run) or [0])[-1]
    return {} if held and last & VM_FAULT_ERROR and not last & VM_FAULT_RETRY else None


CAUSES = (
    *SIGNAL_CAUSES,
    *FIXUP_CAUSES,
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
        "You release mmap_sem after VM_FAULT_RETRY. Who gives RETRY has released it already. It is one bit, "
        "and MAJOR may come with it: ask for it with `&`.",
        CALLEE,
    ),
    *KILL_CAUSES,
    Cause(
        "error-unreported",
        error_unreported,
        "VM_FAULT_ERROR is a set of bits, and SIGBUS is one of them. After any of them the fault has failed, "
        "whatever attempt it is: call mm_fault_error, which knows what each of them asks for.",
        ERRORS,
    ),
    Cause(
        "other-error",
        other_error,
        "mm_fault_error gets the word that the attempt gave, and finds out which error it is: some end in "
        "SIGSEGV, and after OOM the access is made again.",
        ERRORS,
    ),
    Cause(
        "served-is-error",
        served_is_error,
        "Only the bits of VM_FAULT_ERROR say that an attempt failed. Others, as LOCKED and MAJOR, come with "
        "faults that were served.",
        ERRORS,
    ),
    *FAILED_CAUSES,
    Cause(
        "retry-is-error",
        retry_is_error,
        "You report an error when handle_mm_fault says RETRY. It says that it has waited, and that you "
        "should ask again.",
        CALLEE,
    ),
    Cause(
        "leaves-on-retry",
        leaves_on_retry,
        "A fault is left for SIGKILL alone, in user mode as in kernel mode. Without it the fault goes round: "
        "it isn't served yet, so who faulted would fault again.",
        LOOP,
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
        "Your second attempt still has FAULT_FLAG_ALLOW_RETRY. So it may wait, too: that is Linux 5.7. Clear "
        "the flag before you go round.",
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
        "tried-first",
        tried_first,
        "You set FAULT_FLAG_TRIED for the first attempt, too. It says that the page was asked for before: "
        "that is so after RETRY.",
        LOOP,
    ),
    Cause(
        "loses-flags",
        loses_flags,
        "Two flags change before the second attempt, ALLOW_RETRY and TRIED. The others say who faulted, for "
        "what, and that SIGKILL may end a wait: that stays so.",
        LOOP,
    ),
    *COUNTER_CAUSES,
    *AREA_CAUSES,
    Cause(
        "reports-locked",
        reports_locked,
        "You call mm_fault_error before up_read. Sending a signal needs no area: the lock is released first.",
        LOOP,
    ),
)
