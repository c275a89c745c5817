"""The misconceptions of exercise E1 about what is pending, as the decisions of a rule show them."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.call_case import CallRun
from course.checks.e01_cells import ENDING, KILL, STOP, Cell
from course.checks.e01_decided import NO, QUEUE, RULE, YES, Numbers, decided, mistaken, treatments, waited
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_RETRY

__all__ = ["SIGNALS"]

SENDING = "Linux v5.7, kernel/signal.c, complete_signal"


def default_is_fatal(run: CallRun) -> Numbers:
    """A fault was left for SIGSTOP where it stays for a signal with a handler."""
    rows = ((3, "user"), (3, "kernel"), (9, "kernel"))
    stop = decided(run, lambda cell: _stopped(cell) and (cell.patch, cell.mode) != (9, "user"))
    return {} if True in stop and YES | NO in [waited(run, *row, "SIGUSR1") for row in rows] else None


def _stopped(cell: Cell) -> bool:
    return bool(cell.fault & VM_FAULT_RETRY) and cell.signals == STOP


def name_is_fatal(run: CallRun) -> Numbers:
    """Faults were left wrongly where a certain signal had been sent, and nowhere else."""
    wrong = mistaken(run, True)
    to_die = any((cell.patch, cell.mode) != (9, "user") for cell in wrong)
    found = [name for name in ENDING if any(name in dict(cell.signals) for cell in wrong)]
    alone = all(dict(cell.signals).keys() & found for cell in wrong)
    return {"signal": found[0]} if to_die and found and alone else None


def by_name(run: CallRun) -> Numbers:
    """Two decisions differ, and nothing but the name of a signal does."""
    alike: dict[object, set[object]] = {}
    for cell in run.case.numbers["cells"]:
        key = (cell.patch, cell.fault, cell.mode, treatments(cell))
        alike.setdefault(key, set()).add(run.mine.get(cell.name))
    return {} if YES | NO in alike.values() else None


def treated(how: str) -> Callable[[CallRun], Numbers]:
    """Make a cause of signals that are not pending because of how the task treats them, and were counted."""

    def shows(run: CallRun) -> Numbers:
        return {} if True in decided(run, lambda cell: treatments(cell) == (how,)) else None

    return shows


def stop_is_not(run: CallRun) -> Numbers:
    """SIGSTOP was not taken for pending."""
    stop = decided(run, lambda cell: _stopped(cell) and (cell.patch, cell.mode) == (9, "user"))
    return {} if stop == NO else None


def stop_hides(run: CallRun) -> Numbers:
    """A rule stays wrongly only where SIGSTOP stands beside SIGKILL."""
    wrong = mistaken(run, False)
    return {} if wrong and all({*KILL, *STOP} <= {*cell.signals} for cell in wrong) else None


SIGNALS = (
    Cause(
        "default-is-fatal",
        default_is_fatal,
        "You take SIGSTOP for fatal, for its name or for its default. Its default stops the task, which goes "
        "on after SIGCONT and wants its page then.",
        RULE,
    ),
    Cause(
        "name-is-fatal",
        name_is_fatal,
        "Your rule takes more names than SIGKILL for the end of the task. With a handler the handler runs, "
        "and what is blocked or ignored is not even pending. Where a signal such as SIGTERM does end the "
        "task, the kernel has sent SIGKILL by then.",
        SENDING,
    ),
    Cause(
        "by-name",
        by_name,
        "Two of the cases differ in nothing but the name of a signal, and your rule does not decide them "
        "alike. A task may block, ignore or handle any of these signals: look at the second half of the "
        "pair. The name matters for SIGKILL alone.",
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
        "By your rule SIGSTOP is not pending. It is taken on the way to user mode, like a signal with a "
        "handler, and like SIGKILL; and until then it is pending.",
        QUEUE,
    ),
    Cause(
        "stop-hides",
        stop_hides,
        "Your rule stays where both were sent. A task that is being killed needs no page, stopped or not: "
        "SIGKILL is a reason of its own, whatever stands beside it.",
        RULE,
    ),
)
