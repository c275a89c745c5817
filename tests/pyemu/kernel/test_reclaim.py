"""How a page leaves memory: slot, entries, the disk, the frame; and what keeps it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.swap import shrink_page, shrink_range, sys_madvise_pageout
from pyemu.effects.areas import set_vma_flags
from pyemu.effects.entries import get_pte, zap_pte
from pyemu.effects.handles import Task, Vma
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.pages import get_page, lock_page, put_page, unlock_page
from pyemu.effects.swapops import SWAP
from pyemu.flags import EINVAL, ENOMEM, ESRCH, PAGE_RW, PAGE_UFFD_WP, VM_LOCKED, VM_READ, VM_WRITE
from pyemu.pages import frame_number
from tests.pyemu.kernel.swapping import MM, V2, SwapLab
from tests.pyemu.scenes import PAGE, V1, V, monitor, pause, scene, task, victim

OUT = {"do": "madvise_pageout", "area": "V", "page": 0, "pages": 4}


class Reclaim:
    """T reclaims: `call` builds what it asks for, from the frame of page 0."""

    def __init__(self, call: Any, tree: Tree = Tree.v5_7, **area: Any) -> None:
        self.got: list[Any] = []

        async def body() -> None:
            self.got.append(await call(self))  # the only await of this coroutine
            await get_pte(MM, V)

        self.lab = SwapLab(body, tree, **area)
        self.pfn = frame_number(self.lab.entry(V)) if self.lab.entry(V) else 0

    def page(self) -> Any:
        return self.lab.world.state.data["frame", self.pfn]


def pageout(start: int = V, pages: int = 1) -> Any:
    return lambda _: sys_madvise_pageout(start, pages * PAGE)


def shrink(start: int = V, pages: int = 1, of: int = 0) -> Any:
    return lambda _: shrink_range(Task(of), start, pages * PAGE)


def test_a_dirty_page_goes_to_the_disk_and_its_frame_is_free_when_reclaim_comes_again() -> None:
    one = Reclaim(pageout())
    lab = one.lab
    lab.settle("T")
    assert one.got == [0]
    assert lab.slot(V) == 3  # the first free one
    assert lab.counts == (0, 1, 1, 1, 0)
    page = one.page()
    assert (page.writeback, page.dirty, page.refcount, page.mapcount) == (True, False, 1, 0)
    assert page.locked_by is None
    again = Reclaim(shrink())
    again.lab.settle("T")
    assert again.got == [0]  # under writeback now: nothing is waited for
    lab.settle("disk")
    assert not one.page().writeback
    assert lab.world.state.data["stored", SWAP.id, 3] == bytes([3]) * PAGE
    two: list[int] = []

    async def once_more() -> None:
        n = await shrink_range(Task(0), V, PAGE)
        two.append(n)

    lab._install(lab.task("U"), once_more)
    lab.settle("U")
    assert two == [1]
    assert one.page() is None
    assert lab.cached(3) is None
    assert lab.counts == (0, 1, 1, 1, 0)


def test_a_page_under_writeback_is_left_alone() -> None:
    one = Reclaim(pageout())
    one.lab.settle("T")
    more: list[int] = []

    async def once_more() -> None:
        n = await shrink_range(Task(0), V, PAGE)
        more.append(n)

    one.lab._install(one.lab.task("U"), once_more)
    one.lab.settle("U")
    assert more == [0]
    assert (one.page().writeback, one.page().refcount, one.page().locked_by) == (True, 1, None)


def test_what_comes_back_from_the_disk_is_what_went_there() -> None:
    scenario = scene(
        victim(
            *[{"do": "write", "area": "V", "byte": 9}, OUT, pause(50)],
            {"do": "reclaim", "area": "V"},
            *[{"do": "pagemap", "area": "V"}, {"do": "read", "area": "V"}, {"do": "pagemap", "area": "V"}],
        ),
        area={"userfaultfd": False},
        machine={"swap_ticks": 20},
    )
    result = run(scenario, Tree.v5_7, strict=True)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=9") or result.tasks["T"].outcomes == (
        "ret=9",
        "ret=9",
    )
    assert [v for *_, what, v in result.reports if what == "pagemap page"] == ["swap", "present excl anon"]
    assert result.tasks["T"].counters["maj_flt"] == 1


def test_a_fault_during_the_writeback_finds_the_page_and_waits_for_nothing() -> None:
    scenario = scene(
        victim({"do": "write", "area": "V", "byte": 9}, OUT, {"do": "read", "area": "V"}),
        area={"userfaultfd": False},
        machine={"swap_ticks": 1_000},
    )
    result = run(scenario, Tree.v5_7, strict=True)
    assert result.tasks["T"].outcomes[-1] == "ret=9"
    assert result.tasks["T"].counters["maj_flt"] == 0
    assert result.ticks < 1_000


def test_the_mark_of_the_monitor_goes_along() -> None:
    one = Reclaim(pageout(), userfaultfd="wp", protected=[0])
    one.lab.settle("T")
    assert one.lab.entry(V) & PAGE_UFFD_WP
    assert one.lab.slot(V) == 3


def test_a_clean_page_of_the_swap_cache_needs_no_disk() -> None:
    scenario = scene(
        victim(
            {"do": "read", "area": "V", "page": 1},
            {"do": "madvise_pageout", "area": "V", "page": 1},
            {"do": "read", "area": "V", "page": 1},
        ),
        area={"process": "T", "swapped": [1], "byte": 4, "userfaultfd": False},
        machine={"swap_ticks": 20},
    )
    result = run(scenario, Tree.v5_7, strict=True)
    assert result.tasks["T"].outcomes == ("ret=4", "ret=4")
    assert result.tasks["T"].counters["maj_flt"] == 2
    assert not [one for one in result.trace if one.kind == "disk" and "write" in one.text]


@pytest.mark.parametrize(("call", "kept"), [(pageout(), True), (shrink(), False)])
def test_madvise_leaves_out_what_others_map_and_memory_pressure_does_not(call: Any, kept: bool) -> None:
    one = Reclaim(call)
    other = one.lab.forked(V)
    one.lab.settle("T")
    assert one.page().mapcount == (2 if kept else 0)
    assert one.page().refcount == (2 if kept else 1)
    if not kept:
        assert one.lab.slot(V) == one.lab.slot(V, other) == 3
        assert one.lab.counts == (0, 1, 1, 2, 0)


def test_a_page_that_somebody_holds_is_unmapped_but_not_written() -> None:
    one = Reclaim(pageout())
    one.lab.do("U", get_page(one.pfn))
    one.lab.settle("T")
    assert one.lab.slot(V) == 3
    assert (one.page().writeback, one.page().dirty, one.page().refcount) == (False, True, 2)
    one.lab.do("U", put_page(one.pfn))


def test_a_page_that_is_locked_is_left_alone() -> None:
    one = Reclaim(pageout())
    one.lab.do("H", lock_page(one.pfn))
    one.lab.settle("T")
    assert one.got == [0]
    assert (one.page().refcount, one.page().mapcount) == (1, 1)
    one.lab.do("H", unlock_page(one.pfn))


@pytest.mark.parametrize(("call", "gives"), [(pageout(pages=3), -EINVAL), (shrink(), 0)])
def test_what_is_locked_in_memory_stays(call: Any, gives: int) -> None:
    one = Reclaim(call)
    one.lab.do("U", down_write(MM))
    one.lab.do("U", set_vma_flags(Vma(1), VM_READ | VM_WRITE | VM_LOCKED))
    one.lab.do("U", up_write(MM))
    one.lab.settle("T")
    assert one.got == [gives]
    assert (one.page().mapcount, one.page().writeback) == (1, False)
    assert not one.lab.has_mmap_sem()


def test_without_a_free_slot_a_page_stays() -> None:
    one = Reclaim(pageout(), pages=6, swapped=[1, 2, 3, 4])
    one.lab.settle("T")
    assert one.got == [0]
    page = one.page()
    assert (page.mapcount, page.mapping, page.locked_by, page.refcount) == (1, None, None, 1)


def test_a_hole_ends_madvise_with_an_error_and_what_comes_before_is_done() -> None:
    for start, pages, gives in ((V, 4, 0), (V, 5, -ENOMEM), (V - PAGE, 2, -ENOMEM)):
        one = Reclaim(pageout(start, pages))
        one.lab.settle("T")
        assert one.got == [gives]
        assert one.page().writeback is (start == V)
        assert not one.lab.has_mmap_sem()


def test_only_the_range_that_is_asked_for_is_reclaimed() -> None:
    one = Reclaim(pageout(V1, 1), populated=[0, 1, 2], swapped=[3])
    one.lab.settle("T")
    assert [bool(one.lab.entry(at) & 1) for at in (V, V1, V2)] == [True, False, True]


def test_pages_of_files_and_the_zero_page_are_not_reclaimed() -> None:
    for area in ({"kind": "shmem"}, {}):
        scenario = scene(
            victim(
                {"do": "read", "area": "V"},
                OUT,
                {"do": "reclaim", "area": "V"},
                {"do": "pagemap", "area": "V"},
            ),
            area={"userfaultfd": False, **area},
        )
        result = run(scenario, Tree.v5_7, strict=True)
        (words,) = [value for *_, what, value in result.reports if what == "pagemap page"]
        assert words.startswith("present")


def test_an_entry_that_has_changed_meanwhile_is_left_alone() -> None:
    one = Reclaim(pageout())
    one.lab.turn("T")  # it has mmap_sem
    one.lab.turn("T")  # and has read the entry
    one.lab.do("U", zap_pte(MM, V))
    one.lab.settle("T")
    assert one.got == [0]
    assert one.lab.entry(V) == 0
    assert one.page() is None


def test_a_process_that_has_ended_has_nothing_to_reclaim() -> None:
    scenario = scene(
        victim(pause(1)),
        task("K", pause(10), {"do": "reclaim", "area": "V", "task": "T"}, process="Q"),
        area={"process": "T", "populated": [0], "userfaultfd": False},
    )
    result = run(scenario, Tree.v5_7, strict=True)
    assert result.tasks["K"].outcomes == ()
    lab = SwapLab()
    lab.world.state.data["ended", lab.task("H").id] = True
    lab.task("H").ended = True
    got: list[int] = []

    async def late() -> None:
        n = await shrink_range(Task(lab.task("H").id), V, PAGE)
        got.append(n)

    lab._install(lab.task("U"), late)
    lab.settle("U")
    assert got == [-ESRCH]


def test_how_many_frames_came_free_is_counted() -> None:
    lab = SwapLab(populated=[], swapped=[0, 1, 2])
    got: list[int] = []
    data = lab.world.state.data
    for slot in (1, 2, 3):  # as if they had been read ahead, and never mapped
        pfn = lab.world.state.alloc_page(3)
        data["frame", pfn] = replace(data["frame", pfn], mapping=SWAP.id, index=slot, uptodate=True)
        data["cache", SWAP.id, slot] = pfn

    async def body() -> None:
        n = await shrink_range(Task(0), V, 2 * PAGE)
        got.append(n)

    lab._install(lab.task("U"), body)
    lab.settle("U")
    assert got == [2]
    assert [lab.cached(slot) is None for slot in (1, 2, 3)] == [True, True, False]


def test_shrink_page_gives_its_reference_back_in_each_case() -> None:
    for locked in (True, False):
        lab = SwapLab()
        pfn = frame_number(lab.entry(V))
        lab.do("H", get_page(pfn))
        if locked:
            lab.do("H", lock_page(pfn))
        got: list[bool] = []

        async def body(pfn: int = pfn, got: list[bool] = got) -> None:
            freed = await shrink_page(pfn, V)
            got.append(freed)

        lab._install(lab.task("U"), body)
        lab.settle("U")
        assert got == [False]
        assert lab.world.state.data["frame", pfn].refcount == 1
        assert lab.entry(V) & PAGE_RW if locked else lab.slot(V) == 3


def test_a_monitor_can_protect_and_unprotect_a_page_that_is_swapped_out() -> None:
    protect = {"do": "writeprotect", "area": "V", "page": 1}
    for steps, outcome, n in (([protect], "none", 1), ([protect, {**protect, "protect": False}], "ret=7", 0)):
        scenario = scene(
            victim(pause(5), {"do": "write", "area": "V", "page": 1}),
            monitor(*steps, {"do": "poll", "ticks": 500}),
            area={"process": "T", "swapped": [1], "userfaultfd": "wp"},
            machine={"swap_ticks": 20},
            permits=["hang"],
        )
        result = run(scenario, Tree.v5_7)
        assert (result.tasks["T"].outcome or "none") == outcome
        assert result.tasks["T"].stats["messages_queued"] == n
