"""The misconceptions of exercise E1 about what is pending, as the decisions of a rule show them."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.call_case import CallRun
from course.checks.e01_cells import ENDING, KILL, STOP, Cell, pending
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_RETRY

__all__ = ["NO", "RULE", "SIGNALS", "YES", "Numbers", "decided", "mistaken", "waited"]

RULE = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
QUEUE = "Linux v5.7, kernel/signal.c, recalc_sigpending_tsk and sig_ignored"
SENDING = "Linux v5.7, kernel/signal.c, complete_signal"

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


def mistaken(run: CallRun, decision: bool | None = None) -> list[Cell]:
    """Give the cells that were decided wrongly; none when one of them was not decided in this way."""
    names = set(run.wrong)
    wrong = [cell for cell in run.case.numbers["cells"] if cell.name in names]
    alike = decision is None or all(run.mine.get(cell.name) is decision for cell in wrong)
    return wrong if alike else []


def treatments(cell: Cell) -> tuple[str, ...]:
    """Give how the task treats what was sent; SIGKILL and SIGSTOP are each a kind of their own."""
    return tuple(name if how == "default" else how for name, how in cell.signals)


def n_pending(cell: Cell) -> int:
    """Count what is pending."""
    return sum(how not in ("blocked", "ignored") for _, how in cell.signals)


def default_is_fatal(run: CallRun) -> Numbers:
    """A fault was left for SIGSTOP where it stays for a signal with a handler."""
    rows = ((3, "user"), (3, "kernel"), (9, "kernel"))
    stop = decided(run, lambda cell: cell.signals == STOP and (cell.patch, cell.mode) != (9, "user"))
    return {} if True in stop and YES | NO in [waited(run, *row, "SIGUSR1") for row in rows] else None


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
    stop = decided(run, lambda cell: (cell.patch, cell.mode, cell.signals) == (9, "user", STOP))
    return {} if stop == NO else None


def stop_hides(run: CallRun) -> Numbers:
    """A rule stays wrongly only where SIGSTOP stands beside SIGKILL."""
    wrong = mistaken(run, False)
    return {} if wrong and all({*KILL, *STOP} <= {*cell.signals} for cell in wrong) else None


def ends_early(run: CallRun) -> Numbers:
    """A rule stays wrongly only where a signal that is not pending stands beside one that is."""
    wrong = mistaken(run, False)
    return {} if wrong and all(0 < n_pending(cell) < len(cell.signals) for cell in wrong) else None


def only_one(run: CallRun) -> Numbers:
    """A rule stays wrongly only where more than one signal is pending, and in any order."""
    wrong = mistaken(run, False)
    sent = {(cell.patch, cell.fault, cell.mode, cell.signals) for cell in wrong}
    any_order = sent == {(*rest, signals[::-1]) for *rest, signals in sent}
    return {} if wrong and any_order and all(n_pending(cell) > 1 for cell in wrong) else None


def one_signal(run: CallRun) -> Numbers:
    """Where one signal was sent, or none, all is right; where more were sent, it is not."""
    wrong = mistaken(run)
    return {} if wrong and min(len(cell.signals) for cell in wrong) > 1 else None


SIGNALS = (
    Cause(
        "default-is-fatal",
        default_is_fatal,
        "You take what has its default for fatal. The default of SIGSTOP stops the task, which goes on after "
        "SIGCONT and wants its page then.",
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
    Cause(
        "ends-early",
        ends_early,
        "Your rule stays where a blocked or an ignored signal was sent as well. If a `return` or a `break` "
        "ends your loop there, or the first signal decides: pass over what is not pending, and go on.",
        QUEUE,
    ),
    Cause(
        "only-one",
        only_one,
        "Where one signal is pending your rule is right, and where two are it stays. Ask whether the list "
        "holds what you look for, or anything at all, not what else it holds or how long it is.",
        QUEUE,
    ),
    Cause(
        "one-signal",
        one_signal,
        "Where one signal was sent your rule is right, and where more were sent it is not always. It may "
        "look at the first or the last alone, or at the list as a whole, or miss one on its way. They "
        "come in any order: go through all of them.",
        QUEUE,
    ),
)
