"""KVM's faults: ask without waiting, let a worker wait, or wait and be called back by a signal."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, PAGE, V1, WAIT, monitor, pause, scene, send, task, victim

TREES = [Tree.before, Tree.v5_7, Tree.later("6.1"), Tree.later("6.2"), Tree.later("6.18")]
BACK = {"do": "mark", "label": "back"}


def fault(**keys: Any) -> dict[str, Any]:
    return {"do": "vcpu_fault", "area": "V", "page": 1, **keys}


def guest(
    *steps: dict[str, Any], area: dict[str, Any] | None = None, does: Any = (), **keys: Any
) -> Scenario:
    """A CPU of a guest, a worker of the kernel for it, and a monitor."""
    worker = task(
        "K", {"do": "wait_post"}, {"do": "async_pf", "area": "V", "page": 1, "task": "T"}, monitor=True
    )
    return scene(victim(*steps, **keys), worker, monitor(*does, serves="T"), area=area)


def gup(result: Result, name: str = "T") -> list[str]:
    return [event.text.removeprefix("GUP gives ") for event in result.trace.select("gup", task=name)]


def flags(result: Result, name: str = "T") -> list[int]:
    return [int(event.a) for event in result.trace.select("attempt", task=name)]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_page_that_is_there_costs_no_fault_and_no_lock(tree: Tree) -> None:
    result = run(guest(fault(), area={"populated": [1]}), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=1"
    assert (flags(result), result.tasks["T"].stats["acquisitions"]) == ([], 0)


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("write", [False, True])
def test_a_page_that_needs_no_wait_is_brought_by_the_first_call(tree: Tree, write: bool) -> None:
    result = run(guest(fault(write=write, worker="K"), area={"userfaultfd": False}), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=1"
    assert len(flags(result)) == 1
    breaks_cow = tree.policies.gup_read_breaks_cow  # then it reads as it writes
    assert bool(flags(result)[0] & 1) is (write or breaks_cow)
    assert flags(result)[0] & 0x8  # RETRY_NOWAIT


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_with_a_worker_the_guest_is_told_and_nothing_waits_in_its_place_but_the_worker(tree: Tree) -> None:
    steps = [fault(worker="K"), {"do": "wait_post"}, fault(worker="K")]
    result = run(guest(*steps, does=[WAIT, pause(100), COPY]), tree, strict=True)
    assert result.tasks["T"].outcomes == ("ret=0", "ret=1")
    assert gup(result) == ["0 pages, *locked 1", "0 pages, *locked 1"]
    assert result.tasks["T"].stats.get("messages_queued", 0) == 0
    assert result.tasks["K"].stats["messages_queued"] == 1
    assert result.tasks["K"].counters["min_flt"] == result.tasks["K"].counters["maj_flt"] == 0
    assert len(result.trace.select("message")) == 1
    assert flags(result, "K")[0] & 1  # the worker asks for a page that can be written
    assert result.ticks >= 100


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_without_a_worker_the_second_call_waits(tree: Tree) -> None:
    result = run(guest(fault(), does=[WAIT, pause(100), COPY]), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=1"
    assert flags(result)[0] & 0x8
    assert not flags(result)[1] & 0x8
    assert not flags(result)[0] & 0x200  # INTERRUPTIBLE: only who waits can be called back
    assert bool(flags(result)[1] & 0x200) is tree.policies.knows_foll_interruptible
    assert result.tasks["T"].stats["messages_queued"] == 1


@pytest.mark.parametrize(
    ("tree", "outcome", "at"),
    [
        *((tree, "ret=1", 300) for tree in TREES[:3]),
        *((tree, "EINTR", 100) for tree in TREES[3:]),
    ],
    ids=str,
)
def test_a_signal_calls_the_guest_back_from_6_2_on(tree: Tree, outcome: str, at: int) -> None:
    does = [WAIT, pause(100), send("SIGUSR1"), pause(200), COPY]
    result = run(guest(fault(), BACK, does=does), tree, strict=True)
    assert result.tasks["T"].outcome == outcome
    back = next(t for t, _, what, _ in result.reports if what == "mark")
    assert at <= back < at + 50
    assert result.tasks["T"].stats["handler_runs"] == 1


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_an_ignored_signal_calls_nobody_back(tree: Tree) -> None:
    does = [WAIT, pause(100), send("SIGUSR1"), pause(200), COPY]
    result = run(guest(fault(), does=does, signals={"SIGUSR1": "ignore"}), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=1"


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("worker", [{}, {"worker": "K"}], ids=["waits", "told"])
def test_read_only_memory_can_not_be_written_however_long_one_waits(
    tree: Tree, worker: dict[str, str]
) -> None:
    result = run(guest(fault(**worker), area={"prot": "r"}), tree, strict=True)
    assert result.tasks["T"].outcome == "EFAULT"


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_memory_that_is_gone_is_an_error_and_no_reason_to_wait(tree: Tree) -> None:
    gone = {"do": "munmap", "area": "V", "page": 1}
    result = run(guest(gone, fault(worker="K")), tree, strict=True)
    assert result.tasks["T"].outcome == "EFAULT"


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_every_page_is_given_back(tree: Tree) -> None:
    steps = [fault(worker="K"), {"do": "wait_post"}, fault(), {"do": "vcpu_fault", "area": "V", "page": 2}]
    machine = Machine(guest(*steps, does=[WAIT, COPY, WAIT, {**COPY, "page": 2}]), tree)
    assert machine.run().tasks["T"].outcomes == ("ret=0", "ret=1", "ret=1")
    state = machine.world.state
    frames = [state.data["frame", state.get_pte(1, V1 + page * PAGE) >> 12] for page in (0, 1)]
    assert [(frame.refcount, frame.mapcount) for frame in frames] == [(1, 1)] * 2
