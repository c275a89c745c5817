"""Functions that run at an event: as the tasks themselves have them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Scenario, Trace, Tree, run
from pyemu.machine import Result
from pyemu.stacks import Stack, returned, stacks
from tests.pyemu.test_random_scenarios import scenarios


def check(result: Result) -> None:
    """Compare with the stacks that the history has after each step."""
    now: dict[int, Stack] = {}
    after: dict[int, dict[int, Stack]] = {}
    for event, stack in stacks(result.trace):
        ended = event.kind == "exit"
        now = {**now, event.task: () if ended else stack[:-1] if returned(event) else stack}
        after[event.step] = now
    cursor, now = result.history.cursor(), {}
    for step in range(result.history.last + 1):
        if step:
            cursor.forward()
        now = after.get(step, now)
        tasks = cursor.now().tasks.values()
        assert [now.get(number, ()) for number in range(1, len(tasks) + 1)] == [
            () if one.ended else one.stack for one in tasks
        ]


@pytest.mark.parametrize("name", Scenario.library())
@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
def test_the_stacks_of_a_trace_are_those_of_the_tasks(name: str, tree: Tree) -> None:
    check(run(name, tree, history=True))


@settings(max_examples=20)
@given(scenarios(), st.integers(0, 16))
def test_the_stacks_of_random_scenarios_are_those_of_the_tasks(scenario: Scenario, n: int) -> None:
    check(run(scenario, Tree.upto(n), history=True))


def test_a_task_that_ends_is_in_no_function() -> None:
    trace = Trace(["T"])
    for kind in ("call", "exit", "user"):
        trace.add(0, 0, 1, 0, 0, kind, "f" if kind == "call" else 0)
    assert [stack for _, stack in stacks(trace)] == [("f",), ("f",), ()]


def test_a_call_belongs_to_the_called_and_a_return_to_the_one_that_returns() -> None:
    found = [
        (event.kind, stack[-1])
        for event, stack in stacks(run("S13").trace)
        if event.task == 1 and event.kind in ("call", "return", "attempt_end", "gup")
    ]
    assert found[:3] == [("call", "do_page_fault"), ("call", "do_user_addr_fault"), ("call", "access_error")]
    assert ("attempt_end", "handle_mm_fault") in found
    assert ("return", "do_page_fault") in found
    assert found[-1] == ("return", "exit_to_user_mode")
