"""The rules of comparing, one by one, and as a net that every changed value is caught in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from course.conform.compare import EXACT, compare
from course.conform.comparison import COUNTERS, MAJOR, MINOR
from course.conform.experiment import Experiment
from course.conform.prediction import Prediction, predict
from course.conform.records import IDENTITY, Record
from course.conform.replay import Row, Verdict, replay
from pyemu import Tree

Line = dict[str, Any]
Read = Callable[..., list[Record]]
Lines = dict[str, list[Line]]


def pick(lines: Lines, kernel: str, event: str, access: str = "user_read") -> Line:
    return next(one for one in lines[kernel] if one["event"] == event and one["access"] == access)


def mismatches(rows: list[Row]) -> list[str]:
    return [str(row.record.values["event"]) for row in rows if row.verdict is not Verdict.MATCH]


# ---------------------------------------------------------------------------------- the real records


@pytest.mark.parametrize("kernel", ["5.4.59", "5.7.14"])
def test_every_user_mode_record_of_a_kernel_matches_its_tree(kernel: str, read: Read, lines: Lines) -> None:
    rows = replay(read(*lines[kernel]))
    assert len(rows) == 20
    assert [row.as_json() for row in rows if row.verdict is not Verdict.MATCH] == []


@pytest.mark.parametrize(
    ("patch", "noticed_by"),
    [
        (9, ["sig1", "sig1r", "stop"]),
        (10, ["stop"]),  # with a handler, its minor fault lies within the allowance
        (13, ["wake1", "wake2", "wake3"]),
    ],
)
def test_a_patch_that_is_taken_out_is_noticed(
    patch: int, noticed_by: list[str], read: Read, lines: Lines
) -> None:
    rows = replay(read(*lines["5.7.14"]), tree=Tree.v5_7 - patch)
    assert mismatches(rows) == noticed_by * 2  # reading and writing


@pytest.mark.parametrize("gone", [(4,), (16,), (12, 16)], ids=str)
def test_what_other_patches_do_shows_in_no_user_mode_record(
    gone: tuple[int, ...], read: Read, lines: Lines
) -> None:
    # 4: no callee gives a RETRY that was not allowed. 12 and 16: a user-mode fault has USER, KILLABLE and
    # INTERRUPTIBLE all at once, so either way of choosing its sleep gives the same one.
    assert mismatches(replay(read(*lines["5.7.14"]), tree=Tree.v5_7 - gone)) == []


@pytest.mark.parametrize(
    "patches", [set(range(9, 17)), {10}, {13}], ids=lambda patches: f"with {sorted(patches)}"
)
def test_the_old_kernel_is_not_the_new_one(patches: set[int], read: Read, lines: Lines) -> None:
    assert mismatches(replay(read(*lines["5.4.59"]), tree=Tree.before + patches)) != []


# -------------------------------------------------------------------------- a changed value is noticed


def other(value: str | int) -> str | int:
    return value + 3 if isinstance(value, int) else value + "'"


@pytest.mark.parametrize("kernel", ["5.4.59", "5.7.14"])
@pytest.mark.parametrize("name", [*EXACT, "messages", "state_after_action", "state_blocked"])
def test_a_changed_value_is_noticed_in_every_row(name: str, kernel: str, read: Read, lines: Lines) -> None:
    for place, line in enumerate(lines[kernel]):
        value = 1 - line[name] if name.endswith("_resolve") else other(line[name])
        changed = [*lines[kernel]]
        changed[place] = {**line, name: value}
        row = replay(read(*changed))[place]
        if name == "state_blocked" and line["event"].startswith("wake"):
            assert row.comparison.not_compared[name]
        else:
            assert row.comparison.differing[name]["expected"] == value, line


@pytest.mark.parametrize("kernel", ["5.4.59", "5.7.14"])
@pytest.mark.parametrize("name", [*MAJOR, *MINOR])
def test_a_changed_counter_is_noticed_unless_the_victim_was_killed(
    name: str, kernel: str, read: Read, lines: Lines
) -> None:
    for place, line in enumerate(lines[kernel]):
        changed = [*lines[kernel]]
        changed[place] = {**line, name: other(line[name])}
        rows = replay(read(*changed))
        if line["outcome"] == "killed:9":
            assert "killed" in rows[place].comparison.not_compared[name]
        else:
            # What is a difference to the row `none` shows in the others when that row itself is changed.
            seen = rows if line["event"] == "none" else [rows[place]]
            assert any(name in row.comparison.differing for row in seen), line


def test_every_value_of_a_record_is_compared_or_named(read: Read, lines: Lines) -> None:
    compared = {*EXACT, "messages", "state_blocked", "state_after_action", *COUNTERS}
    for record in read(*lines["5.4.59"], *lines["5.7.14"]):
        (row,) = replay([record])
        named = set(row.comparison.not_compared)
        rest = set(record.values) - {"kind", "kernel"} - set(IDENTITY["userfault"])
        assert rest == (compared - named) | named
        assert named & set(EXACT) == set()


# ---------------------------------------------------------------------------------- the rules for counters


def with_counters(line: Line, more: int, names: tuple[str, ...] = MINOR) -> Line:
    return {**line, **{name: line[name] + more for name in names}}


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("event", ["sig1", "sig1r"])
def test_one_more_or_less_is_allowed_where_a_handler_ran_and_is_reported(
    event: str, more: int, read: Read, lines: Lines
) -> None:
    none, line = pick(lines, "5.7.14", "none"), pick(lines, "5.7.14", event)
    row = replay(read(none, with_counters(line, more)))[1]
    assert row.verdict is Verdict.MATCH
    assert set(row.comparison.allowances) == set(MINOR)
    got = row.comparison.allowances["minflt"]
    assert got["expected"] - got["got"] == more  # type: ignore[operator]


def test_one_more_is_allowed_where_sigbus_was_delivered(read: Read, lines: Lines) -> None:
    row = replay(read(pick(lines, "5.4.59", "none"), pick(lines, "5.4.59", "wake1")))[1]
    assert row.verdict is Verdict.MATCH
    assert row.comparison.allowances["sw_page_faults"] == {"expected": 1, "got": 0}


@pytest.mark.parametrize("event", ["stop", "wake2", "unreg", "close"])
@pytest.mark.parametrize("name", MINOR)
def test_nothing_is_allowed_where_no_signal_frame_was_written(
    name: str, event: str, read: Read, lines: Lines
) -> None:
    none, line = pick(lines, "5.7.14", "none"), pick(lines, "5.7.14", event)
    row = replay(read(none, with_counters(line, 1, (name,))))[1]
    assert row.verdict is Verdict.MISMATCH
    assert set(row.comparison.differing) == {name}


@pytest.mark.parametrize("name", MAJOR)
def test_major_faults_have_no_allowance_even_with_a_handler(name: str, read: Read, lines: Lines) -> None:
    none, line = pick(lines, "5.7.14", "none"), pick(lines, "5.7.14", "sig1")
    row = replay(read(none, with_counters(line, 1, (name,))))[1]
    assert set(row.comparison.differing) == {name}


def test_the_recording_programs_own_pages_cancel_out(read: Read, lines: Lines) -> None:
    chosen = [with_counters(one, 6) for one in lines["5.7.14"]]
    assert mismatches(replay(read(*chosen))) == []


def test_without_a_none_row_three_fields_are_named_as_not_compared(read: Read, lines: Lines) -> None:
    (row,) = replay(read(with_counters(pick(lines, "5.7.14", "stop"), 9)))
    assert row.verdict is Verdict.MATCH
    named = {name for name, why in row.comparison.not_compared.items() if "event none" in why}
    assert named == set(MINOR)


@pytest.mark.parametrize(
    "stranger", [{"kernel": "5.7.15"}, {"access": "user_write"}, {"mem": "shmem"}, {"user_mode_only": True}]
)
def test_a_none_row_of_another_kernel_access_or_memory_is_none(
    stranger: Line, read: Read, lines: Lines
) -> None:
    none = {**pick(lines, "5.7.14", "none"), **stranger}
    row = replay(read(none, pick(lines, "5.7.14", "stop")))[1]
    assert set(MINOR) <= set(row.comparison.not_compared)


def test_a_repeated_row_is_compared_twice(read: Read, lines: Lines) -> None:
    none = pick(lines, "5.7.14", "none")
    rows = replay(read(none, none, with_counters(none, 1)))
    assert [row.verdict for row in rows] == [Verdict.MATCH, Verdict.MATCH, Verdict.MISMATCH]


# ---------------------------------------------------------------------------------- busy loops

BUSY = Experiment("tmpfs_write", "sig1")


def busy_pair(read: Read, lines: Lines, tree: Tree, messages: int, spins: bool) -> tuple[Record, Prediction]:
    """Make up a record and a prediction of a kernel-mode copy."""
    line = pick(lines, "5.7.14", "sig1")
    record = read({**line, "access": BUSY.access, "messages": messages, "state_after_action": "R"})[0]
    like = predict(Experiment("user_read", "sig1"), Tree.v5_7).fields
    return record, Prediction(BUSY, tree, {**like, "state_after_action": "S"}, spins)


def test_in_a_busy_loop_a_spin_stands_for_the_number_of_messages(read: Read, lines: Lines) -> None:
    found = compare(*busy_pair(read, lines, Tree.v5_7, messages=4711, spins=True))
    assert found.differing == {}
    assert "state_after_action" in found.not_compared


@pytest.mark.parametrize(("messages", "spins"), [(4711, False), (1, True)])
def test_a_busy_loop_needs_a_spin_and_two_messages(
    messages: int, spins: bool, read: Read, lines: Lines
) -> None:
    assert set(compare(*busy_pair(read, lines, Tree.v5_7, messages, spins)).differing) == {"messages"}


@pytest.mark.parametrize("patch", [(12, 16), (13,)], ids=str)
def test_without_patch_12_or_13_there_is_no_busy_loop(
    patch: tuple[int, ...], read: Read, lines: Lines
) -> None:
    found = compare(*busy_pair(read, lines, Tree.v5_7 - patch, messages=4711, spins=True))
    assert set(found.differing) == {"messages", "state_after_action"}


# ---------------------------------------------------------------------------- what a recorder lacked


def test_a_perf_event_that_was_not_counted_is_named_and_no_more(read: Read, lines: Lines) -> None:
    alone, event = (dict(pick(lines, "5.7.14", name)) for name in ("none", "wake1"))
    for row in (alone, event):
        row["sw_page_faults"] = "unread"
    event["sw_page_faults_maj"] = "unread"
    got = replay(read(alone, event))[1].comparison
    assert got.differing == {}
    unread = [name for name, why in got.not_compared.items() if "not allowed to count" in why]
    assert sorted(unread) == ["sw_page_faults", "sw_page_faults_maj"]
    wrong = replay(read(alone, {**event, "minflt": event["minflt"] + 1}))[1].comparison
    assert [*wrong.differing] == ["minflt"]


def test_a_none_row_of_user_mode_only_stands_in_where_there_is_no_other(read: Read, lines: Lines) -> None:
    alone, event = ({**pick(lines, "5.7.14", name), "kernel": "6.1"} for name in ("none", "wake1"))
    alone["minflt"] += 2
    mine = [{**row, "user_mode_only": True} for row in (alone, event)]
    assert [*replay(read(*mine))[1].comparison.differing] == ["minflt"]
    plain = {**pick(lines, "5.7.14", "none"), "kernel": "6.1"}
    assert [*replay(read(*mine, plain))[1].comparison.differing] == []
