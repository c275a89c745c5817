"""Anonymous memory: which access costs which fault, on every tree alike."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.errors import ScenarioError
from pyemu.flags import PAGE_RW
from pyemu.machine import Result
from pyemu.state import ZERO_PFN
from tests.pyemu.scenes import COPY, V1, WAIT, V, monitor, plain, scene, task, victim

PLAIN = {"userfaultfd": False}
TREES = [Tree.before, Tree.after]


def read(page: int = 1, **keys: Any) -> dict[str, Any]:
    return {"do": "read", "area": "V", "page": page, **keys}


def write(page: int = 1, byte: int = 7, **keys: Any) -> dict[str, Any]:
    return {"do": "write", "area": "V", "page": page, "byte": byte, **keys}


def dontneed(page: int = 1, pages: int = 1) -> dict[str, Any]:
    return {"do": "madvise_dontneed", "area": "V", "page": page, "pages": pages}


def accessed(*steps: dict[str, Any], tree: Tree = Tree.after, **area: Any) -> Result:
    return run(scene(victim(*steps), area={**PLAIN, **area}), tree, strict=True)


def faults(result: Result) -> int:
    counters = result.tasks["T"].counters
    assert counters["min_flt"] == counters["page-faults"] == counters["minor-faults"]
    assert counters["maj_flt"] == 0
    return counters["min_flt"]


SEQUENCES = {
    "a read maps the zero page": ([read()], ["ret=0"], 1),
    "a read then a write are two faults": ([read(), write(), read()], ["ret=0", "ret=7", "ret=7"], 2),
    "a write first is one fault": ([write(), read(), write(byte=9)], ["ret=7", "ret=7", "ret=9"], 1),
    "a page is faulted in once": ([read(), read(offset=4095), read(offset=1)], ["ret=0"] * 3, 1),
    "each page costs its own fault": ([read(0), read(1), read(2), read(3)], ["ret=0"] * 4, 4),
    "dontneed then read gives zeros again": (
        [write(), dontneed(), read()],
        ["ret=7", "ret=0"],
        2,
    ),
    "dontneed then write is one fault": ([write(), dontneed(), write(byte=3)], ["ret=7", "ret=3"], 2),
    "dontneed of an empty range costs nothing": ([dontneed(0, 4), read()], ["ret=0"], 1),
    "dontneed of other pages leaves this one": ([write(), dontneed(2, 2), read()], ["ret=7", "ret=7"], 1),
    "the written byte is where it was written": (
        [write(offset=100), read(offset=100), read(offset=101)],
        ["ret=7", "ret=7", "ret=0"],
        1,
    ),
    "mapping over gives zeros": (
        [write(), {"do": "mmap_fixed", "area": "V", "page": 1}, read()],
        ["ret=7", "ret=0"],
        2,
    ),
    "unmapping beside leaves the page": (
        [write(), {"do": "munmap", "area": "V", "page": 2}, read()],
        ["ret=7", "ret=7"],
        1,
    ),
}


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize(("steps", "outcomes", "n_faults"), SEQUENCES.values(), ids=SEQUENCES)
def test_sequence(tree: Tree, steps: list[dict[str, Any]], outcomes: list[str], n_faults: int) -> None:
    result = accessed(*steps, tree=tree)
    assert list(result.tasks["T"].outcomes) == outcomes
    assert faults(result) == n_faults
    assert result.vmstat["pgfault"] == n_faults


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize(
    ("gone", "outcome"),
    [
        ({"do": "munmap", "area": "V", "page": 1}, "SIGSEGV(code=1)"),
        ({"do": "munmap", "area": "V", "page": 0, "pages": 4}, "SIGSEGV(code=1)"),
    ],
    ids=["one page", "the area"],
)
def test_an_unmapped_page_is_a_maperr(tree: Tree, gone: dict[str, Any], outcome: str) -> None:
    result = accessed(write(), gone, read(), tree=tree)
    assert result.tasks["T"].outcome == outcome
    assert result.vmstat["pgfault"] == 1  # handle_mm_fault was never asked


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_write_to_a_read_only_area_is_an_accerr_before_and_after_a_read(tree: Tree) -> None:
    for steps in ([write()], [read(), write()]):
        result = accessed(*steps, tree=tree, prot="r")
        assert result.tasks["T"].outcome == "SIGSEGV(code=2)"
        assert result.tasks["T"].counters["page-faults"] == len(steps)


def test_a_populated_page_costs_no_fault() -> None:
    assert faults(accessed(read(), write(), populated=[1])) == 0


def test_a_read_maps_the_zero_page_read_only_and_a_write_replaces_it() -> None:
    first, second = accessed(read(), write()).trace.select("pte")
    assert (first.a, second.a) == (V1, V1)
    assert int(first.b) >> 12 == ZERO_PFN
    assert not int(first.b) & PAGE_RW
    assert int(second.b) >> 12 != ZERO_PFN
    assert int(second.b) & PAGE_RW


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_read_that_finds_its_page_there_leaves_the_entry_alone(tree: Tree) -> None:
    scenario = scene(victim(read()), monitor(WAIT, COPY), area={"prot": "r"})
    machine = Machine(scenario, tree)
    result = machine.run(strict=True)
    assert result.tasks["T"].stats["attempts"] == 2
    assert not machine.world.state.get_pte(1, V1) & PAGE_RW


def test_nobody_ever_writes_to_the_zero_page() -> None:
    steps = [one for page in range(4) for one in (read(page), write(page), dontneed(page), read(page))]
    assert accessed(*steps).tasks["T"].outcomes == ("ret=0", "ret=7", "ret=0") * 4


def test_two_processes_share_no_memory_though_their_addresses_are_equal() -> None:
    data = plain(
        task("T", write(), process="P"),
        task("U", {"do": "pause", "ticks": 10}, read(area="W"), process="Q"),
        area={**PLAIN, "process": "P"},
    )
    data["areas"].append({"name": "W", "process": "Q", "pages": 4, "address": V})
    assert run(Scenario.from_dict(data), strict=True).tasks["U"].outcome == "ret=0"


def test_two_threads_at_one_missing_page_get_the_same_page() -> None:
    two = scene(
        task("T", write(), {"do": "pause", "ticks": 10}, read(offset=9), process="P"),
        task("U", write(byte=8, offset=9), process="P"),
        area=PLAIN,
    )
    result = run(two, strict=True)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=8")
    assert result.vmstat["pgfault"] == 2


def test_a_stale_translation_is_flushed_on_every_cpu() -> None:
    two = scene(
        task("T", write(), {"do": "pause", "ticks": 100}, read(), process="P"),
        task("U", {"do": "pause", "ticks": 50}, read(), dontneed(), process="P"),
        area=PLAIN,
    )
    result = run(two, strict=True)
    assert result.tasks["T"].outcomes == ("ret=7", "ret=0")
    assert [event.b for event in result.trace.select("flush")] == [2]


def test_a_page_that_nobody_uses_is_used_again() -> None:
    often = scene(
        victim(*[step for _ in range(20) for step in (write(), dontneed())]),
        area=PLAIN,
        machine={"ram_pages": 16},
    )
    assert run(often, strict=True).tasks["T"].outcomes == ("ret=7",) * 20


def test_memory_that_is_full_says_how_to_get_more() -> None:
    many = scene(
        victim(*map(write, range(16))),
        area={**PLAIN, "pages": 16},
        machine={"ram_pages": 16},
    )
    with pytest.raises(ScenarioError, match=r"all 16 pages are in use.*ram_pages = 32"):
        run(many)
