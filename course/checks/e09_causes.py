"""The misconceptions of exercise E9, as a form, a scenario or a run shows them."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.call_case import CallRun
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_OOM, VM_FAULT_RETRY

__all__ = ["CAUSES", "HANDLER"]

HANDLER = "Linux v5.7, arch/sh/mm/fault.c, mm_fault_error, do_sigbus, bad_area"
LOOP = "Linux v5.7, arch/sh/mm/fault.c, do_page_fault"
BEFORE = "Linux v5.6, arch/sh/mm/fault.c, mm_fault_error"
CALLEE = "Linux v5.7, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"

Numbers = dict[str, int | str] | None
Shows = Callable[[CallRun | KernelRun], Numbers]


def form(*rows: str) -> Shows:
    """Make a cause of rows of the form: one of them is wrong."""

    def shows(run: CallRun | KernelRun) -> Numbers:
        wrong = isinstance(run, CallRun) and "PATCH" in run.wanted and set(rows) & set(run.wrong)
        return {} if wrong else None

    return shows


def scenario(is_so: Callable[[str, list[int]], bool]) -> Shows:
    """Make a cause of a scenario: of whose handler runs, and what its attempts give."""

    def shows(run: CallRun | KernelRun) -> Numbers:
        if isinstance(run, CallRun) and "faults" in run.mine:
            return {} if is_so(run.mine["arch"], run.mine["faults"]) else None
        return None

    return shows


def mended(rule: str, error: str) -> Shows:
    """Make a cause of a rule that the mended handler broke on one path."""

    def shows(run: CallRun | KernelRun) -> Numbers:
        broke = isinstance(run, KernelRun) and rule in run.rules
        return {} if broke and run.case.numbers["error"] == error else None

    return shows


TWICE, HELD = "bad unlock balance", "mmap_sem held on return"

CAUSES = (
    Cause(
        "blames-OOM",
        form("OOM"),
        "Follow the path: the new line releases, and out of memory has no function of its own that does it "
        "again.",
        HANDLER,
    ),
    Cause(
        "S8a-as-double",
        form("OOM, killed"),
        "Before patch 8 SIGKILL was asked about first, whatever the error, and the OOM killer was not "
        "called. Now it is. That is a change, but the lock is released once.",
        BEFORE,
    ),
    Cause(
        "blames-RETRY",
        form("RETRY", "RETRY, killed"),
        "handle_mm_fault has released the lock before it says RETRY. The new line asks for that, and the "
        "signal is looked at before that line.",
        CALLEE,
    ),
    Cause(
        "says-deadlock",
        form("TROUBLE"),
        "Count the holds: one, taken before find_vma. Count the releases on the path: more. Nobody waits "
        "for ever then; a writer gets in beside a reader.",
        HANDLER,
    ),
    Cause(
        "blames-P3",
        form("PATCH"),
        "fault_signal_pending says yes or no and touches no lock. The release was moved when sh began to use "
        "it.",
        HANDLER,
    ),
    Cause(
        "scenario-x86",
        scenario(lambda arch, faults: arch != "sh"),
        "Each architecture has a page-fault handler of its own. The one with the two releases runs on sh "
        "alone.",
        HANDLER,
    ),
    Cause(
        "scenario-OOM",
        scenario(lambda arch, faults: any(fault & VM_FAULT_OOM for fault in faults)),
        "Out of memory takes the branch that does not release again. You need an error that has a function "
        "of its own.",
        HANDLER,
    ),
    Cause(
        "scenario-RETRY-kill",
        scenario(lambda arch, faults: bool(faults) and bool(faults[-1] & VM_FAULT_RETRY)),
        "T is killed while it waits: RETRY and SIGKILL, and the handler leaves before the new line. You "
        "need a fault that ends with an error.",
        HANDLER,
    ),
    Cause(
        "mend-SIGSEGV-only",
        mended(TWICE, "SIGBUS"),
        "You mended one of the two functions. The other is called from the same place, after the same early "
        "release.",
        HANDLER,
    ),
    Cause(
        "mend-SIGBUS-only",
        mended(TWICE, "SIGSEGV"),
        "You mended one of the two functions. The other is called from the same place, after the same early "
        "release.",
        HANDLER,
    ),
    Cause(
        "remove-all",
        mended(HELD, "OOM"),
        "You took the early release out for every error. SIGBUS and SIGSEGV have another one; out of memory "
        "had none but that.",
        BEFORE,
    ),
    Cause(
        "unlock-on-RETRY",
        mended(TWICE, "RETRY"),
        "Your release does not ask for RETRY. After RETRY the lock is gone already.",
        CALLEE,
    ),
    Cause(
        "drops-for-all",
        mended(HELD, "no area"),
        "The function for SIGSEGV has a second caller: the handler itself, when find_vma has found nothing. "
        "There nobody has released before.",
        LOOP,
    ),
)
