"""Scenarios as plans for the real kernel: what a plan holds, and what it can't."""

from __future__ import annotations

import pytest

from course.conform.experiment import ACCESSES, EVENTS, Experiment
from course.conform.kernels import NotModelled
from course.live.planning import plan_of
from pyemu.scenario import Scenario


@pytest.mark.parametrize("access", ACCESSES)
@pytest.mark.parametrize("event", EVENTS)
def test_each_recorded_experiment_can_be_played(access: str, event: str) -> None:
    plan = plan_of(Experiment(access, event.replace("N", "2"), "shmem", True).scenario())
    assert (plan.pages, plan.populated, plan.shared, plan.user_mode_only) == (4, [0], True, True)
    assert plan.signals == {"SIGUSR1": "restart" if event == "sig1r" else "handler"}


def test_scenarios_of_the_library_are_played_with_their_own_steps() -> None:
    plan = plan_of(Scenario.load("W2"))
    assert plan.mode == 3
    assert [step["do"] for step in plan.monitor].count("writeprotect") == 6
    plan = plan_of(Scenario.load("blocked-signal"))
    assert plan.blocked == ["SIGUSR1"]
    assert [step["do"] for step in plan.accesses] == ["read", "tmpfs_write"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("B1", "it needs more than a victim T"),
        ("completed", "it needs more than a victim T"),
        ("S14-kill", "it has pin"),
        ("signal-storm", "it has setitimer"),
    ],
)
def test_what_can_not_be_played_is_refused_with_what_it_has(name: str, words: str) -> None:
    with pytest.raises(NotModelled, match=rf"scenario {name} can't be played .* here: {words}"):
        plan_of(Scenario.load(name))
