from __future__ import annotations

import re
from dataclasses import replace

import pytest

from course.checks import e04_loop, library
from course.checks.library import checks_of, exercise_ids, exercise_of
from pyemu.errors import MaterialError
from tests.exercises.answers import master


def test_an_unknown_exercise_is_named_with_those_that_exist():
    with pytest.raises(MaterialError, match=r"no exercise 'e99'; there are: .*e04_loop"):
        exercise_of("e99")


@pytest.mark.parametrize("name", exercise_ids())
def test_every_exercise_names_what_its_answer_cells_define(name: str):
    source = master(exercise_of(name))
    assert all(
        re.search(rf"^(async def|def) {one}\(|^{one} = ", source, re.MULTILINE)
        for one in checks_of(name).answers
    )


@pytest.fixture
def forgetful():
    checks_of.cache_clear()
    yield
    checks_of.cache_clear()


@pytest.mark.usefixtures("forgetful")
def test_a_cause_without_a_wrong_answer_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(e04_loop, "CHECKS", replace(e04_loop.CHECKS, causes=e04_loop.CHECKS.causes[1:]))
    with pytest.raises(MaterialError, match="differ in wrong answers: eats-signal"):
        library.checks_of("e04_loop")


@pytest.mark.usefixtures("forgetful")
def test_a_check_without_a_behaviour_is_an_error(monkeypatch: pytest.MonkeyPatch):
    checks = {"extra": e04_loop.CHECKS.checks["s13"], **e04_loop.CHECKS.checks}
    monkeypatch.setattr(e04_loop, "CHECKS", replace(e04_loop.CHECKS, checks=checks))
    with pytest.raises(MaterialError, match="differ in behaviours: extra"):
        library.checks_of("e04_loop")
