"""Each entry of get_user_pages, called by a driver: who may wait, who holds the lock, what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.effects.entries import set_pte_if_none
from pyemu.effects.handles import Vma
from pyemu.effects.pages import alloc_page
from pyemu.flags import VM_FAULT_SIGBUS
from pyemu.machine import Result
from pyemu.scenario.steps import ENTRIES
from tests.pyemu.scenes import COPY, WAIT, WAKE, monitor, pause, scene, send, victim

OLD, NEW, FIXED = Tree.before, Tree.after, Tree.v5_7


def pin(entry: str, **keys: Any) -> dict[str, Any]:
    return {"do": "pin", "area": "V", "page": 1, "entry": entry, **keys}


def pinned(step: dict[str, Any], *does: dict[str, Any]) -> Scenario:
    return scene(victim(step), monitor(*does), area={"populated": [0]})


def told(result: Result) -> list[tuple[int, int]]:
    return [(int(event.a), int(event.b)) for event in result.trace.select("gup", task="T")]


WAITS = tuple(entry for entry in ENTRIES if entry not in ("get_user_pages", "populate"))


@pytest.mark.parametrize("entry", WAITS)
@pytest.mark.parametrize("tree", [OLD, NEW, FIXED, Tree.later("6.18")], ids=str)
def test_who_may_drop_the_lock_waits_for_the_page(entry: str, tree: Tree) -> None:
    result = run(pinned(pin(entry), WAIT, pause(30), COPY), tree)
    assert result.tasks["T"].outcome == ("ret=0" if entry == "fixup_user_fault" else "ret=1")
    assert result.ticks >= 30
    assert not result.violations


@pytest.mark.parametrize("tree", [OLD, NEW, FIXED, Tree.later("6.18")], ids=str)
def test_without_a_pointer_nobody_waits_and_no_message_is_sent(tree: Tree) -> None:
    result = run(pinned(pin("get_user_pages")), tree)
    assert result.tasks["T"].outcome == "EFAULT"
    assert told(result) == [(-14, -1), (-14, -1)]
    assert not result.trace.select("message")


@pytest.mark.parametrize("tree", [OLD, Tree.upto(1), FIXED], ids=str)
@pytest.mark.parametrize(
    "entry", ["get_user_pages_locked", "get_user_pages_unlocked", "get_user_pages_remote"]
)
def test_nowait_gives_no_page_at_once_and_the_lock_is_still_held(entry: str, tree: Tree) -> None:
    result = run(pinned(pin(entry, nowait=True)), tree)
    assert result.tasks["T"].outcome == "ret=0"
    assert told(result) == [(0, 1), (0, 1)]
    assert not result.trace.select("message", "sleep", task="T")
    assert not result.violations


def test_a_call_that_waits_also_gives_no_page_but_the_lock_is_gone() -> None:
    result = run(pinned(pin("get_user_pages_unlocked"), WAIT, pause(30), COPY), FIXED)
    assert told(result) == [(0, 0), (1, 1), (1, 0)]


@pytest.mark.parametrize("tree", [OLD, NEW, FIXED], ids=str)
def test_populating_waits_as_often_as_it_takes_on_every_tree(tree: Tree) -> None:
    wakes = [WAIT, pause(10), WAKE] * 3
    result = run(pinned(pin("populate"), *wakes, WAIT, COPY), tree)
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["attempts"]) == ("ret=0", 4)
    assert not result.violations


@pytest.mark.parametrize(
    ("tree", "outcome", "broken"),
    [
        (OLD, "EFAULT", []),  # the second attempt may not wait
        (NEW, "killed:9", ["page never got"]),
        (Tree.upto(14), "killed:9", ["page never got"]),
        (FIXED - "B3", "killed:9", ["page never got"]),
        (NEW + "B3", "ret=0", []),
        (FIXED, "ret=0", []),
    ],
    ids=str,
)
def test_a_fault_resolved_by_hand_after_two_waits(tree: Tree, outcome: str, broken: list[str]) -> None:
    result = run(
        pinned(pin("fixup_user_fault"), WAIT, pause(10), WAKE, WAIT, pause(10), WAKE, WAIT, pause(10), COPY),
        tree,
    )
    assert result.tasks["T"].outcome == outcome
    assert [one.rule for one in result.violations] == broken


@pytest.mark.parametrize("entry", ["get_user_pages_unlocked", "fixup_user_fault", "populate"])
@pytest.mark.parametrize("tree", [OLD, NEW + "B2", FIXED], ids=str)
def test_sigkill_ends_every_wait(entry: str, tree: Tree) -> None:
    result = run(pinned(pin(entry), WAIT, pause(50), send("SIGKILL")), tree)
    assert result.tasks["T"].outcome == "killed:9"
    assert result.ticks < 60


def test_a_fault_that_fails_by_hand_keeps_no_page_though_one_has_come_meanwhile() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        pages.append(await alloc_page(0))
        await set_pte_if_none(await vma.vm_mm, address, pages[0], True)
        return VM_FAULT_SIGBUS

    pages: list[int] = []
    machine = Machine(pinned(pin("fixup_user_fault")), FIXED, {"handle_mm_fault": handle_mm_fault})
    assert machine.run(strict=True).tasks["T"].outcome == "EFAULT"
    assert machine.world.state.data["frame", pages[0]].refcount == 1  # the entry's


INTERRUPTED = [WAIT, pause(50), send("SIGUSR1"), pause(50), COPY]


@pytest.mark.parametrize(
    ("tree", "outcome", "flags"),
    [
        *((tree, "ret=1", 0x15) for tree in (FIXED, Tree.later("6.1"))),
        *((tree, "EINTR", 0x215) for tree in (Tree.later("6.2"), Tree.later("6.18"))),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "entry", ["get_user_pages_locked", "get_user_pages_unlocked", "get_user_pages_remote"]
)
def test_who_asks_to_be_interruptible_gives_up_for_any_signal_from_6_2_on(
    entry: str, tree: Tree, outcome: str, flags: int
) -> None:
    result = run(pinned(pin(entry, interruptible=True), *INTERRUPTED), tree, strict=True)
    assert result.tasks["T"].outcome == outcome
    assert int(result.trace.select("attempt", task="T")[0].a) & 0x21F == flags
    plain = run(pinned(pin(entry), *INTERRUPTED), tree, strict=True)
    assert plain.tasks["T"].outcome == "ret=1"


@pytest.mark.parametrize("tree", [Tree.later("6.2"), Tree.later("6.18")], ids=str)
def test_without_a_pointer_there_is_nothing_to_interrupt(tree: Tree) -> None:
    result = run(pinned(pin("get_user_pages", interruptible=True)), tree, strict=True)
    assert int(result.trace.select("attempt", task="T")[0].a) == 0x1


@pytest.mark.parametrize("tree", [Tree.later("6.2"), Tree.later("6.18")], ids=str)
def test_an_interrupted_caller_gets_the_pages_that_it_has(tree: Tree) -> None:
    step = pin("get_user_pages_unlocked", interruptible=True) | {"page": 0, "pages": 2}
    result = run(pinned(step, *INTERRUPTED), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=1"
