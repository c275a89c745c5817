"""Chrome trace JSON: what the format asks for, and every call, sleep and event of the trace."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given, settings

from pyemu import Scenario, Trace, Tree, run
from pyemu.errors import FaultlabError
from pyemu.stacks import returned
from tests.pyemu.test_random_scenarios import scenarios

NEEDS = {"B": {"name", "ts"}, "E": {"ts"}, "i": {"name", "ts", "s"}, "M": {"name", "args"}}


def read(text: str) -> tuple[list[dict[str, Any]], dict[int, list[Any]]]:
    """Read the format back: its events, and for each thread the tree of what nests in what.

    A node is a name and what began while it ran; an instant event is its name alone.
    """
    rows: list[dict[str, Any]] = json.loads(text)["traceEvents"]
    tops: defaultdict[int, list[Any]] = defaultdict(list)
    open_ones: defaultdict[int, list[tuple[str, list[Any]]]] = defaultdict(list)
    times: dict[int, int] = {}
    for row in rows:
        assert {"ph", "pid", "tid"} | NEEDS[row["ph"]] <= set(row)
        if row["ph"] == "M":
            continue
        thread = row["tid"]
        assert type(row["ts"]) is int
        assert row["ts"] >= times.get(thread, 0), "times of a thread must not go back"
        times[thread] = row["ts"]
        inside = open_ones[thread][-1][1] if open_ones[thread] else tops[thread]
        if row["ph"] == "B":
            node: tuple[str, list[Any]] = (row["name"], [])
            inside.append(node)
            open_ones[thread].append(node)
        elif row["ph"] == "E":
            assert open_ones[thread].pop()[0] == row["name"], "an end belongs to the last beginning"
        else:
            assert row["s"] == ("t" if thread else "p")
            inside.append(row["name"])
    assert not any(open_ones.values()), "every beginning has its end"
    return rows, tops


def calls(nodes: list[Any]) -> list[Any]:
    """The calls among nodes, and in them."""
    return [(name, calls(inside)) for name, inside in pairs(nodes) if not name.startswith("sleeps")]


def pairs(nodes: list[Any]) -> list[Any]:
    return [one for one in nodes if not isinstance(one, str)]


def called(trace: Trace, task: str) -> list[Any]:
    """The same tree, from the depth that each call has in the trace."""
    top: list[Any] = []
    path: list[tuple[int, list[Any]]] = [(-1, top)]
    for event in trace.select("call", task=task):
        while path[-1][0] >= event.depth:
            path.pop()
        node: tuple[Any, list[Any]] = (event.a, [])
        path[-1][1].append(node)
        path.append((event.depth, node[1]))
    return top


def check(trace: Trace, axis: str) -> None:
    rows, tops = read(trace.to_chrome(axis))
    seen = Counter(row["ph"] for row in rows)
    kinds = Counter(event.kind for event in trace)
    assert seen["B"] == seen["E"] == kinds["call"] + kinds["sleep"]
    ends = sum(bool(returned(event)) for event in trace)
    assert seen["i"] == len(trace) - seen["B"] - ends
    for number, task in enumerate(trace.tasks, 1):
        assert calls(tops[number]) == called(trace, task)


@pytest.mark.parametrize("name", Scenario.library())
@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
@pytest.mark.parametrize("axis", ["t", "step"])
def test_every_scenario_nests_and_balances(name: str, tree: Tree, axis: str) -> None:
    check(run(name, tree).trace, axis)


@settings(max_examples=40)
@given(scenarios())
def test_random_scenarios_nest_and_balance(scenario: Scenario) -> None:
    check(run(scenario).trace, "t")


def test_tasks_and_the_run_have_their_names() -> None:
    rows, _ = read(run("S13", Tree.before).trace.to_chrome())
    names = [(row["name"], row["tid"], *row["args"].values()) for row in rows if row["ph"] == "M"]
    assert names == [
        ("process_name", 0, "S13 on tree before"),
        *(("thread_name", 0, "machine"), ("thread_sort_index", 0, 0)),
        *(("thread_name", 1, "T"), ("thread_sort_index", 1, 1)),
        *(("thread_name", 2, "M"), ("thread_sort_index", 2, 2)),
    ]


def test_a_sleep_lies_inside_the_function_that_sleeps_and_lasts_until_the_task_is_woken() -> None:
    trace = run("S13", Tree.before).trace
    rows, tops = read(trace.to_chrome())
    inside = tops[1]
    for name in ("do_page_fault", "do_user_addr_fault", "handle_mm_fault", "do_anonymous_page"):
        inside = next(below for called, below in pairs(inside) if called == name)
    (waits,) = pairs(inside)
    assert waits[0] == "handle_userfault"
    assert pairs(waits[1]) == [("userfaultfd_must_wait", []), ("sleeps (S)", [])]
    (begin,) = [row for row in rows if row["ph"] == "B" and row["tid"] == 1 and row["name"] == "sleeps (S)"]
    (end,) = [row for row in rows if row["ph"] == "E" and row["tid"] == 1 and row["name"] == "sleeps (S)"]
    slept, woken = trace.select("sleep", task="T")[0], trace.select("wake", task="T")[0]
    assert (begin["ts"], end["ts"]) == (slept.t, woken.t)
    assert slept.t < woken.t


def test_an_event_carries_its_fields_its_text_and_its_level() -> None:
    rows, _ = read(run("S13", Tree.before).trace.to_chrome())
    message = next(row for row in rows if row.get("name") == "message")
    assert message["cat"] == "story"
    assert message["args"].items() >= {"va": 0x7F00_0000_1000, "flags": 0}.items()
    assert message["args"]["text"] == "message queued: 0x7f0000001000"


def test_what_still_runs_at_the_end_ends_there() -> None:
    trace = Trace(["T"], "cut")
    trace.add(3, 1, 1, 0, 0, "call", "do_page_fault")
    trace.add(4, 2, 1, 0, 1, "sleep", 1)
    trace.add(9, 3, 0, 255, 0, "hang", "nobody can go on")
    rows, tops = read(trace.to_chrome())
    assert tops[1] == [("do_page_fault", [("sleeps (S)", [])])]
    assert [(row["name"], row["ts"]) for row in rows if row["ph"] == "E"] == [
        ("sleeps (S)", 9),
        ("do_page_fault", 9),
    ]


def test_a_task_that_sleeps_anew_slept_no_more_before() -> None:
    trace = Trace(["T"], "signals end sleeps")
    for t in (3, 5, 8):
        trace.add(t, 1, 1, 0, 0, "sleep", 1)
    rows, tops = read(trace.to_chrome())
    assert tops[1] == [("sleeps (S)", [])] * 3
    assert [row["ts"] for row in rows if row["ph"] == "E"] == [5, 8, 8]


def test_another_axis_is_refused_in_words() -> None:
    with pytest.raises(FaultlabError, match="axis 'x' is unknown: it must be one of t, step"):
        run("S13").trace.to_chrome("x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda rows: rows.remove(next(row for row in rows if row["ph"] == "E")),
            "belongs to the last|has its",
        ),
        (lambda rows: rows.append({"ph": "B", "name": "x", "ts": 99_999, "pid": 1, "tid": 1}), "has its end"),
        (lambda rows: rows[-1].update(ts=-1), "must not go back"),
    ],
)
def test_a_trace_that_does_not_nest_is_noticed(change: Any, says: str) -> None:
    whole = json.loads(run("S13", Tree.before).trace.to_chrome())
    change(whole["traceEvents"])
    with pytest.raises(AssertionError, match=says):
        read(json.dumps(whole))
