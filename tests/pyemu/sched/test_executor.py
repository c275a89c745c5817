from __future__ import annotations

import gc
import warnings
from typing import Any

import pytest

from pyemu import Machine, Tree, run
from pyemu.calls.fault import access_error
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.areas import find_vma
from pyemu.effects.core import take_dropped
from pyemu.effects.counters import count
from pyemu.effects.entries import get_pte
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import GupResult, Regs
from pyemu.effects.signals import signal_pending
from pyemu.scenario import Scenario
from pyemu.sched import executor
from tests.pyemu.scenes import COPY, READ, WAIT, Lab, monitor, pause, scene, task, victim

SERVED = scene(victim(), monitor(WAIT, COPY))


def findings(handler: Any, name: str = "do_user_addr_fault", scenario: Scenario = SERVED) -> list[str]:
    return [one.rule for one in run(scenario, Tree.after, {name: handler}).findings]


def test_a_learner_who_waits_behind_a_writer_has_forgotten_no_await() -> None:
    async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        await down_read(mm)
        await up_read(mm)

    # U holds the lock for writing in the tick in which T wants it.
    behind = scene(
        task("T", pause(10), READ, process="P", signals={"SIGSEGV": "escape"}),
        task("U", pause(10), {"do": "mmap_fixed", "area": "V", "pages": 4}, process="P"),
        machine={"max_ticks": 1000},
    )
    result = run(behind, Tree.after, {"do_user_addr_fault": do_user_addr_fault})
    assert result.trace.select("lock_queued", task="T")
    assert [one.rule for one in result.findings] == []


def test_the_kernels_own_code_forgets_no_await() -> None:
    take_dropped()
    for name in Scenario.library():
        for tree in (Tree.before, Tree.after):
            run(name, tree)
    assert take_dropped() == []


def test_an_override_is_called_in_place_of_the_kernels_function() -> None:
    calls = []

    async def userfaultfd_must_wait(mm: Any, address: int, reason: int) -> bool:
        calls.append(address)
        return not await get_pte(mm, address)

    result = run(SERVED, Tree.after, {"userfaultfd_must_wait": userfaultfd_must_wait}, strict=True)
    assert len(calls) == 1
    assert result.trace.to_jsonl() == run(SERVED, Tree.after).trace.to_jsonl()


def test_a_helper_of_the_learner_belongs_to_its_callers_frame() -> None:
    async def look(mm: Any, address: int) -> int:
        return await get_pte(mm, address)

    async def userfaultfd_must_wait(mm: Any, address: int, reason: int) -> bool:
        return not await look(mm, address)

    result = run(SERVED, Tree.after, {"userfaultfd_must_wait": userfaultfd_must_wait}, strict=True)
    assert result.trace.to_jsonl() == run(SERVED, Tree.after).trace.to_jsonl()


async def returns_text(mm: Any, address: int, reason: int) -> Any:
    return "yes"


async def raises(mm: Any, address: int, reason: int) -> bool:
    raise ValueError("no")


async def throws_away(mm: Any, address: int, reason: int) -> bool:
    get_pte(mm, address)
    return True


async def calls_itself(mm: Any, address: int, reason: int) -> bool:
    from pyemu.calls.userfaultfd import userfaultfd_must_wait

    return await userfaultfd_must_wait(mm, address, reason)


async def goes_round(mm: Any, address: int, reason: int) -> bool:
    while True:
        await get_pte(mm, address)


async def uses_the_effect(mm: Any, address: int, reason: int) -> bool:
    return not get_pte(mm, address)


async def awaits_something_else(mm: Any, address: int, reason: int) -> bool:
    import asyncio

    await asyncio.sleep(0)
    return True


async def makes_a_handle_up(mm: Any, address: int, reason: int) -> bool:
    return bool(await Vma(99).vm_start)


async def passes_text(mm: Any, address: int, reason: int) -> bool:
    return not await get_pte(mm, "0x1000")  # type: ignore[arg-type]


async def passes_too_much(mm: Any, address: int, reason: int) -> bool:
    return not await get_pte(mm, 1 << 70)


@pytest.mark.parametrize(
    ("handler", "rule"),
    [
        (returns_text, "bad result"),
        (raises, "crash"),
        (throws_away, "forgotten await"),
        (calls_itself, "delegates"),
        (goes_round, "endless"),
        (uses_the_effect, "forgotten await"),
        (awaits_something_else, "foreign await"),
        (makes_a_handle_up, "bad argument"),
        (passes_text, "bad argument"),
        (passes_too_much, "bad argument"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_each_mistake_of_a_handler_is_a_finding_of_its_own(handler: Any, rule: str) -> None:
    assert findings(handler, "userfaultfd_must_wait") == [rule]


async def only_calls(regs: Regs, error_code: int, address: int) -> None:
    while True:
        await fault_signal_pending(0, regs)  # gives False, and asks for nothing


async def only_counts(regs: Regs, error_code: int, address: int) -> None:
    while True:
        await count("min_flt")


async def never_the_same(regs: Regs, error_code: int, address: int) -> None:
    await down_read(mm := await current.mm)
    while True:
        address += 1
        await find_vma(mm, address)


async def asks_for_ever(regs: Regs, error_code: int, address: int) -> None:
    while True:
        await signal_pending(current)


@pytest.mark.parametrize(
    "handler", [only_calls, only_counts, never_the_same, asks_for_ever], ids=lambda one: one.__name__
)
def test_no_endless_loop_of_a_handler_hangs_the_machine(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "MAX_OVERRIDE_EFFECTS", 5_000)
    assert findings(handler) == ["endless"]


def test_functions_that_call_each_other_without_end_are_stopped() -> None:
    async def do_anonymous_page(vma: Vma, address: int, flags: int) -> int:
        from pyemu.calls.memory import handle_mm_fault

        return await handle_mm_fault(vma, address, flags)

    assert findings(do_anonymous_page, "do_anonymous_page") == ["too deep"]


def test_an_await_in_finally_after_the_end_is_a_finding() -> None:
    async def do_user_addr_fault(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        await down_read(mm)
        try:
            await down_read(Vma(3))  # type: ignore[arg-type]
        finally:
            await up_read(mm)

    assert findings(do_user_addr_fault) == ["bad argument"]

    async def userfaultfd_must_wait(mm: Any, address: int, reason: int) -> bool:
        try:
            while True:
                await get_pte(mm, address)
        finally:
            await get_pte(mm, address)

    stopped = run(
        scene(victim(), machine={"max_ticks": 100}),
        Tree.after,
        {"userfaultfd_must_wait": userfaultfd_must_wait},
    )
    assert [one.rule for one in stopped.findings] == ["endless"]


def test_a_finding_ends_only_its_task() -> None:
    async def userfaultfd_must_wait(mm: Any, address: int, reason: int) -> bool:
        raise ValueError("no")

    other = task("U", pause(500), {"do": "read", "area": "V", "page": 0}, process="P")
    two = scene(victim(process="P"), other, monitor(WAIT), area={"populated": [0]})
    result = run(two, Tree.after, {"userfaultfd_must_wait": userfaultfd_must_wait})
    assert [(one.task, one.rule) for one in result.findings] == [("T", "crash")]
    assert result.tasks["U"].outcomes == ("ret=0",)


def test_a_call_is_no_scheduling_point() -> None:
    async def program() -> None:
        mm = await current.mm
        await access_error(0, Vma(1))  # a call, a read of a field, a return: no turn among them
        await down_read(mm)

    lab = Lab(programs={"T": program})
    assert lab.turn("T")
    assert lab.task("T").holds == [(1, "reading")]
    lab.close()


def test_find_vma_is_no_turn_and_down_read_is_one() -> None:
    order: list[tuple[str, str]] = []

    async def handler(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        await down_read(mm)
        for _ in range(3):
            await find_vma(mm, address)
        await up_read(mm)
        await down_read(mm)
        await up_read(mm)

    both = scene(
        task("A", READ, process="P", signals={"SIGSEGV": "escape"}),
        task("B", READ, process="P", signals={"SIGSEGV": "escape"}),
        machine={"max_ticks": 50},
    )
    Machine(
        both,
        Tree.after,
        {"do_user_addr_fault": handler},
        observer=lambda one, effect, *_: order.append((one.name, effect.op)),
    ).run()
    first = order.index(("A", "find_vma"))
    assert order[first : first + 3] == [("A", "find_vma")] * 3
    taken = [name for name, op in order if op == "down_read"]
    assert taken[:2] == ["A", "B"]


def test_a_machine_that_is_never_run_leaves_no_unawaited_coroutine() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        machine = Machine(SERVED)
        del machine
        gc.collect()


PIN = Scenario.load("S14")


@pytest.mark.parametrize(
    ("n", "pages"),
    [(1, ()), (1, (7,)), (2, (7, 7)), (1, ("7",))],
    ids=["none", "made-up", "twice", "text"],
)
def test_pages_that_no_pass_gave_are_refused(n: int, pages: Any) -> None:
    async def __get_user_pages_locked(
        tsk: Any, mm: Any, start: int, nr_pages: int, locked: int | None, flags: int
    ) -> GupResult:
        return GupResult(n, locked, pages)

    assert findings(__get_user_pages_locked, "__get_user_pages_locked", PIN) == ["bad result"]
