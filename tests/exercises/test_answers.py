"""Every exercise tells its answers apart: the stub, the right ones, and each wrong one by its own message."""

from __future__ import annotations

import re

import pytest

from course.checks.library import checks_of
from course.checks.submission import pristine
from course.checks.verdict import Outcome
from course.material.exercise import Exercise, WrongAnswer
from course.material.nbgrader import Role, cells_of_role
from course.material.solution import find_leaks
from tests.exercises.answers import EXERCISES, RIGHT_SEEDS, SEEDS, failed, master, source_of, stub, verdict

WRONG = [(exercise, one) for exercise in EXERCISES for one in exercise.wrong]


def name_of(value: object) -> str:
    if isinstance(value, Exercise):
        return value.id
    return value.name if isinstance(value, WrongAnswer) else str(value)


def pattern(message: str) -> str:
    """Make a pattern of a message: its numbers may be any."""
    return "".join(
        r"\w+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{\w+\})", message)
    )


def test_there_are_exercises():
    assert EXERCISES


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_stub_gets_nothing_and_a_friendly_word(exercise: Exercise):
    given = verdict(exercise.id, stub(exercise))
    assert given.points == 0
    assert all("not written yet" in headline for headline in failed(given).values())


@pytest.mark.parametrize("seed", RIGHT_SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_masters_answer_gets_all_points(exercise: Exercise, seed: str | None):
    given = verdict(exercise.id, master(exercise), seed)
    assert given.points == exercise.points, failed(given)


@pytest.mark.parametrize("seed", RIGHT_SEEDS)
@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_answers_that_are_written_differently_get_all_points(exercise: Exercise, seed: str | None):
    assert len(exercise.right) >= 2
    for right in exercise.right:
        given = verdict(exercise.id, source_of(exercise, right.file), seed)
        assert given.points == exercise.points, (right.file.name, failed(given))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("exercise", "wrong"), WRONG, ids=name_of)
def test_a_wrong_answer_gets_its_own_message_and_no_other(
    exercise: Exercise, wrong: WrongAnswer, seed: str | None
):
    given = verdict(exercise.id, source_of(exercise, wrong.file), seed)
    assert given.points < exercise.points
    assert failed(given)
    assert {row.feedback.cause for row in given.rows if row.feedback is not None} == {wrong.name}
    assert all(re.fullmatch(pattern(wrong.message), headline) for headline in failed(given).values())


@pytest.mark.parametrize(("exercise", "wrong"), WRONG, ids=name_of)
def test_a_wrong_answer_loses_the_same_behaviours_with_every_seed(exercise: Exercise, wrong: WrongAnswer):
    source = source_of(exercise, wrong.file)
    outcomes = {tuple(row.outcome for row in verdict(exercise.id, source, seed).rows) for seed in SEEDS}
    assert len(outcomes) == 1


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_no_two_wrong_answers_share_a_message(exercise: Exercise):
    messages = [one.message for one in exercise.wrong]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_each_behaviour_is_lost_by_a_wrong_answer(exercise: Exercise):
    lost = {
        row.behaviour.id
        for wrong in exercise.wrong
        for row in verdict(exercise.id, source_of(exercise, wrong.file)).rows
        if row.outcome is Outcome.FAILED
    }
    assert lost == {one.id for one in exercise.behaviours}


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_every_cause_says_what_was_probably_done_and_where_to_read(exercise: Exercise):
    for cause in checks_of(exercise.id).causes:
        assert cause.because.endswith(".")
        assert re.search(r"Linux v\d|Intel|AMD|RISC-V|Cython", cause.read)


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_the_learners_notebook_holds_no_line_of_a_right_answer(exercise: Exercise):
    answers = [right.file.read_text(encoding="utf-8") for right in exercise.right]
    learner = exercise.learner.read_text(encoding="utf-8")
    assert find_leaks(exercise.master(), learner, answers) == []


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_there_are_three_hints(exercise: Exercise):
    assert len(exercise.hints) == 3


@pytest.mark.parametrize("exercise", EXERCISES, ids=name_of)
def test_what_a_learner_sees_below_each_check_is_the_verdict_on_a_right_answer(exercise: Exercise):
    cells = cells_of_role(pristine(exercise.id), Role.CHECK)
    shown = {name: "".join(cell["outputs"][0]["text"]) for name, cell in cells.items()}
    assert {name for name, text in shown.items() if text.startswith("PASS")} == set(cells)
