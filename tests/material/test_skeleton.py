"""The skeleton of an exercise is an exercise: stub, right and wrong answers are told apart as they stand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from course.checks.judge import judge
from course.checks.specification import Checks
from course.checks.verdict import Verdict
from course.material.exercise import Exercise, load_exercise, stray_files
from course.material.skeleton import write_exercise
from course.material.solution import find_leaks, solved, stubbed
from course.material.source import new_notebook, tags_of, write_notebook
from pyemu.errors import MaterialError
from tests.exercises.answers import failed

NAME = "e99_skeleton"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    (root / "exercises").mkdir()
    (root / "course" / "checks").mkdir(parents=True)
    write_exercise(root, NAME, "10", "What became of it?")
    return root


@pytest.fixture(scope="module")
def exercise(root: Path) -> Exercise:
    return load_exercise(root / "exercises" / NAME)


@pytest.fixture(scope="module")
def checks(root: Path) -> Checks:
    specification = importlib.util.spec_from_file_location(NAME, root / "course" / "checks" / f"{NAME}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    checks: Checks = module.CHECKS
    return checks


def judged(exercise: Exercise, checks: Checks, source: str, seed: str | None = None) -> Verdict:
    return judge(exercise, checks, source, seed)


def test_the_master_and_the_right_answers_get_all_points(exercise: Exercise, checks: Checks):
    cells = [cell for cell in exercise.master() if "answer" in tags_of(cell)]
    sources = [solved(cell["source"], cell["id"]) for cell in cells]
    sources += [one.file.read_text(encoding="utf-8") for one in exercise.right]
    assert len(sources) == 3
    for source in sources:
        for seed in (None, "a", "b"):
            given = judged(exercise, checks, source, seed)
            assert given.full, failed(given)


def test_the_stub_gets_nothing(exercise: Exercise, checks: Checks):
    (cell,) = [cell for cell in exercise.master() if "answer" in tags_of(cell)]
    given = judged(exercise, checks, stubbed(cell["source"], cell["id"]))
    assert given.points == 0
    assert all("not written yet" in headline for headline in failed(given).values())


def test_each_wrong_answer_gets_its_own_message(exercise: Exercise, checks: Checks):
    assert {one.name for one in exercise.wrong} == {one.name for one in checks.causes}
    for one in exercise.wrong:
        for seed in (None, "a", "b"):
            given = judged(exercise, checks, one.file.read_text(encoding="utf-8"), seed)
            assert set(failed(given).values()) == {one.message}


def test_its_files_are_declared_and_its_stub_gives_nothing_away(exercise: Exercise):
    assert stray_files(exercise) == []
    stubs = [
        cell | {"source": stubbed(cell["source"], cell["id"])} if "answer" in tags_of(cell) else cell
        for cell in exercise.master()
    ]
    answers = [one.file.read_text(encoding="utf-8") for one in exercise.right]
    assert find_leaks(exercise.master(), write_notebook(new_notebook(stubs, title="x")), answers) == []


@pytest.mark.parametrize(
    ("name", "lesson", "title", "message"),
    [
        (NAME, "10", "x", "is there already; choose another id"),
        ("Exercise 13", "10", "x", "a letter, two digits and words in lower case"),
        ("e98_x", "99", "x", "there is no lesson '99'; there are: 00"),
        ("e98_x", "10", 'a "b"', "holds a quotation mark"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    root: Path, name: str, lesson: str, title: str, message: str
):
    before = sorted(root.rglob("*"))
    with pytest.raises(MaterialError, match=message):
        write_exercise(root, name, lesson, title)
    assert sorted(root.rglob("*")) == before


def test_elsewhere_than_in_a_checkout_nothing_is_written(tmp_path: Path):
    with pytest.raises(MaterialError, match="is no checkout of faultlab"):
        write_exercise(tmp_path, "e98_x", "10", "x")
    assert list(tmp_path.iterdir()) == []
