"""Two runs: the first event that differs, overall and for each task, and every event on a common line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Scenario, Trace, Tree, run
from pyemu.diff import Mark, align, by_task, first_difference
from pyemu.errors import FaultlabError
from pyemu.trace import Event, Level
from tests.pyemu.test_random_scenarios import scenarios


def event(task: int, kind: str, a: int = 0, b: int = 0, *, t: int = 0, step: int = 0) -> Event:
    return Event(t, step, task, 0, 0, kind, a, b)


def told(tree: Tree, task: str | None = None) -> list[Event]:
    return run("S13", tree).trace.select(task=task, level=Level.STORY)


def words(left: list[Event], right: list[Event]) -> list[str]:
    """Rows in short: task and kind of each side, and the mark between them."""
    return [
        f"{'' if row.left is None else f'{row.left.task}{row.left.kind}'}"
        f"{row.mark}{'' if row.right is None else f'{row.right.task}{row.right.kind}'}"
        for row in align(left, right).rows
    ]


SLEEP, WAKE, USER, EXIT = (event(1, kind) for kind in ("sleep", "fork", "user", "exit"))
OTHER_TASK = event(2, "user")


@pytest.mark.parametrize(
    ("left", "right", "rows"),
    [
        ([SLEEP, EXIT], [SLEEP, EXIT], ["1sleep 1sleep", "1exit 1exit"]),
        ([SLEEP, EXIT], [EXIT], ["1sleep|", "1exit 1exit"]),
        ([EXIT], [SLEEP, EXIT], ["|1sleep", "1exit 1exit"]),
        ([event(1, "sleep", 1), EXIT], [event(1, "sleep", 2), EXIT], ["1sleep≠1sleep", "1exit 1exit"]),
        ([SLEEP, USER], [WAKE, USER], ["1sleep|", "|1fork", "1user 1user"]),
        # How the tasks are mixed is no difference; the left run's order counts.
        ([SLEEP, OTHER_TASK], [OTHER_TASK, SLEEP], ["1sleep 1sleep", "2user 2user"]),
        ([SLEEP, OTHER_TASK, EXIT], [OTHER_TASK, SLEEP, WAKE, EXIT],
         ["1sleep 1sleep", "2user 2user", "|1fork", "1exit 1exit"]),
        ([SLEEP], [OTHER_TASK], ["1sleep|", "|2user"]),
        ([], [SLEEP], ["|1sleep"]),
        ([], [], []),
    ],
)  # fmt: skip
def test_events_stand_on_a_common_line(left: list[Event], right: list[Event], rows: list[str]) -> None:
    assert words(left, right) == rows


def check(left: list[Event], right: list[Event]) -> None:
    """Every event once, the left run and each task of the right one in their order; marks are true."""
    rows = align(left, right).rows
    assert [row.left for row in rows if row.left is not None] == left
    others = [row.right for row in rows if row.right is not None]
    for task in {one.task for one in right}:
        assert [one for one in others if one.task == task] == [one for one in right if one.task == task]
    assert len(others) == len(right)
    for row in rows:
        if row.left is None or row.right is None:
            assert row.mark is Mark.ALONE
            continue
        assert (row.left.task, row.left.kind) == (row.right.task, row.right.kind)
        equal = (row.left.a, row.left.b) == (row.right.a, row.right.b)
        assert row.mark is (Mark.SAME if equal else Mark.OTHER)


@settings(max_examples=40)
@given(scenarios(), st.integers(0, 16), st.integers(0, 16))
def test_random_scenarios_on_two_trees_are_aligned(scenario: Scenario, one: int, other: int) -> None:
    left, right = (list(run(scenario, Tree.upto(n)).trace) for n in (one, other))
    check(left, right)
    same = align(left, left)
    assert {row.mark for row in same.rows} <= {Mark.SAME}
    assert same.first() is None


@pytest.mark.parametrize("name", Scenario.library())
def test_the_library_on_two_trees_is_aligned(name: str) -> None:
    left, right = (list(run(name, tree).trace) for tree in (Tree.before, Tree.after))
    check(left, right)
    both = align(left, right)
    place = both.first()
    assert (place is None) == (not by_task(left, right))
    if place is not None:
        assert {row.mark for row in both.rows[:place]} <= {Mark.SAME}


def test_the_first_difference_comes_with_its_neighbours() -> None:
    both = align(told(Tree.before), told(Tree.after))
    place = both.first()
    assert place is not None
    around = both.around(place)
    assert [row.mark for row in around] == [Mark.SAME, Mark.SAME, Mark.OTHER, Mark.SAME, Mark.SAME]
    assert around[2].left is not None
    assert around[2].left.text.startswith("handle_mm_fault attempt 1 flags 0x54")
    (of_monitor,) = {row.task for row in both.around(both.first(2) or 0, task=2)}
    assert of_monitor == 2
    assert both.around(0, 1) == both.rows[:2]


def test_the_first_difference_in_order_is_that_of_some_task() -> None:
    left, right = told(Tree.before), told(Tree.after)
    found = first_difference(left, right)
    assert found is not None
    assert [one.kind for one in found.before] == ["exception", "lock_taken"]
    assert [one.kind for one in found.left] == [one.kind for one in found.right]
    assert found.left[0].a != found.right[0].a
    each = by_task(left, right)
    assert list(each) == [1, 2]
    assert each[1].left[0] == found.left[0]
    assert each[2].left == ()  # with its one wake-up, it has nothing more to do
    assert each[2].right[0].text == "wakes: message"
    assert first_difference(left, left) is None
    assert by_task(right, right) == {}


def test_in_order_means_that_another_mix_of_tasks_differs() -> None:
    assert first_difference([USER], [OTHER_TASK]) is not None
    mixed = first_difference([SLEEP, OTHER_TASK], [OTHER_TASK, SLEEP])
    assert mixed is not None
    assert by_task([SLEEP, OTHER_TASK], [OTHER_TASK, SLEEP]) == {}


@pytest.mark.parametrize("what", ["t", "step"])
def test_times_and_steps_are_compared_only_if_somebody_asks(what: str) -> None:
    left, right = [event(1, "user", t=1, step=1)], [event(1, "user", **{what: 7})]
    assert align(left, right).first() is None
    assert first_difference(left, right) is None
    assert align(left, right, compare=("values", what)).first() == 0
    assert first_difference(left, right, compare=(what,)) is not None
    assert list(by_task(left, right, compare=(what,))) == [1]


def test_values_may_be_left_out() -> None:
    left, right = [event(1, "sleep", 1)], [event(1, "sleep", 2)]
    assert align(left, right).first() == 0
    assert align(left, right, compare=()).first() is None


def test_what_can_not_be_compared_is_refused_in_words() -> None:
    for ask in (align, first_difference, by_task):
        with pytest.raises(FaultlabError, match="'time' can't be compared: choose from values, t, step, cpu"):
            ask([SLEEP], [SLEEP], compare=("time",))


def test_a_trace_that_was_read_back_has_no_difference() -> None:
    trace = run("S12", Tree.after).trace
    again = Trace.from_jsonl(trace.to_jsonl())
    assert first_difference(trace, again, compare=("values", "t", "step", "cpu", "depth")) is None
