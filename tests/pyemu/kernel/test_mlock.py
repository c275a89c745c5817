"""mlock: waits as often as it takes, renames errors, and does not mind what has gone meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.flags import VM_LOCKED
from pyemu.kernel.mlock import posix_error
from tests.pyemu.scenes import COPY, WAIT, WAKE, monitor, pause, scene, send, task, victim

OLD, NEW, FIXED = Tree.before, Tree.after, Tree.v5_7
PLAIN = {"userfaultfd": False}


def lock(page: int = 1, pages: int = 1) -> dict[str, Any]:
    return {"do": "mlock", "area": "V", "page": page, "pages": pages}


def unlock(page: int = 1, pages: int = 1) -> dict[str, Any]:
    return {"do": "munlock", "area": "V", "page": page, "pages": pages}


def areas(scenario: Scenario) -> list[tuple[int, bool]]:
    """Length in pages of each area in order, and whether it is locked."""
    machine = Machine(scenario, FIXED)
    machine.run(strict=True)
    data = machine.world.state.data
    found = [data["vma", one] for one in data["vmas", 1]]
    return [((one.end - one.start) >> 12, bool(one.flags & VM_LOCKED)) for one in found]


def test_the_range_is_marked_and_its_pages_are_there() -> None:
    result = run(
        scene(victim(lock(1, 2), {"do": "read", "area": "V", "page": 2}), area=PLAIN), FIXED, strict=True
    )
    assert result.tasks["T"].outcomes == ("ret=0", "ret=0")
    assert result.tasks["T"].stats["exceptions"] == 0
    assert areas(scene(victim(lock(1, 2)), area=PLAIN)) == [(1, False), (2, True), (1, False)]
    assert areas(scene(victim(lock(0, 4), unlock(3)), area=PLAIN)) == [(3, True), (1, False)]


@pytest.mark.parametrize("tree", [OLD, NEW, FIXED, Tree.later("6.18")], ids=str)
def test_it_waits_any_number_of_times_on_every_tree(tree: Tree) -> None:
    result = run(scene(victim(lock()), monitor(*[WAIT, pause(10), WAKE] * 4, WAIT, COPY)), tree, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["messages_queued"]) == ("ret=0", 5)


def test_a_hole_is_enomem_and_what_comes_before_it_is_marked() -> None:
    hole = {"do": "munmap", "area": "V", "page": 2}
    for step, marked in ((lock(0, 4), True), (unlock(0, 4), False)):
        holed = scene(victim(hole, step), area=PLAIN)
        assert run(holed, FIXED, strict=True).tasks["T"].outcome == "ENOMEM"
        assert areas(holed) == [(2, marked), (1, False)]
    assert run(scene(victim(hole, lock(2)), area=PLAIN), FIXED).tasks["T"].outcome == "ENOMEM"


@pytest.mark.parametrize("tree", [OLD, FIXED], ids=str)
def test_a_page_that_goes_while_it_is_waited_for_is_no_error(tree: Tree) -> None:
    gone = scene(
        victim(lock(), process="P"),
        task("U", pause(10), {"do": "munmap", "area": "V", "page": 1}, process="P"),
        monitor(WAIT, pause(20), WAKE),
    )
    result = run(gone, tree, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["attempts"]) == ("ret=0", 1)


def test_errors_are_renamed_for_posix() -> None:
    assert [posix_error(-one) for one in (14, 12, 4, 512)] == [-12, -11, -4, -512]
    refused = scene(victim(lock()), area={"features": ["SIGBUS"]})
    assert run(refused, FIXED, strict=True).tasks["T"].outcome == "ENOMEM"


@pytest.mark.parametrize("tree", [OLD, NEW, FIXED], ids=str)
def test_sigkill_ends_it(tree: Tree) -> None:
    result = run(scene(victim(lock()), monitor(WAIT, pause(10), send("SIGKILL"))), tree)
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["attempts"]) == ("killed:9", 1)
    assert not result.violations


@pytest.mark.parametrize("step", [lock(), unlock()], ids=["mlock", "munlock"])
def test_a_wait_for_the_lock_can_be_killed(step: dict[str, Any]) -> None:
    # U holds mmap_sem for reading while the disk works; T's wait to write it ends with SIGKILL.
    slow = scene(
        victim(pause(10), step, process="P"),
        task("U", {"do": "procmem_read", "area": "F"}, process="P", thread=False),
        task("K", pause(50), send("SIGKILL")),
        area={"process": "P"},
        more=[{"name": "F", "process": "P", "file": "F", "random": True, "prot": "r"}],
        files=[{"name": "F", "io_ticks": 1000}],
    )
    result = run(slow, FIXED)
    assert result.tasks["T"].outcome == "killed:9"
    ends = [event.t for event in result.trace.select("exit", task="T")]
    assert ends
    assert ends[0] < 60
