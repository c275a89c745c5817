"""A shared futex: where it waits, what it may change, and what it believes of get_user_pages."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.calls.pins import fault_in_user_writeable, get_futex_key, sys_futex_wake_op
from pyemu.effects import Effect
from pyemu.effects.entries import get_pte, my_zero_pfn, set_pte_if_none, zap_pte
from pyemu.effects.handles import current
from pyemu.effects.pages import alloc_page, look_at_page
from pyemu.flags import EFAULT
from tests.pyemu.scenes import COPY, V1, WAIT, WAKE, Lab, V, monitor, pause, scene, send, victim

OLD, NEW, FIXED = Tree.before, Tree.after, Tree.v5_7
WAKE_OP = {"do": "futex_wake_op", "area": "V", "page": 1, "first": "B"}
LOOK = {"do": "read", "area": "V", "page": 1}


def futex(*does: dict[str, Any], program: list[dict[str, Any]] | None = None) -> Scenario:
    return scene(victim(*(program or [WAKE_OP, LOOK])), monitor(*does), more=[{"name": "B"}])


@pytest.mark.parametrize("tree", [OLD, FIXED, Tree.later("6.18")], ids=str)
def test_the_second_word_is_set_after_its_page_has_come(tree: Tree) -> None:
    result = run(futex(WAIT, pause(20), COPY), tree)
    assert result.tasks["T"].outcomes == ("ret=0", "ret=1")
    assert result.tasks["T"].stats["exceptions"] == 0  # get_user_pages brought the page
    assert not result.violations


def test_the_first_word_may_be_read_only_and_the_second_may_not() -> None:
    first = run(
        scene(victim(WAKE_OP), monitor(), area={"userfaultfd": False}, more=[{"name": "B", "prot": "r"}])
    )
    assert first.tasks["T"].outcome == "EFAULT"  # anonymous and read-only: it will never change
    second = scene(victim(WAKE_OP), area={"userfaultfd": False, "prot": "r"}, more=[{"name": "B"}])
    assert run(second).tasks["T"].outcome == "EFAULT"


def done(program: Any, tree: Tree = FIXED, **area: Any) -> tuple[Any, Lab]:
    found: list[Any] = []

    async def body() -> None:
        found.append(await program())
        await Effect("park")

    lab = Lab(programs={"T": body}, tree=tree, area={"userfaultfd": False, **area})
    lab.settle()
    return found[0], lab


def test_a_page_where_no_futex_can_live_is_put_back() -> None:
    async def program() -> tuple[int, int]:
        page = await alloc_page(0)
        await set_pte_if_none(await current.mm, V1, page, False)
        error = await get_futex_key(V1, False)
        return error, (await look_at_page(page)).refcount

    # Anonymous memory that is read-only; the one reference is the entry's.
    assert done(program, Tree.later("5.10"), prot="r")[0] == (-EFAULT, 1)


def test_the_zero_page_is_no_place_for_a_futex() -> None:
    async def program() -> int:
        await set_pte_if_none(await current.mm, V1, await my_zero_pfn(), False)
        return await get_futex_key(V1, False)

    assert done(program)[0] == 0  # up to 5.7 the zero page is broken first: the page is asked for to write it


def test_a_word_whose_page_goes_after_it_was_found_is_made_writable_by_hand() -> None:
    calls: list[str] = []

    async def get_futex_key(address: int, write: bool) -> int:
        mm = await current.mm
        calls.append("key")
        if len(calls) == 2:
            await zap_pte(mm, address)  # between the key and the write
        return 0

    found: list[Any] = []

    async def body() -> None:
        mm = await current.mm
        await set_pte_if_none(mm, V1, await alloc_page(0), True)
        found.append(await sys_futex_wake_op(V, V1))
        found.append(bool(await get_pte(mm, V1)))

    lab = Lab(
        programs={"T": body},
        tree=FIXED,
        area={"userfaultfd": False},
        override={"get_futex_key": get_futex_key},
    )
    lab.settle()
    assert found == [0, True]
    assert len(calls) == 4  # it began again after the fault was resolved
    assert lab.rules("T") == []
    # The atomic write met the hole with page faults off: not counted. The fixup counts; perf hears nothing.
    stats = lab.task("T").stats
    assert (stats["exceptions"], stats["page-faults"], stats["min_flt"]) == (1, 0, 1)


def test_a_page_of_a_userfaultfd_can_t_be_brought_by_hand() -> None:
    result: list[int] = []

    async def body() -> None:
        result.append(await fault_in_user_writeable(V1))

    lab = Lab(programs={"T": body}, area={"userfaultfd": True})
    lab.settle()
    assert result == [-EFAULT]
    assert [event.a for event in lab.world.trace.select("attempt")] == [0x01]
    assert lab.rules("T") == []


@pytest.mark.parametrize(
    ("tree", "broken"),
    [
        (OLD, []),
        (NEW, ["page never got"]),
        (FIXED - "B2", ["page never got"]),
        (NEW + "B2", []),
        (FIXED, []),
    ],
    ids=str,
)
def test_a_killed_futex_call_uses_a_page_that_it_never_got_unless_b2_is_mended(
    tree: Tree, broken: list[str]
) -> None:
    result = run(futex(WAIT, pause(50), send("SIGKILL")), tree)
    assert result.tasks["T"].outcome == "killed:9"
    assert [one.rule for one in result.violations] == broken


def test_a_wake_without_a_page_is_fatal_up_to_thirteen() -> None:
    twice = (WAIT, pause(10), WAKE, WAIT, pause(10), COPY)
    assert run(futex(*twice), Tree.upto(13)).tasks["T"].outcomes[0] == "EFAULT"
    assert run(futex(*twice), Tree.upto(14)).tasks["T"].outcomes[0] == "ret=0"
