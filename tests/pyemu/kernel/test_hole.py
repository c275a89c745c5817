"""A hole that is punched into shared memory, and the faults that wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.calls.filemap import shmem_fallocate
from pyemu.effects.handles import File
from pyemu.expect import field_of
from pyemu.flags import VmFault
from tests.pyemu.scenes import Lab, pause, scene, send, task, victim

TREES = [Tree.before, Tree.after, Tree.later("6.1"), Tree.later("6.12")]
PUNCH = {"do": "punch_hole", "file": "f", "pages": 2}
HOLD = {"do": "hold_page", "file": "f", "page": 1, "ticks": 1000}


def on(page: int, do: str = "read") -> dict[str, Any]:
    return {"do": do, "area": "V", "page": page}


def punched(*tasks: dict[str, Any], punch: dict[str, Any] = PUNCH, **area: Any) -> Scenario:
    """Three pages of a file; page 1 is locked for a time, and U punches a hole meanwhile."""
    return scene(
        *tasks,
        task("X", HOLD, process="Q"),
        task("U", punch, process="R"),
        area={
            "userfaultfd": False,
            "process": "P",
            "pages": 3,
            "file": "f",
            "shared": True,
            "populated": [0, 1, 2],
            **area,
        },
        files=[{"name": "f", "kind": "tmpfs", "pages": 3, "byte": 4, "cached": True}],
    )


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_pages_of_the_hole_are_zeros_and_others_stay(tree: Tree) -> None:
    steps = [pause(2000), on(0), on(1), on(2)]
    result = run(punched(victim(*steps, process="P")), tree)
    assert tuple(result.tasks["T"].outcomes) == ("ret=0", "ret=0", "ret=4")
    assert result.violations == ()


def test_the_hole_begins_where_it_is_said() -> None:
    steps = [pause(2000), on(0), on(1), on(2)]
    result = run(punched(victim(*steps, process="P"), punch={**PUNCH, "page": 1}))
    assert tuple(result.tasks["T"].outcomes) == ("ret=4", "ret=0", "ret=0")


def test_a_private_copy_stays() -> None:
    steps = [on(0, "write"), pause(2000), on(0)]
    result = run(punched(victim(*steps, process="P"), shared=False, populated=[]))
    assert tuple(result.tasks["T"].outcomes) == ("ret=7", "ret=7")


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_fault_outside_the_hole_waits_for_nobody(tree: Tree) -> None:
    result = run(punched(victim(pause(100), on(2), process="P"), populated=[]), tree)
    assert len(result.trace.select("sleep", task="T")) == 1  # the pause
    assert field_of(result, "T", "ends_at") < 1000


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_first_attempt_waits_without_the_lock_and_says_retry(tree: Tree) -> None:
    result = run(punched(victim(pause(100), on(0), process="P")), tree)
    attempts = [VmFault(int(event.a)) for event in result.trace.select("attempt_end", task="T")]
    assert VmFault.RETRY in attempts[0]
    assert [event.a for event in result.trace.select("sleep", task="T")] == [1, 2]
    assert field_of(result, "T", "ends_at") == 1001
    assert result.violations == ()


def test_who_may_not_drop_the_lock_waits_with_it_and_gets_nopage() -> None:
    pin = {"do": "pin", "area": "V", "entry": "get_user_pages", "write": False}
    result = run(punched(victim(pause(100), pin, process="P")))
    attempts = [VmFault(int(event.a)) for event in result.trace.select("attempt_end", task="T")]
    assert attempts[0] == VmFault.NOPAGE
    assert len(attempts) == 2
    events = result.trace.select("lock_taken", "lock_dropped", "sleep", task="T")
    told = [event.kind for event in events if event.t >= 100]
    assert told[:3] == ["lock_taken", "sleep", "lock_dropped"]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_sigkill_does_not_end_the_wait(tree: Tree) -> None:
    killer = task("K", pause(200), send("SIGKILL"), process="K", monitor=True)
    result = run(punched(victim(pause(100), on(0), process="P"), killer), tree)
    assert result.tasks["T"].outcome == "killed:9"
    assert field_of(result, "T", "ends_at") >= 1000


def test_two_punches_follow_each_other() -> None:
    other = task("W", {**PUNCH, "page": 1}, process="R")
    result = run(punched(victim(pause(100), on(0), process="P"), other))
    told = [(event.a, event.b) for event in result.trace.select("hole")]
    assert [what for _, what in told] == ["is being punched", "is there"] * 2
    assert told[0][0] == told[1][0]
    assert result.violations == ()


def test_a_punch_that_worked_gives_0() -> None:
    files = [{"name": "f", "kind": "tmpfs", "pages": 3, "byte": 4, "cached": True}]
    lab = Lab("U", scenario=scene(task("U"), files=files))
    lab.do("U", shmem_fallocate(File(1), 1, 2))
    lab.settle("U")
    assert lab.results["U"] == [0]
