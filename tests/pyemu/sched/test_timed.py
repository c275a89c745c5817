"""A timed run: virtual time, and when a run is over."""

from __future__ import annotations

import pytest

from pyemu import Scenario, Tree, run


def test_a_run_ends_when_its_last_task_has_ended_not_at_the_monitors_next_timer() -> None:
    scenario = Scenario.from_dict(
        {
            "version": 1,
            "name": "early",
            "title": "T ends at 1000 us, M sleeps much longer",
            "areas": [{"name": "V"}],
            "tasks": [
                {"name": "T", "program": [{"do": "pause", "ticks": 1_000}, {"do": "read", "area": "V"}]},
                {"name": "M", "monitor": True, "program": [{"do": "pause", "ticks": 4_000_000}]},
            ],
        }
    )
    result = run(scenario)
    assert result.tasks["T"].outcome == "ret=0"
    assert result.ticks == result.trace.select("exit", task="T")[-1].t == 1_001


def workers(n: int, steps: int, **machine: object) -> Scenario:
    """Tasks of one process that read a mapped page again and again."""
    reads = [{"do": "read", "area": "V"}] * steps
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "busy",
            "title": "more tasks than CPUs",
            "machine": machine,
            "areas": [{"name": "V", "process": "P", "populated": [0]}],
            "tasks": [{"name": name, "process": "P", "program": reads} for name in "ABCDEFGH"[:n]],
        }
    )


@pytest.mark.parametrize("preemption", [True, False])
@pytest.mark.parametrize(("n_tasks", "n_cpus"), [(3, 1), (4, 1), (4, 2), (5, 2), (8, 3)])
def test_with_more_tasks_than_cpus_nobody_starves(n_tasks: int, n_cpus: int, preemption: bool) -> None:
    result = run(workers(n_tasks, 30, n_cpus=n_cpus, preemption=preemption), strict=True)
    order = [event.task for event in result.trace.select("access")]
    for task in range(1, n_tasks + 1):
        assert order.count(task) == 30
        # At half of the time everybody has made a fair part of its accesses.
        assert order[: len(order) // 2].count(task) >= 10


@pytest.mark.parametrize("n_cpus", [1, 2, 3])
def test_no_two_tasks_are_on_one_cpu(n_cpus: int) -> None:
    result = run(workers(4, 10, n_cpus=n_cpus, preemption=True), strict=True)
    cpus = {event.cpu for event in result.trace.select("access")}
    assert cpus == set(range(n_cpus))


def test_on_one_cpu_without_preemption_a_task_keeps_it_inside_the_kernel() -> None:
    both = Scenario.from_dict(
        {
            "version": 1,
            "name": "two faults",
            "title": "two faults on one CPU",
            "machine": {"n_cpus": 1},
            "areas": [{"name": "V", "process": "P", "pages": 2}],
            "tasks": [
                {"name": "A", "process": "P", "program": [{"do": "write", "area": "V"}]},
                {"name": "B", "process": "P", "program": [{"do": "write", "area": "V", "page": 1}]},
            ],
        }
    )
    result = run(both, strict=True)
    story = [(e.task, e.kind) for e in result.trace.select("exception", "lock_dropped")]
    assert story == [(1, "exception"), (1, "lock_dropped"), (2, "exception"), (2, "lock_dropped")]


def test_an_attempt_costs_a_tick_and_everything_else_nothing() -> None:
    result = run("S13", Tree.after, strict=True)
    attempts = result.trace.select("attempt")
    assert [event.t for event in attempts] == [0, 10_001, 20_002]  # recorded as it begins
    assert result.ticks == 20_003


def test_events_at_a_time_come_when_the_clock_passes_it_not_before() -> None:
    result = run("S10a", Tree.after, strict=True)
    for event in result.trace.select("wake", task="M"):
        if event.a == "time":
            assert event.t in (1_001, 2_001, 2_002)


def test_a_run_that_takes_too_long_ends_by_its_time_limit() -> None:
    late = Scenario.from_dict(
        {
            "version": 1,
            "name": "late",
            "title": "longer than allowed",
            "machine": {"max_ticks": 100},
            "tasks": [{"name": "T", "program": [{"do": "pause", "ticks": 60}] * 5}],
        }
    )
    result = run(late)
    assert (result.end, result.end_text) == ("time limit", "after 120 us the tasks had not ended")
    assert result.trace.select("hang")[-1].task == 0


def test_a_hang_says_who_waits_where() -> None:
    result = run(
        Scenario.from_dict(
            {
                "version": 1,
                "name": "no answer",
                "title": "nobody brings the page",
                "areas": [{"name": "V", "userfaultfd": True}],
                "tasks": [{"name": "T", "program": [{"do": "read", "area": "V"}]}],
            }
        )
    )
    assert (result.end, result.end_text) == ("hang", "nobody can go on: T waits in handle_userfault")
