"""A timed run: virtual time, and when a run is over."""

from __future__ import annotations

from pyemu import Scenario, run


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
