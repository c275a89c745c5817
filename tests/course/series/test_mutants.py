"""Planted faults: every one in either side is noticed, or is named with the reason why it changes nothing."""

from __future__ import annotations

import ast
import re
from dataclasses import replace

import pytest

from course.series.decisions.pair import Pair
from course.series.mutants import changes_nothing, is_noticed, mutants, survivors
from course.series.operators import faults
from course.series.pairs import PAIRS
from tests.course.series.test_proof import EVERY, IDS


@pytest.mark.parametrize(("patch", "pair"), EVERY, ids=IDS)
def test_every_planted_fault_is_noticed_or_named(patch: int, pair: Pair) -> None:
    found = survivors(pair)
    assert found.wrong == ()
    assert found.n_planted > 25
    assert found.n_planted - found.n_noticed == len(found.equivalent) == len(pair.equivalent)


@pytest.mark.parametrize(("patch", "pair"), EVERY, ids=IDS)
def test_both_sides_get_faults_and_the_named_ones_change_no_decision_at_all(patch: int, pair: Pair) -> None:
    planted = list(mutants(pair))
    assert {mutant.side for mutant in planted} == {"before", "after"}
    named = [mutant for mutant in planted if str(mutant) in pair.equivalent]
    assert len(named) == len(pair.equivalent)
    assert all(changes_nothing(mutant, pair) for mutant in named)
    assert all(pair.equivalent.values())


def test_no_two_faults_of_a_pair_have_the_same_name() -> None:
    names = [str(mutant) for mutant in mutants(PAIRS[3])]
    assert len(set(names)) == len(names) > 100


def test_the_helper_that_a_side_calls_gets_faults_as_well() -> None:
    places = {(mutant.side, mutant.place) for mutant in mutants(PAIRS[4])}
    assert ("after", "fault_signal_pending") in places
    assert ("before", "fault_signal_pending") not in places
    assert {("before", "leave"), ("after", "leave"), ("before", "finish")} <= places


def test_with_fewer_inputs_faults_go_unnoticed() -> None:
    few = replace(PAIRS[4], cases=lambda: list(PAIRS[4].cases())[:3])
    assert survivors(few).wrong


def test_a_name_that_is_no_survivor_is_reported() -> None:
    named = replace(PAIRS[5], equivalent={"before, leave: nothing": "made up"})
    assert survivors(named).wrong == ("before, leave: nothing",)


def test_an_exception_of_a_faulty_side_is_noticed() -> None:
    raising = [one for one in mutants(PAIRS[4]) if "drop 'major = " in str(one)]
    assert len(raising) == 2
    assert all(is_noticed(mutant, PAIRS[4]) for mutant in raising)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if a & B:\n    return 1\n", {"negate 'a & B'", "other link in 'a & B'", "1 becomes 2"}),
        ("return a is B\n", {"negate 'a is B'"}),
        ("return a and not b\n", {"other link in 'a and (not b)'"}),
        ("return -a\n", {"drop the sign of '-a'"}),
        ("return a & ~b\n", {"drop the sign of '~b'", "other link in 'a & ~b'"}),
        ("return True\n", {"True becomes False"}),
        ("return 'text'\n", {"'text' becomes 'other text'"}),
        ("a = VM_FAULT_A\nreturn a\n", {"drop 'a = VM_FAULT_A'", "'VM_FAULT_A' becomes 'VM_FAULT_B'"}),
        ("return VM_FAULT_B\n", {"'VM_FAULT_B' becomes 'VM_FAULT_A'"}),
        ("return -EFAULT\n", {"drop the sign of '-EFAULT'", "'EFAULT' becomes 'ENOMEM'"}),
    ],
)
def test_operators(source: str, expected: set[str]) -> None:
    body = "".join(f"    {line}\n" for line in source.splitlines())
    (tree,) = ast.parse(f'def f(a, b) -> int:\n    """Say 1."""\n{body}').body
    assert isinstance(tree, ast.FunctionDef)
    before = ast.dump(tree)
    names = {"VM_FAULT_A": 1, "VM_FAULT_B": 2, "EFAULT": 14, "ENOMEM": 12}
    found = dict(faults(tree, names))
    drops = {what for what in found if re.match(r"drop .(return|if)", what)}
    assert set(found) - drops == expected
    assert drops
    assert all(ast.dump(faulty) != before for faulty in found.values())
    assert ast.dump(tree) == before
