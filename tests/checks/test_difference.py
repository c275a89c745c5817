from __future__ import annotations

from typing import Any

from course.checks.difference import Difference, first_difference
from pyemu import Trace, Tree, run


def difference(mine: Trace, kernel: Trace) -> Difference:
    """Give the first difference; there has to be one."""
    found = first_difference(mine, kernel)
    assert found is not None
    return found


def trace(*events: tuple[Any, ...]) -> Trace:
    """Make a trace of (t, kind, a) or (t, kind, a, b) of task T."""
    made = Trace(["T", "M"])
    for t, kind, *fields in events:
        made.add(t, 0, 1, 0, 0, kind, *fields)
    return made


STORY = [(n, "signal_taken", n, "handler") for n in range(1, 8)]


def test_equal_stories_have_no_difference():
    assert first_difference(run("S13").trace, run("S13").trace) is None


def test_the_first_event_that_differs_stands_between_its_neighbours():
    other = [*STORY[:3], (4, "exit", 9), *STORY[4:]]
    found = difference(trace(*STORY), trace(*other))
    assert [line.split()[0] for line in found.before] == ["2", "3"]
    assert [line.split()[0] for line in found.mine] == ["4", "5", "6"]
    assert "killed by SIGKILL" in found.kernel[0]


def test_a_trace_that_ends_early_differs_where_it_ends():
    found = difference(trace(*STORY[:2]), trace(*STORY))
    assert found.mine == ()
    assert len(found.kernel) == 3


def test_time_and_steps_inside_a_function_are_not_compared():
    late = [(t + 5, *rest) for t, *rest in STORY]
    inside = [*late[:1], (7, "find_vma", 4096), (7, "state", 0), *late[1:]]
    assert first_difference(trace(*STORY), trace(*inside)) is None


def test_a_fault_that_is_counted_twice_differs():
    twice = [*STORY[:2], (3, "counter", "min_flt"), *STORY[2:]]
    other_counter = [*STORY[:2], (3, "counter", "page-faults"), *STORY[2:]]
    assert difference(trace(*twice), trace(*STORY)).mine[0].endswith("min_flt = 0")
    assert first_difference(trace(*other_counter), trace(*STORY)) is None


def test_two_trees_differ_at_the_second_attempt():
    found = difference(run("S13", Tree.before).trace, run("S13", Tree.after).trace)
    assert "attempt 1 flags 0x54" in found.mine[0]
    assert "attempt 1 flags 0x254" in found.kernel[0]


def test_what_a_crash_says_can_not_turn_the_line_round():
    made = Trace(["T"])
    made.add(0, 0, 1, 0, 0, "finding", "crash", "a \u202e b \x1b[31m")
    assert "\\u202e" in difference(made, trace()).mine[0]
