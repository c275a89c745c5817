"""What the course owes of each patch is there: a lesson that tells of it, a scenario, an exercise."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.curriculum import CORE, LESSONS
from course.syllabus import exercises, lessons, markdown, matrix
from pyemu.errors import MaterialError
from pyemu.scenario import Scenario

ROWS = matrix()
CLAIMS = ["a fault gives way to any signal", "a fault may retry more than once"]
OWED = [
    *(f"patch {n}" for n in range(1, 17)),
    *(f"claim: {one}" for one in CLAIMS),
    "the report of 2017",
    "the reference [1]",
]


def test_every_patch_both_claims_the_report_and_the_reference_are_owed():
    assert [row.what for row in ROWS] == OWED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_it_has_its_lesson_its_scenario_and_its_exercise(row):
    assert row.missing(lessons(), exercises()) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_a_scenario_is_in_the_library_or_it_is_said_why_there_is_none(row):
    assert set(row.scenarios) <= set(Scenario.library())
    assert bool(row.scenarios) != bool(row.unseen)


def test_what_is_missing_is_noticed():
    row = next(one for one in ROWS if one.what == "patch 9")
    assert row.missing({}, frozenset()) == [
        "lesson 07a",
        "scenario S9 in a lesson",
        "exercise E1",
        "exercise E4",
    ]
    without = {"07a": lessons()["00"], "08": lessons()["08"]}
    assert row.missing(without, frozenset({"E1", "E4"})) == ["lesson 07a", "scenario S9 in a lesson"]


def test_lessons_stand_in_the_order_of_the_curriculum_with_their_minutes():
    there = lessons()
    assert list(there) == [number for number in LESSONS if number in there]
    page = markdown()
    for one in there.values():
        star = "*" if one.number in CORE else ""
        assert f"| {one.number}{star} | [{one.title}]({one.file}) | {one.minutes} |" in page
    core = sum(one.minutes for one in there.values() if one.number in CORE)
    assert f"Core track: {core} minutes in {len(CORE)} lessons" in page


def test_the_core_lessons_take_less_than_six_hours():
    assert sum(one.minutes for one in lessons().values() if one.core) <= 360


def test_scenarios_are_read_from_the_code_and_a_bridge_is_none():
    assert "S13" in lessons()["00"].scenarios
    assert "B1" in Scenario.library()
    assert "B1" not in lessons()["B1"].scenarios


def test_the_command_prints_the_page_and_the_table(faultlab):
    assert faultlab("lessons", "--markdown").out == markdown()
    shown = faultlab("lessons").out
    assert "One fault, start to end" in shown
    assert "the reference [1]" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("what='a'\nlessons=['00']\ntells=[]\nexercises=[]", "says under unseen why"),
        (
            "what='a'\nlessons=['00']\ntells=[]\nexercises=[]\nscenarios=[]\nunseen='x'",
            "says under unseen why",
        ),
        ("what='a'\nlessons=['99']\ntells=[]\nexercises=[]\nunseen='x'", "has no lesson '99'"),
        ("what='a'\nlessons=['00']\nunseen='x'", "a row has exercises, lessons, tells, what"),
    ],
)
def test_a_bad_row_is_told(toml: str, words: str, tmp_path: Path):
    path = tmp_path / "matrix.toml"
    path.write_text(f"[[row]]\n{toml}\n", encoding="utf-8")
    with pytest.raises(MaterialError, match=r"matrix\.toml, row 1") as caught:
        matrix(path)
    assert words in str(caught.value)
