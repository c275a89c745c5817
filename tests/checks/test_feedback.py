from __future__ import annotations

from dataclasses import replace

import pytest

from course.checks.difference import Difference
from course.checks.feedback import (
    PRINTED_LINES,
    WIDTH,
    explain,
    one_mistake,
    overview,
    printed_text,
    row_text,
    title_line,
)
from course.checks.library import checks_of, exercise_of
from course.checks.verdict import Feedback, Outcome, Row, Verdict

CHECKS = checks_of("e04_loop")
S13, WAKES, *REST = exercise_of("e04_loop").behaviours
FULL = Feedback(
    "It failed.",
    "S13: something happens.",
    "the access gives 1",
    "the access gives 2",
    difference=Difference(("both",), ("mine",), ()),
    because="You forgot it.",
    read="Linux v5.7, a file",
    cause="a-cause",
    printed="one\ntwo",
)


def test_feedback_begins_with_its_headline_and_holds_every_part_in_order():
    text = explain(FULL)
    assert text.startswith("It failed.\n")
    parts = [
        "S13: something",
        "gives 1",
        "gives 2",
        "= both",
        "- mine",
        "+    (the trace ends)",
        "forgot",
        "v5.7",
    ]
    places = [text.index(part) for part in [*parts, "| one", "| two"]]
    assert places == sorted(places)


def test_what_is_not_known_is_left_out():
    assert explain(Feedback("It failed.")) == "It failed."


def test_prose_keeps_to_the_width():
    text = explain(replace(FULL, headline="word " * 60, because="word " * 60))
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_passed_check_is_one_line_that_depends_on_the_exercise_alone():
    row = Row(S13, Outcome.PASSED, "a reason")
    assert row_text(row) == title_line(row) == f"PASS  2 of 2 points  {S13.title}"


def test_a_skipped_check_says_why():
    assert row_text(Row(WAKES, Outcome.SKIPPED, "It builds on it.")).endswith("\n\nIt builds on it.")


@pytest.mark.parametrize("outcome", Outcome)
def test_the_overview_gives_reasons_and_the_commit_only_after_success(outcome: Outcome):
    rows = (Row(S13, Outcome.PASSED, "Because so."), Row(WAKES, outcome, "Because of that.", None))
    text = overview(Verdict("e04_loop", None, rows), CHECKS)
    assert ("4064b9827063" in text) == (outcome is Outcome.PASSED)
    assert ("Because so." in text) == (outcome is Outcome.PASSED)
    assert f"{3 if outcome is Outcome.PASSED else 2} of 3 points" in text


@pytest.mark.parametrize("second", ["It failed.", "It failed otherwise."])
def test_a_mistake_that_ended_every_check_is_told_once(second: str):
    said = zip((S13, WAKES), ("It failed.", second), strict=True)
    rows = [Row(one, Outcome.FAILED, feedback=replace(FULL, headline=headline)) for one, headline in said]
    assert one_mistake(Verdict("e04_loop", None, tuple(rows))) == second * (second == "It failed.")
    assert one_mistake(Verdict("e04_loop", None, tuple(rows[:1]))) == ""


def test_a_flood_of_prints_is_cut():
    lines = printed_text("\n".join("x" * 1000 for _ in range(PRINTED_LINES + 5)))
    assert len(lines) == PRINTED_LINES + 1
    assert lines[-1].endswith("5 lines more")
    assert max(map(len, lines)) < WIDTH + 10
