"""The mark of a difference stands at the first event that differs, and nowhere before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.views.compare import Mark, compare
from course.views.moments import moments
from pyemu.trace import Trace
from tests.views.runs import SCENARIOS, on, trace_of

TRACE = on("S13", "after").trace
SHOWN = list(moments(TRACE))
# Events with a value that can be changed without changing what kind of event it is.
NUMBERED = [
    m for m in SHOWN if m.event.kind in ("attempt", "attempt_end", "exception", "value", "find_vma", "sleep")
]


def changed(trace: Trace, chosen: object, a: int) -> Trace:
    return trace_of((replace(e, a=a) if e == chosen else e for e in trace), trace)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_does_not_differ_from_itself(scenario: str):
    trace = on(scenario, "before").trace
    found = compare(trace, trace)
    assert (found.first, found.parted) == (None, None)
    assert {row.mark for row in found.rows} == {Mark.SAME}
    assert [row.left for row in found.rows] == [row.right for row in found.rows] == list(moments(trace))


@given(st.sampled_from(NUMBERED))
@settings(max_examples=30)
def test_one_changed_value_is_the_one_difference(moment):
    other = changed(TRACE, moment.event, a=int(moment.event.a) ^ 0x1)
    found = compare(TRACE, other)
    assert found.first == SHOWN.index(moment)
    assert found.parted is None
    assert [row.mark for row in found.rows].count(Mark.OTHER) == 1


@given(st.integers(0, len(SHOWN) - 2))
@settings(max_examples=30)
def test_runs_part_where_a_task_leaves_an_event_out(place: int):
    gone = SHOWN[place]
    own = [m for m in SHOWN if m.task == gone.task]
    here = own.index(gone)
    following = own[here + 1].event.kind if here + 1 < len(own) else None
    other = trace_of((e for e in TRACE if e != gone.event), TRACE)
    found = compare(TRACE, other)
    if following == gone.event.kind:
        return  # the next of the same kind takes its place: the parting is later
    assert found.parted is not None
    assert found.rows[found.parted].left == gone
    assert found.first == found.parted
    assert {row.mark for row in found.rows[found.parted + 1 :]} == {Mark.ALONE}


def test_a_run_that_goes_on_longer_parts_at_its_first_event_more():
    shorter = trace_of(list(TRACE)[:-1], TRACE)
    found = compare(shorter, TRACE)
    assert found.rows[-1].left is None
    assert found.rows[-1].right == SHOWN[-1]
    assert found.parted == found.first == len(SHOWN) - 1


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("swap", [False, True])
def test_no_event_is_lost_or_shown_twice(scenario: str, swap: bool):
    left, right = (
        on(scenario, tree).trace for tree in (("after", "before") if swap else ("before", "after"))
    )
    found = compare(left, right)
    assert [row.left for row in found.rows if row.left] == list(moments(left))
    shown = [row.right for row in found.rows if row.right]
    assert len(shown) == len(moments(right))
    for task in right.tasks:
        assert [m for m in shown if m.task == task] == [m for m in moments(right) if m.task == task]


def test_a_task_that_does_nothing_more_parts_from_one_that_goes_on():
    silent = trace_of((e for e in TRACE if e.task != 2 or e.t < 20_000), TRACE)
    found = compare(TRACE, silent)
    assert found.parted is not None
    row = found.rows[found.parted]
    assert row.left is not None
    assert (row.left.task, row.right) == ("M", None)


def test_another_mixture_of_the_same_steps_is_no_difference():
    # On the newer tree T asks for signals elsewhere, so that M falls asleep later, relative to T.
    before, after = (on("S13", tree).trace for tree in ("before", "after"))
    order = [[m.task for m in moments(trace)][:18] for trace in (before, after)]
    assert order[0] != order[1]
    found = compare(before, after)
    assert found.parted is not None
    assert {row.mark for row in found.rows[: found.parted]} == {Mark.SAME, Mark.OTHER}


def test_time_alone_is_no_difference():
    later = trace_of((replace(e, t=e.t + 5) for e in TRACE), TRACE)
    assert compare(TRACE, later).first is None


def test_s13_differs_first_in_one_flag_and_parts_after_the_second_attempt_begins():
    found = compare(on("S13", "before").trace, on("S13", "after").trace)
    assert found.first is not None
    assert found.parted is not None
    first, last, parted = found.rows[found.first], found.rows[found.parted - 1], found.rows[found.parted]
    assert [one.event.a for one in (first.left, first.right) if one] == [0x54, 0x254]
    assert [one.event.a for one in (last.left, last.right) if one] == [0x70, 0x274]
    assert [one.event.kind for one in (parted.left, parted.right) if one] == ["attempt_end", "message"]
