"""A fault on a page that is swapped out: who waits how, what is mapped, and what becomes of the slot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.memory import handle_mm_fault
from pyemu.effects.areas import set_vma_flags
from pyemu.effects.entries import set_pte_if_same, zap_pte
from pyemu.effects.files import find_get_page
from pyemu.effects.handles import Vma
from pyemu.effects.locks import down_read, down_write, up_read, up_write
from pyemu.effects.pages import get_page, put_page, unlock_page
from pyemu.effects.swap import delete_from_swap_cache
from pyemu.effects.swapops import SWAP, make_swap_entry
from pyemu.effects.vma_locks import lock_vma_under_rcu
from pyemu.errors import ScenarioError
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_VMA_LOCK,
    FAULT_FLAG_WRITE,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_UFFD_WP,
    SIGKILL,
    SIGUSR1,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_WRITE,
    VM_LOCKED,
    VM_READ,
    VM_WRITE,
)
from pyemu.pages import frame_number
from tests.pyemu.kernel.swapping import AGAIN, FIRST, MM, SwapLab, attempts
from tests.pyemu.scenes import V1, V, scene, task, victim

OLD, NEW, V10, V61, V612 = Tree.before, Tree.v5_7, *map(Tree.later, ("5.10", "6.1", "6.12"))
MAJOR_RETRY = VM_FAULT_MAJOR | VM_FAULT_RETRY
PLAIN = FAULT_FLAG_USER  # nothing is allowed


# ------------------------------------------------------------------------------------ somebody's I/O


def test_who_holds_a_swapped_page_has_its_lock_after_the_disk_and_keeps_it_from_the_next() -> None:
    hold = {"do": "hold_page", "file": "swap", "page": 1, "ticks": 700}
    read = {"do": "read", "area": "V", "page": 1}
    result = run(
        scene(
            task("H", hold, process="Q", monitor=True),
            task("T", {"do": "pause", "ticks": 10_100}, read, process="P"),
            areas=[{"name": "V", "process": "P", "pages": 2, "swapped": [1], "byte": 3}],
        ),
        NEW,
        strict=True,
    )
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["attempts"]) == ("ret=3", 2)
    assert [event.t for event in result.trace.select("wake", task="T")] == [10_100, 10_700]


# ------------------------------------------------------------------------------------ the wait


@pytest.mark.parametrize("killable", [True, False])
def test_a_first_attempt_asks_the_disk_and_waits_without_mmap_sem(killable: bool) -> None:
    body, got = attempts(FIRST if killable else FIRST & ~FAULT_FLAG_KILLABLE)
    lab = SwapLab(body)
    lab.settle("T")
    assert lab.state("T") == (TASK_KILLABLE if killable else TASK_UNINTERRUPTIBLE)
    assert not lab.has_mmap_sem()
    assert lab.majors == 1
    lab.settle("disk", "T")
    assert got == [MAJOR_RETRY]
    page = lab.cached(1)
    assert page is not None
    assert (page.uptodate, page.locked_by, page.refcount, page.mapcount) == (True, None, 1, 0)
    assert lab.slot(V1) == 1
    assert lab.counts == (0, 1, 1, 0, 0)


def test_the_second_attempt_finds_the_page_in_the_swap_cache_and_is_not_major() -> None:
    body, got = attempts(FIRST, AGAIN)
    lab = SwapLab(body)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, 0]
    assert lab.majors == 1
    assert lab.byte(V1) == 3
    page = lab.frame(V1)
    assert (page.mapcount, page.refcount, page.mapping, page.index) == (1, 2, SWAP.id, 1)
    assert lab.counts == (0, 0, 1, 0, 0)
    assert lab.entry(V1) & (PAGE_PRESENT | PAGE_RW | PAGE_DIRTY) == PAGE_PRESENT


def test_without_allow_retry_the_wait_keeps_mmap_sem_and_one_attempt_does_it_all() -> None:
    body, got = attempts(PLAIN)
    lab = SwapLab(body)
    lab.settle("T")
    assert lab.state("T") == TASK_UNINTERRUPTIBLE
    assert lab.has_mmap_sem()
    lab.settle("disk", "T")
    assert got == [VM_FAULT_MAJOR]
    assert lab.byte(V1) == 3


def test_retry_nowait_asks_the_disk_waits_for_nothing_and_keeps_mmap_sem() -> None:
    body, got = attempts(FIRST | FAULT_FLAG_RETRY_NOWAIT)
    lab = SwapLab(body)
    lab.settle("T")
    assert got == [MAJOR_RETRY]
    assert not lab.has_mmap_sem()
    page = lab.cached(1)
    assert page is not None
    assert page.locked_by == lab.task("disk").id
    assert page.refcount == 1


@pytest.mark.parametrize("tree", [OLD, NEW])
def test_a_killed_second_attempt_gives_retry_and_has_dropped_mmap_sem(tree: Tree) -> None:
    second = AGAIN if tree is NEW else AGAIN & ~FAULT_FLAG_ALLOW_RETRY
    body, got = attempts(FIRST | FAULT_FLAG_RETRY_NOWAIT, second)
    lab = SwapLab(body, tree)
    lab.task("T").actions[int(SIGUSR1)] = "handler"
    lab.settle("T")
    assert lab.has_mmap_sem()
    lab.send(SIGUSR1)
    lab.settle("T")
    assert got == [MAJOR_RETRY]
    lab.send(SIGKILL)
    lab.settle("T")
    assert got == [MAJOR_RETRY, VM_FAULT_RETRY]
    assert not lab.has_mmap_sem()
    page = lab.cached(1)
    assert page is not None
    assert page.refcount == 1


def test_two_faults_on_one_page_read_it_once_and_one_of_them_is_major() -> None:
    body, got = attempts(FIRST, AGAIN)
    lab = SwapLab(body)
    lab.forked(V1)
    lab.settle("T")
    lab.do("U", find_get_page(SWAP, 1))
    page = lab.cached(1)
    assert page is not None
    lab.settle("disk", "T")
    assert got == [MAJOR_RETRY, 0]
    assert lab.frame(V1).refcount == 3
    assert lab.counts == (0, 1, 1, 0, 0)


def test_a_page_that_somebody_else_reads_meanwhile_is_not_read_twice() -> None:
    body, got = attempts(FIRST)
    lab = SwapLab(body)
    lab.until("T", "add_to_swap_cache")
    other, theirs = attempts(FIRST)
    lab._install(lab.task("U"), other)
    lab.settle("U")
    lab.settle("T")
    assert lab.majors == 2  # both had found the cache empty
    lab.settle("disk", "T", "U")
    assert (got, theirs) == ([MAJOR_RETRY], [MAJOR_RETRY])
    page = lab.cached(1)
    assert page is not None
    assert page.refcount == 1
    assert len([one for one in lab.world.trace if one.kind == "disk" and "asked" in one.text]) == 1


def test_a_slot_that_was_freed_meanwhile_is_not_read_and_the_access_is_made_again() -> None:
    body, got = attempts(FIRST)
    lab = SwapLab(body)
    lab.until("T", "add_to_swap_cache")
    lab.do("U", zap_pte(MM, V1))
    lab.settle("T", "disk")
    assert got == [0]
    assert lab.majors == 0
    assert lab.cached(1) is None
    assert lab.counts == (0, 0, 1, 0, 0)
    assert not lab.has_mmap_sem()


def test_an_entry_that_has_changed_is_left_alone_and_nothing_is_held() -> None:
    body, got = attempts(PLAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body)
    other = lab.forked(V1)
    lab.reach("policies", times=2)  # it has the page's lock, and will take that of the table
    lab.do("U", zap_pte(MM, V1))
    lab.settle("T")
    assert got == [VM_FAULT_MAJOR]
    assert lab.entry(V1) == 0
    page = lab.cached(1)
    assert page is not None
    assert (page.refcount, page.locked_by) == (1, None)
    assert lab.slot(V1, other) == 1
    assert lab.rules("T") == []


@pytest.mark.parametrize("how", ["lost its slot", "has another slot"])
def test_a_page_is_looked_at_again_once_it_is_locked(how: str) -> None:
    body, got = attempts(PLAIN)
    lab = SwapLab(body)
    lab.settle("T")  # it waits for the lock, which the disk has
    pfn = lab.world.state.data["cache", SWAP.id, 1]
    if how == "lost its slot":
        lab.do("U", delete_from_swap_cache(pfn))
    else:
        frame = lab.world.state.data["frame", pfn]
        lab.world.state.data["frame", pfn] = replace(frame, index=2)
    lab.do("U", unlock_page(pfn))
    lab.settle("T")
    assert got == [VM_FAULT_MAJOR]
    assert lab.slot(V1) == 1
    assert lab.world.state.data["frame", pfn] is None or lab.world.state.data["frame", pfn].refcount == 1
    assert lab.task("T").locks == []


# ------------------------------------------------------------------------------------ what is mapped


def test_a_write_to_a_page_of_ones_own_maps_it_writable_and_frees_the_slot() -> None:
    body, got = attempts(FIRST | FAULT_FLAG_WRITE, AGAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, VM_FAULT_WRITE]
    assert lab.entry(V1) & (PAGE_RW | PAGE_DIRTY) == PAGE_RW | PAGE_DIRTY
    page = lab.frame(V1)
    assert (page.mapping, page.refcount, page.dirty) == (None, 1, True)
    assert lab.cached(1) is None
    assert lab.counts == (0, 0, 1, 0, 0)


@pytest.mark.parametrize("tree", [OLD, NEW, V10, V61, V612], ids=str)
def test_a_write_to_a_page_whose_slot_a_child_shares_copies_it(tree: Tree) -> None:
    body, got = attempts(FIRST | FAULT_FLAG_WRITE, AGAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body, tree)
    other = lab.forked(V1)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, VM_FAULT_WRITE]
    assert lab.entry(V1) & PAGE_RW
    assert lab.frame(V1).mapping is None
    assert lab.slot(V1, other) == 1
    page = lab.cached(1)
    assert page is not None
    assert (page.refcount, page.mapcount) == (1, 0)
    assert lab.counts == (0, 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("tree", "writable"), [(OLD, False), (NEW, False), (V10, False), (V61, False), (V612, True)], ids=str
)
def test_a_read_leaves_the_slot_and_later_kernels_give_the_right_to_write(tree: Tree, writable: bool) -> None:
    body, got = attempts(FIRST, AGAIN)
    lab = SwapLab(body, tree)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, 0]
    assert bool(lab.entry(V1) & PAGE_RW) is writable
    assert not lab.entry(V1) & PAGE_DIRTY
    assert lab.cached(1) == lab.frame(V1)


def test_a_read_of_a_shared_page_gives_no_right_to_write_in_any_kernel() -> None:
    body, _ = attempts(FIRST, AGAIN)
    lab = SwapLab(body, V612)
    lab.forked(V1)
    lab.settle("T", "disk")
    assert not lab.entry(V1) & PAGE_RW


@pytest.mark.parametrize(("tree", "copied"), [(OLD, False), (NEW, False), (V10, True), (V61, False)], ids=str)
def test_a_write_after_a_read_takes_the_page_out_of_the_swap_cache_or_copies_it(
    tree: Tree, copied: bool
) -> None:
    body, got = attempts(FIRST, AGAIN, FIRST | FAULT_FLAG_WRITE)
    lab = SwapLab(body, tree)
    lab.settle("disk", "T")
    assert got == [MAJOR_RETRY, 0, VM_FAULT_WRITE]
    assert lab.entry(V1) & PAGE_RW
    assert lab.frame(V1).mapping is None
    assert (lab.cached(1) is not None) is copied
    if not copied:
        assert lab.frame(V1).refcount == 1


@pytest.mark.parametrize("tree", [NEW, V61], ids=str)
def test_a_write_after_a_read_copies_a_page_whose_slot_a_child_shares(tree: Tree) -> None:
    body, got = attempts(FIRST, AGAIN, FIRST | FAULT_FLAG_WRITE)
    lab = SwapLab(body, tree)
    other = lab.forked(V1)
    lab.settle("disk", "T")
    assert got == [MAJOR_RETRY, 0, VM_FAULT_WRITE]
    assert lab.frame(V1).mapping is None
    assert lab.slot(V1, other) == 1
    assert lab.cached(1) is not None


def test_a_page_that_others_hold_as_well_is_copied_where_references_count() -> None:
    body, _ = attempts(FIRST, AGAIN, FIRST | FAULT_FLAG_WRITE)
    lab = SwapLab(body, V61)
    lab.reach("look_at_page", times=2)
    pfn = frame_number(lab.entry(V1))
    lab.do("U", get_page(pfn))
    lab.settle("T")
    assert frame_number(lab.entry(V1)) != pfn
    assert lab.cached(1) is not None
    lab.do("U", put_page(pfn))


def test_a_page_that_the_disk_is_writing_is_copied_where_references_count() -> None:
    body, _ = attempts(FIRST, AGAIN, FIRST | FAULT_FLAG_WRITE)
    lab = SwapLab(body, V61)
    lab.reach("look_at_page", times=2)
    pfn = frame_number(lab.entry(V1))
    lab.world.state.data["frame", pfn] = replace(lab.world.state.data["frame", pfn], writeback=True)
    lab.settle("T")
    assert frame_number(lab.entry(V1)) != pfn
    assert lab.cached(1) is not None


def test_a_page_under_writeback_may_be_written_and_keeps_its_slot() -> None:
    body, got = attempts(FIRST | FAULT_FLAG_WRITE, AGAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body)
    lab.settle("T")
    lab.settle("disk")
    pfn = lab.world.state.data["cache", SWAP.id, 1]
    frame = lab.world.state.data["frame", pfn]
    lab.world.state.data["frame", pfn] = replace(frame, writeback=True)
    lab.settle("T")
    assert got == [MAJOR_RETRY, VM_FAULT_WRITE]
    assert lab.entry(V1) & PAGE_RW
    assert lab.cached(1) == lab.frame(V1)


@pytest.mark.parametrize("write", [True, False])
def test_a_page_that_is_locked_in_memory_gives_its_slot_back(write: bool) -> None:
    kind = FAULT_FLAG_WRITE if write else 0
    body, _ = attempts(FIRST | kind, AGAIN | kind)
    lab = SwapLab(body)
    lab.do("U", down_write(MM))
    lab.do("U", set_vma_flags(Vma(1), VM_READ | VM_WRITE | VM_LOCKED))
    lab.do("U", up_write(MM))
    lab.settle("T", "disk")
    assert lab.cached(1) is None
    assert lab.frame(V1).refcount == 1


def test_a_locked_page_whose_slot_a_child_shares_keeps_it() -> None:
    body, _ = attempts(FIRST, AGAIN)
    lab = SwapLab(body)
    lab.forked(V1)
    lab.do("U", down_write(MM))
    lab.do("U", set_vma_flags(Vma(1), VM_READ | VM_WRITE | VM_LOCKED))
    lab.do("U", up_write(MM))
    lab.settle("T", "disk")
    assert lab.cached(1) == lab.frame(V1)


@pytest.mark.parametrize("tree", [NEW, V612], ids=str)
def test_a_write_by_force_leaves_the_entry_read_only_and_dirty(tree: Tree) -> None:
    body, got = attempts(FIRST | FAULT_FLAG_WRITE, AGAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body, tree, prot="r")
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, VM_FAULT_WRITE]
    assert lab.entry(V1) & (PAGE_RW | PAGE_DIRTY) == PAGE_DIRTY


# ------------------------------------------------------------------------------------ write-protection

PROTECTED: dict[str, Any] = {"userfaultfd": "wp", "protected": [1]}


@pytest.mark.parametrize("write", [True, False])
def test_the_mark_of_the_monitor_comes_back_with_the_page(write: bool) -> None:
    kind = FAULT_FLAG_WRITE if write else 0
    body, got = attempts(FIRST | kind, AGAIN | kind)
    lab = SwapLab(body, **PROTECTED)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, VM_FAULT_WRITE if write else 0]
    assert lab.entry(V1) & (PAGE_RW | PAGE_UFFD_WP) == PAGE_UFFD_WP
    assert bool(lab.entry(V1) & PAGE_DIRTY) is write
    assert (lab.cached(1) is None) is write


def test_later_kernels_ask_the_monitor_in_the_same_attempt() -> None:
    body, got = attempts(FIRST | FAULT_FLAG_WRITE, AGAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body, V612, **PROTECTED)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY]
    assert len(lab.world.state.data["context", 1].pending) == 1
    assert not lab.entry(V1) & (PAGE_RW | PAGE_DIRTY)


def test_a_shared_and_protected_page_asks_the_monitor_and_is_not_allowed_to_without_retry() -> None:
    body, got = attempts(FIRST | FAULT_FLAG_WRITE, PLAIN | FAULT_FLAG_WRITE | FAULT_FLAG_TRIED)
    lab = SwapLab(body, OLD, **PROTECTED)
    lab.forked(V1)
    lab.settle("T", "disk")
    assert got == [MAJOR_RETRY, VM_FAULT_SIGBUS]
    body, got = attempts(PLAIN | FAULT_FLAG_WRITE)
    lab = SwapLab(body, OLD, **PROTECTED)
    lab.forked(V1)
    lab.settle("T", "disk")
    assert got == [VM_FAULT_SIGBUS]  # an error is told alone


# ------------------------------------------------------------------------------------ others


def test_some_kernels_do_not_swap_in_under_the_lock_of_an_area() -> None:
    for needs, bits in ((True, VM_FAULT_RETRY), (False, MAJOR_RETRY)):
        got: list[int] = []

        async def body(got: list[int] = got) -> None:
            vma = await lock_vma_under_rcu(MM, V1)
            assert vma is not None
            result = await handle_mm_fault(vma, V1, FIRST | FAULT_FLAG_VMA_LOCK)
            got.append(result)

        lab = SwapLab(body, V612)
        lab.world.policies = replace(lab.world.policies, swapin_needs_mmap_lock=needs)
        lab.settle("T", "disk")
        assert got == [bits]
        assert lab.task("T").locks == []
        assert lab.rules("T") == []


def test_a_page_that_is_mapped_prot_none_is_not_taken_for_one_that_is_swapped_out() -> None:
    scenario = scene(
        victim(
            {"do": "mprotect", "area": "V", "page": 0, "prot": "none"},
            {"do": "read", "area": "V", "page": 0},
            {"do": "pagemap", "area": "V", "page": 0},
            {"do": "pagemap", "area": "V", "page": 1},
            {"do": "pagemap", "area": "V", "page": 3},
        ),
        area={"process": "T", "populated": [0], "swapped": [1], "userfaultfd": False},
    )
    result = run(scenario, NEW)
    assert result.tasks["T"].outcomes == ("SIGSEGV(code=2)",)
    assert [value for *_, what, value in result.reports if what == "pagemap page"] == [
        "present excl anon",
        "swap",
        "",
    ]


def test_the_swap_device_is_full_when_each_slot_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"the swap device is full: all 2 slots .* swap_pages = 4"):
        run(scene(task("T"), area={"swapped": [0, 1, 2]}, machine={"swap_pages": 2}), NEW)
    run(scene(task("T"), area={"swapped": [0, 1]}, machine={"swap_pages": 2}), NEW)


@pytest.mark.parametrize("do", ["read", "write"])
def test_get_user_pages_and_a_fork_bring_swapped_pages_along(do: str) -> None:
    scenario = scene(
        task(
            "T",
            {"do": "fork", "child": "C"},
            {"do": "pin", "area": "V", "page": 0, "pages": 2, "write": do == "write"},
            {"do": "mlock", "area": "V", "page": 0, "pages": 2},
            {"do": do, "area": "V", "page": 1},
        ),
        task("C", {"do": "read", "area": "V", "page": 1}, forked=True),
        area={"process": "T", "swapped": [0, 1], "byte": 9, "userfaultfd": False},
    )
    result = run(scenario, NEW, strict=True)
    assert result.tasks["T"].outcomes == ("ret=2", "ret=0", "ret=9" if do == "read" else "ret=7")
    assert result.tasks["C"].outcomes == ("ret=9",)
    assert result.vmstat["pgmajfault"] == 2


def test_a_process_that_ends_gives_its_slots_back() -> None:
    lab = SwapLab()
    other = lab.forked(V1)
    assert lab.counts == (0, 2, 1, 0, 0)
    lab.do("U", zap_pte(MM, V1))
    assert lab.counts == (0, 1, 1, 0, 0)
    lab.do("U", set_pte_if_same(MM, V, 0, make_swap_entry(3, 0)))  # not empty: nothing is counted
    assert lab.counts == (0, 1, 1, 0, 0)
    lab.do("U", zap_pte(MM, V))
    lab.do("U", set_pte_if_same(MM, V, 0, make_swap_entry(1, 0)))
    assert lab.counts == (0, 2, 1, 0, 0)
    assert lab.slot(V1, other) == 1


def test_munmap_waits_for_no_disk_and_leaves_a_locked_page_to_whoever_has_it() -> None:
    body, _ = attempts(FIRST)
    lab = SwapLab(body)
    lab.settle("T")
    lab.do("U", down_read(MM))
    lab.do("U", zap_pte(MM, V1))
    lab.do("U", up_read(MM))
    assert lab.cached(1) is not None  # under I/O
    lab.settle("disk", "T")
    page = lab.cached(1)
    assert page is not None
    assert page.refcount == 1
