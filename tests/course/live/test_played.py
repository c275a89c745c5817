"""Scenarios of the library on the kernel that runs here, and how they are judged."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from course.conform.kernels import NotModelled, kernel_of
from course.live import played
from course.live.monitor import Answer
from course.live.planning import plan_of
from course.live.played import play_all, playable, scenario_of
from course.live.reasons import (
    BUSY_LOOP,
    NEAREST,
    NOT_TOLD,
    OWN_PAGES,
    SIGNAL_FRAME,
    USER_MODE_ONLY,
    WHO_RUNS_WHEN,
)
from course.live.sides import Sides
from course.live.uffd import Refused
from pyemu.errors import ScenarioError

NOBODY = 65534
KERNEL = kernel_of("6.18.44")


@pytest.mark.parametrize("name", ["S13", "W2", "9-before-13", "ignored-signal", "minor-fault", "B5"])
def test_the_running_kernel_does_what_the_scenario_says(name: str) -> None:
    try:
        (got,) = play_all([name], 1, 10.0, None)
    except Refused as why:
        pytest.skip(f"no userfaultfd here: {why}")
    if not got.sides.n_runs:
        pytest.skip(got.sides.reasons[0].text)
    assert got.sides.unexplained == (), got.sides


def test_an_ordinary_user_plays_them_too() -> None:
    user = NOBODY if os.geteuid() == 0 else None
    try:
        found = play_all(["W2", "blocked-signal"], 1, 10.0, user)
    except Refused as why:
        pytest.skip(f"no userfaultfd here, or not of this kind: {why}")
    assert [one.sides.unexplained for one in found] == [(), ()]


def test_what_can_be_played_has_a_title_and_no_scenario_of_another_machine() -> None:
    names = [one.name for one in playable()]
    assert {"S13", "S14", "W2", "blocked-signal", "minor-fault"} <= set(names)
    assert {"um-signal", "B1", "S9", "uffd-minor", "khugepaged"} & set(names) == set()
    assert all(one.title for one in playable())


def test_pauses_are_long_enough_for_a_busy_machine() -> None:
    steps: list[dict[str, Any]] = [
        {"do": "poll", "ticks": 1_000},
        {"do": "poll", "ticks": 0},
        {"do": "wait_message", "ticks": None},
    ]
    plan = replace(plan_of(scenario_of("S13")), monitor=[*steps, {"do": "pause", "ticks": 50_000}])
    assert [step["ticks"] for step in played._patient(plan).monitor] == [30_000, 0, None, 50_000]


def test_what_is_not_there_or_not_playable_is_named() -> None:
    with pytest.raises(ScenarioError, match="'S99' is not in the library"):
        play_all(["S99"], 1, 5.0, None)
    with pytest.raises(NotModelled, match="scenario S9 can't be played"):
        play_all(["S9"], 1, 5.0, None)


# ------------------------------------------------------------------------------- how they are judged

S13 = "message wake message copy end"


def told(order: str, *outcomes: str, minflt: int = 0, majflt: int = 1, states: str = "") -> Answer:
    results = [{"outcome": one, "minflt": 0, "majflt": 0} for one in outcomes]
    if results:
        results[0] |= {"minflt": minflt, "majflt": majflt}
    words = order.split()
    samples = [("", state) for state in states]
    end = "done" if results else "killed:9"
    return Answer(False, results, end, "all", [0] * words.count("message"), samples, words)


def judged(name: str, *answers: Answer, release: str = "6.18.44") -> Sides:
    return played._judged(scenario_of(name), kernel_of(release), answers)


def test_what_agrees_has_two_sides_that_say_the_same() -> None:
    got = judged("S13", told(S13, "ret=5"))
    assert (got.differences, got.reasons, got.n_agree) == ((), (), 1)
    real, model = got.sides
    assert replace(real, who="") == replace(model, who="")


def test_each_difference_is_found_and_has_no_reason_of_its_own() -> None:
    for wrong, name in (
        (told(S13, "ret=4"), "outcome"),
        (told(S13, "ret=5", majflt=0), "major"),
        (told(S13, "ret=5", minflt=1), "minor"),
        (told(S13, "ret=5", states="S"), "states"),
        (told("message wake copy message end", "ret=5"), "order"),
    ):
        assert [one.name for one in judged("S13", wrong).unexplained] == [name]
    assert {one.name for one in judged("S13", told("message wake end", "ret=5")).unexplained} == {
        "messages",
        "order",
    }


def test_what_another_run_does_not_do_is_the_machine() -> None:
    right = told(S13, "ret=5")
    late = judged("S13", told("message wake copy message end", "ret=5"), right)
    assert [one.reason for one in late.differences] == [WHO_RUNS_WHEN]
    own = judged("S13", told(S13, "ret=5", minflt=1), right)
    assert ([one.reason for one in own.differences], own.n_agree) == ([OWN_PAGES], 1)
    assert judged("S13", told(S13, "ret=4"), right).unexplained


def test_a_handler_forgives_one_fault_and_no_more() -> None:
    order = "message SIGUSR1 handler message copy end"
    one = judged("S10a", told(order, "ret=5", minflt=2, majflt=0))
    assert (one.differences, one.reasons) == ((), (SIGNAL_FRAME,))
    assert judged("S10a", told(order, "ret=5", minflt=3, majflt=0)).unexplained


def test_a_kernel_without_a_tree_may_count_as_the_next_one() -> None:
    as_newer = told(
        "message SIGUSR1 copy message SIGUSR1 copy end", "ret=5", "ret=4096", minflt=1, states="SS"
    )
    got = judged("blocked-signal", as_newer, release="6.6.1")
    assert {one.reason for one in got.differences} == {NEAREST}
    assert {one.reason for one in judged("blocked-signal", as_newer, release="6.5.1").differences} == {None}


def test_of_a_busy_loop_the_states_and_the_number_of_messages_are_chance() -> None:
    order = "message SIGSTOP message message message SIGCONT copy end"
    got = judged("12-and-13", told(order, "ret=4096", states="SR"))
    assert (got.differences, got.reasons) == ((), (BUSY_LOOP,))


def test_who_is_killed_tells_nothing() -> None:
    got = judged("B2", told("message SIGKILL end"))
    assert (got.differences, got.reasons) == ((), (NOT_TOLD,))


def test_an_ordinary_user_is_told_why_the_kernel_is_not_served() -> None:
    refused = replace(told("end", "EFAULT", majflt=0), user_mode_only=True)
    got = judged("S14", refused)
    assert (got.differences, got.reasons) == ((), (USER_MODE_ONLY,))
