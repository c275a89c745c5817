"""I1 to I6 and the balance of locks: each has a faulty function that is reported by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.calls.fault import access_error, bad_area, bad_area_access_error, mm_fault_error
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.calls.userfaultfd import handle_userfault
from pyemu.effects.areas import find_vma
from pyemu.effects.counters import count, perf_sw_event
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import Regs
from pyemu.effects.signals import flush_signals, signal_pending
from pyemu.errors import FaultlabError
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_DEFAULT,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_UFFD_MISSING,
    X86_PF_WRITE,
)
from pyemu.machine import InvariantViolation, Result
from tests.pyemu.scenes import COPY, WAIT, WAKE, monitor, pause, scene, send, victim

LONE = scene(victim(), area={"userfaultfd": False}, machine={"max_ticks": 1_000})
SERVED = scene(victim(), monitor(WAIT, COPY))
TWICE = scene(victim(), monitor(WAIT, pause(10), WAKE, WAIT, COPY))
SIGNALLED = scene(victim(), monitor(WAIT, send("SIGUSR1"), pause(10), COPY), machine={"max_ticks": 1_000})


def rules(
    name: str, handler: Callable[..., Any], scenario: Scenario = LONE, tree: Tree = Tree.after
) -> list[str]:
    result = run(scenario, tree, {name: handler})
    return list(dict.fromkeys(one.rule for one in result.violations))


# ------------------------------------------------------------------------------- faulty callees


def faulty(first: int, *, drop: bool) -> Callable[..., Any]:
    """A handle_mm_fault whose first answer breaks a rule; then it maps the page."""
    answers = [first]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if answers:
            if drop:
                await up_read(mm)
            return answers.pop()
        await set_pte_if_none(mm, address, await my_zero_pfn(), False)
        return 0

    return handle_mm_fault


def test_i1_retry_that_keeps_the_lock() -> None:
    assert "I1" in rules("handle_mm_fault", faulty(VM_FAULT_RETRY, drop=False))


def test_i1_success_that_drops_the_lock() -> None:
    assert rules("handle_mm_fault", faulty(0, drop=True)) == ["I1", "bad unlock balance"]


def test_i1_an_attempt_without_the_lock() -> None:
    async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        await down_read(mm)
        vma = await find_vma(mm, address)
        assert vma is not None
        await up_read(mm)
        await handle_mm_fault(vma, address, FAULT_FLAG_DEFAULT | FAULT_FLAG_USER)

    found = rules("do_user_addr_fault", do_user_addr_fault)
    assert found[0] == "I1"
    assert "vma without mmap_sem" in found


def test_i2_retry_that_was_not_allowed() -> None:
    bits = [VM_FAULT_RETRY, VM_FAULT_RETRY]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if bits:
            await up_read(mm)
            return bits.pop()
        await set_pte_if_none(mm, address, await my_zero_pfn(), False)
        return 0

    assert "I2" in rules("handle_mm_fault", handle_mm_fault, tree=Tree.before)


def test_i2_allows_retry_when_sigkill_is_pending() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        await up_read(await current.mm)
        return VM_FAULT_RETRY  # a killable wait for a page lock was given up

    killed = scene(victim(), monitor(send("SIGKILL"), pause(1)), area={"userfaultfd": True})
    result = run(killed, Tree.before, {"handle_mm_fault": handle_mm_fault})
    assert [one.rule for one in result.violations if one.rule == "I2"] == []
    assert result.tasks["T"].outcome == "killed:9"


def test_i3_retry_without_a_wait_shows_as_a_spin() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        await up_read(await current.mm)
        return VM_FAULT_RETRY

    result = run(LONE, Tree.after, {"handle_mm_fault": handle_mm_fault})
    assert result.spins == 1
    with pytest.raises(InvariantViolation, match=r"I3|I6"):
        run(LONE, Tree.after, {"handle_mm_fault": handle_mm_fault}, strict=True)


def test_i3_is_named_by_a_strict_run_on_the_tree_that_breaks_it() -> None:
    with pytest.raises(InvariantViolation, match=r"on tree upto13-9: a task spun without a wait \(I3\)"):
        run(SIGNALLED, Tree.upto(13) - 9, strict=True)


def test_i4_an_error_together_with_retry() -> None:
    assert "I4" in rules("handle_mm_fault", faulty(VM_FAULT_RETRY | VM_FAULT_SIGBUS, drop=True))


def test_i6_a_second_retry_that_is_no_userfault() -> None:
    bits = [VM_FAULT_RETRY, VM_FAULT_RETRY]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if bits:
            await up_read(mm)
            return bits.pop()
        await set_pte_if_none(mm, address, await my_zero_pfn(), False)
        return 0

    assert rules("handle_mm_fault", handle_mm_fault) == ["I6"]


def test_nowait_may_give_retry_and_keep_the_lock() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        return await handle_userfault(vma, address, flags | FAULT_FLAG_RETRY_NOWAIT, VM_UFFD_MISSING)

    result = run(SERVED, Tree.after, {"handle_mm_fault": handle_mm_fault})
    # The caller did not ask for NOWAIT, so it is the caller's flags that count.
    assert "I1" in [one.rule for one in result.violations]


# ------------------------------------------------------------------------------- wrong loops


def loop(
    *,
    tried: bool = True,
    allow: bool = True,
    find_again: bool = True,
    look: bool = True,
    signals: str = "leave",
    unlock_on_signal: bool = False,
    release: bool = True,
) -> Callable[..., Any]:
    """do_user_addr_fault of 5.7, with one thing wrong at a time."""

    async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER
        if error_code & X86_PF_WRITE:
            flags |= FAULT_FLAG_WRITE
        await perf_sw_event("page-faults")
        major = 0
        vma = None
        while True:
            await down_read(mm)
            if vma is None or find_again:
                vma = await find_vma(mm, address)
            if vma is None:
                await bad_area(regs, error_code, address)
                return
            start = await vma.vm_start
            if start > address:
                await bad_area(regs, error_code, address)
                return
            if await access_error(error_code, vma):
                await bad_area_access_error(regs, error_code, address)
                return
            fault = await handle_mm_fault(vma, address, flags)
            if look:
                await vma.vm_flags
            major |= fault & VM_FAULT_MAJOR
            if signals == "eat":
                pending = await signal_pending(current)
                if pending:
                    await flush_signals(current)
            elif await fault_signal_pending(fault, regs):
                if unlock_on_signal:
                    await up_read(mm)
                return
            if fault & VM_FAULT_RETRY:
                if not allow:
                    flags &= ~FAULT_FLAG_ALLOW_RETRY
                if tried:
                    flags |= FAULT_FLAG_TRIED
                continue
            break
        if release:
            await up_read(mm)
        if fault & VM_FAULT_ERROR:
            await mm_fault_error(regs, error_code, address, fault)
            return
        await count("maj_flt" if major else "min_flt")

    return do_user_addr_fault


WRONG: dict[str, tuple[Callable[..., Any], Scenario, str]] = {
    "I5: TRIED is not set": (loop(tried=False, look=False), TWICE, "I5"),
    "the area is not looked up again": (loop(find_again=False, look=False), TWICE, "stale vma"),
    "the area is read after RETRY": (loop(look=True), TWICE, "vma without mmap_sem"),
    "the lock is released after a signal": (
        loop(unlock_on_signal=True, look=False),
        SIGNALLED,
        "bad unlock balance",
    ),
    "the lock is kept": (loop(release=False, look=False), SERVED, "mmap_sem held on return"),
    "the signal is thrown away": (loop(signals="eat", look=False), SIGNALLED, "lost signal"),
}


@pytest.mark.parametrize(("handler", "scenario", "rule"), WRONG.values(), ids=WRONG)
def test_a_wrong_loop_is_reported_under_the_name_of_the_rule(
    handler: Callable[..., Any], scenario: Scenario, rule: str
) -> None:
    result = run(scenario, Tree.after, {"do_user_addr_fault": handler})
    assert result.violations[0].rule == rule
    assert result.violations[0].task == "T"
    event = result.trace.select("violation")[0]
    assert event.text == f"{rule}: {result.violations[0].text}"
    with pytest.raises(FaultlabError, match=rule):
        run(scenario, Tree.after, {"do_user_addr_fault": handler}, strict=True)


@pytest.mark.parametrize("scenario", [SERVED, TWICE, SIGNALLED, *map(Scenario.load, ("S13", "S10a", "S10b"))])
def test_the_right_loop_breaks_no_rule(scenario: Scenario) -> None:
    right = run(scenario, Tree.after, {"do_user_addr_fault": loop(look=False)}, strict=True)
    assert right.tasks["T"].outcome == run(scenario, Tree.after).tasks["T"].outcome


def test_an_area_that_was_freed_is_a_use_after_free() -> None:
    # S10b on the old kernel: with a handler that looks at its vma after NOPAGE, as x86 did in 2017.
    result = run("S10b", Tree.before, {"do_user_addr_fault": old_loop_that_looks})
    assert [one.rule for one in result.violations] == ["dangling vma", "use after free"]
    assert "the vma of its caller was freed" in result.violations[0].text
    assert "T reads vma 1, which was freed while the lock was dropped" in result.violations[1].text


async def old_loop_that_looks(regs: Regs, error_code: int, address: int) -> None:
    mm = await current.mm
    flags = FAULT_FLAG_ALLOW_RETRY | 0x10 | FAULT_FLAG_USER
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        if vma is None:
            await bad_area(regs, error_code, address)
            return
        fault = await handle_mm_fault(vma, address, flags)
        if await fault_signal_pending(fault, regs):
            return
        if fault & VM_FAULT_RETRY:
            flags = flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
            continue
        await vma.vm_flags
        await up_read(mm)
        return


# ------------------------------------------------------------------------------- the kernel's own code


def check(result: Result) -> None:
    assert result.violations == ()
    assert result.findings == ()


@pytest.mark.parametrize("name", Scenario.library())
@pytest.mark.parametrize(
    "tree", [Tree.before, *(Tree.upto(n) for n in (4, 9, 10, 12, 13)), Tree.after, Tree.v5_7], ids=str
)
def test_the_library_breaks_on_the_merged_orders_only_what_it_says(name: str, tree: Tree) -> None:
    result = run(name, tree, strict=True)
    assert {one.rule for one in result.violations} <= set(result.scenario.permits)
    assert result.findings == ()


@pytest.mark.parametrize(
    "scenario", [SERVED, TWICE, SIGNALLED, LONE], ids=["served", "twice", "signal", "plain"]
)
@pytest.mark.parametrize("n", range(17))
def test_every_prefix_of_the_series_keeps_the_rules(scenario: Scenario, n: int) -> None:
    check(run(scenario, Tree.upto(n), strict=True))
