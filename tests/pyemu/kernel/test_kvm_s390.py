"""A guest of KVM on s390: its fault asks with RETRY_NOWAIT, and KVM waits in its place."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.effects.extable import SIE_EXIT, SIE_PFAULT
from pyemu.errors import ScenarioError
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_RETRY_NOWAIT, FAULT_FLAG_USER, FAULT_FLAG_WRITE
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, WAIT, WAKE, monitor, pause, scene, send, task

NOWAIT = int(FAULT_FLAG_RETRY_NOWAIT)
GUEST_READ = {"do": "guest_read", "area": "V", "page": 1}
GUEST_WRITE = {"do": "guest_write", "area": "V", "page": 1, "byte": 9}
TREES = pytest.mark.parametrize("tree", [Tree.before, Tree.after, Tree.v5_7, Tree.later("6.1")], ids=str)


def host(*steps: dict[str, Any], program: Any = (GUEST_READ,), **keys: Any) -> Scenario:
    """T runs a guest; M serves the area."""
    tasks = [task("T", *program, signals={"SIGUSR1": "handler"})]
    tasks += [monitor(*steps)] if steps else []
    return scene(*tasks, machine={"arch": "s390", "max_ticks": 100_000}, permits=["spin"], **keys)


def attempts(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("attempt", task="T")]


def fixups(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("fixup", task="T")]


@TREES
def test_a_missing_page_is_waited_for_by_kvm_and_not_by_the_guests_fault(tree: Tree) -> None:
    result = run(host(WAIT, pause(1_000), COPY), tree)
    assert result.tasks["T"].outcome == "ret=5"
    assert result.violations == ()
    flags = attempts(result)
    assert flags[0] & (NOWAIT | FAULT_FLAG_ALLOW_RETRY) == NOWAIT | FAULT_FLAG_ALLOW_RETRY
    assert not flags[0] & (FAULT_FLAG_USER | FAULT_FLAG_WRITE)
    assert not any(word & NOWAIT for word in flags[1:])
    assert all(word & FAULT_FLAG_WRITE for word in flags[1:])
    assert len(flags) == 4  # the guest's; KVM's, twice, and once more since the lock was lost
    assert fixups(result) == [SIE_PFAULT]
    assert result.tasks["T"].stats["sleeps"] == 1


def test_the_lock_is_held_at_retry_and_released_by_the_handler() -> None:
    events = run(host(WAIT, COPY), Tree.after).trace.select(task="T")
    end = next(place for place, event in enumerate(events) if event.kind == "attempt_end")
    after = [event.kind for event in events[end:] if event.kind in ("lock_dropped", "lock_taken", "fixup")]
    assert after[:3] == ["lock_dropped", "fixup", "lock_taken"]


def test_a_page_that_can_be_had_at_once_is_mapped_without_kvm() -> None:
    result = run(host(program=(GUEST_WRITE, GUEST_READ), area={"userfaultfd": False}), Tree.after)
    assert result.tasks["T"].outcomes == ("ret=9", "ret=9")
    assert len(attempts(result)) == 1
    assert fixups(result) == []
    assert result.tasks["T"].counters["min_flt"] == 1


def test_without_an_area_the_guest_gets_an_error() -> None:
    gone = {"do": "munmap", "area": "V", "page": 1}
    result = run(host(program=(gone, GUEST_READ)), Tree.after)
    assert result.tasks["T"].outcome == "EFAULT"
    assert fixups(result) == [SIE_EXIT]
    assert not attempts(result)


def test_sigkill_ends_the_wait_of_kvm() -> None:
    result = run(host(WAIT, pause(100), send("SIGKILL"), pause(50_000), COPY), Tree.v5_7)
    assert result.tasks["T"].outcome == "killed:9"
    assert result.ticks < 1_000


def test_a_signal_is_looked_at_when_the_page_is_there() -> None:
    result = run(host(WAIT, pause(100), send("SIGUSR1"), pause(1_000), COPY), Tree.v5_7)
    assert result.tasks["T"].outcome == "EINTR"
    assert result.tasks["T"].stats["handler_runs"] == 1
    assert result.ticks > 1_000


def test_a_wake_without_a_page_is_an_error_before_the_series_and_another_wait_after_it() -> None:
    scenario = host(WAIT, WAKE, WAIT, COPY)
    assert run(scenario, Tree.before).tasks["T"].outcome == "EFAULT"
    assert run(scenario, Tree.v5_7).tasks["T"].outcome == "ret=5"


def test_a_pending_sigkill_leaves_the_guests_fault_with_the_lock_released() -> None:
    from course.series.decisions.attempt import Attempt
    from course.series.decisions.records import Mode, Pending
    from course.series.emulated import bring_about
    from pyemu.arches import arch_of

    flags = int(FAULT_FLAG_ALLOW_RETRY) | NOWAIT
    case = Attempt(arch_of("s390"), Mode.KERNEL, Pending.KILL, 0x400, flags)
    result = bring_about(case, Tree.before)
    assert fixups(result) == [SIE_EXIT]
    assert result.violations == ()


def test_a_guest_is_refused_elsewhere() -> None:
    with pytest.raises(ScenarioError, match=r"task T, step 1 \(guest_read\): .* s390 alone.* is 'x86'"):
        scene(task("T", GUEST_READ))


def test_on_6_12_the_handler_no_longer_asks_with_nowait() -> None:
    result = run(host(WAIT, COPY), Tree.later("6.12"))
    assert not any(word & NOWAIT for word in attempts(result))
