"""The misconceptions of exercise E1, as the decisions of a rule show them."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.call_case import CallRun
from course.checks.e01_cells import STOP, Cell, pending
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_ERROR, VM_FAULT_RETRY

__all__ = ["CAUSES", "RULE"]

RULE = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
HANDLER = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault, after handle_mm_fault"
BITS = "Linux v5.7, include/linux/mm_types.h, enum vm_fault_reason"
QUEUE = "Linux v5.7, kernel/signal.c, recalc_sigpending_tsk and sig_ignored"

Numbers = dict[str, int | str] | None
YES, NO = {True}, {False}


def decided(run: CallRun, which: Callable[[Cell], bool]) -> set[object]:
    """Give what a rule decided in the cells that `which` picks: every different answer once."""
    return {run.mine.get(cell.name) for cell in run.case.numbers["cells"] if which(cell)}


def waited(run: CallRun, patch: int, mode: str, there: str) -> set[object]:
    """Give what a rule decided of faults that waited, in a mode, with something pending, or nothing."""
    return decided(
        run,
        lambda cell: (
            bool(cell.fault & VM_FAULT_RETRY)
            and (cell.patch, cell.mode, pending(cell.signals)) == (patch, mode, there)
        ),
    )


def either(shows: Callable[[CallRun, int], bool]) -> Callable[[CallRun], Numbers]:
    """Make a cause of what one of the two rules shows."""
    return lambda run: told(run) if any(shows(run, patch) for patch in (3, 9)) else None


def told(run: CallRun) -> Numbers:
    """Give the signal with a handler that the run sent, if it sent one."""
    sent = [one for cell in run.case.numbers["cells"] for one, how in cell.signals if how == "handler"]
    return {"signal": sent[0]} if sent else {}


def treated(how: str) -> Callable[[CallRun], Numbers]:
    """Make a cause of signals that are not pending because of how the task treats them, and were counted."""

    def shows(run: CallRun) -> Numbers:
        counted = decided(run, lambda cell: [one for _, one in cell.signals] == [how])
        return {} if True in counted else None

    return shows


def stop_is_not(run: CallRun) -> Numbers:
    """SIGSTOP was not taken for pending."""
    stop = decided(run, lambda cell: (cell.patch, cell.mode, cell.signals) == (9, "user", STOP))
    return {} if stop == NO else None


def default_is_fatal(run: CallRun) -> Numbers:
    """A fault was left for SIGSTOP where it stays for a signal with a handler."""
    rows = ((3, "user"), (3, "kernel"), (9, "kernel"))
    stop = decided(run, lambda cell: cell.signals == STOP and (cell.patch, cell.mode) != (9, "user"))
    return {} if True in stop and YES | NO in [waited(run, *row, "SIGUSR1") for row in rows] else None


def one_signal(run: CallRun) -> Numbers:
    """Where one signal was sent, or none, all is right; where more were sent, it is not."""
    wrong = [len(cell.signals) for cell in run.case.numbers["cells"] if cell.name in run.wrong]
    return {} if wrong and min(wrong) > 1 else None


def equals_retry(run: CallRun) -> Numbers:
    """RETRY alone is known, and not beside another bit."""
    wrong = {cell.fault for cell in run.case.numbers["cells"] if cell.name in run.wrong}
    alone = VM_FAULT_RETRY in {cell.fault for cell in run.case.numbers["cells"]} - wrong
    beside = all(fault & VM_FAULT_RETRY for fault in wrong)
    stays = decided(run, lambda cell: cell.fault in wrong)
    return {} if wrong and alone and beside and stays == NO else None


def never(run: CallRun) -> Numbers:
    """The first rule that was asked stays, whichever signal is pending."""
    patch = min(cell.patch for cell in run.case.numbers["cells"])
    there = decided(
        run,
        lambda cell: bool(
            cell.fault & VM_FAULT_RETRY
            and (cell.patch, len(cell.signals)) == (patch, 1)
            and pending(cell.signals) != "nothing"
        ),
    )
    return {"patch": patch} if there == NO else None


def no_retry_test(run: CallRun) -> Numbers:
    """A fault was left that was over, and well."""
    good = decided(run, lambda cell: not cell.fault & (VM_FAULT_RETRY | VM_FAULT_ERROR))
    return {} if True in good else None


def error_is_retry(run: CallRun) -> Numbers:
    """A fault was left that was over with an error."""
    bad = decided(run, lambda cell: bool(cell.fault & VM_FAULT_ERROR))
    return {} if True in bad else None


def always_kernel(run: CallRun, patch: int) -> bool:
    """Kernel mode was left with nothing pending."""
    return waited(run, patch, "kernel", "nothing") == YES


def nonfatal_only(run: CallRun, patch: int) -> bool:
    """User mode was not left for SIGKILL."""
    return waited(run, patch, "user", "SIGKILL") == NO


def user_kill_only(run: CallRun, patch: int) -> bool:
    """Kernel mode was not left for SIGKILL."""
    return waited(run, patch, "kernel", "SIGKILL") == NO


def swapped(run: CallRun) -> Numbers:
    """A harmless signal ended faults from kernel mode, and none from user mode."""
    modes = [waited(run, 9, mode, "SIGUSR1") for mode in ("user", "kernel")]
    return {} if modes == [NO, YES] else None


def kernel_too(run: CallRun, patch: int) -> bool:
    """A harmless signal ended faults from kernel mode."""
    return waited(run, patch, "kernel", "SIGUSR1") == YES


def p3_in_p9(run: CallRun) -> Numbers:
    """The rule of patch 9 does what that of patch 3 does."""
    return {} if waited(run, 9, "user", "SIGUSR1") == NO else None


def p9_in_p3(run: CallRun) -> Numbers:
    """The rule of patch 3 does what that of patch 9 does."""
    return told(run) if waited(run, 3, "user", "SIGUSR1") == YES else None


CAUSES = (
    Cause(
        "never",
        never,
        "Your rule finds neither SIGKILL nor anything else. If you compare names, compare the first half of "
        'each pair: `"SIGKILL" in signals` is never true.',
        RULE,
    ),
    Cause(
        "equals-retry",
        equals_retry,
        "You compare the whole word. One attempt may say more than one thing, such as RETRY and MAJOR: test "
        "the one bit with `&`.",
        BITS,
    ),
    Cause(
        "default-is-fatal",
        default_is_fatal,
        "You take what has its default for fatal. The default of SIGSTOP stops the task, which goes on after "
        "SIGCONT and wants its page then.",
        RULE,
    ),
    Cause(
        "one-signal",
        one_signal,
        "You look at the first or the last signal, or at the list as a whole. Several may have been sent, in "
        "any order: go through all of them.",
        QUEUE,
    ),
    Cause(
        "blocked-counts",
        treated("blocked"),
        "You look at what was sent. A signal that the task blocks waits in its queue, and the bit that says "
        "'something is pending' is not set for it.",
        QUEUE,
    ),
    Cause(
        "ignored-counts",
        treated("ignored"),
        "You look at what was sent. Of a signal that the task ignores nothing is left: no queue holds it.",
        QUEUE,
    ),
    Cause(
        "stop-is-not",
        stop_is_not,
        "You ask for a handler, or for SIGKILL. SIGSTOP is taken on the way to user mode, as they are; and "
        "until then it is pending.",
        QUEUE,
    ),
    Cause(
        "no-retry-test",
        no_retry_test,
        "In at least one case you leave without VM_FAULT_RETRY. Then handle_mm_fault has kept the lock, and "
        "only the lines after this test release it.",
        HANDLER,
    ),
    Cause(
        "error-is-retry",
        error_is_retry,
        "You take an error for a reason to try again. With an error the fault is over and mmap_sem is held; "
        "the task must be told of the error.",
        BITS,
    ),
    Cause(
        "always-kernel",
        either(always_kernel),
        "You leave faults from kernel mode with nothing pending. Then there is nothing to leave for: the "
        "copy would fail, and the page was on its way.",
        RULE,
    ),
    Cause(
        "nonfatal-only",
        either(nonfatal_only),
        "Your rule stays when SIGKILL is pending in user mode. The task will never use that page.",
        RULE,
    ),
    Cause(
        "user-kill-only",
        either(user_kill_only),
        "Your rule asks for user mode, whatever the signal; or it never finds SIGKILL, because `signals` "
        "holds pairs. A task that is being killed needs no page: kernel code gives its copy up (the place "
        "where it goes on is its fixup), and the task dies on its way out.",
        RULE,
    ),
    Cause(
        "swapped",
        swapped,
        "Your rule leaves kernel mode for a harmless signal, and stays in user mode. It is user mode that "
        "can run a handler and make its access again.",
        RULE,
    ),
    Cause(
        "kernel-too",
        either(kernel_too),
        "You leave kernel mode for a harmless signal. The kernel stands in the middle of a copy: all that it "
        "could do is break it off, and the system call would fail.",
        RULE,
    ),
    Cause(
        "p3-in-p9",
        p3_in_p9,
        "Your rule of patch 9 knows one signal, SIGKILL. Patch 9 adds a case: any signal, in user mode.",
        RULE,
    ),
    Cause(
        "p9-in-p3",
        p9_in_p3,
        "Your rule of patch 3 leaves for a harmless signal already. That patch gave a name to what each "
        "architecture did before; the new case came six patches later.",
        RULE,
    ),
)
