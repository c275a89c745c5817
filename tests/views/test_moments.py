"""What is true after each event is what a second, plain reading of the trace says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from course.views.moments import GOALS, moments
from course.views.words import SHOWN
from pyemu import Tree, run
from pyemu.trace import Event, Trace
from tests.pyemu.scenes import V, scene, victim
from tests.views.runs import SCENARIOS, on, trace_of

RUNS = [(scenario, tree) for scenario in SCENARIOS for tree in ("before", "after")]


@pytest.fixture(params=RUNS, ids="-".join)
def trace(request: pytest.FixtureRequest) -> Trace:
    return on(*request.param).trace


def up_to(trace: Trace, last: Event) -> list[Event]:
    """Every event up to the one given, in the trace's own order."""
    events = list(trace)
    return events[: events.index(last) + 1]


def test_each_shown_event_is_one_moment(trace: Trace):
    shown = [e for e in trace if e.kind in SHOWN and (e.kind != "report" or e.a == "outcome")]
    assert sorted((m.event.step, m.event.kind) for m in moments(trace)) == sorted(
        (e.step, e.kind) for e in shown
    )


def test_a_task_holds_the_lock_as_often_as_it_took_it_more_than_it_released_it(trace: Trace):
    for moment in moments(trace):
        seen = up_to(trace, moment.event)
        for number, name in enumerate(trace.tasks, 1):
            took = sum(e.kind in ("lock_taken", "lock_granted") and e.task == number for e in seen)
            gave = sum(e.kind == "lock_dropped" and e.task == number for e in seen)
            assert [who for who, _ in moment.scene.holders].count(name) == took - gave


def test_attempt_and_flags_are_those_of_the_last_attempt_in_this_fault(trace: Trace):
    for moment in moments(trace):
        seen = up_to(trace, moment.event)
        for number, name in enumerate(trace.tasks, 1):
            own = [e for e in seen if e.task == number and e.kind in ("attempt", "exception")]
            last = own[-1] if own else None
            expected = (last.b, last.a) if last and last.kind == "attempt" else (0, 0)
            task = moment.scene.task(name)
            assert (task.attempt, task.flags) == expected


def test_after_each_effect_a_task_sleeps_if_it_slept_and_was_not_woken(trace: Trace):
    shown = moments(trace)
    ends = [a for a, b in pairwise(shown) if a.event.step != b.event.step] + [shown[-1]]
    for moment in ends:
        seen = [e for e in trace if e.step <= moment.event.step]
        for number, name in enumerate(trace.tasks, 1):
            own = [e.kind for e in seen if e.task == number and e.kind in ("sleep", "wake", "exit")]
            expected = {"sleep": "sleeps (S)", "exit": "ended"}.get(own[-1] if own else "", "runs")
            assert moment.scene.task(name).doing == expected


def test_a_page_is_present_when_its_entry_was_set_last(trace: Trace):
    for moment in moments(trace):
        entries = [e for e in up_to(trace, moment.event) if e.kind == "pte"]
        faulted = any(e.kind == "exception" for e in up_to(trace, moment.event))
        expected = "present" if entries and entries[-1].b else "missing"
        assert [state for _, state in moment.scene.pages] == ([expected] if faulted or entries else [])


PAGED_OUT = scene(
    victim({"do": "write", "area": "V"}, {"do": "madvise_pageout", "area": "V"}, {"do": "read", "area": "V"}),
    area={"userfaultfd": False},
)


def test_a_page_that_was_swapped_out_is_not_called_present_and_stays_so_in_its_fault():
    shown = moments(run(PAGED_OUT, Tree.after).trace)
    places = [dict(moment.scene.pages).get(V, "unknown") for moment in shown]
    order = [place for place, again in zip(places, [None, *places], strict=False) if place != again]
    assert order == ["unknown", "missing", "present", "swapped out", "present"]
    faults = [moment.scene for moment in shown if moment.event.kind == "exception"]
    assert [dict(one.pages)[V] for one in faults] == ["missing", "swapped out"]


def test_a_page_that_is_moved_is_called_so():
    shown = moments(run("migration", Tree.after).trace)
    assert "moving" in {place for moment in shown for _, place in moment.scene.pages}


def test_messages_are_unread_until_they_are_read(trace: Trace):
    last = moments(trace)[-1]
    assert last.scene.unread == ()
    assert any(m.scene.unread for m in moments(trace))
    for moment in moments(trace):
        if moment.event.kind == "message":
            assert moment.scene.unread
        if moment.event.kind == "message_read":
            assert not moment.scene.unread


def test_a_message_that_nobody_read_is_gone_when_its_sender_wakes():
    trace = on("S13", "before").trace
    unread = trace_of((e for e in trace if e.kind != "message_read"), trace)
    woken = next(m for m in moments(unread) if m.event.kind == "wake" and m.task == "T")
    before = moments(unread)[moments(unread).index(woken) - 1]
    assert len(before.scene.unread) == 1
    assert woken.scene.unread == ()


def test_the_goals_of_one_wait_come_in_their_order():
    after = on("S13", "after").trace
    goals = [m.goal for m in moments(after) if m.task == "T" and m.goal]
    runs = [goal for i, goal in enumerate(goals) if i == 0 or goals[i - 1] != goal]
    assert runs == [
        "find vma",
        "try",
        "wait",
        "wake",
        "decide",
        *(["retry", "try", "wait", "wake", "decide"]),
        "retry",
        "try",
        "decide",
    ]
    assert set(runs) == set(GOALS)


def test_the_monitor_has_no_goal_of_the_fault(trace: Trace):
    assert {m.goal for m in moments(trace) if m.task == "M"} == {""}


def test_a_wake_stands_after_what_caused_it():
    kinds = [m.event.kind for m in moments(on("S13", "before").trace)]
    assert kinds.index("uffd") + 1 == len(kinds) - 1 - kinds[::-1].index("wake")


def test_a_writer_that_waits_stands_in_the_queue_until_it_is_given_the_lock():
    made = Trace(("T", "U"))
    for step, (task, kind) in enumerate(
        [(1, "lock_taken"), (2, "lock_queued"), (1, "lock_dropped"), (2, "lock_granted"), (2, "lock_dropped")]
    ):
        made.add(0, step, task, 0, 0, kind, 1, "reading" if task == 1 else "writing")
    scenes = [(m.scene.holders, m.scene.waiters) for m in moments(made)]
    reader, writer = ("T", "reading"), ("U", "writing")
    assert scenes == [((reader,), ()), ((reader,), (writer,)), ((), (writer,)), ((writer,), ()), ((), ())]


def test_a_killed_waiter_leaves_the_queue():
    made = Trace(("T",))
    made.add(0, 0, 1, 0, 0, "lock_queued", 1, "reading")
    made.add(0, 1, 1, 0, 0, "lock_wait_killed", 1, "reading")
    assert [m.scene.waiters for m in moments(made)] == [(("T", "reading"),), ()]
