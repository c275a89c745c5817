"""The tables of the instructor's guide: minutes and points are those of the course."""

from __future__ import annotations

import re

import pytest

from course.checks.library import exercise_ids, exercise_of
from course.demos import DEMOS, make
from course.syllabus import lessons
from tests.guides.follow import ROOT

GUIDE = (ROOT / "course" / "guides" / "instructor.md").read_text(encoding="utf-8")
DEMO_MINUTES = {str(number): round(make(name).minutes) for number, name in enumerate(DEMOS, 1)}


def rows(heading: str) -> list[list[str]]:
    """Give the rows of the table below a heading, without its head."""
    part = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def short(exercise: str) -> str:
    """Give an exercise's short name: ``E4`` of ``e04_loop``."""
    return exercise[0].upper() + str(int(exercise[1:3]))


def chosen(text: str, every: dict[str, int]) -> list[str]:
    """Give the names that a cell of a plan means: a list, ``all``, ``all but ...`` or ``none``."""
    names = re.findall(r"\w+", text.removeprefix("all but").removeprefix("all").removeprefix("none"))
    assert set(names) <= set(every), text
    return [name for name in every if name not in names] if text.startswith("all") else names


@pytest.mark.parametrize("plan", rows("Plans"), ids=lambda plan: plan[0].split(":")[0])
def test_the_minutes_of_a_plan_add_up_and_fit_into_its_hours(plan: list[str]) -> None:
    name, of_lessons, of_exercises, of_demos, minutes = plan
    every = (
        {number: one.minutes for number, one in lessons().items()},
        {short(name): exercise_of(name).front.minutes for name in exercise_ids()},
        DEMO_MINUTES,
    )
    total = sum(
        table[one]
        for text, table in zip((of_lessons, of_exercises, of_demos), every, strict=True)
        for one in chosen(text, table)
    )
    assert total == int(minutes)
    hours = int(name.split()[0])
    assert hours * 60 * 0.7 <= total <= hours * 60 * 1.05


def test_the_table_of_exercises_is_the_list_of_exercises() -> None:
    said = {row[0]: row[1:] for row in rows("The exercises")}
    real = {
        one.id: [one.lesson, str(one.front.minutes), str(one.points)]
        for one in map(exercise_of, exercise_ids())
    }
    assert said == real
