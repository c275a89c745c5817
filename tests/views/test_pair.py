"""Side by side: marks in words, and what differs and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course.views.compare import compare
from course.views.counts import counters
from course.views.pair import side_by_side
from course.views.why import why
from course.waiting import slow_page
from pyemu import Result, Tree, run
from pyemu.errors import FaultlabError
from tests.views.runs import on, with_trace

BEFORE, AFTER = on("S13", "before"), on("S13", "after")


def test_the_line_where_the_runs_part_is_marked_in_words_and_bold_and_no_other():
    view = side_by_side(BEFORE, AFTER)
    marked = [line for line in view.table.lines if "PARTS" in line.cells[2]]
    assert len(marked) == 1
    assert [line for line in view.table.lines if line.strong] == marked
    assert marked[0].cells[1] == "T ends attempt 2: 0x2 SIGBUS"
    assert marked[0].cells[4] == "T sends the monitor a message: the page is missing"


def test_other_values_are_marked_in_words():
    lines = side_by_side(BEFORE, AFTER).table.lines
    assert [line.cells[1].split(",")[0] for line in lines if line.cells[2] == "≠ other"] == [
        "T starts attempt 1",
        "T starts attempt 2",
    ]


def test_a_moved_mark_would_be_noticed():
    # The newer run with its first attempt's flags taken from the older: only attempt 2 differs then.
    events = [replace(e, a=0x54) if e.kind == "attempt" and e.b == 1 else e for e in AFTER.trace]
    lines = side_by_side(BEFORE, with_trace(AFTER, events)).table.lines
    assert [line.cells[1].split(",")[0] for line in lines if line.cells[2] == "≠ other"] == [
        "T starts attempt 2"
    ]


def test_why_names_the_flag_the_patch_and_the_consequence():
    text = " ".join(side_by_side(BEFORE, AFTER).table.notes)
    assert "before lacks ALLOW_RETRY" in text
    assert "Tree before clears ALLOW_RETRY after the first attempt; tree after keeps it (patch 13)." in text
    assert "handle_userfault answers SIGBUS" in text
    assert "Attempt 2: flags 0x70 in before, 0x274 in after" in text


def test_why_is_the_same_seen_from_the_other_side():
    text = " ".join(side_by_side(AFTER, BEFORE).table.notes)
    assert "before lacks ALLOW_RETRY" in text
    assert "Tree before clears ALLOW_RETRY after the first attempt; tree after keeps it (patch 13)." in text


def test_a_flag_that_no_policy_of_the_trees_explains_gets_no_reason():
    events = [replace(e, a=int(e.a) & ~0x4) if e.kind == "attempt" else e for e in BEFORE.trace]
    faulty = with_trace(BEFORE, events)
    text = " ".join(why(compare(BEFORE.trace, faulty.trace), BEFORE.tree, faulty.tree))
    assert "right lacks ALLOW_RETRY" in text
    assert "patch 13" not in text


def test_one_patch_is_named_where_only_one_differs():
    text = " ".join(side_by_side(on("S13", "after-13"), AFTER).table.notes)
    assert "Tree after-13 clears ALLOW_RETRY" in text
    assert "patch 12" not in text


def test_equal_runs_differ_in_nothing():
    assert why(compare(BEFORE.trace, BEFORE.trace), Tree.before, Tree.before) == ("Both runs did the same.",)
    assert "PARTS" not in repr(side_by_side(BEFORE, BEFORE)).replace(">> here the runs part", "")


def test_runs_of_two_scenarios_are_named_by_both():
    titles = [column.title for column in side_by_side(BEFORE, on("S10a", "before")).table.columns]
    assert "S13 on tree before" in titles
    assert "S10a on tree before" in titles


def test_counters_are_those_of_the_runs():
    rows = {line.cells[0]: line.cells[1:] for line in counters(BEFORE, AFTER).table.lines}
    assert rows["outcome"] == ("SIGBUS(code=2)", "ret=5")
    for title, name in (("attempts (handle_mm_fault)", "attempts"), ("mmap_sem taken", "acquisitions")):
        assert rows[title] == tuple(str(r.tasks["T"].stats[name]) for r in (BEFORE, AFTER))
    assert rows["faults counted as major (maj_flt)"] == ("0", "1")


@pytest.mark.parametrize(("given", "words"), [((), "got no run"), ((BEFORE,), "task 'X' is not in S13")])
def test_counters_of_nothing_are_refused_in_words(given: tuple[Result, ...], words: str):
    with pytest.raises(FaultlabError, match=words):
        counters(*given, task="X")


def test_counters_of_runs_on_one_tree_can_be_named() -> None:
    titles = [column.title for column in counters(BEFORE, BEFORE, named=("theirs", "mine")).table.columns]
    assert titles[1:] == ["theirs", "mine"]
    with pytest.raises(FaultlabError, match="2 runs and 1 names"):
        counters(BEFORE, BEFORE, named=("mine",))


def test_runs_on_one_tree_are_named_by_their_side() -> None:
    board, desk = (run(slow_page(arch), Tree.before).trace for arch in ("csky", "x86"))
    parted, flags, *_ = why(compare(board, desk), Tree.before, Tree.before)
    assert parted.startswith("Here the runs part. left: T asks the disk")
    assert "right: T releases mmap_sem" in parted
    assert flags.startswith("Attempt 1: flags 0x0 in left, 0x54 in right; left lacks")
