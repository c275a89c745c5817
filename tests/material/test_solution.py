"""Solution regions are cut out whole, and leaks are seen."""

from __future__ import annotations

import json

import pytest

from course.material.solution import find_leaks, has_solution, solved, stubbed
from course.material.source import markdown_cell, new_notebook, write_notebook
from pyemu.errors import MaterialError

TEXT = """def f(x):
    ### BEGIN SOLUTION
    hidden = x + 1
    return hidden
    ### STUB
    # # write here
    # if x:
    #     return None
    ### END SOLUTION
"""


def test_the_master_runs_the_solution_without_marks_or_stub():
    assert solved(TEXT, "t") == "def f(x):\n    hidden = x + 1\n    return hidden"


def test_the_learner_gets_the_stub_at_the_indentation_of_the_region():
    assert stubbed(TEXT, "t") == "def f(x):\n    # write here\n    if x:\n        return None"


def test_a_region_without_a_stub_says_that_something_is_to_be_written():
    text = "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"
    assert stubbed(text, "t") == 'def f():\n    raise NotImplementedError("write your answer here")'


def test_two_regions_in_one_cell_are_both_replaced():
    assert "hidden" not in stubbed(TEXT + TEXT, "t")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("### BEGIN SOLUTION\nx = 1", "not closed"),
        ("x = 1\n### END SOLUTION", "line 2: '### END SOLUTION' without"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "line 2: .* inside a solution region"),
        ("### STUB\n# x", "line 1: '### STUB' must stand between"),
        ("### BEGIN SOLUTION\n### STUB\nx = 1\n### END SOLUTION", "line 3: 'x = 1' belongs to a stub"),
    ],
)
def test_a_malformed_region_names_its_line(text, complaint):
    assert has_solution(text)
    with pytest.raises(MaterialError, match=complaint):
        solved(text, "t")


MASTER = [markdown_cell("m", "Add one. The line `x += 41` is given."), markdown_cell("a", TEXT)]


def notebook(text: str) -> str:
    return write_notebook(new_notebook([markdown_cell("n", text)]))


def test_the_stubbed_text_leaks_nothing():
    assert find_leaks(MASTER, notebook(stubbed(TEXT, "t"))) == []


@pytest.mark.parametrize(
    "shown",
    [
        "hidden = x + 1",
        "        hidden  =  x + 1  # moved",
        "Use `hidden = x + 1` here.",
        "print('return hidden')",
    ],
)
def test_a_line_of_the_solution_is_found_wherever_it_shows(shown):
    assert [finding.name for finding in find_leaks(MASTER, notebook(f"words\n{shown}\nwords"))] == [
        "solution-leak"
    ]


def test_a_leak_in_metadata_or_outputs_is_found():
    text = json.dumps({"cells": [], "metadata": {"note": ["hidden = ", "x + 1\n"]}})
    assert [finding.name for finding in find_leaks(MASTER, text)] == ["solution-leak"]


def test_a_mark_that_was_left_over_is_found():
    assert [finding.name for finding in find_leaks(MASTER, notebook("### BEGIN SOLUTION"))] == ["mark-left"]


def test_lines_that_the_master_gives_away_are_no_leak():
    master = [*MASTER, markdown_cell("hint", "hidden = x + 1")]
    assert find_leaks(master, notebook("hidden = x + 1")) == []


def test_other_right_answers_leak_as_well():
    names = [f.name for f in find_leaks(MASTER, notebook("return sum([x, 1])"), ["return sum([x, 1])"])]
    assert names == ["solution-leak"]
