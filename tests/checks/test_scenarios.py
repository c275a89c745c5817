"""The scenarios of exercise E4 show on the two kernels what their checks rest on."""

from __future__ import annotations

import pytest

from course.checks.draw import Draw
from course.checks.e04_loop import CHECKS
from course.checks.e04_scenarios import pending, signalled, wakes
from course.checks.facts import facts_of
from course.checks.kernel_case import KernelCase
from pyemu import Scenario, Tree, run

KERNEL = [
    name for name, check in CHECKS.checks.items() if isinstance(check.cases(Draw(None, ""))[0], KernelCase)
]
SEEDS = [None, *map(str, range(25))]


@pytest.mark.parametrize("name", KERNEL)
def test_the_kernel_itself_runs_every_case_without_a_broken_rule(name: str):
    for seed in SEEDS:
        for case in CHECKS.checks[name].cases(Draw(seed, name)):
            assert isinstance(case, KernelCase)
            run(case.scenario, Tree.after, strict=True)


@pytest.mark.parametrize(
    ("name", "case"), [("S13", wakes(Draw(None, "x"), 1)), ("S10a", signalled(Draw(None, "x")))]
)
def test_the_plain_case_tells_the_story_of_the_library(name: str, case):
    story = [(event.task, event.kind) for event in run(Scenario.load(name)).trace if not event.level]
    assert [(event.task, event.kind) for event in run(case.scenario).trace if not event.level] == story


@pytest.mark.parametrize("n", [1, 2, 7])
def test_n_wakes_give_n_plus_1_messages_and_n_plus_2_attempts(n: int):
    case = wakes(Draw(None, "x"), n)
    facts = facts_of(run(case.scenario), "T")
    assert (facts.messages, facts.attempts) == (n + 1, n + 2)
    assert case.numbers == {"wakes": n, "needed": n + 2}


def test_the_early_signal_is_pending_before_the_first_attempt():
    for seed in SEEDS:
        trace = run(pending(Draw(seed, "x")).scenario).trace
        events = [event.kind for event in trace.select("exception", "signal_sent", "attempt", "signal_taken")]
        assert events == ["exception", "signal_sent", "attempt", "signal_taken"]


@pytest.mark.parametrize("name", KERNEL)
def test_seeds_give_different_numbers(name: str):
    drawn = [CHECKS.checks[name].cases(Draw(seed, name)) for seed in SEEDS]
    played = {tuple(one.scenario for one in cases if isinstance(one, KernelCase)) for cases in drawn}
    assert len(played) > 15
