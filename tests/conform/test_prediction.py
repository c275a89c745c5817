"""Predictions: the fields of a record from a run, for any number of wakes and signals."""

from __future__ import annotations

import pytest

from course.conform.experiment import Experiment
from course.conform.prediction import predict
from pyemu import Tree


def fields(event: str, tree: Tree, access: str = "user_read") -> dict[str, str | int | bool]:
    return predict(Experiment(access, event), tree).fields


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_before_the_series_one_wake_without_a_page_kills_after_one_message(n: int) -> None:
    found = fields(f"wake{n}", Tree.before)
    assert (found["outcome"], found["messages"], found["exit_before_resolve"]) == ("SIGBUS(code=2)", 1, 1)
    assert (found["minflt"], found["majflt"], found["sw_page_faults"]) == (0, 0, 1)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_after_the_series_every_wake_without_a_page_gets_another_message(n: int) -> None:
    found = fields(f"wake{n}", Tree.v5_7)
    assert (found["outcome"], found["messages"], found["messages_at_resolve"]) == ("ret=5", n + 1, n + 1)
    assert (found["minflt"], found["majflt"], found["sw_page_faults"]) == (0, 1, 1)


@pytest.mark.parametrize("n", [1, 3, 4, 9])
@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7], ids=str)
def test_every_signal_runs_the_handler_before_the_page_comes_and_asks_again(n: int, tree: Tree) -> None:
    found = fields(f"sig{n}", tree)
    assert (found["outcome"], found["handler_runs"], found["handler_before_resolve"]) == ("ret=5", n, 1)
    assert (found["messages"], found["messages_before_action"]) == (n + 1, 1)


@pytest.mark.parametrize("n", [1, 4])
def test_a_signal_counts_a_minor_fault_before_the_series_and_only_an_exception_after(n: int) -> None:
    before, after = fields(f"sig{n}", Tree.before), fields(f"sig{n}", Tree.v5_7)
    assert (before["minflt"], before["sw_page_faults"], before["sw_page_faults_min"]) == (n, n + 1, n)
    assert (after["minflt"], after["sw_page_faults"], after["sw_page_faults_min"]) == (0, n + 1, 0)
    assert before["majflt"] == after["majflt"] == 1


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7], ids=str)
def test_a_stop_takes_effect_while_the_page_is_missing(tree: Tree) -> None:
    found = fields("stop", tree)
    assert (found["stopped_before_resolve"], found["state_after_action"]) == (1, "T")
    assert (found["handler_runs"], found["outcome"]) == (0, "ret=5")


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7], ids=str)
def test_a_kill_ends_the_access_before_the_page_comes(tree: Tree) -> None:
    found = fields("kill", tree, "user_write")
    assert (found["outcome"], found["exit_before_resolve"], found["messages"]) == ("killed:9", 1, 1)
    assert (found["state_blocked"], found["state_after_action"]) == ("S", "-")


@pytest.mark.parametrize("event", ["unreg", "close"])
@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7], ids=str)
def test_without_a_monitor_the_page_is_plain_memory(event: str, tree: Tree) -> None:
    assert (fields(event, tree)["outcome"], fields(event, tree, "user_write")["outcome"]) == (
        "ret=0",
        "ret=7",
    )


def test_the_first_message_tells_a_write_from_a_read() -> None:
    assert fields("none", Tree.v5_7)["first_flags"] == "0x0"
    assert fields("none", Tree.v5_7, "user_write")["first_flags"] == "0x1"
    assert fields("none", Tree.v5_7)["second_flags"] == "none0"


def test_a_victim_that_goes_round_in_circles_is_said_to_spin() -> None:
    assert predict(Experiment("user_read", "stop"), Tree.v5_7 - 9).spins
    assert not predict(Experiment("user_read", "stop"), Tree.v5_7).spins


def test_times_end_with_the_victim() -> None:
    assert int(fields("none", Tree.v5_7)["blocked_us"]) == pytest.approx(50_000, abs=10)
    assert int(fields("wake1", Tree.before)["blocked_us"]) == pytest.approx(10_000, abs=10)
