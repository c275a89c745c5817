"""What lesson 12a says is what the runs give, and its table can be filled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course.questions import questions_of
from pyemu import Tree, run
from pyemu.explore import explore
from tests.lessons.learner import Lesson, printed

LESSON = Lesson("12a")


def test_the_call_that_does_not_block_sleeps_five_seconds() -> None:
    assert "The run gave ret=1 after 5 s." in LESSON.shown("run-sleep")
    lines = LESSON.shown("trace-sleep").splitlines()
    assert "takes mmap_sem for reading" in next(line for line in lines if "mmap_sem for" in line)
    last = [line for line in lines if "mmap_sem was dropped" in line][-1]
    assert "gets 1 page" in last


def test_the_calls_say_what_the_text_says() -> None:
    assert "The run gave 0 pages, *locked 1." in LESSON.shown("run-calls")
    said = [
        line.split(":", 1)[1].strip()
        for line in (LESSON.shown("run-others") + LESSON.shown("run-two")).splitlines()
    ]
    assert said == ["EFAULT", "1 page, *locked 0", "1 page, *locked 1", "2 pages, *locked 0"]


ROWS = {
    "a": "pin 0 entry=get_user_pages_locked",
    "b": "pin 1 entry=get_user_pages_locked",
    "c": "pin 1 entry=get_user_pages_locked nowait=yes",
    "d": "pin 0-1 entry=get_user_pages_locked nowait=yes",
    "e": "pin 0-1 entry=get_user_pages_locked",
    "f": "pin 1 entry=get_user_pages",
}


def test_the_table_is_right_when_it_is_filled_from_runs(tmp_path: Path) -> None:
    calls = "".join(f"print(call({steps!r}))\n" for steps in ROWS.values())
    said = printed(LESSON.notebook, {"run-two": {'print("two:': calls + 'print("two:'}}, tmp_path)["run-two"]
    answers: dict[str, str] = {}
    for letter, line in zip(ROWS, said.splitlines()[1:], strict=False):
        found = re.fullmatch(r"(\d) pages?, \*locked (\d)", line)
        answers |= {f'n_{letter}=""': f'n_{letter}="{found[1] if found else line}"'}
        answers |= {f'l_{letter}=""': f'l_{letter}="{found[2]}"'} if found else {}
    filled = printed(LESSON.notebook, {"fill-calls": answers}, tmp_path)["fill-calls"]
    assert "All 11 right." in filled


@pytest.mark.parametrize("scenario", ["X1", "S2"])
def test_patches_1_and_2_change_nothing(scenario: str) -> None:
    ends = [
        {str(one) for one in explore(scenario, tree).endings}
        for tree in (Tree.before, Tree.upto(1), Tree.upto(2))
    ]
    assert ends[0] == ends[1] == ends[2]
    events = [
        [(event.kind, event.a, event.b) for event in run(scenario, tree).trace]
        for tree in (Tree.before, Tree.upto(1))
    ]
    assert events[0] == events[1]


def test_patch_1_leaves_each_event_as_it_was() -> None:
    assert re.fullmatch(r"\d+ events on each kernel, all the same: True\n", LESSON.shown("run-x1"))


def test_with_a_mistake_planted_patch_2_stops_in_time() -> None:
    assert LESSON.shown("explore-s2").count("No order of moves breaks a rule.") == 2
    without, with_it = LESSON.shown("run-mutant").splitlines()
    assert "use after free" in without
    assert with_it.endswith("broken: no rule")
    without, with_it = LESSON.shown("run-nowait").splitlines()
    assert "mmap_sem held on return" in without
    assert "BUG_ON" in with_it


def test_the_predictions_cover_what_the_runs_give() -> None:
    questions = questions_of("12a")
    assert "ret=1 after 5 s" in [one.outcome for one in questions["sleep"].choices]
    assert "0 pages, *locked 1" in [one.outcome for one in questions["nowait"].choices]
