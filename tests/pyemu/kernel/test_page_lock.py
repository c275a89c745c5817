"""Waiting for a page lock inside a fault: table 5.4 of the series, every combination, both forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from pyemu import Tree
from pyemu.calls.filemap import lock_page_maybe_drop_mmap
from pyemu.calls.memory import lock_page_or_retry
from pyemu.effects.handles import Mm, Task
from pyemu.effects.locks import down_read
from pyemu.effects.pages import alloc_page, lock_page, unlock_page
from pyemu.effects.records import PageLock
from pyemu.effects.signals import send_signal
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    SIGKILL,
    SIGUSR1,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    FaultFlag,
    names,
)
from tests.pyemu.scenes import Lab

MM = Mm(1)
OLD, NEW = Tree.before, Tree.v5_7
WORDS = (FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, FAULT_FLAG_RETRY_NOWAIT, FAULT_FLAG_KILLABLE)
FLAGS = [
    int(sum(bit for bit, there in zip(WORDS, row, strict=True) if there)) for row in product((0, 1), repeat=4)
]
Lock = Callable[[int, int], Any]


def may_drop(tree: Tree, flags: int) -> bool:
    """F of the table."""
    return bool(flags & FAULT_FLAG_ALLOW_RETRY) and (tree is OLD or not flags & FAULT_FLAG_TRIED)


class Scene:
    """T holds mmap_sem and asks for the lock of a page; H holds that, if `held`."""

    def __init__(self, tree: Tree, form: Lock, flags: int, held: bool = True) -> None:
        self.got: list[Any] = []
        self.page = 0

        async def victim() -> None:
            await down_read(MM)
            self.got.append(await form(self.page, flags))

        self.lab = Lab(
            "H", "S", programs={"T": victim}, tree=tree, processes={"S": "Q", "H": "R"}, signals={}
        )
        self.page = self.lab.do("H", alloc_page(0))
        if held:
            self.lab.do("H", lock_page(self.page))
        self.lab.settle("T")

    def release(self) -> None:
        self.lab.do("H", unlock_page(self.page))
        self.lab.settle("T")

    def signal(self, signal: int) -> None:
        self.lab.do("S", send_signal(Task(self.lab.task("T").id), signal))
        self.lab.settle("T")

    @property
    def sleeps(self) -> bool:
        return not self.got

    @property
    def has_mmap_sem(self) -> bool:
        return self.lab.task("T").holds_lock(1)

    @property
    def has_page(self) -> bool:
        owner = self.lab.world.state.data["frame", self.page].locked_by
        return bool(owner == self.lab.task("T").id)


def swap(page: int, flags: int) -> Any:
    return lock_page_or_retry(page, MM, flags)


def file(page: int, flags: int) -> Any:
    return lock_page_maybe_drop_mmap(page, MM, flags, False)


@pytest.fixture
def scenes() -> Iterator[list[Scene]]:
    made: list[Scene] = []
    yield made
    for one in made:
        one.lab.close()


CASES = [(tree, flags) for tree in (OLD, NEW) for flags in FLAGS]
IDS = [f"{tree}-{names(flags, FaultFlag)}" for tree, flags in CASES]


@pytest.mark.parametrize(("tree", "flags"), CASES, ids=IDS)
def test_a_free_page_is_locked_at_once_and_nothing_is_dropped(
    tree: Tree, flags: int, scenes: list[Scene]
) -> None:
    for form, answer in ((swap, True), (file, PageLock(True, False))):
        scene = Scene(tree, form, flags, held=False)
        scenes.append(scene)
        assert scene.got == [answer]
        assert scene.has_page
        assert scene.has_mmap_sem


@pytest.mark.parametrize(("tree", "flags"), CASES, ids=IDS)
def test_swap_row(tree: Tree, flags: int, scenes: list[Scene]) -> None:
    scene = Scene(tree, swap, flags)
    scenes.append(scene)
    drops = may_drop(tree, flags)
    if drops and flags & FAULT_FLAG_RETRY_NOWAIT:
        assert (scene.got, scene.has_mmap_sem, scene.has_page) == ([False], True, False)
        return
    assert scene.sleeps
    killable = bool(flags & FAULT_FLAG_KILLABLE)
    assert scene.lab.state("T") == (TASK_KILLABLE if killable else TASK_UNINTERRUPTIBLE)
    assert scene.has_mmap_sem is not drops
    scene.release()
    assert scene.got == [not drops]
    # A wait without mmap_sem is for the unlock, not for the lock: the page may be taken again meanwhile.
    assert scene.has_page is not drops
    assert scene.has_mmap_sem is not drops


@pytest.mark.parametrize(("tree", "flags"), CASES, ids=IDS)
def test_file_row(tree: Tree, flags: int, scenes: list[Scene]) -> None:
    scene = Scene(tree, file, flags)
    scenes.append(scene)
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        assert (scene.got, scene.has_mmap_sem, scene.has_page) == ([PageLock(False, False)], True, False)
        return
    drops = may_drop(tree, flags)
    killable = bool(flags & FAULT_FLAG_KILLABLE)
    assert scene.lab.state("T") == (TASK_KILLABLE if killable else TASK_UNINTERRUPTIBLE)
    assert scene.has_mmap_sem is not drops
    scene.release()
    assert scene.got == [PageLock(True, drops)]
    assert scene.has_page
    assert scene.has_mmap_sem is not drops


@pytest.mark.parametrize("form", [swap, file], ids=["swap", "file"])
@pytest.mark.parametrize(("tree", "flags"), CASES, ids=IDS)
def test_sigkill_ends_a_killable_wait_and_leaves_without_any_lock(
    tree: Tree, flags: int, form: Lock, scenes: list[Scene]
) -> None:
    scene = Scene(tree, form, flags)
    scenes.append(scene)
    if not scene.sleeps:
        return
    scene.signal(SIGKILL)
    if not flags & FAULT_FLAG_KILLABLE:
        assert scene.sleeps
        return
    # With mmap_sem held until now it is dropped here: who sees RETRY takes the lock for gone.
    assert scene.got in ([False], [PageLock(False, may_drop(tree, flags))])
    assert not scene.has_page
    assert not scene.has_mmap_sem


@pytest.mark.parametrize("form", [swap, file], ids=["swap", "file"])
@pytest.mark.parametrize(("tree", "flags"), CASES, ids=IDS)
def test_no_other_signal_ends_the_wait(tree: Tree, flags: int, form: Lock, scenes: list[Scene]) -> None:
    scene = Scene(tree, form, flags)
    scenes.append(scene)
    if scene.sleeps:
        scene.lab.task("T").actions[int(SIGUSR1)] = "handler"
        scene.signal(SIGUSR1)
        assert scene.sleeps


def test_a_file_that_is_pinned_already_drops_nothing_twice(scenes: list[Scene]) -> None:
    def pinned(page: int, flags: int) -> Any:
        return lock_page_maybe_drop_mmap(page, MM, flags, True)

    scene = Scene(NEW, pinned, int(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE))
    scenes.append(scene)
    assert scene.has_mmap_sem  # whoever pinned the file dropped it; this scene did not
    scene.signal(SIGKILL)
    assert scene.got == [PageLock(False, True)]
    assert scene.has_mmap_sem
