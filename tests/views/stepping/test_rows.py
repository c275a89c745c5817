"""Every event of every run stands in exactly one row, and the story is a part of the rows."""

from __future__ import annotations

import pytest

from course.views.moments import moments
from course.views.stepping.rows import Side, lines
from course.views.steps import stepper
from tests.views.runs import SCENARIOS, on


@pytest.mark.parametrize("trees", [("before",), ("before", "after"), ("after", "upto9")], ids="-".join)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_event_is_in_one_row(scenario: str, trees: tuple[str, ...]):
    results = [on(scenario, tree) for tree in trees]
    sides = [Side.of(result.trace) for result in results]
    rows = list(lines(sides, stepper(*results).rows))
    for number, side in enumerate(sides):
        places = [place for row in rows if (place := row.places[number]) is not None]
        assert sorted(places) == list(range(len(side.events)))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rows_of_the_story_are_those_of_the_text_form(scenario: str):
    results = on(scenario, "before"), on(scenario, "after")
    sides, view = [Side.of(result.trace) for result in results], stepper(*results)
    story = [row for row in lines(sides, view.rows) if row.story]
    assert [row.mark for row in story] == [row.mark for row in view.rows]
    for row, pair in zip(story, view.rows, strict=True):
        for side, place, moment in zip(sides, row.places, (pair.left, pair.right), strict=True):
            assert moment == (None if place is None else side.moments[place])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_side_knows_the_moment_of_each_event(scenario: str):
    trace = on(scenario, "after").trace
    side = Side.of(trace)
    assert [one for one in side.moments if one] == list(moments(trace))
    assert all(
        one is None or one.event == event for one, event in zip(side.moments, side.events, strict=True)
    )
