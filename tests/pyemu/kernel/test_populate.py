"""Populating: any number of waits on every tree, each a first try; errors and holes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyemu import Tree
from pyemu.calls.gup import __mm_populate, populate_vma_page_range
from pyemu.effects.areas import find_vma, insert_vma
from pyemu.effects.handles import current
from pyemu.effects.locks import down_read, down_write, up_write
from pyemu.effects.records import GupResult
from pyemu.flags import (
    EFAULT,
    ENOMEM,
    ERESTARTSYS,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_LOCKONFAULT,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from tests.pyemu.kernel.test_gup import FIXED, NEW, OLD, held, made, rules
from tests.pyemu.scenes import PAGE, V

RETRY = VM_FAULT_RETRY
Make = Callable[[], Coroutine[Any, Any, Any]]


def populated(n: int = 4, *, ignore: bool = False, more: tuple[tuple[int, int, int], ...] = ()) -> Make:
    """Populate `n` pages from V; `more` areas are added before: page, pages, flags."""

    async def make() -> int:
        mm = await current.mm
        await down_write(mm)
        for page, pages, vm_flags in more:
            await insert_vma(mm, V + page * PAGE, V + (page + pages) * PAGE, vm_flags)
        await up_write(mm)
        return await __mm_populate(V, n * PAGE, ignore)

    return make


def mapped(lab: Any, n: int) -> list[bool]:
    return [bool(lab.world.state.get_pte(1, V + page * PAGE)) for page in range(n)]


@pytest.mark.parametrize(("tree", "flags"), [(OLD, 0x05), (Tree.upto(14), 0x05), (NEW, 0x15), (FIXED, 0x15)])
def test_each_wait_is_followed_by_a_first_try_on_every_tree(tree: Tree, flags: int) -> None:
    error, seen, lab = made(populated(2), RETRY, RETRY, RETRY, tree=tree)
    assert (error, seen, held(lab)) == (0, [flags] * 5, 0)
    assert rules(lab) == []
    assert mapped(lab, 4) == [True, True, False, False]


@pytest.mark.parametrize(("bits", "error"), [(VM_FAULT_SIGBUS, -EFAULT), (VM_FAULT_OOM, -ENOMEM)])
def test_an_error_ends_it_after_the_pages_before_it(bits: int, error: int) -> None:
    got, seen, lab = made(populated(), 0, bits, bits)
    # The first failure gives the one page before it; asked again, the page has nothing but the error.
    assert (got, len(seen), held(lab)) == (error, 3, 0)
    assert mapped(lab, 3) == [True, False, False]


def test_an_ignored_error_goes_on_with_the_next_area() -> None:
    got, seen, lab = made(populated(8, ignore=True, more=((4, 4, int(VM_READ | VM_WRITE)),)), VM_FAULT_SIGBUS)
    assert (got, len(seen), held(lab)) == (0, 5, 0)
    assert mapped(lab, 8) == [False] * 4 + [True] * 4


def test_a_hole_is_no_error() -> None:
    got, _, lab = made(populated(12, more=((6, 2, int(VM_READ | VM_WRITE)),)))
    assert (got, mapped(lab, 10)) == (0, [True] * 4 + [False] * 2 + [True] * 2 + [False] * 2)
    assert made(populated(2, more=()), area={"address": V + 8 * PAGE})[0] == 0


def test_an_area_behind_the_range_is_not_populated() -> None:
    got, _, lab = made(populated(2), area={"address": V + 8 * PAGE})
    assert got == 0
    calls = [event.a for event in lab.world.trace.select("call")]
    assert "__mm_populate" in calls
    assert "populate_vma_page_range" not in calls


def test_a_killed_task_ends_it() -> None:
    assert made(populated(), tree=OLD, kill=True)[0] == -ERESTARTSYS
    assert held(made(populated(), tree=OLD, kill=True)[2]) == 0


@pytest.mark.parametrize(
    ("vm_flags", "attempts"),
    [
        (VM_READ | VM_WRITE, [0x15]),
        (VM_READ | VM_WRITE | VM_SHARED, [0x14]),
        (VM_READ, [0x14]),
        (VM_WRITE | VM_SHARED, [0x14]),
        (0, []),
        (VM_READ | VM_WRITE | VM_LOCKONFAULT, []),
    ],
)
def test_private_writable_areas_are_written_and_the_others_read(vm_flags: int, attempts: list[int]) -> None:
    async def make() -> GupResult:
        mm = await current.mm
        await down_write(mm)
        await insert_vma(mm, V + 8 * PAGE, V + 9 * PAGE, int(vm_flags))
        await up_write(mm)
        await down_read(mm)
        vma = await find_vma(mm, V + 8 * PAGE)
        assert vma is not None
        return await populate_vma_page_range(vma, V + 8 * PAGE, V + 9 * PAGE, 1)

    got, seen, _ = made(make)
    assert (got.n, seen) == (1 if vm_flags else -EFAULT, attempts)
    assert got.pages == ()


def test_without_locked_the_lock_is_never_dropped() -> None:
    async def make() -> GupResult:
        mm = await current.mm
        await down_read(mm)
        vma = await find_vma(mm, V)
        assert vma is not None
        return await populate_vma_page_range(vma, V, V + PAGE, None)

    got, seen, lab = made(make, VM_FAULT_SIGBUS)
    assert (got, seen, held(lab)) == (GupResult(-EFAULT, None, ()), [0x01], 1)
