"""The x86 retry loop: table 5.2 of the series for user mode, and what ends a fault without an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import up_read
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_HWPOISON,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_SIGSEGV,
    FaultFlag,
)
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, WAKE, WRITE, V, monitor, pause, scene, send, victim

OLD, NEW = Tree.before, Tree.after


def attempt_flags(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("attempt", task="T")]


def rules(result: Result) -> list[str]:
    return [one.rule for one in result.violations]


def answered(*bits: int) -> Any:
    """A handle_mm_fault that gives these bits one after the other, and keeps the rule of the lock."""
    left = list(bits)

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        fault = left.pop(0)
        if fault & VM_FAULT_RETRY:
            await up_read(await current.mm)
        return fault

    return handle_mm_fault


LONE = scene(victim(), machine={"max_ticks": 1000})


def stubborn(bits: Iterable[int]) -> Any:
    """As `answered`, and at last the page: what the kernel's own function would do."""
    from pyemu.effects.entries import my_zero_pfn, set_pte_if_none

    left = list(bits)

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if left:
            fault = left.pop(0)
            if fault & VM_FAULT_RETRY:
                await up_read(mm)
            return fault
        await set_pte_if_none(mm, address, await my_zero_pfn(), False)
        return 0

    return handle_mm_fault


# --------------------------------------------------------------------------- 5.2, row by row


@pytest.mark.parametrize(
    ("tree", "second"), [(OLD, 0x70), (Tree.upto(11), 0x70), (Tree.upto(12), 0x270), (NEW, 0x274)], ids=str
)
def test_first_retry_without_a_signal_is_tried_again(tree: Tree, second: int) -> None:
    result = run(LONE, tree, {"handle_mm_fault": stubborn([VM_FAULT_RETRY])}, strict=False)
    assert attempt_flags(result) == [second & ~FAULT_FLAG_TRIED | FAULT_FLAG_ALLOW_RETRY, second]
    assert result.tasks["T"].outcome == "ret=0"
    assert result.tasks["T"].stats["exceptions"] == 1


@pytest.mark.parametrize(
    ("tree", "exceptions", "minor"),
    [(OLD, 2, 1), (Tree.upto(8), 2, 1), (Tree.upto(9), 2, 1), (Tree.upto(10), 2, 0), (NEW, 2, 0)],
    ids=str,
)
def test_first_retry_with_a_signal_leaves_from_nine_on(tree: Tree, exceptions: int, minor: int) -> None:
    # With userfaultfd, 5.6 leaves as well: not by RETRY but by NOPAGE, which counts one minor fault more.
    result = run("S10a", tree, strict=True)
    numbers = result.tasks["T"]
    assert (numbers.stats["exceptions"], numbers.counters["min_flt"]) == (exceptions, minor)
    ends = [event.a for event in result.trace.select("attempt_end", task="T")]
    assert ends[0] == (0x400 if 10 in tree else 0x100) | (0x4 if 10 in tree else 0)


async def retry_after_a_signal(vma: Vma, address: int, flags: int) -> int:
    """A wait that a signal doesn't end, as a page lock's: 10 ms, then RETRY once."""
    from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
    from pyemu.effects.sleeping import schedule_timeout, set_current_state
    from pyemu.flags import TASK_UNINTERRUPTIBLE

    mm = await current.mm
    if flags & FAULT_FLAG_ALLOW_RETRY and not flags & FAULT_FLAG_TRIED:
        await up_read(mm)
        await set_current_state(TASK_UNINTERRUPTIBLE)
        await schedule_timeout(10_000)
        return VM_FAULT_RETRY
    await set_pte_if_none(mm, address, await my_zero_pfn(), False)
    return 0


SIGNAL_MEANWHILE = scene(
    victim(), monitor(pause(5_000), send("SIGUSR1"), pause(20_000)), area={"userfaultfd": False}
)


@pytest.mark.parametrize("tree", [OLD, Tree.upto(8)], ids=str)
def test_a_signal_during_a_page_lock_wait_is_delivered_after_the_fault_up_to_eight(tree: Tree) -> None:
    result = run(SIGNAL_MEANWHILE, tree, {"handle_mm_fault": retry_after_a_signal})
    order = [e.kind for e in result.trace.select("attempt", "signal_taken", "exception", task="T")]
    assert order == ["exception", "attempt", "attempt", "signal_taken"]


def test_a_signal_during_a_page_lock_wait_abandons_the_fault_from_nine_on() -> None:
    # A fresh exception's flags lack TRIED, so this callee would wait again; its second wait ends it.
    result = run(SIGNAL_MEANWHILE, Tree.upto(9), {"handle_mm_fault": retry_after_a_signal})
    order = [e.kind for e in result.trace.select("attempt", "signal_taken", "exception", task="T")]
    assert order == ["exception", "attempt", "signal_taken", "exception", "attempt", "attempt"]
    assert result.tasks["T"].counters == {
        "min_flt": 1,
        "maj_flt": 0,
        "page-faults": 2,
        "minor-faults": 1,
        "major-faults": 0,
    }


@pytest.mark.parametrize("tree", [OLD, Tree.upto(9), Tree.upto(12), NEW], ids=str)
@pytest.mark.parametrize("wakes", [0, 1])
def test_sigkill_ends_the_fault_at_any_attempt(tree: Tree, wakes: int) -> None:
    steps = [WAIT, pause(10), WAKE] * wakes
    killer = monitor(*steps, pause(1_000), send("SIGKILL"), pause(5))
    result = run(scene(victim(), killer), tree)
    if wakes and 13 not in tree:
        assert result.tasks["T"].outcome == "SIGBUS(code=2)"  # there is no second wait to kill
        return
    assert result.tasks["T"].outcome == "killed:9"
    assert [e.a for e in result.trace.select("attempt_end")][-1] == 0x404
    assert result.tasks["T"].counters["min_flt"] + result.tasks["T"].counters["maj_flt"] == 0
    assert result.ticks < 1_200
    assert not result.violations


def test_second_retry_leaves_before_patch_four_and_the_access_faults_again() -> None:
    result = run(LONE, OLD, {"handle_mm_fault": stubborn([VM_FAULT_RETRY, VM_FAULT_RETRY])})
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["exceptions"]) == ("ret=0", 2)
    assert rules(result) == ["I2", "I6"]  # the callee is faulty; the lock is in order


@pytest.mark.parametrize("tree", [Tree.upto(4), Tree.upto(12)], ids=str)
def test_second_retry_releases_a_lock_not_held_from_four_to_twelve(tree: Tree) -> None:
    result = run(LONE, tree, {"handle_mm_fault": stubborn([VM_FAULT_RETRY, VM_FAULT_RETRY])})
    assert "bad unlock balance" in rules(result)


def test_second_retry_is_tried_again_from_thirteen_on() -> None:
    result = run(LONE, NEW, {"handle_mm_fault": stubborn([VM_FAULT_RETRY, VM_FAULT_RETRY])})
    assert attempt_flags(result) == [0x254, 0x274, 0x274]
    assert (result.tasks["T"].outcome, rules(result)) == ("ret=0", ["I6"])


# --------------------------------------------------------------------------- not RETRY


@pytest.mark.parametrize(
    ("bits", "outcome"),
    [
        (VM_FAULT_SIGBUS, "SIGBUS(code=2)"),
        (VM_FAULT_SIGSEGV, "SIGSEGV(code=1)"),
        (VM_FAULT_HWPOISON, "SIGBUS(code=4)"),
    ],
    ids=["SIGBUS", "SIGSEGV", "HWPOISON"],
)
@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_error_bits_release_the_lock_and_send_the_signal(tree: Tree, bits: int, outcome: str) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(bits)}, strict=True)
    assert result.tasks["T"].outcome == outcome
    assert result.tasks["T"].counters["min_flt"] == 0
    assert [e.kind for e in result.trace.select("lock_dropped", "fault_signal")] == [
        "lock_dropped",
        "fault_signal",
    ]


def test_major_is_remembered_over_attempts() -> None:
    result = run(LONE, NEW, {"handle_mm_fault": stubborn([VM_FAULT_RETRY | 0x4])})
    assert result.tasks["T"].counters["maj_flt"] == 1
    assert result.tasks["T"].counters["min_flt"] == 0


def test_an_access_outside_every_area_is_a_segv_maperr() -> None:
    lost = scene(
        victim({"do": "munmap", "area": "V", "page": 1}, READ, {"do": "munmap", "area": "V", "page": 3}),
        area={"userfaultfd": False},
    )
    result = run(lost, strict=True)
    assert result.tasks["T"].outcomes == ("SIGSEGV(code=1)",)
    assert not result.trace.select("attempt")


def test_a_write_to_a_read_only_area_is_a_segv_accerr_and_a_read_is_served() -> None:
    result = run(scene(victim(READ, WRITE), area={"prot": "r", "userfaultfd": False}), strict=True)
    assert result.tasks["T"].outcomes == ("ret=0", "SIGSEGV(code=2)")


@pytest.mark.parametrize("access", [READ, WRITE], ids=["read", "write"])
@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_first_flags_are_those_of_the_tree(tree: Tree, access: dict[str, Any]) -> None:
    result = run(scene(victim(access), monitor(WAIT, COPY)), tree, strict=True)
    write = FaultFlag.WRITE if access is WRITE else 0
    assert attempt_flags(result)[0] == (0x54 if tree is OLD else 0x254) | write
    error = 0x6 if write else 0x4
    (event,) = result.trace.select("exception")
    assert event.fields() == {"va": V + 4096, "error_code": error}


def test_page_faults_are_counted_once_an_exception_and_attempts_in_vmstat() -> None:
    result = run("S13", NEW, strict=True)
    assert result.tasks["T"].counters == {
        "min_flt": 0,
        "maj_flt": 1,
        "page-faults": 1,
        "minor-faults": 0,
        "major-faults": 1,
    }
    assert result.vmstat == {"pgfault": 3, "pgmajfault": 0}


def test_no_lock_is_held_after_any_scenario_that_comes_to_an_end() -> None:
    for name in Scenario.library():
        if "mmap_sem held on exit" in Scenario.load(name).permits:
            continue  # that is what it is about
        for result in (run(name, OLD), run(name, NEW)):
            taken = result.trace.select("lock_taken", "lock_granted", task="T")
            dropped = result.trace.select("lock_dropped", task="T")
            assert len(taken) == len(dropped) or result.end == "hang"
