"""process_vm_readv: short pins begin afresh, every error is EFAULT, the bytes arrive, the pages go back."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.kernel.process_vm import MAX_BATCH
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, WAKE, monitor, pause, scene, send, victim

OLD, FIXED = Tree.before, Tree.v5_7
BUFFER = {"name": "B", "pages": 8}


def read(pages: int = 1, page: int = 1, offset: int = 0, **keys: Any) -> dict[str, Any]:
    where = {"area": "V", "page": page, "pages": pages, "buffer": "B", "buffer_offset": offset}
    return {"do": "process_vm_readv", **where, **keys}


def look(page: int, offset: int = 0) -> dict[str, Any]:
    return {"do": "read", "area": "B", "page": page, "offset": offset}


def outcomes(result: Result) -> tuple[str, ...]:
    assert not result.violations
    assert not result.findings
    return result.tasks["T"].outcomes


def served(
    *program: dict[str, Any], monitor_does: list[dict[str, Any]] | None = None, **keys: Any
) -> Scenario:
    does = [WAIT, COPY] if monitor_does is None else monitor_does
    return scene(victim(*program, **keys), monitor(*does), area={"populated": [0, 2]}, more=[BUFFER])


def test_the_bytes_are_those_of_the_page_and_land_at_the_offset() -> None:
    result = run(served(read(offset=100), look(0, 99), look(0, 100), look(1, 99), look(1, 100)), FIXED)
    assert outcomes(result) == ("ret=4096", "ret=0", "ret=5", "ret=5", "ret=0")


@pytest.mark.parametrize("tree", [OLD, Tree.upto(13)], ids=str)
def test_a_short_pin_is_followed_by_a_first_try_up_to_thirteen(tree: Tree) -> None:
    # One wake is survived, since page 0 came before; a second one is the end of the second fault.
    twice = [WAIT, pause(10), WAKE, WAIT, pause(10), COPY]
    assert outcomes(run(served(read(3, 0), monitor_does=twice), tree)) == ("ret=12288",)
    thrice = [WAIT, pause(10), WAKE, WAIT, pause(10), WAKE, WAIT, pause(10), COPY]
    assert outcomes(run(served(read(3, 0), monitor_does=thrice), tree)) == ("ret=4096",)
    assert outcomes(run(served(read(), monitor_does=twice), tree)) == ("EFAULT",)


def test_any_number_of_wakes_is_survived_from_fourteen_on() -> None:
    wakes = [WAIT, pause(10), WAKE] * 5
    for tree in (Tree.upto(14), FIXED):
        assert outcomes(run(served(read(3, 0), monitor_does=[*wakes, WAIT, COPY]), tree)) == ("ret=12288",)


def test_nothing_is_copied_into_memory_that_is_not_there() -> None:
    lost = served(
        {"do": "munmap", "area": "B", "page": 1},
        read(2, 0, 4000),
        read(1, 0, 4096),
        monitor_does=[WAIT, COPY],
    )
    assert outcomes(run(lost, FIXED)) == ("ret=96", "EFAULT")


def test_the_pages_go_back_when_they_are_copied() -> None:
    one = run(served(read(3, 0), {"do": "madvise_dontneed", "area": "V", "pages": 3}, READ), FIXED)
    frames = {key: value for key, value in one_state(served(read(3, 0))).items() if key[0] == "frame"}
    assert outcomes(one)[0] == "ret=12288"
    assert {frame.refcount for frame in frames.values() if frame is not None} == {1}


def one_state(scenario: Scenario) -> dict[Any, Any]:
    machine = Machine(scenario, FIXED)
    machine.run()
    return machine.world.state.data


OTHER = {
    "version": 1,
    "name": "other",
    "title": "t",
    "areas": [
        {"name": "V", "process": "P", "pages": 4, "populated": [0], "userfaultfd": True},
        {"name": "B", "process": "T", "pages": 8},
    ],
}


def of_another(tree: Tree, *does: dict[str, Any], owner: list[dict[str, Any]] | None = None) -> Result:
    return run(
        Scenario.from_dict(
            {
                **OTHER,
                "tasks": [
                    {"name": "O", "process": "P", "program": [pause(100_000)] if owner is None else owner},
                    {"name": "T", "program": [pause(5), read(2, 0, task="O"), look(1)]},
                    {"name": "M", "monitor": True, "serves": "P", "program": list(does)},
                ],
            }
        ),
        tree,
    )


@pytest.mark.parametrize(
    ("tree", "owner", "reader"),
    [(OLD, (0, 1), (3, 0)), (FIXED, (0, 1), (3, 0)), (Tree.later("6.1"), (0, 0), (3, 0))],
    ids=str,
)
def test_faults_in_another_process_s_memory_count_for_it_up_to_five_eight(
    tree: Tree, owner: tuple[int, int], reader: tuple[int, int]
) -> None:
    result = of_another(tree, WAIT, pause(5), COPY)
    assert outcomes(result) == ("ret=8192", "ret=5")
    counted = {
        name: (result.tasks[name].counters["min_flt"], result.tasks[name].counters["maj_flt"])
        for name in "OT"
    }
    assert counted == {"O": owner, "T": (reader[0] - 1, reader[1])}  # the last look costs nothing


def test_memory_of_a_process_that_is_gone_is_esrch() -> None:
    result = of_another(FIXED, owner=[])
    assert result.tasks["T"].outcomes == ("ESRCH", "ret=0")


@pytest.mark.parametrize("tree", [OLD, Tree.after, FIXED], ids=str)
def test_a_killed_reader_ends_and_leaves_the_other_s_lock_free(tree: Tree) -> None:
    result = of_another(
        tree, WAIT, pause(50), send("SIGKILL"), owner=[pause(1000), {"do": "munmap", "area": "V"}]
    )
    assert result.tasks["T"].outcome == "killed:9"
    assert result.end == "done"
    assert not result.violations


def test_a_batch_is_as_large_as_two_pages_of_pointers() -> None:
    assert MAX_BATCH == 1024


def test_memory_stays_while_somebody_looks_at_it() -> None:
    # The child ends while T waits for the disk; the page that the parent had changed is read all the same.
    write = {"do": "write", "area": "F", "page": 1, "byte": 9}
    forked = Scenario.from_dict(
        {
            "version": 1,
            "name": "gone",
            "title": "t",
            "areas": [
                {"name": "F", "process": "P", "file": "F", "pages": 2, "random": True},
                {"name": "B", "process": "T", "pages": 2},
            ],
            "files": [{"name": "F", "pages": 2, "byte": 6, "io_ticks": 1000}],
            "tasks": [
                {"name": "O", "process": "P", "program": [write, {"do": "fork", "child": "C"}]},
                {"name": "C", "process": "C", "forked": True, "program": [pause(50)]},
                {
                    "name": "T",
                    "program": [pause(1010), {**read(2, 0, task="C"), "area": "F"}, look(0), look(1)],
                },
            ],
        }
    )
    result = run(forked, FIXED, strict=True)
    assert result.tasks["T"].outcomes == ("ret=8192", "ret=6", "ret=9")
    ended = next(event.t for event in result.trace.select("exit", task="C"))
    assert 1010 < ended < 1100 < result.ticks
