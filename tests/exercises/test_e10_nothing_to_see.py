"""Exercise E10: the sentences that its learners read, word by word, and proofs that nobody foresaw."""

from __future__ import annotations

import pytest

from course.checks.library import exercise_of
from course.series.asked import PARTS
from course.series.pairs import PAIRS
from course.series.proof import prove
from tests.exercises.answers import failed, feedback, master, source_of, verdict, wrong

E10 = exercise_of("e10_nothing_to_see")
SENTENCES = {
    "normal-pages-only": ("a", "No hugetlb page in the domain: P2 is not exercised."),
    "result-only": ("a", "*locked differs under the mutant; compare it."),
    "same-tree-twice": ("d", "Planted mutant passed: you compare a tree with itself."),
    "sample-100": ("a", "100 of 384 cases is not a proof."),
    "no-uffd": ("a", "RETRY never happened."),
    "bug-on-inverted": ("a", "BUG_ON(x) fires when x is true."),
    "p16-synthetic": ("b", "Only for flags no in-tree caller passes: name the caller."),
    "p16-no-U": ("b", "The one new row is missing."),
    "p4-never": ("c", "It may, with SIGKILL (I2)."),
    "p4-reachable": ("c", "Without SIGKILL and without ALLOW_RETRY no callee returns RETRY."),
    "minus-ebusy": ("a", "P2 changes no return value."),
    "p11-gup": ("d", "GUP composes its own flags."),
    "no-lock-compare": ("c", "Equal result, unequal lock balance."),
}
MISTAKES = [(letter, what) for letter, part in PARTS.items() for what in part.planted]


def replaced(*changes: tuple[str, str]) -> str:
    source = master(E10)
    for old, new in changes:
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


def test_each_part_gives_three_points():
    assert {one.id: one.points for one in E10.behaviours} == dict.fromkeys("abcd", 3)


@pytest.mark.parametrize("name", SENTENCES)
def test_a_wrong_answer_reads_its_sentence_and_loses_one_part(name: str):
    given = verdict(E10.id, source_of(E10, wrong(E10, name).file))
    letter, sentence = SENTENCES[name]
    assert failed(given) == {letter: sentence}
    assert given.points == 9


def test_every_named_wrong_answer_has_its_sentence_here():
    assert {one.name for one in E10.wrong} == set(SENTENCES)


# ------------------------------------------------------------------------------- what is right


@pytest.mark.parametrize("letter", PARTS)
def test_where_the_two_sides_differ_nothing_can_happen(letter: str):
    part = PARTS[letter]
    differing = [case for case in part.cases() if not part.same(case)]
    assert bool(differing) == (letter in "bc")
    assert not any(part.happens(case) for case in differing)


@pytest.mark.parametrize("letter", PARTS)
def test_the_course_has_a_proof_of_the_same_patch(letter: str):
    assert prove(PAIRS[PARTS[letter].patch]).holds


@pytest.mark.parametrize(("letter", "what"), MISTAKES)
def test_a_planted_mistake_shows_where_the_patch_does_not(letter: str, what: str):
    part = PARTS[letter]
    showing = [case for case in part.cases() if part.same(case) and not part.same(case, part.planted[what])]
    assert any(part.happens(case) for case in showing)


def test_one_planted_mistake_shows_in_locked_alone():
    part = PARTS["a"]
    for case in part.cases():
        old, new = (part.decide(n, case, "the new side says *locked 1") for n in (1, 2))
        assert {name for name in old if old[name] != new[name]} <= {"locked", "bug_on"}


# ----------------------------------------------------------------------- proofs nobody foresaw


@pytest.mark.parametrize(
    ("old", "new", "lost", "told"),
    [
        ("return decide(15, case) == decide(16, case)", "return True", "b", "trees compared"),
        (
            "return decide(3, case) == decide(4, case)",
            "return decide(3, case) is not decide(4, case)",
            "c",
            "inputs said to be equal that differ: 8, such as (False, 'RETRY', 'user', 'none')",
        ),
        ("return decide(10, case) == decide(11, case)", "return True", "d", "trees compared"),
        ("BEFORE_16 = 15", "BEFORE_16 = 12", "b", "the patch that must come before 16: 12"),
        ("BEFORE_16 = 15", "BEFORE_16 = None", "b", "not written yet: BEFORE_16 still is None."),
        (
            "return old == new and fires[0] == fires[1]",
            'return all(old[name] == new[name] for name in ("count", "locked", "goes_on"))',
            "a",
            "the proof, when the walk drops the lock under FOLL_NOWAIT: holds",
        ),
        ("return decide(10, case) == decide(11, case)", "decide(10, case)", "d", "same_d gives None"),
    ],
)
def test_other_proofs_are_told_apart(old: str, new: str, lost: str, told: str):
    given = failed(verdict(E10.id, replaced((old, new))))
    assert list(given) == [lost]
    assert told in given[lost]


def test_an_input_that_is_none_is_shown():
    given = verdict(E10.id, replaced(('"MAJOR", "RETRY"', '"major", "MAJOR", "RETRY"')))
    (row,) = [row for row in given.rows if row.feedback is not None]
    assert feedback(row).headline == (
        "Yours gives inputs that are none: 12, such as (False, 'major', 'kernel', 'SIGKILL'); right is "
        "inputs that are none: none."
    )


def test_another_tree_is_refused_with_a_reason():
    given = failed(verdict(E10.id, replaced(("decide(15, case) ==", "decide(14, case) =="))))
    assert "14 patches: ask for 15 or for 16." in given["b"]


@pytest.mark.parametrize("domain", ["[]", "None", "7", "'abcd'", "[[1, 2], {3: 4}]", "{1: 2}"])
def test_a_domain_that_is_none_loses_its_part_alone(domain: str):
    source = master(E10) + f"\n\n\ndef domain_d():\n    return {domain}\n"
    assert list(failed(verdict(E10.id, source))) == ["d"]


def test_the_right_side_is_out_of_reach():
    given = verdict(E10.id, "from course.series.asked import PARTS\n" + master(E10))
    assert given.points == 0


def test_prints_cost_nothing():
    change = "return decide(10, case) == decide(11, case)"
    given = verdict(E10.id, replaced((change, f"print('asked')\n    {change}")))
    assert given.full
    assert set(given.printed.split()) == {"asked"}
