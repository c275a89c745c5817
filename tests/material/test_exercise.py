"""``exercise.toml`` is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.material.exercise import Exercise, load_exercise, stray_files
from pyemu.errors import MaterialError


@pytest.fixture
def folder(material: Path) -> Path:
    return material / "exercises" / "e99_double"


def test_an_exercise_knows_its_points_answers_and_hints(exercise: Exercise):
    assert exercise.points == 3
    assert [behaviour.parent for behaviour in exercise.behaviours] == [None, "positive"]
    assert [(wrong.name, wrong.message) for wrong in exercise.wrong] == [("squares", "You squared it.")]
    assert [right.file.name for right in exercise.right] == ["adding.py"]
    assert exercise.hints == ("Think of two.", "Multiply.")
    assert exercise.front.minutes == 10


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("version = 1", "version = 2", "'version' is 2"),
        ('id = "e99_double"', 'id = "e98"', "must be the folder's name, 'e99_double'"),
        ('title = "Twice as much"', "", "'title' is missing"),
        (
            'title = "Twice as much"',
            'titel = "Twice"\ntitle = "T"',
            "key 'titel' is unknown; allowed are behaviour",
        ),
        ("minutes = 10", "minutes = 500", "'minutes' is 500"),
        ("points = 2", "points = 0", "behaviour 'positive': 'points' is 0"),
        ("points = 2", "points = true", "'points' is True"),
        ("points = 2", "pionts = 2", "key 'pionts' is unknown"),
        ('parent = "positive"', 'parent = "later"', "parent 'later' does not stand before it"),
        ('id = "negative"', 'id = "positive"', "two behaviours are called 'positive'"),
        ('file = "right/adding.py"', 'file = "right/none.py"', "names 'right/none.py', which does not exist"),
        ('message = "You squared it."', "", "'message' is missing"),
        ('hints = ["Think', 'hints = ["1", "2", "Think', "at most three texts"),
        ("version = 1", "version = ", "is not TOML"),
    ],
)
def test_a_malformed_description_is_refused_with_its_reason(folder, old, new, complaint):
    path = folder / "exercise.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(MaterialError, match=complaint):
        load_exercise(folder)


def test_a_folder_without_a_description_is_named(tmp_path: Path):
    with pytest.raises(MaterialError, match=r"exercise\.toml can't be read"):
        load_exercise(tmp_path)


def test_every_file_of_the_folder_is_declared(folder):
    assert stray_files(load_exercise(folder)) == []
    (folder / "wrong" / "forgotten.py").write_text("")
    (finding,) = stray_files(load_exercise(folder))
    assert finding.name == "stray-file"
    assert "forgotten.py" in finding.message
