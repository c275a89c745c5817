"""Decisions of the emulator's own fault handlers, compared with the tables of patches 3 to 8.

Each attempt that can happen is brought about in a run: `handle_mm_fault` is replaced by one that gives the
fault words of the case, one after the other. What the handler then does is read from the events that follow:
whether it tries again and with which flags, how often it releases mmap_sem, what it counts, how it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from course.series.decisions.attempt import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    Attempt,
)
from course.series.decisions.pair import Pair
from course.series.decisions.records import OOM_KILLER, Action, Decision, Mode, Pending
from pyemu.arches import Accounting, Arch
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
from pyemu.effects.extable import SIE_PFAULT
from pyemu.effects.handles import Task, Vma, current
from pyemu.effects.locks import up_read
from pyemu.effects.signals import send_signal
from pyemu.flags import SIGKILL, SIGUSR1, Signal
from pyemu.machine import Result, run
from pyemu.scenario import Scenario
from pyemu.trace import Event
from pyemu.tree import Tree

__all__ = ["Agreement", "agreement", "bring_about", "decided", "reachable", "sides"]

SIGNALS = {Pending.SIGNAL: SIGUSR1, Pending.KILL: SIGKILL}
FLAGS = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED | FAULT_FLAG_RETRY_NOWAIT
STOPS = ("exception", "exit", "value")
COUNTERS = ("maj_flt", "min_flt", "page-faults")
UNBALANCED = ("violation", "bad unlock balance")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a comparison of the emulator with a side of a decision gave.

    Attributes
    ----------
    tree : Tree
        On which the emulator ran.
    n_cases : int
        Attempts that were brought about.
    n_arches : int
        Fault handlers that decided.
    wrong : tuple of str
        A sentence for each attempt about which the two decide differently.
    """

    tree: Tree
    n_cases: int
    n_arches: int
    wrong: tuple[str, ...]


def sides(number: int, pair: Pair, fixed: Pair | None = None) -> Iterator[tuple[Tree, Callable[[Any], Any]]]:
    """Give the trees before and after a patch, and with a fix, each with what is decided there."""
    yield Tree.upto(number - 1), pair.before
    yield Tree.upto(number), pair.after
    if fixed is not None:
        yield Tree.upto(number) + "B6", fixed.after


def reachable(pair: Pair) -> tuple[Attempt, ...]:
    """Give the inputs of a decision that can happen."""
    return tuple(case for case in pair.cases() if not pair.unreachable(case))


def agreement(tree: Tree, side: Callable[[Any], Any], cases: Sequence[Attempt], exact: bool) -> Agreement:
    """Compare what the emulator decides on a tree with a side of a decision.

    Parameters
    ----------
    tree : Tree
        Which is run.
    side : callable
        The decision function.
    cases : sequence of Attempt
        Which are brought about.
    exact : bool
        Whether the function tells how an error ends; otherwise an error is an error.

    Returns
    -------
    Agreement
        With a sentence for each difference.
    """
    wrong = []
    for case in cases:
        got, said = decided(bring_about(case, tree), case, exact), side(case)
        if got != said:
            wrong.append(f"On tree {tree}, {case}: the emulator decides {got}, the table {said}.")
    return Agreement(tree, len(cases), len({case.arch for case in cases}), tuple(wrong))


def bring_about(case: Attempt, tree: Tree) -> Result:
    """Run a fault whose attempt ends as the case says."""
    guest = case.flags & FAULT_FLAG_RETRY_NOWAIT
    access = "guest_read" if guest else "read" if case.mode is Mode.USER else "tmpfs_write"
    return run(_scenario(case.arch, access), tree, {"handle_mm_fault": _answering(case)})


@cache
def _scenario(arch: Arch, access: str) -> Scenario:
    signals = {"SIGUSR1": "handler", "SIGBUS": "escape", "SIGSEGV": "escape"}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "alone",
            "title": "T accesses a missing page",
            "permits": ["spin"],
            "machine": {"max_ticks": 1_000, "arch": arch.name, "n_cpus": 1, "ram_pages": 16},
            "areas": [{"name": "V"}],
            "tasks": [{"name": "T", "signals": signals, "program": [{"do": access, "area": "V"}]}],
        }
    )


def _answering(case: Attempt) -> Any:
    """Give a handle_mm_fault that brings a handler to the case, and the page afterwards."""
    early = VM_FAULT_RETRY | (VM_FAULT_MAJOR if case.major else 0)
    answers = [case.fault] if case.flags & FAULT_FLAG_ALLOW_RETRY else [early, case.fault]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        fault = answers.pop(0) if answers else 0
        if not answers and case.pending in SIGNALS:
            await send_signal(Task(1), SIGNALS[case.pending])
        if not fault & (VM_FAULT_RETRY | VM_FAULT_ERROR):
            zero = await my_zero_pfn()
            await set_pte_if_none(mm, address, zero, False)
        if fault & VM_FAULT_RETRY and not flags & FAULT_FLAG_RETRY_NOWAIT:
            await up_read(mm)
        return fault

    return handle_mm_fault


def decided(result: Result, case: Attempt, exact: bool) -> Decision:
    """Read from a run what the handler decided after the attempt of the case."""
    events = result.trace.select(task="T")
    nth = 1 if case.flags & FAULT_FLAG_ALLOW_RETRY else 2
    ends = [place for place, event in enumerate(events) if event.kind == "attempt_end"]
    after = _first_of(events[ends[nth - 1] + 1 :])
    unlocks = sum(event.kind == "lock_dropped" or (event.kind, event.a) == UNBALANCED for event in after)
    counted = tuple(str(event.a) for event in after if event.kind == "counter" and event.a in COUNTERS)
    if after and after[-1].kind == "attempt":
        majors = [int(events[place].a) & VM_FAULT_MAJOR for place in ends[:nth]]
        remembers = case.arch.accounting is Accounting.ORED
        return Decision(Action.RETRY, unlocks, int(after[-1].a) & FLAGS, remembers and any(majors), counted)
    sends = tuple(Signal(int(event.a)).name for event in after if event.kind == "fault_signal")
    sends += (OOM_KILLER,) * sum(event.kind == "oom" for event in after)
    action = _action(case, after, unlocks, sends)
    if case.fault & VM_FAULT_ERROR and not exact:
        return Decision(Action.ERROR, unlocks, counted=counted)
    return Decision(action, unlocks, counted=counted, sends=sends)


def _action(case: Attempt, after: Sequence[Event], unlocks: int, sends: tuple[str, ...]) -> Action:
    fixups = [event.a for event in after if event.kind == "fixup"]
    if fixups:
        return Action.PFAULT if fixups == [SIE_PFAULT] else Action.FIXUP
    if sends and sends != (OOM_KILLER,):
        return Action.ERROR
    ended = case.fault & VM_FAULT_ERROR or not unlocks
    return Action.RETURN if ended else Action.DONE


def _first_of(events: Sequence[Event]) -> list[Event]:
    """Give the events up to the next attempt of the same fault, or up to the end of the fault."""
    found = []
    for event in events:
        if event.kind in STOPS or (event.kind == "attempt" and event.b == 1):
            break
        found.append(event)
        if event.kind == "attempt":
            break
    return found
