"""A call case compares what the learner's functions say with what is right."""

from __future__ import annotations

import pytest

from course.checks.call_case import CallCase, Unwritten
from course.child_functions import Answers
from pyemu.handler import HandlerFault


def look(answers: Answers) -> dict[str, object]:
    return {"one": answers.call("f", 1), "two": answers.call("f", 2)}


CASE = CallCase("doubles", "Each number is doubled.", look, {"one": 2, "two": 4})


def test_a_right_answer_has_no_problem():
    run = CASE.play("def f(n):\n    return n * 2\n", ["f"])
    assert (run.problem(()), run.wrong, run.findings) == ("", (), ())


def test_the_first_wrong_value_is_named_beside_the_right_one():
    run = CASE.play("def f(n):\n    return n + 1\n", ["f"])
    assert run.problem(()) == "Yours gives two: 3; right is two: 4."
    assert run.told(()) == ("two: 3", "two: 4")
    assert run.problem(("one",)) == ""


def test_wrong_answers_are_told_one_after_the_other_and_no_more_than_three():
    case = CallCase("numbers", "", lambda answers: answers.value("TABLE"), {f"a, {n}": n for n in range(5)})
    mine, right = case.play("TABLE = {f'a, {n}': n + 1 for n in range(5)}\n", ["TABLE"]).told(())
    assert mine == "a, 0: 1; a, 1: 2; a, 2: 3; and 2 more"
    assert right == "a, 0: 0; a, 1: 1; a, 2: 2; and 2 more"


def test_a_crash_is_a_finding_and_no_value():
    run = CASE.play("def f(n):\n    raise NotImplementedError('later')\n", ["f"])
    assert [finding.rule for finding in run.findings] == ["crash"]
    assert run.mine == {}
    assert run.told(()) == ("", "")


def test_a_table_that_is_not_filled_in_says_so():
    def reads(answers: Answers) -> dict[str, object]:
        if None in answers.value("TABLE").values():
            raise Unwritten("TABLE still holds None.")
        return {}

    run = CallCase("table", "", reads, {}).play("TABLE = {1: None}\n", ["TABLE"])
    assert [(one.rule, one.text) for one in run.findings] == [("unwritten", "TABLE still holds None.")]


@pytest.mark.parametrize("value", ["'\\x1b[31m'", "'x' * 5000"], ids=["control", "long"])
def test_what_a_stranger_returns_is_safe_to_look_at(value: str):
    problem = CASE.play(f"def f(n):\n    return {value}\n", ["f"]).problem(())
    assert "\x1b" not in problem
    assert len(problem) < 300


def test_a_name_that_is_missing_is_a_finding_and_a_source_that_cant_be_read_is_none():
    run = CASE.play("g = 1\n", ["f"])
    assert [finding.rule for finding in run.findings] == ["missing"]
    with pytest.raises(HandlerFault, match="can't be read"):
        CASE.play("def f(:\n", ["f"])
