"""Shared memory: the page cache is its only place, and a userfaultfd serves what is missing there."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.calls.userfaultfd import mcopy_atomic_pte
from pyemu.effects.areas import find_vma
from pyemu.effects.handles import Mm
from pyemu.effects.locks import down_read
from pyemu.flags import EEXIST
from pyemu.machine import Result
from tests.pyemu.scenes import (
    COPY,
    READ,
    V1,
    WAIT,
    WAKE,
    WRITE,
    Lab,
    V,
    monitor,
    pause,
    plain,
    scene,
    task,
    victim,
)

TREES = [Tree.before, Tree.v5_7]
SHARED = {"kind": "shmem", "userfaultfd": False}


def served(*program: dict[str, Any], tree: Tree = Tree.v5_7, **keys: Any) -> Result:
    """T accesses a registered area of shared memory; M does what `program` says."""
    return run(
        scene(victim(*keys.pop("steps", (READ,)), **keys), monitor(*program), area={"kind": "shmem"}), tree
    )


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize(
    ("steps", "n_faults"),
    [([READ], 1), ([WRITE], 1), ([READ, WRITE], 1), ([WRITE, READ], 1), ([READ, READ], 1)],
)
def test_a_page_of_shared_memory_costs_one_fault_whatever_comes_first(
    tree: Tree, steps: list[dict[str, Any]], n_faults: int
) -> None:
    counters = run(scene(victim(*steps), area=SHARED), tree, strict=True).tasks["T"].counters
    assert (counters["min_flt"], counters["maj_flt"], counters["page-faults"]) == (n_faults, 0, n_faults)


def test_the_first_write_takes_a_second_attempt_because_it_drops_the_lock() -> None:
    stats = run(scene(victim(WRITE), area=SHARED), Tree.v5_7, strict=True).tasks["T"].stats
    assert (stats["attempts"], stats["acquisitions"]) == (2, 2)
    stats = run(scene(victim(READ, WRITE), area=SHARED), Tree.v5_7, strict=True).tasks["T"].stats
    assert (stats["attempts"], stats["acquisitions"]) == (1, 1)


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_private_mapping_is_read_only_until_it_is_written_to(tree: Tree) -> None:
    counters = run(scene(victim(READ, WRITE), area={**SHARED, "shared": False}), tree).tasks["T"].counters
    assert counters["min_flt"] == 2


def test_from_6_0_on_the_first_write_is_complete() -> None:
    stats = run(scene(victim(WRITE), area=SHARED), Tree.later("6.1"), strict=True).tasks["T"].stats
    assert (stats["attempts"], stats["acquisitions"]) == (1, 1)


def test_what_one_process_writes_another_reads() -> None:
    data = plain(
        task("T", {**WRITE, "byte": 9}, {"do": "post", "task": "U"}, process="P"),
        task("U", {"do": "wait_post"}, {"do": "read", "area": "W", "page": 0}, process="Q"),
        area={"file": "F", "shared": True, "userfaultfd": False, "process": "P"},
        more=[{"name": "W", "process": "Q", "file": "F", "shared": True, "first_page": 1}],
        files=[{"name": "F", "kind": "tmpfs", "pages": 4}],
    )
    assert run(Scenario.from_dict(data), strict=True).tasks["U"].outcome == "ret=9"


def test_a_private_mapping_of_it_copies_at_the_write() -> None:
    data = plain(
        task("T", WRITE, {"do": "post", "task": "U"}, READ, process="P"),
        task("U", {"do": "wait_post"}, {"do": "read", "area": "W", "page": 1}, process="Q"),
        area={"file": "F", "userfaultfd": False, "process": "P"},
        more=[{"name": "W", "process": "Q", "file": "F", "pages": 4}],
        files=[{"name": "F", "kind": "tmpfs", "pages": 4}],
    )
    result = run(Scenario.from_dict(data), strict=True)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=7")
    assert result.tasks["U"].outcome == "ret=0"


def test_a_page_that_a_monitor_brought_is_neither_locked_nor_held() -> None:
    machine = Machine(scene(victim(READ), monitor(WAIT, COPY), area={"kind": "shmem"}))
    machine.run(strict=True)
    (frame,) = (one for place, one in machine.world.state.data.items() if place[0] == "frame" and one)
    # One reference of the cache's, one of the entry's.
    assert (frame.locked_by, frame.mapcount, frame.refcount) == (None, 1, 2)


def test_dontneed_unmaps_but_the_page_stays() -> None:
    steps = [WRITE, {"do": "madvise_dontneed", "area": "V", "page": 1}, READ]
    result = run(scene(victim(*steps), area=SHARED), strict=True)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=7")


def test_a_page_beyond_the_end_is_sigbus() -> None:
    data = plain(
        victim(READ, WRITE),
        area={"file": "F", "shared": True, "userfaultfd": False},
        files=[{"name": "F", "kind": "tmpfs", "pages": 1}],
    )
    assert run(Scenario.from_dict(data), strict=True).tasks["T"].outcomes == ("SIGBUS(code=2)",) * 2


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_page_that_is_missing_in_the_cache_is_the_monitors(tree: Tree) -> None:
    result = served(WAIT, pause(50), COPY, tree=tree)
    victim_ = result.tasks["T"]
    assert victim_.outcome == "ret=5"
    assert (victim_.stats["messages_queued"], victim_.stats["attempts"], victim_.counters["maj_flt"]) == (
        1,
        2,
        1,
    )


def test_a_write_finds_the_page_writable_that_the_monitor_brought() -> None:
    stats = served(WAIT, COPY, steps=(WRITE, READ)).tasks["T"].stats
    assert (stats["attempts"], stats["messages_queued"]) == (2, 1)


def test_a_page_in_the_cache_is_mapped_without_a_message() -> None:
    steps = ({"do": "write", "area": "V", "page": 0}, {"do": "madvise_dontneed", "area": "V", "page": 0})
    again = {"do": "read", "area": "V", "page": 0}
    data = scene(victim(*steps, again), monitor(WAIT), area={"kind": "shmem", "populated": [0]})
    result = run(data, strict=True)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=7")
    assert result.tasks["T"].stats["messages_queued"] == 0


@pytest.mark.parametrize(
    ("tree", "outcome"), [(Tree.before, "SIGBUS(code=2)"), (Tree.v5_7, "ret=5")], ids=str
)
def test_a_wake_without_a_page_asks_again_if_the_tree_allows_it(tree: Tree, outcome: str) -> None:
    result = served(WAIT, pause(10), WAKE, WAIT, COPY, tree=tree)
    assert result.tasks["T"].outcome == outcome


def test_copying_over_a_page_that_is_there_changes_nothing() -> None:
    result = served(WAIT, COPY, {**COPY, "byte": 6}, pause(10), steps=(READ, pause(100), READ))
    assert result.tasks["T"].outcomes == ("ret=5", "ret=5")


def test_an_entry_that_is_there_stops_the_monitor_and_takes_its_page_back() -> None:
    got: list[int] = []

    async def program() -> None:
        await down_read(Mm(1))
        vma = await find_vma(Mm(1), V)
        assert vma is not None
        got.append(await mcopy_atomic_pte(vma, V1, 5, False))

    lab = Lab(programs={"T": program}, scenario=scene(victim(), area=SHARED))
    state = lab.world.state
    state.set_pte(1, V1, 0x1005)
    lab.settle()
    assert got == [-EEXIST]
    assert state.data["cache", 1, 1] is None
    assert len(state.data["free_frames", 0]) == 1
    lab.close()


def test_pages_of_shared_memory_outlive_dropped_caches() -> None:
    data = plain(
        victim({"do": "drop_caches"}, READ),
        area={"file": "F", "shared": True, "userfaultfd": False},
        files=[{"name": "F", "kind": "tmpfs", "pages": 4, "cached": True, "byte": 8}],
    )
    assert run(Scenario.from_dict(data), strict=True).tasks["T"].outcome == "ret=8"


def test_zeros_from_the_monitor_are_a_page_of_the_cache() -> None:
    zero = {"do": "zeropage", "area": "V", "page": 1}
    result = served(WAIT, zero, steps=(READ, WRITE, READ))
    assert result.tasks["T"].outcomes == ("ret=0", "ret=7", "ret=7")
    assert result.tasks["T"].stats["messages_queued"] == 1


def test_after_the_userfaultfd_is_closed_a_missing_page_is_zeros() -> None:
    result = served(WAIT, {"do": "close"})
    assert result.tasks["T"].outcome == "ret=0"
