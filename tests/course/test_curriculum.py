"""The order of lessons is the curriculum's, bridges included."""

from __future__ import annotations

from pathlib import Path

from course.curriculum import BRIDGES, LESSONS, lesson_place
from course.material.build import targets


def test_bridges_stand_between_the_lessons_that_they_join():
    assert BRIDGES == ("B1", "B2", "B3", "B4")
    assert [LESSONS[LESSONS.index(one) + 1] for one in BRIDGES] == ["03", "04", "07a", "07b"]


def test_files_are_built_in_the_order_of_the_curriculum(tmp_path: Path):
    (tmp_path / "lessons").mkdir()
    names = ["02-c", "B1-d", "03-e", "10-g", "B3-f", "zz-strange", "00-a"]
    for name in names:
        (tmp_path / "lessons" / f"{name}.py").write_text("")
    made = [target.path.stem for target in targets(tmp_path)]
    assert made == ["00-a", "02-c", "B1-d", "03-e", "B3-f", "10-g", "zz-strange"]


def test_every_lesson_of_this_course_is_in_the_curriculum():
    stems = [path.stem for path in (Path(__file__).parents[2] / "lessons").glob("*.py")]
    assert [stem for stem in stems if lesson_place(stem)[0] == len(LESSONS)] == []
