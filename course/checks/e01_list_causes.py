"""The misconceptions of exercise E1 about several signals, as the decisions of a rule show them."""

from __future__ import annotations

from course.checks.call_case import CallRun
from course.checks.e01_cells import Cell
from course.checks.e01_decided import QUEUE, Numbers, mistaken, n_pending, treatments
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_RETRY

__all__ = ["LISTS"]

PLACES = ("first", "second", "third")
NOT_PENDING = ("blocked", "ignored")


def one_of_three(run: CallRun) -> Numbers:
    """A rule stays wrongly only where three signals were sent, and one place alone has what matters."""
    wrong = mistaken(run, False)
    places = {_matters(cell) for cell in wrong}
    if len(places) > 1 or not wrong or min(len(cell.signals) for cell in wrong) < 3:
        return None
    (found,) = places
    return {"place": PLACES[found[0]]} if len(found) == 1 else None


def _matters(cell: Cell) -> tuple[int, ...]:
    """Give the places of the signals that are a reason to leave."""
    any_ = (cell.patch, cell.mode) == (9, "user")
    return tuple(
        n
        for n, (name, how) in enumerate(cell.signals)
        if name == "SIGKILL" or (any_ and how not in NOT_PENDING)
    )


def once(run: CallRun) -> Numbers:
    """A rule leaves wrongly, of two signals and more, only where two are blocked, or two ignored."""
    wrong = mistaken(run, True)
    twice = all(max(map(treatments(cell).count, NOT_PENDING)) > 1 for cell in wrong)
    return {} if wrong and twice and min(len(cell.signals) for cell in wrong) == 2 else None


def together(run: CallRun) -> Numbers:
    """A rule leaves wrongly only where blocked signals and ignored ones were sent, and nothing else."""
    wrong = mistaken(run, True)
    return {} if wrong and all({*treatments(cell)} == {*NOT_PENDING} for cell in wrong) else None


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
    """After RETRY, where one signal was sent, or none, all is right; where more were sent, it is not."""
    wrong = mistaken(run)
    more = all(cell.fault & VM_FAULT_RETRY and len(cell.signals) > 1 for cell in wrong)
    return {} if wrong and more else None


LISTS = (
    Cause(
        "one-of-three",
        one_of_three,
        "Where one or two were sent your rule is right. Where three were, and only that one is a reason to "
        "leave, it stays. Go through all of them, however many there are.",
        QUEUE,
    ),
    Cause(
        "once",
        once,
        "A list's `remove` takes out the first that it finds, and a test whether one is blocked does not say "
        "how many are. Where two were sent, both blocked or both ignored, nothing is pending.",
        QUEUE,
    ),
    Cause(
        "together",
        together,
        "Where all that was sent is blocked your rule stays, and where all is ignored, too. Where both are "
        "there it leaves. Ask both things of each signal, not one of the whole list and then the other.",
        QUEUE,
    ),
    Cause(
        "ends-early",
        ends_early,
        "Your rule stays where a blocked or an ignored signal was sent as well. Perhaps a `return` or a "
        "`break` ends a loop there, or the first or the last signal decides: pass over what is not pending, "
        "and look at all the others.",
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
