"""The timeline shows each event once, in the lane of its task, the same way each time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course.views.lanes import lock_words, timeline
from course.views.moments import Scene, moments
from pyemu import Tree, run
from tests.views.runs import SCENARIOS, on, with_trace


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_event_stands_in_the_lane_of_its_task(scenario: str):
    result = on(scenario, "after")
    lines = timeline(result).table.lines
    shown = moments(result.trace)
    assert len(lines) == len(shown)
    for line, moment in zip(lines, shown, strict=True):
        lanes = dict(zip(result.trace.tasks, line.cells[2:-2], strict=True))
        assert {name: text for name, text in lanes.items() if text} == {moment.task: moment.phrase}
        assert line.cells[0] == str(moment.t)


def test_two_runs_give_the_same_text_and_the_same_html():
    one, two = (timeline(run("S13", Tree.before)) for _ in range(2))
    assert repr(one) == repr(two)
    assert one._repr_html_() == two._repr_html_()


def test_the_text_names_scenario_and_tree_and_shows_the_end():
    text = repr(timeline(on("S13", "before")))
    assert text.startswith("S13 on tree before\n")
    assert "ends its access: SIGBUS(code=2)" in text


def test_html_shows_what_a_program_says_as_text():
    result = on("S13", "before")
    events = [e for e in result.trace if e.kind != "report"]
    last = result.trace.select("report")[0]
    hostile = with_trace(result, [*events, replace(last, b="<script>alert(1)</script>")])
    assert "<script>" not in timeline(hostile)._repr_html_()
    assert "&lt;script&gt;" in timeline(hostile)._repr_html_()


def test_an_event_of_the_machine_itself_stands_in_the_first_lane():
    result = on("S13", "before")
    events = list(result.trace)
    hang = type(events[0])(9, 10**6, 0, 255, 0, "hang", "nobody can run", 0)
    assert timeline(with_trace(result, [*events, hang])).table.lines[-1].cells[2] == (
        "The machine stands still: nobody can run."
    )


def test_the_lock_is_told_with_readers_writers_and_who_waits():
    assert lock_words(Scene(())) == "free"
    assert lock_words(Scene((), (("T", "reading"), ("U", "reading")))) == "T + U"
    assert lock_words(Scene((), (("U", "writing"),), (("T", "reading"),))) == "U (w); waits: T"
