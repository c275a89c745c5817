"""Real kernels with single patches, attempt by attempt: the emulator makes the same trace.

Each record is one script on one tree of a real kernel (see ORIGIN.md beside the records).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course.conform.kernels import NotModelled
from course.conform.records import Record, read_records
from course.conform.replay import Row, Verdict, replay
from course.conform.rules import up_to_repetition
from course.conform.script import WORDS, Script
from course.conform.script_prediction import predict_script
from pyemu import Tree, run
from pyemu.errors import RecordError

RECORDS = Path(__file__).parents[1] / "data" / "single_patches" / "single-patches-5.7.14.jsonl"
LINES = [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]
Read = Callable[..., list[Record]]
# What every row of the file tells, and what only rows without a spin and of a task that could report.
EXACT = ("outcome", "handler_runs", "handler_before_resolve", "exceptions", "sleeps", "spin")
WITHOUT_SPIN = ("attempts", "acquisitions", "messages", "states")
REPORTED = ("minflt", "majflt")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Replay the whole file once."""
    return [row for row in replay(read_records([RECORDS])) if row.verdict is not Verdict.NOT_MODELLED]


def name(line: dict[str, Any]) -> str:
    return f"{line['tree']}-{line['access']}-{line['signals']}-{line['script'].replace(' ', '_')}"


def predicted(tree: Tree, *words: str) -> dict[str, Any]:
    """What the emulator says of a script: access and script, then memory and signals."""
    access, script, mem, signals = (*words, "anon", "handler")[:4] if len(words) == 2 else words
    return predict_script(Script("plain", access, mem, signals, script), tree)


# ------------------------------------------------------------------------------------ the records


def test_the_file_has_278_rows_of_six_trees() -> None:
    assert len(LINES) == 278
    assert {line["tree"] for line in LINES} == {"upto8", "upto9", "upto10", "upto12", "upto13", "v5_7"}


def test_every_script_has_the_whole_trace_of_the_real_kernel(rows: list[Row]) -> None:
    assert [row.as_json() for row in rows if row.verdict is not Verdict.MATCH] == []
    assert len(rows) >= 80


def test_no_script_of_a_whole_tree_breaks_a_rule() -> None:
    scripts = {
        tuple(line[key] for key in ("group", "access", "mem", "signals", "script"))
        for line in LINES
        if line["tree"] == "v5_7" and line["access"].startswith("user_") and line["mem"] == "anon"
    }
    for one in sorted(scripts):
        assert run(Script(*one).scenario(), Tree.v5_7).violations == ()


@pytest.mark.parametrize("patch", [9, 10, 12, 13, 14, 15])
def test_the_records_tell_a_tree_from_one_without_a_patch(patch: int) -> None:
    other = Tree.v5_7 - (patch if patch != 12 else (12, 16))
    chosen = [one for one in read_records([RECORDS]) if one.values["tree"] == "v5_7"]
    assert Verdict.MISMATCH in {row.verdict for row in replay(chosen, tree=other)}


def test_a_record_of_a_tree_that_has_no_meaning_is_not_modelled(read: Read) -> None:
    (row,) = replay(read({**LINES[0], "tree": "upto13-12-mutant"}))
    assert row.verdict is Verdict.NOT_MODELLED
    assert "upto13-12-mutant" in row.reason


# -------------------------------------------------------------------------- a changed value is noticed


def changed(line: dict[str, Any], field: str) -> dict[str, Any]:
    value = line[field]
    if isinstance(value, bool):
        return {**line, field: not value}
    if field == "handler_before_resolve":
        return {**line, field: 1 - value}
    return {**line, field: value + 1 if isinstance(value, int) else f"{value}x"}


@pytest.mark.parametrize("field", [*EXACT, *WITHOUT_SPIN, *REPORTED])
def test_a_changed_value_is_noticed_in_every_row(field: str, rows: list[Row], read: Read) -> None:
    lines = [row.record.values for row in rows]
    for line, row in zip(lines, replay(read(*(changed(line, field) for line in lines))), strict=True):
        dead = field in REPORTED and str(line["outcome"]).startswith(("killed", "HUNG"))
        if dead or (field in WITHOUT_SPIN and line["spin"]):
            assert row.comparison.not_compared[field], line
        else:
            assert field in row.comparison.differing, line


@pytest.mark.parametrize("place", [0, -1])
def test_a_changed_word_of_the_trace_is_noticed_in_every_row(place: int, rows: list[Row], read: Read) -> None:
    def other(trace: str) -> str:
        words = up_to_repetition(trace).split()
        words[place] += "0"
        return " ".join([*words, *trace.split()[len(words) :]])

    lines = [{**row.record.values, "trace": other(str(row.record.values["trace"]))} for row in rows]
    for line, row in zip(lines, replay(read(*lines)), strict=True):
        assert "trace" in row.comparison.differing, line


def test_every_value_of_a_script_is_compared_or_named(rows: list[Row]) -> None:
    for row in rows:
        named = set(row.comparison.not_compared)
        whole = {*EXACT, *WITHOUT_SPIN, *REPORTED, "trace"}
        identity = {"kind", "kernel", "tree", "group", "access", "mem", "signals", "script"}
        assert set(row.record.values) - identity == (whole - named) | named


@pytest.mark.parametrize(
    ("trace", "beginning"),
    [
        ("Xk1 A h214 M0 S1 W H404 A h234 M0 H400 A h234 M0 H400 A h234 M0 H", 15),
        ("Xu1 A h54 A h70 A h70 A h70", 7),
        ("Xu1 A h254 M0 S1 W H404 A h274 M0 S1 W H404 A h274 M0 S1 W H404", 19),  # each round sleeps: no spin
        ("Xu1", 1),
    ],
)
def test_a_spins_trace_counts_up_to_its_first_repetition(trace: str, beginning: int) -> None:
    assert up_to_repetition(trace).split() == trace.split()[:beginning]


# ------------------------------------------------------------------------------------ scripts of one's own


def test_a_message_that_never_comes_is_waited_for_one_and_a_half_seconds() -> None:
    found = predicted(Tree.v5_7, "user_read", "m m st c")
    assert (found["outcome"], found["states"], found["messages"]) == ("ret=5", "S", 1)


def test_what_the_script_leaves_waiting_is_resolved_at_the_end() -> None:
    found = predicted(Tree.v5_7, "user_read", "m p10")
    assert (found["outcome"], found["messages"]) == ("ret=5", 1)


def test_a_task_that_nothing_ends_is_reported_as_hung_with_its_state() -> None:
    found = predicted(Tree.v5_7, "user_read", "m p10 O p80")
    assert found["outcome"] == "HUNG(S)"
    assert str(found["trace"]).endswith("Tuser")


@pytest.mark.parametrize(("word", "outcome"), [("UA", "SIGSEGV(code=1)"), ("O", "ret=42"), ("D", "ret=5")])
def test_who_shares_the_memory_changes_it_under_the_sleeping_task(word: str, outcome: str) -> None:
    assert predicted(Tree.v5_7, "user_read", f"m p10 {word} u1 p50 c")["outcome"] == outcome


def test_ten_alarms_in_a_user_fault_run_the_handler_ten_times() -> None:
    found = predicted(Tree.v5_7, "user_read", "m p150 c", "anon", "storm")
    assert (found["handler_runs"], found["exceptions"], found["outcome"]) == (10, 11, "ret=5")


def test_without_patch_9_a_signal_makes_the_task_go_round_until_the_page_comes() -> None:
    found = predicted(Tree.v5_7 - 9, "user_read", "m p30 stop p60 st c")
    assert found["spin"] is True
    assert found["states"] in ("R", "S")  # by chance: it announces a sleep that never comes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("user_reed", "anon", "handler", "m c"), "access 'user_reed' is unknown"),
        (("user_read", "disk", "handler", "m c"), "mem 'disk' is unknown"),
        (("user_read", "anon", "stop", "m c"), "signals 'stop' is unknown"),
        (("user_read", "anon", "handler", "m p c"), "word of the script 'p' is unknown"),
        (("user_read", "anon", "handler", "m pN c"), "word of the script 'pN' is unknown"),
        (("user_read", "anon", "handler", "m p60001 c"), "N is a number of ms up to 60000"),
        (("user_read", "anon", "handler", "c " * 201), "has 201 words: it must have 1 to 200"),
        (("user_read", "anon", "handler", "  "), "has 0 words: it must have 1 to 200"),
    ],
)
def test_a_name_or_a_word_that_does_not_exist_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(RecordError, match=message) as refused:
        Script("plain", *words)
    assert not isinstance(refused.value, NotModelled)


@pytest.mark.parametrize(
    ("access", "mem"),
    [("pvm_huge", "anon"), ("user_read", "huge")],
)
def test_huge_pages_are_not_modelled_by_name(access: str, mem: str) -> None:
    with pytest.raises(NotModelled, match=f"^(mem {mem}|access {access}) is not modelled"):
        Script("huge", access, mem, "handler", "m c").scenario()


SWAP_SCRIPTS = [  # access, mem, script, tree; outcome, trace
    ("user_write", "swapf", "m p10 wp- T", Tree.before, "SIGBUS(code=2)", "Xu1 A h55 H404 A h71 H2 U"),
    (
        *("user_write", "swapf", "m p10 wp- T", Tree.v5_7, "ret=7"),
        "Xu1 A h255 H404 A h275 M1 S1 W H404 A h275 H8 U",
    ),
    (
        *("user_write", "swap", "m p10 wp- T", Tree.v5_7, "ret=7"),
        "Xu1 A h255 H404 A h275 H8 U Xu1 A h255 M1 S1 W H404 A h275 H8 U",
    ),
    ("user_read", "swap", "p60 st T", Tree.v5_7, "ret=3", "Xu1 A h254 H404 A h274 H0 U"),
    (
        *("user_read", "swap", "p60 st u1 p5 st T", Tree.v5_7, "ret=3"),
        "Xu1 A h254 H404 Tuser Xu1 A h254 H0 U",
    ),
    ("user_read", "swap", "p60 st u1 p5 st T", Tree.before, "ret=3", "Xu1 A h54 H404 A h70 H0 U"),
    ("user_read", "swap", "p60 kill T", Tree.v5_7, "killed:9", "Xu1 A h254 H404 Tuser"),
    ("pvm", "swap", "p60 kill T", Tree.v5_7, "killed:9", "h95 H404"),
]


@pytest.mark.parametrize(("access", "mem", "script", "tree", "outcome", "trace"), SWAP_SCRIPTS)
def test_a_page_that_is_swapped_out_is_modelled(
    access: str, mem: str, script: str, tree: Tree, outcome: str, trace: str
) -> None:
    said = predict_script(Script("W1", access, mem, "handler", script), tree)
    assert (said["outcome"], said["trace"]) == (outcome, trace)
    assert said["states"] == ("DD" if "u1" in script else "D" if "st" in script else "")


def test_write_protection_of_shared_memory_is_not_modelled_by_name() -> None:
    with pytest.raises(NotModelled, match=r"^write-protection of shmem memory is not modelled"):
        Script("WP", "user_write", "shmem", "handler", "m p10 cwp m p10 wp-").scenario()


@pytest.mark.parametrize(
    ("tree", "trace"),
    [
        (Tree.upto(8), "Xu1 A h55 M0 S1 W H404 A h71 H2 U"),
        (Tree.v5_7, "Xu1 A h255 M0 S1 W H404 A h275 M1 S1 W H404 A h275 H8 U"),
    ],
    ids=str,
)
def test_a_page_that_comes_write_protected_needs_a_third_attempt(tree: Tree, trace: str) -> None:
    assert predicted(tree, "user_write", "m p10 cwp m p10 wp-")["trace"] == trace


@pytest.mark.parametrize(
    ("tree", "trace"),
    [
        (Tree.upto(8), "Xu20 A h54 H404 A h70 H100 U"),
        (Tree.v5_7, "Xu20 A h254 H404 Tuser Xu20 A h254 H100 U"),
    ],
    ids=str,
)
def test_a_signal_during_the_wait_for_the_slow_disk_shows_in_a_script_as_well(tree: Tree, trace: str) -> None:
    found = predicted(tree, "user_read", "p60 st u1 p5 st T", "file", "handler")
    assert (found["trace"], found["states"], found["outcome"]) == (trace, "DD", "ret=9")


def test_the_feature_sigbus_sends_no_message() -> None:
    found = predict_script(Script("sigbus", "user_read", "anon", "handler", "p50"), Tree.v5_7)
    assert (found["trace"], found["outcome"]) == ("Xu1 A h254 H2 U", "SIGBUS(code=2)")


def test_every_word_can_be_run() -> None:
    user = [word for word in WORDS if word not in ("pN", "Q") and not word.startswith(("wp", "cwp"))]
    for word in user:
        assert predicted(Tree.v5_7, "user_read", f"m p1 {word} p1 c")["outcome"] != "none"
