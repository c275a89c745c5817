"""A page that moves: its entries meanwhile, who waits and how, and what keeps it where it is."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.swap import sys_move_pages, unmap_and_move
from pyemu.effects.areas import set_vma_flags
from pyemu.effects.entries import copy_pte, get_pte, pagemap, set_pte_if_same, zap_pte
from pyemu.effects.handles import Mm, Task, Vma
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.pages import get_page, lock_page, put_page, unlock_page
from pyemu.effects.swapops import is_migration_entry, pte_present, swp_offset
from pyemu.flags import (
    ESRCH,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_SWP_WRITE,
    PAGE_UFFD_WP,
    SIGKILL,
    TASK_UNINTERRUPTIBLE,
    VM_READ,
    VM_WRITE,
    VmFlag,
)
from pyemu.pages import frame_number
from tests.pyemu.kernel.swapping import FIRST, MM, SwapLab, attempts
from tests.pyemu.scenes import PAGE, V1, V, scene, task, victim

MOVE = {"do": "move_pages", "area": "V", "task": "T", "ticks": 50}


class Moving:
    """U moves page 0; it stands in the copy, and goes on when the test says so."""

    def __init__(self, tree: Tree = Tree.v5_7, start: bool = True, flags: int = FIRST, **area: Any) -> None:
        self.body, self.got = attempts(flags, address=V)
        self.lab = SwapLab(self.body, tree, **area)
        self.old = frame_number(self.lab.entry(V))
        self.stayed: list[int] = []
        self.lab._install(self.lab.task("U"), self.move)
        if start:
            self.go()

    async def move(self) -> None:
        n = await sys_move_pages(Task(0), V, PAGE, 1_000)
        self.stayed.append(n)

    def go(self) -> Moving:
        self.lab.settle("U")
        return self

    def end(self) -> Moving:
        self.lab.world.clock += 1_000
        self.lab.settle("U")
        return self

    def frame(self) -> Any:
        return self.lab.world.state.data["frame", self.old]


def test_a_page_that_is_moved_has_a_migration_entry_and_then_another_frame() -> None:
    one = Moving()
    entry = one.lab.entry(V)
    assert is_migration_entry(entry)
    assert swp_offset(entry) == one.old
    assert entry & PAGE_SWP_WRITE
    assert one.lab.state("U") == TASK_UNINTERRUPTIBLE
    page = one.frame()
    assert (page.locked_by, page.refcount, page.mapcount) == (one.lab.task("U").id, 1, 0)
    one.end()
    assert one.stayed == [0]
    assert frame_number(one.lab.entry(V)) != one.old
    assert one.lab.entry(V) & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT | PAGE_RW
    assert (one.lab.frame(V).refcount, one.lab.frame(V).mapcount) == (1, 1)
    assert one.lab.byte(V) == 3
    assert one.frame() is None
    assert one.lab.task("U").locks == []


def test_who_needs_it_waits_with_mmap_sem_for_no_signal_and_gets_0() -> None:
    one = Moving()
    one.lab.settle("T")
    assert one.lab.state("T") == TASK_UNINTERRUPTIBLE
    assert one.lab.has_mmap_sem()
    one.lab.send(SIGKILL)
    one.lab.settle("T")
    assert one.got == []
    one.end().lab.settle("T")
    assert one.got == [0]
    assert one.frame() is None


def test_an_entry_that_is_back_already_is_not_waited_for() -> None:
    one = Moving()
    one.lab.until("T", "down_read")
    one.lab.turn("T")
    one.lab.turn("T")  # it has found the area
    one.lab.turn("T")  # and the entry
    one.lab.world.clock += 1_000
    one.lab.settle("U")
    one.lab.settle("T")
    assert one.got == [0]


def test_a_page_that_somebody_holds_stays_where_it_is() -> None:
    one = Moving(start=False)
    one.lab.do("H", get_page(one.old))
    one.go()
    assert one.stayed == [1]
    assert frame_number(one.lab.entry(V)) == one.old
    assert one.lab.entry(V) & PAGE_RW
    assert (one.frame().refcount, one.frame().mapcount, one.frame().locked_by) == (2, 1, None)
    one.lab.do("H", put_page(one.old))


def test_a_page_that_is_locked_is_waited_for() -> None:
    one = Moving(start=False)
    one.lab.do("H", lock_page(one.old))
    one.go()
    assert one.lab.state("U") == TASK_UNINTERRUPTIBLE
    assert pte_present(one.lab.entry(V))
    one.lab.do("H", unlock_page(one.old))
    one.go().end()
    assert one.stayed == [0]


def test_a_child_that_is_forked_meanwhile_shares_the_page_in_its_new_place_read_only() -> None:
    one = Moving()
    lab = one.lab
    other = lab.task("H").mm
    lab.world.state.data["vma", 99] = lab.world.state.data["vma", 1]
    lab.world.state.data["vmas", other] = (99,)
    lab.do("H", copy_pte(MM, V, Mm(other), PAGE_RW, PAGE_UFFD_WP))
    assert lab.entry(V) == lab.entry(V, other)
    assert not lab.entry(V) & PAGE_SWP_WRITE
    one.end()
    assert lab.entry(V) == lab.entry(V, other)
    assert lab.entry(V) & (PAGE_PRESENT | PAGE_RW) == PAGE_PRESENT
    assert (lab.frame(V).refcount, lab.frame(V).mapcount) == (2, 2)


def test_a_page_of_two_processes_moves_for_both() -> None:
    one = Moving(start=False)
    other = one.lab.task("H").mm
    one.lab.world.state.data["vma", 99] = one.lab.world.state.data["vma", 1]
    one.lab.world.state.data["vmas", other] = (99,)
    one.lab.do("H", copy_pte(MM, V, Mm(other), PAGE_RW, PAGE_UFFD_WP))
    one.go()
    assert is_migration_entry(one.lab.entry(V, other))
    one.end()
    assert one.lab.entry(V) == one.lab.entry(V, other)
    assert frame_number(one.lab.entry(V)) != one.old


@pytest.mark.parametrize(
    ("flags", "bits"),
    [
        (VM_READ, PAGE_PRESENT),
        (VM_READ | VM_WRITE, PAGE_PRESENT | PAGE_RW),
        (VmFlag(0), PAGE_PROTNONE),
    ],
)
def test_the_entry_comes_back_as_its_area_allows_now(flags: VmFlag, bits: int) -> None:
    one = Moving()
    one.lab.do("H", down_write(MM))
    one.lab.do("H", set_vma_flags(Vma(1), flags))
    one.lab.do("H", up_write(MM))
    one.end()
    assert one.lab.entry(V) & (PAGE_PRESENT | PAGE_RW | PAGE_PROTNONE) == bits
    assert pte_present(one.lab.entry(V))


def test_the_mark_of_the_monitor_moves_along() -> None:
    one = Moving(userfaultfd="wp", protected=[0])
    assert one.lab.entry(V) & (PAGE_UFFD_WP | PAGE_SWP_WRITE) == PAGE_UFFD_WP
    one.end()
    assert one.lab.entry(V) & (PAGE_PRESENT | PAGE_RW | PAGE_UFFD_WP) == PAGE_PRESENT | PAGE_UFFD_WP


def test_who_unmaps_the_page_meanwhile_leaves_nothing_of_it() -> None:
    one = Moving()
    one.lab.do("H", zap_pte(MM, V))
    one.end()
    assert one.lab.entry(V) == 0
    assert one.frame() is None
    frames = [place for place, page in one.lab.world.state.data.items() if place[0] == "frame" and page]
    assert frames == []


def test_an_entry_of_another_migration_is_left_alone() -> None:
    one = Moving()
    entry = one.lab.entry(V)
    one.lab.do("H", set_pte_if_same(MM, V, entry, entry + (1 << 12)))
    one.end()
    assert one.lab.entry(V) == entry + (1 << 12)


def test_what_is_in_the_swap_cache_or_missing_or_of_a_file_stays() -> None:
    for kind, program in (("anon", {"do": "read", "area": "V", "page": 1}), ("shmem", pause_write())):
        area = {"process": "T", "kind": kind, "userfaultfd": False}
        scenario = scene(
            victim(program, {**MOVE, "pages": 4}, {"do": "read", "area": "V", "page": 1}),
            area={**area, "swapped": [1, 2], "byte": 4} if kind == "anon" else area,
            machine={"swap_ticks": 5},
        )
        result = run(scenario, Tree.v5_7, strict=True)
        assert result.tasks["T"].outcomes[1] == "ret=4"
        assert result.tasks["T"].outcomes[2] == ("ret=4" if kind == "anon" else "ret=7")


def pause_write() -> dict[str, Any]:
    return {"do": "write", "area": "V", "page": 1}


def test_the_zero_page_stays() -> None:
    scenario = scene(
        victim({"do": "read", "area": "V"}, {**MOVE, "pages": 1}, {"do": "pagemap", "area": "V"}),
        area={"userfaultfd": False},
    )
    result = run(scenario, Tree.v5_7, strict=True)
    assert result.tasks["T"].outcomes == ("ret=0", "ret=1")
    assert ("pagemap page", "present zeropage") in [(what, value) for *_, what, value in result.reports]


def test_each_page_of_a_range_is_moved_and_takes_its_time() -> None:
    scenario = scene(
        victim({**MOVE, "pages": 3}, {"do": "read", "area": "V", "page": 2}),
        area={"process": "T", "populated": [0, 1, 2], "byte": 6, "userfaultfd": False},
    )
    result = run(scenario, Tree.v5_7, strict=True)
    assert result.tasks["T"].outcomes == ("ret=0", "ret=6")
    assert result.ticks == 150


def test_a_process_that_has_ended_has_no_pages() -> None:
    scenario = scene(
        task("T"),
        task("N", {"do": "pause", "ticks": 5}, MOVE, process="N"),
        area={"process": "T", "populated": [0], "userfaultfd": False},
    )
    result = run(scenario, Tree.v5_7)
    assert result.tasks["N"].outcomes == ("ESRCH",)
    assert ESRCH == 3


@pytest.mark.parametrize("prot", ["r", "rw"])
def test_mprotect_takes_the_right_to_write_from_a_page_on_its_way(prot: str) -> None:
    steps: list[dict[str, Any]] = [{"do": "pause", "ticks": 5}, {"do": "mprotect", "area": "V", "prot": "r"}]
    if prot == "rw":
        steps.append({"do": "mprotect", "area": "V", "prot": "rw"})
    scenario = scene(
        victim(*steps, {"do": "write", "area": "V"}),
        task("N", MOVE, process="N"),
        area={"process": "T", "populated": [0], "userfaultfd": False},
    )
    result = run(scenario, Tree.v5_7)
    (outcome,) = result.tasks["T"].outcomes
    assert outcome == ("ret=7" if prot == "rw" else "SIGSEGV(code=2)")
    # The entry came back read-only, so that the write faults although its area allows it again.
    assert result.tasks["T"].stats["exceptions"] == (2 if prot == "rw" else 1)


def test_proc_shows_a_page_on_its_way_as_swapped() -> None:
    one = Moving()
    assert one.lab.do("H", pagemap(V)) == ""  # H has no such page
    scenario = scene(
        victim({"do": "pause", "ticks": 5}, {"do": "pagemap", "area": "V"}),
        task("N", MOVE, process="N"),
        area={"process": "T", "populated": [0], "userfaultfd": False},
    )
    words = [value for *_, what, value in run(scenario, Tree.v5_7).reports if what == "pagemap page"]
    assert words == ["swap"]


def test_unmap_and_move_gives_its_reference_back_when_the_page_stays() -> None:
    lab = SwapLab()
    pfn = frame_number(lab.entry(V))
    lab.do("H", get_page(pfn))
    lab.do("H", get_page(pfn))
    got: list[bool] = []

    async def body() -> None:
        moved = await unmap_and_move(pfn, V, 10)
        got.append(moved)
        await get_pte(MM, V1)

    lab._install(lab.task("U"), body)
    lab.settle("U")
    assert got == [False]
    assert lab.frame(V).refcount == 2
    frames = [place for place, page in lab.world.state.data.items() if place[0] == "frame" and page]
    assert len(frames) == 1
