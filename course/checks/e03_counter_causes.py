"""What goes wrong with counters in the loop of exercise E3: what was counted, how often, and as what."""

from __future__ import annotations

from course.checks.e03_scenarios import PAGE_FAULTS, SERVED_FAULTS
from course.checks.e04_round_causes import in_kernel_mode
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import SIGKILL, VM_FAULT_ERROR, VM_FAULT_MAJOR

__all__ = ["COUNTER_CAUSES", "FAILED_CAUSES"]

EVENT = "Linux v5.6, arch/x86/mm/fault.c, do_user_addr_fault, PERF_COUNT_SW_PAGE_FAULTS"
COUNTS = "Linux v5.6, arch/x86/mm/fault.c, do_user_addr_fault, `major |= fault & VM_FAULT_MAJOR`"
COUNTERS = ("min_flt", "maj_flt")
COUNTED = (*COUNTERS, *(one.name for one in SERVED_FAULTS))
NAMES = ("counter", "attempt_end", "fault_signal", "exception")

Numbers = dict[str, int | str] | None


def _major(run: KernelRun) -> list[bool]:
    """Say of each attempt whether it was major."""
    ends = run.mine.trace.select("attempt_end", task=run.case.task)
    return [bool(int(event.a) & VM_FAULT_MAJOR) for event in ends]


def counts_failed(run: KernelRun) -> Numbers:
    """A counter of served faults went up after an error, or after the fault had come to a signal."""
    failed = False
    for event in run.mine.trace.select(*NAMES, task=run.case.task):
        if event.kind == "counter" and event.a in COUNTED and failed:
            return {"counter": str(event.a).replace("-", "_")}
        if event.kind != "counter":
            error = event.kind == "attempt_end" and bool(int(event.a) & VM_FAULT_ERROR)
            failed = error or event.kind == "fault_signal"
    return None


def counts_each(run: KernelRun) -> Numbers:
    """A counter of served faults went up, and then came another attempt of the same fault."""
    counted = False
    for event in run.mine.trace.select("exception", "counter", "attempt", task=run.case.task):
        if event.kind == "attempt" and int(event.b) > 1 and counted:
            return {}
        counted = event.kind == "counter" and (counted or event.a in COUNTED)
    return None


def counter_and_event(run: KernelRun) -> Numbers:
    """A counter and the event of the same faults say different numbers."""
    counted = zip(COUNTERS, (run.facts.minor, run.facts.major), SERVED_FAULTS, strict=True)
    for counter, n, event in counted:
        reported = run.value(event)
        if run.mine.end == "done" and n != reported:
            return {"counter": counter, "n": n, "event": event.name.replace("-", "_"), "reported": reported}
    return None


def retry_is_major(run: KernelRun) -> Numbers:
    """A fault was counted as major, and no attempt was."""
    mine, kernel = run.facts, run.wanted
    more = mine.major > kernel.major and mine.minor < kernel.minor
    return {} if more and not any(_major(run)) else None


def last_major(run: KernelRun) -> Numbers:
    """A fault whose first attempt was major was counted as minor."""
    minor = run.facts.minor > run.wanted.minor and run.facts.major < run.wanted.major
    return {} if minor and _major(run) == [True, False] else None


def first_major(run: KernelRun) -> Numbers:
    """A fault whose second attempt was major was counted as minor."""
    minor = run.facts.minor > run.wanted.minor and run.facts.major < run.wanted.major
    return {} if minor and _major(run) == [False, True] else None


def kernel_uncounted(run: KernelRun) -> Numbers:
    """A fault of kernel code had the kernel's own attempts, and was not counted."""
    mine, kernel = run.facts, run.wanted
    same = run.mine.end == "done" and mine.attempts == kernel.attempts
    fewer = mine.minor + mine.major < kernel.minor + kernel.major
    return {} if same and fewer and in_kernel_mode(run) else None


def pf_in_loop(run: KernelRun) -> Numbers:
    """The perf event came more often than the exception."""
    return {} if run.value(PAGE_FAULTS) > run.facts.exceptions else None


def pf_missing(run: KernelRun) -> Numbers:
    """The perf event came less often than the exception."""
    n, exceptions = run.value(PAGE_FAULTS), run.facts.exceptions
    return {"n": n, "exceptions": exceptions} if run.mine.end == "done" and n < exceptions else None


def counts_killed(run: KernelRun) -> Numbers:
    """A fault that SIGKILL ended was counted."""
    more = run.facts.minor + run.facts.major > run.wanted.minor + run.wanted.major
    return {} if more and run.wanted.outcome == f"killed:{SIGKILL}" else None


FAILED_CAUSES = (
    Cause(
        "counts-failed",
        counts_failed,
        "min_flt and maj_flt count faults that were served. One that failed counts as neither, in user mode "
        "and in kernel mode, whatever its attempts gave: return when the error is reported.",
        COUNTS,
    ),
)
"""Recognised by events that no other mistake shows."""

COUNTER_CAUSES = (
    Cause(
        "kernel-uncounted",
        kernel_uncounted,
        "Faults of kernel code count like those of programs: one that was served is a minor or a major one. "
        "Look at what you leave the fault for in kernel mode.",
        COUNTS,
    ),
    Cause(
        "counts-each",
        counts_each,
        "min_flt and maj_flt count faults that were served, and one that retries is one: count once, after "
        "the loop.",
        COUNTS,
    ),
    Cause(
        "counts-killed",
        counts_killed,
        "You count before you leave for SIGKILL. min_flt and maj_flt count faults that were served.",
        COUNTS,
    ),
    Cause(
        "counter-and-event",
        counter_and_event,
        "Both count the same faults: min_flt goes with minor-faults, maj_flt with major-faults.",
        COUNTS,
    ),
    Cause(
        "retry-is-major",
        retry_is_major,
        "Only VM_FAULT_MAJOR makes a fault major. RETRY says that it has waited: here for a lock, and the "
        "page was in memory all the time.",
        COUNTS,
    ),
    Cause(
        "last-major",
        last_major,
        "A fault is major if any of its attempts was. The first one had to wait for the page; the second "
        "finds it in memory.",
        COUNTS,
    ),
    Cause(
        "first-major",
        first_major,
        "A fault is major if any of its attempts was, also the last. The first one waited for a lock; the "
        "second had to read the page.",
        COUNTS,
    ),
    Cause(
        "pf-in-loop",
        pf_in_loop,
        "The event page-faults comes once for each exception, however many attempts it takes: report it "
        "before the loop.",
        EVENT,
    ),
    Cause(
        "pf-missing",
        pf_missing,
        "The event page-faults comes once for each exception, whatever becomes of it: report it before you "
        "look for the area.",
        EVENT,
    ),
)
"""Recognised by what was counted."""
