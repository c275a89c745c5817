"""What the decisions of a rule of exercise E1 show: those of some cells, and the wrong ones."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.call_case import CallRun
from course.checks.e01_cells import Cell, pending
from pyemu.flags import VM_FAULT_RETRY

__all__ = [
    "NO",
    "QUEUE",
    "RULE",
    "YES",
    "Numbers",
    "decided",
    "mistaken",
    "n_pending",
    "treatments",
    "waited",
]

RULE = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
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
