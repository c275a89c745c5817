"""fixup_user_fault: it always returns with the lock, and says whether the lock was lost in between."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyemu import Tree
from pyemu.calls.gup import fixup_user_fault
from pyemu.effects.entries import get_pte
from pyemu.effects.handles import current
from pyemu.effects.locks import down_read
from pyemu.effects.records import FixupResult
from pyemu.flags import (
    EFAULT,
    EINTR,
    FAULT_FLAG_WRITE,
    VM_FAULT_COMPLETED,
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
)
from tests.pyemu.kernel.test_gup import FIXED, NEW, OLD, held, made, rules
from tests.pyemu.scenes import PAGE, V1, V

RETRY = VM_FAULT_RETRY
Found = tuple[FixupResult, bool]


def fixed_up(
    unlocked: bool | None = False, flags: int = FAULT_FLAG_WRITE, address: int = V1
) -> Callable[[], Coroutine[Any, Any, Found]]:
    """Resolve a fault, and look whether the page is there afterwards."""

    async def make() -> Found:
        mm = await current.mm
        await down_read(mm)
        result = await fixup_user_fault(current, mm, address, flags, unlocked)
        return result, bool(await get_pte(mm, address))

    return make


@pytest.mark.parametrize(
    ("tree", "bits", "flags", "expected"),
    [
        (OLD, [], [0x05], (FixupResult(0, False), True)),
        (OLD, [RETRY], [0x05, 0x21], (FixupResult(0, True), True)),
        (OLD, [RETRY, VM_FAULT_SIGBUS], [0x05, 0x21], (FixupResult(-EFAULT, True), False)),
        # B3: the second RETRY is taken for success.
        (NEW, [RETRY, RETRY], [0x15, 0x35], (FixupResult(0, True), False)),
        (Tree.upto(14), [RETRY, RETRY], [0x05, 0x25], (FixupResult(0, True), False)),
        (FIXED - "B3", [RETRY, RETRY], [0x15, 0x35], (FixupResult(0, True), False)),
        (NEW + "B3", [RETRY, RETRY], [0x15, 0x35, 0x35], (FixupResult(0, True), True)),
        (FIXED, [RETRY, RETRY, RETRY], [0x15, 0x35, 0x35, 0x35], (FixupResult(0, True), True)),
        (FIXED, [VM_FAULT_OOM], [0x15], (FixupResult(-12, False), False)),
    ],
)
def test_retries_of_fixup_user_fault(tree: Tree, bits: list[int], flags: list[int], expected: Found) -> None:
    found, seen, lab = made(fixed_up(), *bits, tree=tree)
    assert (found, seen) == (expected, flags)
    assert held(lab) == 1
    assert set(rules(lab)) <= {"I6"}  # this callee may do what only a userfault may


def test_a_fault_that_was_served_without_the_lock_is_success_with_the_lock_lost() -> None:
    found, seen, lab = made(fixed_up(), VM_FAULT_COMPLETED)
    assert (found[0], seen, held(lab)) == (FixupResult(0, True), [0x15], 1)


@pytest.mark.parametrize("tree", [OLD, NEW, FIXED], ids=str)
def test_without_a_pointer_nothing_may_be_dropped(tree: Tree) -> None:
    found, seen, lab = made(fixed_up(None), VM_FAULT_SIGBUS, tree=tree)
    assert (found, seen, held(lab)) == ((FixupResult(-EFAULT, None), False), [0x01], 1)


@pytest.mark.parametrize(("tree", "error"), [(OLD, 0), (NEW, 0), (FIXED, -EINTR)], ids=str)
def test_a_killed_task_is_told_so_from_the_fix_on(tree: Tree, error: int) -> None:
    found, _, _ = made(fixed_up(), tree=tree, kill=True)
    assert found[0].error == error
    assert made(fixed_up(None), tree=tree, kill=True)[0][0].error == 0  # it can't be killed: it never waits


def test_major_is_remembered_and_counted_once() -> None:
    _, _, lab = made(fixed_up(), RETRY | VM_FAULT_MAJOR, RETRY)
    assert (lab.task("T").stats["maj_flt"], lab.task("T").stats["min_flt"]) == (1, 0)


def test_an_area_that_forbids_it_and_no_area_at_all_give_efault() -> None:
    assert made(fixed_up(), area={"prot": "r"})[0][0] == FixupResult(-EFAULT, False)
    assert made(fixed_up(flags=0), area={"prot": "r"})[0][0] == FixupResult(0, False)
    assert made(fixed_up(address=V - PAGE))[0][0] == FixupResult(-EFAULT, False)


@pytest.mark.parametrize(("release", "n"), [("6.1", 0), ("6.12", 1)])
def test_vmstat_counts_a_fault_with_an_error_from_six_four_on(release: str, n: int) -> None:
    # The faulty callee does not count: up to 6.3 it is handle_mm_fault's first line that does.
    _, _, lab = made(fixed_up(), VM_FAULT_SIGBUS, tree=Tree.later(release))
    assert lab.world.state.data.get(("vmstat", "pgfault"), 0) == n
