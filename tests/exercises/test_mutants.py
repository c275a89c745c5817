"""Wrong answers that operators make lose points, or are known to be as right as the right one."""

from __future__ import annotations

import ast

import pytest

from course.checks.library import exercise_ids
from tests.exercises.answers import COMPILED, EXERCISES, master
from tests.exercises.mutants import (
    LEAST_CAUGHT,
    N_DRAWN,
    check,
    difference,
    drawn,
    equivalents,
    every_mutant,
)
from tests.exercises.operators import changed_lines, further
from tests.mutation.operators import Function, Mutant

# What a learner fills in there is a scenario, and many are right.
FORMS = ("e11_bisect", "h04_break_it")
CAUGHT = (
    "e01_truth_table.patch_3: negate \"'SIGKILL' in pending(signals)\"",
    "e01_truth_table.patch_9: 'not fault & VM_FAULT_RETRY' becomes False",
    "h02_tlb.load_cr3: other sign in 'value >> 63'",
    "h03_demand_zero.page_fault: drop \"kernel.count('min_flt')\"",
)


def named(name: str) -> Mutant:
    (found,) = (one for one in every_mutant(name.partition(".")[0]) if one.name == name)
    return found


def changes(body: str) -> set[str]:
    """The further changes of a function with this body, in words."""
    (function,) = ast.parse("def f(x):\n" + "".join(f"    {line}\n" for line in body.split("\n"))).body
    assert isinstance(function, Function)
    return {what for what, _ in further(function)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = x < 2", {"other bound in 'x < 2'", "2 becomes 1"}),
        ("y = x + 1", {"other sign in 'x + 1'", "1 becomes 0"}),
        ("x |= y", {"other sign in 'x |= y'"}),
        ("return x", {"no value in 'return x'"}),
        ("y = x and y", {"leave out 'x' of 'x and y'", "leave out 'y' of 'x and y'"}),
        ("while x:\n    break", {"'break' becomes 'continue'"}),
        ("if x:\n    continue", {"'x' becomes True", "'x' becomes False", "'continue' becomes 'break'"}),
        (
            "T = 'wait; copy 1'",
            {f"'wait; copy 1' becomes '{text}'" for text in ("wait; copy 2", "wait", "copy 1")},
        ),
        ("'''Takes 3.'''", set()),
    ],
)
def test_an_operator_changes_what_it_says(body: str, expected: set[str]):
    assert changes(body) == expected


def test_a_cython_text_is_changed_below_its_signature_and_keeps_its_declarations():
    text = "def f(int n):\n    cdef int i\n    return n + 1\n"
    assert [changed.splitlines()[:2] for _, changed in changed_lines(text)] == [text.splitlines()[:2]] * 4
    assert [changed.splitlines()[2].strip() for _, changed in changed_lines(text)] == [
        "return n - 1",
        "pass",
        "return n + 2",
        "return n + 0",
    ]


@pytest.mark.parametrize("exercise", exercise_ids())
def test_each_exercise_has_mutants_and_no_two_share_a_name(exercise: str):
    found = every_mutant(exercise)
    assert len({one.name for one in found}) == len(found) >= 15
    assert drawn(exercise) == drawn(exercise)
    assert len(drawn(exercise)) == min(len(found), N_DRAWN)


def test_each_mutant_of_the_list_is_there_and_has_a_reason():
    known = {one.name: one for exercise in exercise_ids() for one in every_mutant(exercise)}
    for name, row in (equivalents() | equivalents("open")).items():
        assert name in known, "listed, but gone"
        assert row["difference"].strip() == difference(known[name]).strip()
        assert len(row["reason"]) > 20


@pytest.mark.parametrize("name", CAUGHT)
def test_a_mutant_is_caught(name: str):
    assert check(named(name)).killed


def test_the_right_answer_is_not_caught():
    e1 = EXERCISES[0]
    assert not check(Mutant(e1.id, "rules", "nothing", master(e1))).killed


@pytest.mark.long
@pytest.mark.parametrize("exercise", exercise_ids())
def test_nearly_all_drawn_mutants_are_caught_and_the_others_are_known(exercise: str):
    if exercise in COMPILED:
        from course.compiled.building import why_not

        if why_not():
            pytest.skip(f"answers of {exercise} are compiled, and {why_not()}")
    verdicts = [check(one) for one in drawn(exercise)]
    survivors = [one.mutant.name for one in verdicts if not one.killed]
    assert [name for name in survivors if name not in equivalents() | equivalents("open")] == []
    assert exercise in FORMS or 1 - len(survivors) / len(verdicts) >= LEAST_CAUGHT
