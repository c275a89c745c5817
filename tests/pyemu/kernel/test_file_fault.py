"""A missing page of a file: what is mapped around it, private and shared writes, dirty pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.calls.filemap import filemap_fault, sys_ftruncate, sys_msync
from pyemu.calls.memory import do_fault
from pyemu.calls.mmap import sys_munmap
from pyemu.effects import Effect
from pyemu.effects.areas import find_vma
from pyemu.effects.entries import set_pte_if_none, set_pte_if_same
from pyemu.effects.handles import File, Mm, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import alloc_page, unlock_page
from pyemu.flags import (
    ENOMEM,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_WRITE,
    PAGE_DIRTY,
    PAGE_RW,
    VM_FAULT_NOPAGE,
)
from pyemu.machine import Result
from pyemu.sched.semantics import Footprint
from pyemu.sched.tasks import Task
from pyemu.state import FrameState, State
from tests.pyemu.scenes import PAGE, Lab, V, pause, plain, send, task, victim

OLD, NEW = Tree.before, Tree.v5_7
TREES = [OLD, Tree.upto(9), NEW]


def read(page: int = 1, area: str = "V") -> dict[str, Any]:
    return {"do": "read", "area": area, "page": page}


def write(page: int = 1, byte: int = 7, area: str = "V") -> dict[str, Any]:
    return {"do": "write", "area": area, "page": page, "byte": byte}


SYNC = {"do": "msync", "area": "V", "page": 0, "pages": 4}


def mapped(
    *tasks: Mapping[str, Any], area: Mapping[str, Any] | None = None, more: Any = (), **file: Any
) -> Scenario:
    """A mapping of a cached file of 64 pages that holds ones, and these tasks."""
    here = {"pages": 64, "file": "F", "shared": True, "userfaultfd": False, **(area or {})}
    files = [{"name": "F", "pages": 64, "io_ticks": 1000, "cached": True, **file}]
    return Scenario.from_dict(plain(*map(dict, tasks), area=here, files=files, more=more))


def ran(scenario: Scenario, tree: Tree = NEW) -> tuple[Result, State]:
    machine = Machine(scenario, tree)
    return machine.run(strict=True), machine.world.state


def entries(state: State, start: int = V, mm: int = 1, pages: int = 64) -> list[int]:
    """Which pages of the area have an entry."""
    return [page for page in range(pages) if state.get_pte(mm, start + page * PAGE)]


def costs(result: Result, name: str = "T") -> tuple[int, int, int]:
    one = result.tasks[name]
    return one.counters["min_flt"], one.stats["attempts"], one.stats["acquisitions"]


# ------------------------------------------------------------------------------------ fault-around

# Where the mapping begins (in pages, from a multiple of 64 KiB), how long it is, which page of the file comes
# first, which page is read -> which pages have an entry afterwards.
AROUND = {
    "the window of the address": (0, 64, 0, 20, range(16, 32)),
    "its first page": (0, 64, 0, 16, range(16, 32)),
    "its last page": (0, 64, 0, 31, range(16, 32)),
    "from the area's start on it is 16 long": (5, 50, 0, 3, range(16)),
    "the next window is that of the address": (5, 50, 0, 16, range(11, 27)),
    "an end within the window": (0, 20, 0, 17, range(16, 20)),
    "a short area": (3, 4, 0, 1, range(4)),
    "windows follow the address and not the file": (0, 40, 7, 20, range(16, 32)),
    "no further than the file": (0, 64, 40, 20, range(16, 24)),
    "no further than the page table": (508, 20, 0, 1, range(4)),
    "the next page table": (508, 20, 0, 5, range(4, 20)),
}


@pytest.mark.parametrize(("at", "length", "first", "page", "there"), AROUND.values(), ids=AROUND)
def test_a_read_maps_the_cached_pages_around_it(
    at: int, length: int, first: int, page: int, there: range
) -> None:
    start = V + at * PAGE
    area = {"address": start, "pages": length, "first_page": first, "prot": "r"}
    last_byte = {**read(page), "offset": PAGE - 1}  # where in its page the access is says nothing
    result, state = ran(mapped(victim(last_byte), area=area))
    assert entries(state, start) == list(there)
    assert costs(result) == (1, 1, 1)


@pytest.mark.parametrize(("page", "asked"), [(1, 0), (4, 1)], ids=["mapped", "left out"])
def test_the_file_is_asked_for_a_page_only_if_it_was_not_mapped_with_the_others(
    page: int, asked: int
) -> None:
    machine = Machine(mapped(victim(read(page))), NEW)
    state = machine.world.state
    pfn = state.data["cache", 1, 4]
    state.data["frame", pfn] = replace(state.data["frame", pfn], ahead=True)
    result = machine.run(strict=True)
    calls = [event.a for event in result.trace.select("call", task="T")]
    assert calls.count("filemap_fault") == asked


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_sixty_four_cached_pages_that_start_inside_a_window_cost_five_faults(tree: Tree) -> None:
    result, _ = ran(mapped(victim(*map(read, range(64))), area={"address": V + 3 * PAGE}), tree)
    assert result.tasks["T"].counters["min_flt"] == 5


@pytest.mark.parametrize(
    ("left_out", "why"),
    [([4], "it is locked"), ([5], "it is not uptodate"), ([6], "it is marked"), ([7], "it is gone")],
)
def test_pages_that_are_not_ready_are_left_out(left_out: list[int], why: str) -> None:
    machine = Machine(mapped(victim(read(1))), NEW)
    state = machine.world.state
    change: dict[int, dict[str, Any]] = {4: {"locked_by": 99}, 5: {"uptodate": False}, 6: {"ahead": True}}
    for page in left_out:
        pfn = state.data["cache", 1, page]
        if page in change:
            state.data["frame", pfn] = replace(state.data["frame", pfn], **change[page])
        else:
            state.data["cache", 1, page] = None
    machine.run(strict=True)
    assert entries(state) == [page for page in range(16) if page not in left_out], why


def test_an_entry_that_is_there_is_left_alone() -> None:
    result, state = ran(mapped(victim(write(3), read(1))))
    assert entries(state) == list(range(16))
    assert state.get_pte(1, V + 3 * PAGE) & PAGE_RW
    assert result.tasks["T"].counters["min_flt"] == 2


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "private"])
def test_pages_of_a_disk_are_mapped_read_only_though_the_area_is_writable(shared: bool) -> None:
    _, state = ran(mapped(victim(read(1)), area={"shared": shared}))
    assert not any(state.get_pte(1, V + page * PAGE) & PAGE_RW for page in range(16))


def test_a_write_maps_nothing_around() -> None:
    for shared in (True, False):
        _, state = ran(mapped(victim(write(20)), area={"shared": shared}))
        assert entries(state) == [20]


# ------------------------------------------------------------------------------------ somebody is faster


def frames(state: State) -> list[FrameState]:
    """The page frames that are in use."""
    return [one for place, one in state.data.items() if place[0] == "frame" and one]


async def fault_at_page_one(flags: int, found: list[int]) -> None:
    """Make an attempt, and keep what it gave."""
    mm = await current.mm
    await down_read(mm)
    vma = await find_vma(mm, V)
    assert vma is not None
    found.append(await do_fault(vma, V + PAGE, flags))
    await up_read(mm)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "private"])
@pytest.mark.parametrize("write", [0, FAULT_FLAG_WRITE], ids=["read", "write"])
def test_who_finds_its_entry_filled_gives_back_what_it_holds(shared: bool, write: int) -> None:
    second_attempt = int(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED | write)
    found: list[int] = []
    area = {"process": "P", "shared": shared}
    scenario = mapped(task("T", process="P"), task("U", process="P"), area=area)
    lab = Lab("U", programs={"T": partial(fault_at_page_one, second_attempt, found)}, scenario=scenario)
    state = lab.world.state
    page = state.data["cache", 1, 1]
    state.data["frame", page] = replace(state.data["frame", page], ahead=True)  # so it is not mapped around
    theirs = lab.do("U", alloc_page(0))
    n_frames = len(frames(state))
    while state.data["frame", page].locked_by is None:
        assert lab.turn("T")
    assert lab.do("U", set_pte_if_none(Mm(1), V + PAGE, theirs, False))
    lab.settle("T")
    assert found[0] & VM_FAULT_NOPAGE
    frame = state.data["frame", page]
    assert (frame.refcount, frame.locked_by) == (1, None)  # the reference is the cache's
    assert len(frames(state)) == n_frames
    lab.close()


def test_a_shared_write_to_a_page_that_is_truncated_meanwhile_is_made_again_and_keeps_nothing() -> None:
    async def cut() -> None:
        await sys_ftruncate(File(1), 1)

    found: list[int] = []
    fault = partial(fault_at_page_one, int(FAULT_FLAG_WRITE), found)
    scenario = mapped(task("T", process="P"), task("U", process="P"), area={"process": "P"})
    lab = Lab(programs={"T": fault, "U": cut}, scenario=scenario)
    state = lab.world.state
    page = state.data["cache", 1, 1]
    while state.data["frame", page].locked_by is None:
        assert lab.turn("T")
    while state.data["frame", page].locked_by is not None:
        assert lab.turn("T")  # so that the file system can lock it
    lab.settle("U")
    assert lab.task("U").ended
    lab.settle("T")
    assert found == [VM_FAULT_NOPAGE]
    assert not state.data["frame", page]
    lab.close()


# ------------------------------------------------------------------------------------ private writes


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("before", [[], [read()]], ids=["fresh", "after a read"])
def test_a_private_write_copies_the_page_and_leaves_the_file_alone(
    tree: Tree, before: list[dict[str, Any]]
) -> None:
    steps = [*before, write(), {"do": "post", "task": "U"}, read()]
    other = {"name": "W", "process": "Q", "pages": 4, "file": "F", "shared": True}
    scenario = mapped(
        victim(*steps, process="P"),
        task("U", {"do": "wait_post"}, read(1, "W"), process="Q"),
        area={"shared": False, "process": "P"},
        more=[other],
    )
    result, state = ran(scenario, tree)
    assert result.tasks["T"].outcomes[-1] == "ret=7"
    assert result.tasks["U"].outcome == "ret=1"
    assert costs(result) == (1 + len(before), 1 + len(before), 1 + len(before))
    assert not state.data["frame", state.data["cache", 1, 1]].dirty


def test_the_copy_holds_the_rest_of_the_page() -> None:
    steps = [write(), {**read(), "offset": 9}]
    result, _ = ran(mapped(victim(*steps), area={"shared": False}, byte=5))
    assert result.tasks["T"].outcomes == ("ret=7", "ret=5")


def test_a_cold_private_write_is_major_and_two_attempts() -> None:
    result, _ = ran(mapped(victim(write()), area={"shared": False}, cached=False))
    assert result.tasks["T"].counters["maj_flt"] == 1
    assert result.tasks["T"].stats["attempts"] == 2


@pytest.mark.parametrize(("page", "n_copies"), [(2, 1), (3, 0)], ids=["cold", "beyond the end"])
def test_an_attempt_that_brings_no_page_keeps_no_copy(page: int, n_copies: int) -> None:
    _, state = ran(mapped(victim(write(page)), area={"shared": False}, cached=False, pages=3))
    of_the_file = sum(one.mapping is not None for one in frames(state))
    assert len(frames(state)) - of_the_file == n_copies


@pytest.mark.parametrize("steps", [[write()], [read(), write()]], ids=["fresh", "after a read"])
def test_a_copy_is_whole_before_anybody_can_see_it(steps: list[dict[str, Any]]) -> None:
    seen: list[int] = []

    def observer(one: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        entry = machine.world.state.get_pte(1, V + PAGE)
        if effect.op == "set_pte_if_same" and entry & PAGE_RW:
            seen.append(machine.world.state.ram[(entry >> 12 << 12) + 9])

    machine = Machine(mapped(victim(*steps), area={"shared": False}, byte=5), observer=observer)
    machine.run(strict=True)
    assert seen == [5]


# ------------------------------------------------------------------------------------ shared writes


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize(("before", "n_faults"), [([], 1), ([read()], 2)], ids=["fresh", "after a read"])
def test_a_shared_write_drops_the_lock_and_is_retried_though_it_is_done(
    tree: Tree, before: list[dict[str, Any]], n_faults: int
) -> None:
    result, state = ran(mapped(victim(*before, write(), read(), write())), tree)
    assert costs(result) == (n_faults, n_faults + 1, n_faults + 1)
    assert state.get_pte(1, V + PAGE) & (PAGE_RW | PAGE_DIRTY) == PAGE_RW | PAGE_DIRTY
    assert state.data["frame", state.data["cache", 1, 1]].dirty


def test_from_6_0_on_it_is_complete_at_once() -> None:
    result, _ = ran(mapped(victim(write())), Tree.later("6.1"))
    assert costs(result)[1:] == (1, 1)


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_what_one_process_writes_another_reads(tree: Tree) -> None:
    other = {"name": "W", "process": "Q", "pages": 4, "file": "F", "shared": True, "first_page": 1}
    scenario = mapped(
        victim(write(2), {"do": "post", "task": "U"}, process="P"),
        task("U", read(1, "W"), {"do": "wait_post"}, read(1, "W"), process="Q"),
        area={"process": "P"},
        more=[other],
    )
    result, _ = ran(scenario, tree)
    assert result.tasks["U"].outcomes[-1] == "ret=7"


def test_a_writer_that_must_wait_for_the_disk_waits_without_mmap_sem() -> None:
    scenario = mapped(
        victim(write(), process="P"),
        task("W", pause(100), {"do": "munmap", "area": "V", "page": 40}, process="P"),
        area={"process": "P"},
        throttle=500,
    )
    result, _ = ran(scenario)
    assert [event.t for event in result.trace.select("lock_dropped", task="W")] == [100]
    assert [event.t for event in result.trace.select("value", task="T")] == [502]


@pytest.mark.parametrize(("tree", "n_exceptions"), [(OLD, 1), (NEW, 2)], ids=str)
def test_a_signal_in_that_wait_ends_the_fault_which_is_done_already(tree: Tree, n_exceptions: int) -> None:
    """From patch 9 on the fault is left uncounted, and the access that is made again finds its page."""
    scenario = mapped(victim(write()), task("S", pause(100), send("SIGUSR1")), throttle=500)
    result, _ = ran(scenario, tree)
    one = result.tasks["T"]
    assert one.outcome == "ret=7"
    assert one.stats["exceptions"] == 1
    assert one.counters["min_flt"] == (1 if n_exceptions == 1 else 0)
    assert one.stats["handler_runs"] == 1


# ------------------------------------------------------------------------------------ back to the disk


def test_msync_writes_what_is_dirty_and_makes_it_read_only() -> None:
    result, state = ran(mapped(victim(write(1), write(2), SYNC, write(1))))
    writes = [event for event in result.trace.select("disk", task="T") if "write" in str(event.b)]
    assert [str(one.b) for one in writes] == [f"is asked to write page {page} of F" for page in (1, 2)]
    assert state.get_pte(1, V + PAGE) & PAGE_RW  # written again since
    assert not state.get_pte(1, V + 2 * PAGE) & PAGE_RW
    assert not state.data["frame", state.data["cache", 1, 2]].dirty
    assert result.tasks["T"].counters["min_flt"] == 3


def test_msync_waits_for_the_disk_and_writes_a_clean_page_not_at_all() -> None:
    result, _ = ran(mapped(victim(write(1), SYNC, SYNC, read(0))))
    assert [event.t for event in result.trace.select("value")][-1] == 2 + 1000 + 1
    asked = [event for event in result.trace.select("disk", task="T") if "asked" in str(event.b)]
    assert len(asked) == 1


def test_msync_keeps_no_page() -> None:
    _, state = ran(mapped(victim(write(1), read(2), SYNC)))
    pages = [state.data["frame", state.data["cache", 1, page]] for page in range(4)]
    # One reference of the cache's, and one of each entry's.
    assert [one.refcount - one.mapcount for one in pages] == [1] * 4


def test_msync_holds_a_page_that_it_waits_to_lock() -> None:
    async def sync() -> None:
        given.append(await sys_msync(V, 4 * PAGE))

    async def cut() -> None:
        await sys_ftruncate(File(1), 0)

    given: list[int] = []
    scenario = mapped(task("T", process="P"), task("U", process="P"), area={"process": "P"})
    lab = Lab(programs={"T": sync, "U": cut}, scenario=scenario)
    state = lab.world.state
    page = state.data["cache", 1, 0]
    lab.until("T", "lock_page")
    lab.settle("U")
    assert lab.task("U").ended
    assert state.data["cache", 1, 0] is None
    assert state.data["frame", page].refcount == 1
    lab.settle("T")
    assert given == [0]
    assert not state.data["frame", page]


def test_a_write_during_the_writeback_does_not_wait_and_is_not_lost() -> None:
    scenario = mapped(
        victim(write(1, 5), SYNC, process="P"),
        task(
            "U",
            pause(500),
            write(1, 6),
            {"do": "pause", "ticks": 2000},
            SYNC,
            {"do": "munmap", "area": "V", "page": 0, "pages": 64},
            {"do": "drop_caches"},
            process="P",
        ),
        area={"process": "P"},
        more=[{"name": "W", "process": "P", "pages": 4, "file": "F"}],
    )
    result, state = ran(scenario)
    assert [event.t for event in result.trace.select("value", task="U")] == [502]
    assert state.data["stored", 1, 1][0] == 6


def test_what_was_written_back_comes_back_from_the_disk() -> None:
    steps = [
        write(1, 9),
        SYNC,
        {"do": "munmap", "area": "V", "pages": 64},
        {"do": "drop_caches"},
        read(1, "W"),
    ]
    more = [{"name": "W", "pages": 4, "file": "F"}]
    result, _ = ran(mapped(victim(*steps), more=more))
    assert result.tasks["T"].outcomes[-1] == "ret=9"
    assert result.tasks["T"].counters["maj_flt"] == 1


def test_msync_of_a_private_mapping_writes_nothing() -> None:
    result, _ = ran(mapped(victim(write(), SYNC), area={"shared": False}))
    assert result.trace.select("disk", task="T") == []


@pytest.mark.parametrize(
    ("first", "pages"), [(0, 3), (1, 2), (3, 62)], ids=["a hole on the way", "in front", "at the end"]
)
def test_msync_says_that_memory_is_missing(first: int, pages: int) -> None:
    async def syncs() -> None:
        await sys_munmap(V + PAGE, PAGE)
        given.append(await sys_msync(V + first * PAGE, pages * PAGE))

    given: list[int] = []
    lab = Lab(programs={"T": syncs}, scenario=mapped(task("T")))
    lab.settle()
    assert given == [-ENOMEM]
    assert lab.world.violations == []


# ------------------------------------------------------------------------------------ pages leave memory


def test_dropping_the_cache_leaves_what_is_used() -> None:
    hold = {"do": "hold_page", "file": "F", "page": 40, "ticks": 500}
    scenario = mapped(
        victim(read(1), write(20), pause(10), {"do": "fadvise_dontneed", "file": "F"}),
        task("H", hold, process="H"),
    )
    _, state = ran(scenario)
    rest = sorted(place[2] for place, pfn in state.data.items() if place[0] == "cache" and pfn)
    assert rest == [*range(16), 20, 40]


def test_drop_caches_means_every_file() -> None:
    data = plain(
        victim({"do": "drop_caches"}),
        area={"userfaultfd": False},
        files=[{"name": name, "pages": 3, "cached": True} for name in "FG"],
    )
    _, state = ran(Scenario.from_dict(data))
    assert not any(pfn for place, pfn in state.data.items() if place[0] == "cache")


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "private"])
@pytest.mark.parametrize("tree", TREES, ids=str)
def test_truncation_takes_pages_away_from_who_maps_them_copies_included(tree: Tree, shared: bool) -> None:
    steps = [write(1), write(9), {"do": "truncate", "file": "F", "size": 4}, read(1), read(9)]
    result, state = ran(mapped(victim(*steps), area={"shared": shared}), tree)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=7", "ret=7", "SIGBUS(code=2)")
    assert max(place[2] for place, pfn in state.data.items() if place[0] == "cache" and pfn) < 4


@pytest.mark.parametrize("private", [False, True], ids=["its page", "a copy of it"])
def test_a_fault_that_was_under_way_leaves_no_entry_of_a_page_that_is_gone(private: bool) -> None:
    async def cut() -> None:
        await sys_ftruncate(File(1), 1)

    def observer(one: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        if effect.op == "delete_from_page_cache":
            mapped_when_gone.add(state.data["frame", effect.args[0]].mapcount)

    mapped_when_gone: set[int] = set()
    scenario = mapped(
        task("T", process="P"), task("U", process="P"), area={"process": "P", "shared": not private}
    )
    lab = Lab("T", programs={"U": cut}, scenario=scenario, observer=observer)
    state, mm, address = lab.world.state, Mm(1), V + PAGE
    lab.do("T", down_read(mm))
    vma = lab.do("T", find_vma(mm, address))
    lab.do("T", filemap_fault(vma, address, 0))
    lab.settle("T")
    page = lab.results["T"][-1].page  # locked, and the file was long enough
    lab.settle("U")  # the file ends before it now; its entries are empty; U waits for its lock
    mine = lab.do("T", alloc_page(0)) if private else page
    assert lab.do("T", set_pte_if_same(mm, address, 0, mine << 12 | 0x7)) is True
    lab.do("T", unlock_page(page))
    lab.settle("U")
    assert lab.task("U").ended
    assert state.data["cache", 1, 1] is None
    assert state.get_pte(1, address) == 0
    assert mapped_when_gone == {0}  # its last entry went before
    assert lab.world.violations == []
    lab.close()


def test_a_page_that_leaves_the_cache_takes_no_private_copy_along() -> None:
    steps = [write(1), {"do": "fadvise_dontneed", "file": "F"}, read(1)]
    result, _ = ran(mapped(victim(*steps), area={"shared": False}))
    assert result.tasks["T"].outcomes == ("ret=7", "ret=7")


def test_truncation_waits_for_the_disk() -> None:
    scenario = mapped(
        victim(read(20)),
        task("U", pause(100), {"do": "truncate", "file": "F", "size": 4}, process="U"),
        cached=False,
    )
    result = run(scenario, NEW)
    gone = [event.t for event in result.trace.select("cache", task="U")]
    assert len(gone) == 32
    assert min(gone) == 1001
    assert result.violations == ()
