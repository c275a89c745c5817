"""khugepaged's swap-in: one try a page, and what becomes of mmap_sem."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.swap import collapse_huge_page
from pyemu.effects.areas import free_vma
from pyemu.effects.handles import Task, Vma
from pyemu.effects.locks import down_write, up_write
from pyemu.flags import EAGAIN, EINVAL, PAGE_PRESENT, SIGKILL, TASK_UNINTERRUPTIBLE
from tests.pyemu.kernel.swapping import MM, V2, SwapLab
from tests.pyemu.scenes import PAGE, V1, V, scene, task

OLD, V60 = Tree.v5_7, Tree.later("6.1")


class Collapse:
    """T calls for the pages of V; the disk goes on when the test says so."""

    def __init__(self, tree: Tree = OLD, start: int = V, pages: int = 3, **area: Any) -> None:
        self.got: list[int] = []
        self.start, self.length = start, pages * PAGE
        self.lab = SwapLab(self.body, tree, **area)
        self.lab.settle("T")

    async def body(self) -> None:
        n = await collapse_huge_page(Task(0), self.start, self.length)
        self.got.append(n)


def test_it_waits_without_mmap_sem_for_no_signal() -> None:
    one = Collapse()
    assert one.lab.state("T") == TASK_UNINTERRUPTIBLE  # ALLOW_RETRY alone: no KILLABLE
    assert not one.lab.has_mmap_sem()
    one.lab.send(SIGKILL)
    one.lab.settle("T")
    assert one.got == []


def test_it_takes_the_lock_again_and_asks_for_each_page_once() -> None:
    one = Collapse()
    one.lab.settle("disk", "T")
    assert one.got == [2]
    assert not one.lab.has_mmap_sem()
    assert one.lab.rules("T") == []
    for slot, address in ((1, V1), (2, V2)):
        page = one.lab.cached(slot)
        assert page is not None
        assert (page.uptodate, page.refcount) == (True, 1)
        assert one.lab.slot(address) == slot  # in memory, and not mapped
    assert one.lab.majors == 2


def test_what_is_in_the_swap_cache_is_mapped_at_the_next_call() -> None:
    one = Collapse()
    one.lab.settle("disk", "T")
    one.lab._install(one.lab.task("U"), one.body)
    one.lab.settle("U")
    assert one.got == [2, 2]
    assert one.lab.entry(V1) & one.lab.entry(V2) & PAGE_PRESENT
    assert one.lab.majors == 2


def test_later_kernels_end_at_the_first_retry_without_the_lock() -> None:
    one = Collapse(V60)
    one.lab.settle("disk", "T")
    assert one.got == [-EAGAIN]
    assert not one.lab.has_mmap_sem()
    assert one.lab.cached(1) is not None
    assert one.lab.cached(2) is None
    assert one.lab.rules("T") == []


def test_an_area_that_has_gone_during_the_wait_ends_it() -> None:
    one = Collapse()
    one.lab.do("U", down_write(MM))
    one.lab.do("U", free_vma(Vma(1)))
    one.lab.do("U", up_write(MM))
    one.lab.settle("disk", "T")
    assert one.got == [-EINVAL]
    assert one.lab.majors == 1
    assert not one.lab.has_mmap_sem()
    assert one.lab.rules("T") == []


@pytest.mark.parametrize(
    ("start", "pages", "gives"),
    [(V, 4, 2), (V, 5, -EINVAL), (V - PAGE, 2, -EINVAL), (V + 100 * PAGE, 1, -EINVAL), (V, 1, 0), (V1, 1, 1)],
)
def test_the_range_must_lie_in_one_area(start: int, pages: int, gives: int) -> None:
    one = Collapse(start=start, pages=pages)
    one.lab.settle("disk", "T")
    assert one.got == [gives]
    assert not one.lab.has_mmap_sem()


def test_shared_memory_is_not_for_this() -> None:
    one = Collapse(kind="shmem", swapped=[])
    assert one.got == [-EINVAL]


def test_missing_pages_stay_missing() -> None:
    one = Collapse(start=V, pages=4)
    one.lab.settle("disk", "T")
    assert one.lab.entry(V + 3 * PAGE) == 0


def test_a_process_that_has_ended_has_nothing_to_collapse() -> None:
    scenario = scene(
        task("T"),
        task("K", {"do": "pause", "ticks": 5}, {"do": "khugepaged", "area": "V", "task": "T"}, process="K"),
        area={"process": "T", "swapped": [0], "userfaultfd": False},
    )
    assert run(scenario, OLD).tasks["K"].outcomes == ("ESRCH",)
