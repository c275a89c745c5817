"""Where the emulator has a decision of its own, it decides as the table does."""

from __future__ import annotations

from typing import Any

import pytest

from course.series.decisions import p01_locked, p04_x86, p16_blocking
from course.series.decisions.attempt import Attempt, attempts, unreachable
from course.series.decisions.p01_locked import Page, Pinned
from course.series.decisions.p11_default import First, after, before
from course.series.decisions.p16_blocking import Fault
from course.series.decisions.records import Action, Decision, Mode, Pending
from pyemu import Scenario, Tree, run
from pyemu.arches import arch_of
from pyemu.calls.gup import __get_user_pages
from pyemu.effects import Effect
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
from pyemu.effects.handles import Task, Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import GupResult
from pyemu.effects.signals import send_signal
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    FOLL_NOWAIT,
    FOLL_TRIED,
    SIGKILL,
    SIGUSR1,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
)
from pyemu.kernel.userfaultfd import blocking_state
from pyemu.machine import Result
from tests.pyemu.scenes import Lab, V

SIGNALS = {Pending.SIGNAL: SIGUSR1, Pending.KILL: SIGKILL}
CASES = [case for case in attempts(arch_of("x86")) if case.mode is Mode.USER and not unreachable(case)]
LONE = Scenario.from_dict(
    {
        "version": 1,
        "name": "alone",
        "title": "T reads a missing page",
        "machine": {"max_ticks": 1000},
        "areas": [{"name": "V"}],
        "tasks": [
            {
                "name": "T",
                "signals": {"SIGUSR1": "handler", "SIGBUS": "escape", "SIGSEGV": "escape"},
                "program": [{"do": "read", "area": "V"}],
            }
        ],
    }
)


def answering(case: Attempt) -> Any:
    """A handle_mm_fault that brings the handler to a case: its answers one after the other, then the page."""
    first = [VM_FAULT_RETRY | (VM_FAULT_MAJOR if case.major else 0)] if case.flags & FAULT_FLAG_TRIED else []
    answers = [*first, case.fault]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if not answers:
            zero = await my_zero_pfn()
            await set_pte_if_none(mm, address, zero, False)
            return 0
        fault = answers.pop(0)
        if not answers and case.pending in SIGNALS:
            await send_signal(Task(1), SIGNALS[case.pending])
        if not answers and not fault & (VM_FAULT_RETRY | VM_FAULT_ERROR):
            zero = await my_zero_pfn()
            await set_pte_if_none(mm, address, zero, False)
        if fault & VM_FAULT_RETRY:
            await up_read(mm)
        return fault

    return handle_mm_fault


def decided(result: Result, case: Attempt) -> Decision:
    """What the handler decided, read from the events after the attempt in question."""
    events = result.trace.select(task="T")
    nth = 2 if case.flags & FAULT_FLAG_TRIED else 1
    start = [n for n, event in enumerate(events) if event.kind == "attempt_end"][nth - 1]
    unlocks, counted, sent = 0, [], False
    for event in events[start + 1 :]:
        if event.kind == "attempt" and event.b != 1:
            ended = [int(one.a) for one in events[: start + 1] if one.kind == "attempt_end"]
            major = any(bits & VM_FAULT_MAJOR for bits in ended)
            flags = int(event.a) & (FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)
            return Decision(Action.RETRY, unlocks, flags, major)
        if event.kind in ("exception", "exit", "value"):
            break
        unlocks += event.kind == "lock_dropped" or (event.kind, event.a) == (
            "violation",
            "bad unlock balance",
        )
        sent |= event.kind in ("fault_signal", "oom")
        if event.kind == "counter" and event.a in ("min_flt", "maj_flt"):
            counted.append(str(event.a))
    if counted:
        return Decision(Action.DONE, unlocks, counted=tuple(counted))
    failed = sent or bool(case.fault & VM_FAULT_ERROR)
    return Decision(Action.ERROR if failed else Action.RETURN, unlocks)


@pytest.mark.parametrize(
    ("tree", "side"),
    [(Tree.before, p04_x86.before), (Tree.upto(3), p04_x86.before), (Tree.upto(4), p04_x86.after)],
    ids=["before", "upto3", "upto4"],
)
def test_x86_decides_as_patch_4_says(tree: Tree, side: Any) -> None:
    for case in CASES:
        result = run(LONE, tree, {"handle_mm_fault": answering(case)})
        assert decided(result, case) == side(case), str(case)


def test_there_are_cases_of_every_action() -> None:
    assert len(CASES) > 60
    assert {p04_x86.after(case).action for case in CASES} == {
        Action.DONE,
        Action.ERROR,
        Action.RETRY,
        Action.RETURN,
    }


def test_the_dead_row_is_decided_alike_too() -> None:
    dead = Attempt(arch_of("x86"), Mode.USER, Pending.NONE, int(VM_FAULT_RETRY), int(FAULT_FLAG_TRIED))
    for tree, side in ((Tree.upto(3), p04_x86.before), (Tree.upto(4), p04_x86.after)):
        assert decided(run(LONE, tree, {"handle_mm_fault": answering(dead)}), dead) == side(dead)


@pytest.mark.parametrize(
    ("tree", "side"),
    [(Tree.upto(15), p16_blocking.before), (Tree.upto(16), p16_blocking.after)],
    ids=["upto15", "upto16"],
)
def test_the_sleep_in_handle_userfault_is_chosen_as_patch_16_says(tree: Tree, side: Any) -> None:
    policy = tree.policies
    for flags in range(1 << 10):
        assert blocking_state(policy, flags) == side(Fault(flags, Pending.NONE)).state, hex(flags)


def pinned(page: Page, tree: Tree) -> tuple[Pinned, bool]:
    """What the emulator's get_user_pages gives for a page, and whether it still holds mmap_sem."""
    words: list[int] = []
    answers = [page.fault]
    found: list[GupResult] = []
    foll = FOLL_NOWAIT * page.nowait | FOLL_TRIED * page.tried

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        words.append(flags)
        mm = await vma.vm_mm
        fault = answers.pop()
        if fault & VM_FAULT_RETRY and not page.nowait:
            await up_read(mm)
        if not fault:
            zero = await my_zero_pfn()
            await set_pte_if_none(mm, address, zero, False)
        return fault

    async def program() -> None:
        mm = await current.mm
        await down_read(mm)
        found.append(await __get_user_pages(None, mm, V, page.pinned + 1, foll, page.given))
        await Effect("park")  # so that nothing is undone at its end

    lab = Lab(
        programs={"T": program},
        tree=tree,
        area={"userfaultfd": False, "populated": list(range(page.pinned))},
        override={"handle_mm_fault": handle_mm_fault},
    )
    lab.settle()
    (got,) = found
    assert lab.rules("T") == []
    goes_on = got.n > page.pinned
    return Pinned(words[0], None if goes_on else got.n, got.locked), bool(lab.task("T").holds)


@pytest.mark.parametrize("tree", [Tree.before, Tree.upto(1)], ids=["before", "upto1"])
def test_get_user_pages_does_with_locked_what_patch_1_says(tree: Tree) -> None:
    pages = [page for page in p01_locked.cases() if not p01_locked.unreachable(page)]
    assert len(pages) > 50
    for page in pages:
        got, held = pinned(page, tree)
        assert got == p01_locked.before(page) == p01_locked.after(page), str(page)
        assert held is (got.locked != 0), str(page)


def test_a_fault_starts_with_the_word_of_patch_11() -> None:
    word = First("x86", user=False, write=False)
    assert Tree.upto(10).policies.default_flags == before(word).flags
    assert Tree.upto(11).policies.default_flags == after(word).flags
