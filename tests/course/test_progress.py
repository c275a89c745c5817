"""Progress is kept in the working copy, line by line, and says where to go on."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from course import workcopy
from course.checks import notebook
from course.checks.library import exercise_of
from course.checks.verdict import Outcome, Row, Verdict
from course.curriculum import LESSONS
from course.notes import all_noted, note
from course.progress import FILE, Entry, forget, kept, record
from course.progress_command import go_on, progress
from course.scores import Score, scores
from pyemu.errors import FaultlabError, MaterialError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A working copy without notebooks."""
    (tmp_path / ".faultlab").mkdir()
    (tmp_path / workcopy.MANIFEST).write_text("{}")
    (tmp_path / "exercises").mkdir()
    return tmp_path


def verdict(n_passed: int, exercise: str = "e04_loop") -> Verdict:
    behaviours = exercise_of(exercise).behaviours
    rows = [
        Row(one, Outcome.PASSED if number < n_passed else Outcome.FAILED)
        for number, one in enumerate(behaviours)
    ]
    return Verdict(exercise, None, tuple(rows))


def lines(copy: Path) -> list[str]:
    return (copy / ".faultlab" / FILE).read_text().splitlines()


def test_a_verdict_is_kept_with_points_and_what_is_open(copy: Path):
    record(verdict(9), copy / "exercises")
    (entry,) = kept(copy)["e04_loop"]
    assert (entry.points, entry.of, entry.open) == (12, 14, ("mutant-b", "mutant-c"))
    assert json.loads(lines(copy)[0])["version"] == 1


def test_what_is_known_already_is_not_kept_again(copy: Path):
    for n in (3, 3, 4, 4, 3):
        record(verdict(n), copy)
    assert [len(one.open) for one in kept(copy)["e04_loop"]] == [8, 7, 8]


def test_outside_a_working_copy_nothing_is_kept(tmp_path: Path):
    record(verdict(3), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_check_in_a_notebook_keeps_its_verdict_and_prints_the_same(
    copy: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys
):
    said = []
    for folder in (tmp_path_factory.mktemp("elsewhere"), copy / "exercises"):
        monkeypatch.chdir(folder)
        notebook.check("e01_truth_table", answer="x = 1")
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert kept(copy)["e01_truth_table"][0].points == 0
    (copy / ".faultlab" / FILE).write_text("nonsense\n")
    notebook.check("e01_truth_table", answer="x = 1")
    assert capsys.readouterr().out == said[0]
    assert lines(copy) == ["nonsense"]


def _writes(copy: Path, exercise: str) -> None:
    for n in (0, 1, 2, 3, 4):
        record(verdict(n, exercise), copy)


def test_writers_at_once_lose_nothing_of_each_other(copy: Path):
    spawn = multiprocessing.get_context("fork")
    exercises = ["e04_loop", "e03_loop_before", "e07_gup"]
    writers = [spawn.Process(target=_writes, args=(copy, one)) for one in exercises]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [len(kept(copy)[one]) for one in exercises] == [5, 5, 5]


def _notes(copy: Path, name: str) -> None:
    for n in range(10):
        note(f"{name}-{n}", copy, choice="A")


def test_notes_of_two_notebooks_lose_nothing_of_each_other(copy: Path):
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_notes, args=(copy, name)) for name in ("00", "01")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert len(all_noted(copy)) == 20


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("nonsense", MaterialError, r"line 2 can't be read .* Remove that line; all others count"),
        ("[]", MaterialError, "line 2 can't be read"),
        ('{"version": 1}', MaterialError, "its keys are others"),
        (
            '{"version": 2, "more": 1}',
            FaultlabError,
            "line 2 has version 2, and this faultlab knows 1",
        ),
        ('{"version": "1"}', MaterialError, "line 2 can't be read"),
    ],
)
def test_a_damaged_or_newer_line_is_named_and_nothing_is_lost(copy: Path, line: str, error, message: str):
    record(verdict(3), copy)
    with (copy / ".faultlab" / FILE).open("a") as file:
        file.write(f"{line}\n")
    before = lines(copy)
    for act in (lambda: kept(copy), lambda: record(verdict(4), copy)):
        with pytest.raises(error, match=message):
            act()
    assert lines(copy) == before


def test_forgetting_leaves_the_notebooks_and_the_manifest(copy: Path):
    record(verdict(3), copy)
    note("00-wake", copy, choice="A")
    (copy / "exercises" / "e04_loop.ipynb").write_text("{}")
    assert [path.name for path in forget(copy)] == [FILE, "predictions.json"]
    left = sorted(path.name for path in copy.rglob("*") if path.is_file())
    assert left == ["e04_loop.ipynb", "manifest.json"]


def test_the_command_says_points_what_is_open_and_where_to_go_on(copy: Path, capsys):
    record(verdict(9), copy)
    record(verdict(8), copy)
    note("00-wake", copy, choice="B")
    note("00-wake", copy, run="B")
    progress(copy)
    said = capsys.readouterr().out
    assert "11 of 14 (once 12)" in said
    assert "mutant-a, mutant-b, mutant-c" in said
    assert "1 of 1 prediction came true" in said
    assert "e04_loop: mutant-a is open" in said
    assert "lesson 00: " in said
    assert "sent nowhere" in said


def test_without_anything_the_first_lesson_is_named(copy: Path, capsys):
    progress(copy)
    said = capsys.readouterr().out
    assert "Nothing is kept yet" in said
    assert "  lesson 00: " in said


def test_outside_a_working_copy_the_command_says_what_to_do(tmp_path: Path):
    with pytest.raises(MaterialError, match="is no working copy, and progress is kept nowhere else"):
        progress(tmp_path)


def done(one: Score) -> Score:
    return replace(
        one,
        n_predicted=one.n_asked,
        n_run=one.n_asked,
        n_true=one.n_asked,
        n_answered=one.n_questions,
        n_right=one.n_questions,
    )


def test_an_exercise_is_offered_when_its_lessons_are_done(copy: Path):
    found = scores(copy)
    assert not any("e03_loop_before" in one for one in go_on({}, found))
    all_done = {number: done(one) for number, one in found.items()}
    assert go_on({}, {**found, "06": done(found["06"])})[0].startswith("e03_loop_before: ")
    full = {name: [Entry("2027-05-12", name, 1, 1, ())] for name in _exercises()}
    assert go_on(full, all_done) == []


def _exercises() -> list[str]:
    from course.checks.library import exercise_ids

    return exercise_ids()


def test_every_lesson_is_scored_by_the_first_choice(copy: Path):
    note("00-wake", copy, choice="A")
    note("00-wake", copy, run="B")
    note("00-wake", copy, choice="B")
    score = scores(copy)["00"]
    assert (score.n_predicted, score.n_run, score.n_true) == (1, 1, 0)
    assert score.text() == "0 of 1 came true at the first choice."
    assert list(scores(copy)) == [number for number in LESSONS if number in scores(copy)]
