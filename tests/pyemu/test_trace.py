"""Traces: fixed records, text, and JSON lines that are read back byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyemu import Scenario, Trace, Tree, run
from pyemu.errors import FaultlabError
from pyemu.trace import KINDS, RECORD, Event, Kind, Level

whole = st.integers(-(1 << 62), 1 << 62)


def field(name: str) -> st.SearchStrategy[Any]:
    if not name:
        return st.just(0)
    return st.text(max_size=20) if name.endswith("_name") else whole


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    kind: Kind = draw(st.sampled_from(KINDS))
    return {
        "t": draw(st.integers(0, 1 << 62)),
        "step": draw(st.integers(0, (1 << 32) - 1)),
        "task": draw(st.integers(0, 2)),
        "cpu": draw(st.sampled_from([0, 7, 255])),
        "depth": draw(st.integers(0, 50)),
        "kind": kind.name,
        "a": draw(field(kind.a)),
        "b": draw(field(kind.b)),
    }


@given(st.lists(events(), max_size=8), st.text(max_size=20), st.sampled_from(["T", "é", "a b"]))
def test_json_lines_are_read_back_byte_for_byte(rows: list[dict[str, Any]], title: str, name: str) -> None:
    trace = Trace([name, name + "2"], title)
    for row in rows:
        trace.add(**row)
    text = trace.to_jsonl()
    again = Trace.from_jsonl(text)
    assert again.to_jsonl() == text
    assert list(again) == list(trace)
    assert (again.records, again.strings) == (trace.records, trace.strings)
    assert text.isascii()
    assert text.count("\n") == len(rows) + 1


@given(events())
def test_an_event_comes_out_as_it_went_in(row: dict[str, Any]) -> None:
    trace = Trace(["T", "U"])
    trace.add(**row)
    (event,) = trace
    assert event == Event(**row)
    assert trace[-1] == event


def sample_value(name: str, n: int) -> int | str:
    return "word" if name.endswith("_name") else n if name else 0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_reads_as_a_phrase(kind: Kind) -> None:
    trace = Trace(["T"], "title")
    for n in (0, 1, 0x214):
        trace.add(1, 2, 1, 0, 0, kind.name, sample_value(kind.a, n), sample_value(kind.b, n))
    for event in trace:
        assert event.text.strip()
        assert "\n" not in event.text
        assert set(event.fields()) == {name.removesuffix("_name") for name in (kind.a, kind.b) if name}
        assert event.level is kind.level
    assert trace.text(Level.HARDWARE).startswith("title\n")


def test_bits_of_a_message_that_mean_nothing_are_shown() -> None:
    (message,) = (kind for kind in KINDS if kind.name == "message")
    assert [message.text(0x1000, flags) for flags in (1, 3, 4, 0x254, 0x201)] == [
        "message queued: 0x1000 write",
        "message queued: 0x1000 write, write-protected",
        "message queued: 0x1000, in the cache",
        "message queued: 0x1000, in the cache, bits 0x250",
        "message queued: 0x1000 write, bits 0x200",
    ]


def test_a_trace_is_called_by_its_title_and_not_by_its_address() -> None:
    trace = Trace(["T"], "S13 on tree before")
    assert repr(trace) == "Trace('S13 on tree before', 0 events)"


def test_kinds_have_different_names() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) < 256


def test_a_record_has_32_bytes() -> None:
    assert RECORD.size == 32
    result = run("S13", Tree.after)
    assert len(result.trace.records) == 32 * len(result.trace)


def test_a_string_stands_in_the_side_table_once() -> None:
    trace = run("S13", Tree.after).trace
    assert len(set(trace.strings)) == len(trace.strings)


def test_views_show_events_up_to_a_level() -> None:
    trace = run("S13", Tree.after).trace
    story, kernel, hardware = (trace.lines(level) for level in Level)
    assert len(story) < len(kernel) < len(hardware) == len(trace)
    assert set(story) < set(kernel) < set(hardware)
    assert str(trace) == trace.text()
    assert trace.text().splitlines() == [trace.title, *story]


def test_select_picks_kinds_and_tasks() -> None:
    trace = run("S13", Tree.after).trace
    assert {event.kind for event in trace.select("message", "message_read")} == {"message", "message_read"}
    assert {event.task for event in trace.select("lock_taken", task="T")} == {1}
    assert trace.select(task="T") == [event for event in trace if event.task == 1]
    assert len(trace.select()) == len(trace)
    with pytest.raises(FaultlabError, match="event kind 'mesage' is unknown: kinds are access"):
        trace.select("mesage")
    with pytest.raises(FaultlabError, match="task 'X' is not in this trace: its tasks are T, M"):
        trace.select(task="X")


def test_select_picks_levels_times_and_steps() -> None:
    trace = run("S13", Tree.after).trace
    for level in Level:
        assert trace.select(level=level) == [event for event in trace if event.level <= level]
    first, last = trace[20], trace[40]
    assert first.t < last.t < trace[-1].t
    assert trace.select(t=(first.t, last.t)) == [one for one in trace if first.t <= one.t <= last.t]
    assert trace.select(step=(first.step, last.step)) == [
        one for one in trace if first.step <= one.step <= last.step
    ]
    assert {one.step for one in trace.select(step=(first.step, first.step))} == {first.step}
    with pytest.raises(FaultlabError, match=r"t \(3, 2\) is no span: it must go from the first to the last"):
        trace.select(t=(3, 2))
    with pytest.raises(FaultlabError, match=r"step \(1, 0\) is no span"):
        trace.select(step=(1, 0))


def test_select_picks_what_happens_while_a_function_runs() -> None:
    trace = run("S13", Tree.after).trace
    inside = trace.select(function="handle_mm_fault")
    assert {event.task for event in inside} == {1}
    assert len(trace.select("call", function="handle_mm_fault", task="T")) > 3
    for begin, end in zip(
        (one for one in trace.select("call") if one.a == "handle_mm_fault"),
        trace.select("attempt_end"),
        strict=True,
    ):
        span = list(trace)[list(trace).index(begin) : list(trace).index(end) + 1]
        assert [one for one in span if one.task == 1] == [one for one in inside if one in span]
    assert {one.kind for one in inside} >= {"sleep", "message", "call", "attempt_end"}
    assert not {one.kind for one in inside} & {"exception", "user"}
    assert trace.select(function="pipe_read") == []
    with pytest.raises(
        FaultlabError, match="function 'handle_mm_fualt' is unknown: do you mean handle_mm_fault"
    ):
        trace.select(function="handle_mm_fualt")
    with pytest.raises(FaultlabError, match="function 'qq' is unknown: `faultlab functions` lists them"):
        trace.select(function="qq")


def test_what_select_is_asked_for_is_asked_for_all_at_once() -> None:
    trace = run("S13", Tree.after).trace
    (last,) = trace.select(
        "attempt", task="T", function="do_user_addr_fault", t=(10_002, 30_000), level=Level.STORY
    )
    assert last.b == 3
    assert trace.select("attempt", task="M") == []


def test_an_event_outside_the_trace_is_an_index_error() -> None:
    trace = run("S13", Tree.after).trace
    for index in (len(trace), -len(trace) - 1):
        with pytest.raises(IndexError, match=f"of {len(trace)}"):
            trace[index]


def lines() -> list[str]:
    return run("S13", Tree.after).trace.to_jsonl().splitlines()


def changed(number: int, **changes: Any) -> str:
    """The JSON lines of S13 with changes in one line; `...` deletes a key."""
    rows = lines()
    row = {**json.loads(rows[number - 1]), **changes}
    rows[number - 1] = json.dumps({key: value for key, value in row.items() if value is not ...})
    return "\n".join(rows)


def one(event: str, **fields: Any) -> str:
    row = {"t": 0, "step": 0, "task": "T", "cpu": 0, "depth": 0, "event": event, **fields}
    return '{"faultlab_trace": 1, "title": "t", "tasks": ["T"]}\n' + json.dumps(row)


BROKEN = {
    "empty": ("", "line 1"),
    "no JSON": ("hello", "line 1"),
    "a list": ("[1]", "line 1"),
    "other version": (changed(1, faultlab_trace=2), "line 1 .*faultlab_trace: 1"),
    "tasks a number": (changed(1, tasks=3), "line 1"),
    "tasks of numbers": (changed(1, tasks=[1, 2]), "line 1"),
    "title a number": (changed(1, title=1), "line 1"),
    "cut line": ("\n".join([*lines()[:4], lines()[4][:20]]), "line 5"),
    "a line is a list": ("\n".join([lines()[0], "[]"]), "line 2"),
    "unknown kind": (changed(3, event="flash"), "line 3"),
    "unknown task": (changed(3, task="X"), "line 3"),
    "key missing": (changed(3, t=...), "line 3"),
    "step a text": (changed(3, step="1"), "line 3"),
    "number too large": (changed(3, t=1 << 80), "line 3"),
    "negative step": (changed(3, step=-1), "line 3"),
    "a number is a text": (one("message", va="x", flags=0), "line 2 .*va"),
    "a text is a number": (one("uffd", va=1, ioctl=0), "line 2 .*ioctl"),
    "a number is a truth": (one("message", va=True, flags=0), "line 2 .*va"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_trace_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(FaultlabError, match=says):
        Trace.from_jsonl(text)


@pytest.mark.parametrize("name", Scenario.library())
@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
def test_a_runs_trace_is_read_back_byte_for_byte(name: str, tree: Tree) -> None:
    trace = run(name, tree).trace
    again = Trace.from_jsonl(trace.to_jsonl())
    assert again.to_jsonl() == trace.to_jsonl()
    assert again.text(Level.HARDWARE) == trace.text(Level.HARDWARE)


def test_the_name_of_the_tree_stands_above_every_output() -> None:
    trace = run("S13", Tree.after - 9).trace
    assert trace.text().startswith("S13 on tree after-9\n")
    assert json.loads(trace.to_jsonl().splitlines()[0])["title"] == "S13 on tree after-9"


def test_a_fault_shows_the_table_entries_that_the_hardware_read() -> None:
    trace = run("S13", Tree.before).trace
    kinds = [event.kind for event in trace.select("access", "walk", "table", "exception", task="T")]
    # Page 0 of the area is mapped, so the walk gets down to the last level before it finds nothing.
    assert kinds == ["access", "walk", "table", "table", "table", "table", "exception"]
    assert trace.select("walk")[0].b == 4
    assert trace.select("table")[-1].b == 0
