"""The stepper: the same text for the same place, and one cursor over one run or two."""

from __future__ import annotations

import re

import pytest

from course.views.compare import compare
from course.views.moments import moments
from course.views.panel import facts
from course.views.stepping.widget import script, widget
from course.views.steps import WIDGET_VIEW, Stepper, stepper
from pyemu import Result, Tree, run
from pyemu.errors import FaultlabError
from pyemu.trace import Event, Trace
from tests.views.runs import SCENARIOS, on, trace_of, with_trace

BEFORE, AFTER = on("S13", "before"), on("S13", "after")


def holders(trace: Trace, step: int) -> str:
    """Tell who holds the lock after an effect, by counting."""
    names = [
        name
        for number, name in enumerate(trace.tasks, 1)
        if sum(
            {"lock_taken": 1, "lock_granted": 1, "lock_dropped": -1}.get(e.kind, 0)
            for e in trace
            if e.task == number and e.step <= step
        )
    ]
    return " + ".join(names) or "free"


@pytest.mark.parametrize("tree", ["before", "after"])
def test_a_panel_shows_who_holds_the_lock_and_what_the_attempt_may_do(tree: str):
    result = on("S13", tree)
    view = stepper(result)
    for place, moment in enumerate(moments(result.trace)):
        rows = {line.cells[0]: line.cells[1] for line in view.panel(place).table.lines}
        assert rows["mmap_sem"] == holders(result.trace, moment.event.step)
        begun = [e for e in result.trace.select("attempt") if e.step <= moment.event.step]
        assert rows["T: attempt"].startswith(str(begun[-1].b) if begun else "-")
        assert rows["T: flags"].startswith(hex(int(begun[-1].a)) if begun else "-")


def test_one_sentence_tells_each_event():
    view = stepper(BEFORE)
    assert len(view) == len(moments(BEFORE.trace))
    for place, moment in enumerate(moments(BEFORE.trace)):
        assert view.panel(place).sentence == moment.sentence
        assert view.text(place).splitlines()[1] == moment.sentence


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_with_two_runs_each_side_shows_its_own_last_event(scenario: str):
    results = on(scenario, "before"), on(scenario, "after")
    view = stepper(*results)
    seen: list[set[Event]] = [set(), set()]
    for place in range(len(view)):
        for number, side in enumerate(view.panel(place).sides):
            if side.moved and side.moment:
                seen[number].add(side.moment.event)
            assert side.moment is None or side.moment.event in seen[number]
    assert [len(one) for one in seen] == [len(moments(result.trace)) for result in results]


def test_panels_of_a_stepper_have_the_same_rows():
    view = stepper(BEFORE, AFTER)
    rows = {tuple(line.cells[0] for line in view.panel(place).table.lines) for place in range(len(view))}
    assert len(rows) == 1


def test_no_fact_of_any_event_is_left_out():
    view = stepper(BEFORE, AFTER)
    names = {line.cells[0] for line in view.panel(0).table.lines}
    for result in (BEFORE, AFTER):
        assert {name for moment in moments(result.trace) for name in facts(moment)} <= names


def test_two_runs_open_where_they_part_and_say_both_sides():
    panel = stepper(BEFORE, AFTER).panel(stepper(BEFORE, AFTER).start)
    assert panel.head.endswith(">> here the runs part")
    assert panel.sentence == (
        "tree before: T ends attempt 2: 0x2 SIGBUS. "
        "tree after: T sends the monitor a message: the page is missing."
    )


def test_the_same_event_in_both_runs_is_told_once():
    assert stepper(BEFORE, AFTER).panel(0).sentence == "Both: T reads 0x7f0000001000."


def test_next_retry_goes_to_each_later_attempt_and_stays_at_the_last():
    view = stepper(AFTER)
    shown = moments(AFTER.trace)
    later = [i for i, m in enumerate(shown) if m.event.kind == "attempt" and int(m.event.b) > 1]
    assert len(later) == 2
    assert [view.next_retry(0), view.next_retry(later[0]), view.next_retry(later[1])] == [*later, later[1]]


def test_the_stored_form_has_text_and_html_and_is_the_same_each_time():
    one, two = (
        stepper(run("S13", Tree.before), run("S13", Tree.after))._repr_mimebundle_() for _ in range(2)
    )
    assert one.pop(WIDGET_VIEW) != two.pop(WIDGET_VIEW)  # the model's id is random: builds leave it out
    assert one == two
    assert sorted(one) == ["text/html", "text/plain"]
    assert not re.search(r"[0-9a-f]{32}", str(one))


def test_the_widget_gets_all_it_needs_at_once_and_asks_for_nothing_later():
    shown = widget(stepper(BEFORE, AFTER).wire, 3)
    sent = shown.get_state()
    assert (sent["start"], sent["data"]) == (3, stepper(BEFORE, AFTER).wire.data)
    assert sent["_esm"].startswith(script())
    assert sent["_esm"].count("export default") == 1
    assert shown._msg_callbacks.callbacks == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_after_the_parting_the_cursor_walks_on_virtual_time(scenario: str):
    results = on(scenario, "before"), on(scenario, "after")
    parted = compare(*(result.trace for result in results)).parted
    assert parted is not None
    rows = stepper(*results).rows[parted + 1 :]
    times = [one.t for row in rows for one in (row.left, row.right) if one]
    assert len(times) == len(rows) > 0
    assert times == sorted(times)


def test_a_stepper_of_a_trace_from_a_file_is_the_same():
    again = with_trace(BEFORE, Trace.from_jsonl(BEFORE.trace.to_jsonl()))
    assert stepper(again).text(5) == stepper(BEFORE).text(5)


@pytest.mark.parametrize("given", [(), (BEFORE, AFTER, BEFORE)], ids=["none", "three"])
def test_a_stepper_takes_one_run_or_two(given: tuple[Result, ...]):
    with pytest.raises(FaultlabError, match=f"got {len(given)} runs; give it one, or two"):
        stepper(*given)


def test_an_event_that_does_not_exist_is_refused_in_words():
    view = stepper(BEFORE)
    with pytest.raises(FaultlabError, match=rf"event {len(view)} does not exist.*0 to {len(view) - 1}"):
        view.text(len(view))
    assert view.text(-1) == view.text(len(view) - 1)


def test_a_trace_without_events_is_refused_in_words():
    empty = with_trace(BEFORE, ())
    assert trace_of((), BEFORE.trace).tasks == ("T", "M")
    with pytest.raises(FaultlabError, match="no event to show"):
        Stepper(empty)
