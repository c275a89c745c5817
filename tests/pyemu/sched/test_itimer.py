"""Interval timers: when they ring, what winds them up again, what switches them off."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.flags import SIGALRM
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, monitor, pause, poll, scene, task, victim

HANDLED = {"SIGALRM": "handler"}


def timer(ticks: int, interval: int = 0, count: int = 0) -> dict[str, Any]:
    return {"do": "setitimer", "ticks": ticks, "interval": interval, "count": count}


def alarms(result: Result) -> list[int]:
    """When SIGALRM was sent."""
    return [event.t for event in result.trace.select("signal_sent") if event.a == SIGALRM]


def taken(result: Result) -> list[int]:
    return [event.t for event in result.trace.select("signal_taken") if event.a == SIGALRM]


def test_a_timer_rings_once_without_an_interval() -> None:
    result = run(scene(task("T", timer(30), pause(100), pause(100), signals=HANDLED)), strict=True)
    assert alarms(result) == taken(result) == [30]


def test_a_count_makes_no_timer_ring_that_has_no_interval() -> None:
    result = run(scene(task("T", timer(30, 0, 3), pause(100), pause(100), signals=HANDLED)), strict=True)
    assert alarms(result) == taken(result) == [30]


def test_a_timer_with_an_interval_rings_until_its_count_is_reached() -> None:
    result = run(scene(task("T", timer(20, 5, 3), *[pause(100)] * 5, signals=HANDLED)), strict=True)
    assert alarms(result) == taken(result) == [20, 25, 30]
    assert result.tasks["T"].stats["handler_runs"] == 3


def test_a_timer_without_a_count_rings_as_long_as_the_process_lives() -> None:
    result = run(scene(task("T", timer(20, 5), *[pause(100)] * 6, signals=HANDLED)), strict=True)
    assert alarms(result) == [20, 25, 30, 35, 40, 45]


def test_a_timer_that_was_set_again_forgets_what_it_was_set_to() -> None:
    result = run(scene(task("T", timer(20, 5), timer(7), *[pause(50)] * 2, signals=HANDLED)), strict=True)
    assert alarms(result) == [7]


def test_a_process_that_takes_no_signal_is_told_once() -> None:
    # A kernel-mode copy of 150 us: the timer is wound up when the signal is taken, not when time passes.
    copies = scene(
        victim(timer(20, 5), {"do": "tmpfs_write", "area": "V", "page": 1}, pause(1), signals=HANDLED),
        monitor(WAIT, pause(150), COPY),
    )
    result = run(copies, Tree.before, strict=True)
    assert alarms(result)[0] == 20
    assert result.tasks["T"].stats["handler_runs"] == 1
    assert len(alarms(result)) == 1


def test_it_rings_next_at_a_multiple_of_its_interval() -> None:
    late = scene(
        victim(
            {"do": "block", "signal": "SIGALRM"},
            timer(20, 10),
            pause(43),
            {"do": "unblock", "signal": "SIGALRM"},
            *[pause(100)] * 2,
            signals=HANDLED,
        )
    )
    result = run(late, strict=True)
    assert (alarms(result), taken(result)) == ([20, 50, 60], [43, 50, 60])


def test_each_ring_of_a_storm_runs_the_handler_in_a_user_fault() -> None:
    storm = scene(victim(timer(20, 5, 10), READ, signals=HANDLED), monitor(WAIT, poll(150), COPY))
    for tree in (Tree.before, Tree.after, Tree.parse("v5_10")):
        result = run(storm, tree, strict=True)
        assert result.tasks["T"].stats["handler_runs"] == 10
        assert result.tasks["T"].stats["exceptions"] == 11
        assert result.tasks["T"].outcome == "ret=5"


def test_a_timer_rings_though_no_cpu_is_free() -> None:
    # One CPU without preemption, and a task that spins in the kernel: a device needs no CPU.
    kept = scene(
        victim(timer(20, 5), {"do": "tmpfs_write", "area": "V", "page": 1}, signals=HANDLED),
        monitor(WAIT, pause(150), COPY),
        machine={"n_cpus": 1},
        permits=["hang", "spin"],
    )
    result = run(kept, Tree.after)
    assert alarms(result) == [20]
    assert result.end == "hang"
    assert "it keeps the only CPU" in result.end_text


def test_a_timer_rings_for_a_process_and_ends_with_it() -> None:
    gone = scene(
        task("T", timer(50, 5), pause(10), process="P", signals=HANDLED),
        task("U", pause(10), process="P"),
        task("S", pause(200), process="Q"),
    )
    result = run(gone, strict=True)
    assert taken(result) == []
    assert result.end == "done"


def test_the_timer_without_a_handler_ends_the_process() -> None:
    result = run(scene(task("T", timer(20), pause(100))), strict=True)
    assert (result.tasks["T"].outcome, result.ticks) == ("killed:14", 20)


def test_each_process_has_a_timer_of_its_own() -> None:
    two = scene(
        task("T", timer(20), pause(100), signals=HANDLED),
        task("U", timer(30), pause(100), process="Q", signals=HANDLED),
    )
    result = run(two, strict=True)
    assert {"timer of T", "timer of Q"} <= set(result.tasks)
    assert [one.t for one in result.trace.select("signal_taken", task="T")] == [20]
    assert [one.t for one in result.trace.select("signal_taken", task="U")] == [30]


@pytest.mark.parametrize("n_cpus", [1, 2])
def test_a_hang_does_not_name_the_timer(n_cpus: int) -> None:
    waits = scene(victim(timer(5), READ, signals=HANDLED), machine={"n_cpus": n_cpus})
    result = run(waits, Tree.after)
    assert result.end == "hang"
    assert "timer" not in result.end_text
