"""Runs that the tests of views look at, and traces made of events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from pyemu import Result, Tree, run
from pyemu.trace import Event, Trace

SCENARIOS = ("S13", "S10a", "S10b")


@cache
def on(scenario: str, tree: str) -> Result:
    """Give a run; the same object each time."""
    return run(scenario, Tree.parse(tree))


def trace_of(events: Iterable[Event], like: Trace) -> Trace:
    """Make a trace of events, with the tasks and the title of another."""
    made = Trace(like.tasks, like.title)
    for e in events:
        made.add(e.t, e.step, e.task, e.cpu, e.depth, e.kind, e.a, e.b)
    return made


def with_trace(result: Result, events: Iterable[Event]) -> Result:
    """Give the same run with other events."""
    return replace(result, trace=trace_of(events, result.trace))
