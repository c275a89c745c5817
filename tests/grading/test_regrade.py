"""A batch is judged again from its tapes: no code runs, and the same checks come to the same bytes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from course.checks import e04_loop, library
from course.checks.library import exercise_of
from course.grading.batch import grade_all
from course.grading.collect import Submission, collect
from course.grading.command import regrade
from course.grading.record import exercise_digest
from course.grading.regrade import regrade_all
from tests.grading.conftest import SEED


@pytest.fixture
def batch(submissions: Path, tmp_path: Path) -> tuple[list[Submission], Path]:
    """A few submissions, graded."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("ben/e04_loop.ipynb", "hostile.ipynb", "cut.ipynb", "markdown.ipynb"):
        shutil.copy(submissions / name, mine / Path(name).name)
    found, _ = collect([mine])
    grade_all(found, "e04_loop", SEED, tmp_path / "out")
    return found, tmp_path / "out"


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_the_same_checks_come_to_the_same_bytes_without_a_process(
    batch: tuple[list[Submission], Path], monkeypatch: pytest.MonkeyPatch
):
    found, out = batch
    before = contents(out)
    monkeypatch.setattr("course.handlers.Process", None)
    records, again = regrade_all(found, "e04_loop", SEED, out)
    assert (len(records), again) == (4, [])
    assert contents(out) == before


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch):
    """The exercise with a check that asks less: its flags may be any."""
    checks = dict(e04_loop.CHECKS.checks)
    checks["s13"] = replace(checks["s13"], equal=())
    library.checks_of.cache_clear()
    monkeypatch.setattr(e04_loop, "CHECKS", replace(e04_loop.CHECKS, checks=checks))
    yield
    library.checks_of.cache_clear()


@pytest.mark.usefixtures("lenient")
def test_other_points_reach_those_who_were_graded_before(
    batch: tuple[list[Submission], Path], monkeypatch: pytest.MonkeyPatch
):
    found, out = batch
    library.checks_of.cache_clear()
    monkeypatch.setattr("course.handlers.Process", None)
    records, again = regrade_all(found, "e04_loop", SEED, out)
    mine = next(one for one in records if one.submission == "e04_loop")
    # Its first check passes now. What builds on that was skipped before, so the tape does not know it.
    assert again == ["e04_loop"] or mine.behaviours["s13"] > 0


def test_a_file_that_has_changed_has_to_be_graded_again(batch: tuple[list[Submission], Path]):
    found, out = batch
    changed = next(one for one in found if one.name == "hostile")
    changed.path.write_text(changed.path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    records, again = regrade_all(found, "e04_loop", SEED, out)
    assert again == ["hostile"]
    assert len(records) == 4  # what is known of it stays in the table


def test_a_tape_that_is_damaged_or_gone_is_named(
    batch: tuple[list[Submission], Path], capsys: pytest.CaptureFixture[str]
):
    import typer

    found, out = batch
    (out / "e04_loop" / "tape.gz").write_bytes(b"x")
    (out / "hostile" / "tape.gz").unlink()
    (out / "batch.json").write_text(f'{{"exercise": "e04_loop", "seed": "{SEED}"}}', encoding="utf-8")
    with pytest.raises(typer.Exit):
        regrade([one.path for one in found], out)
    said = capsys.readouterr().out
    assert "Judged again: 2 submissions of 4" in said
    assert "To be graded again with `faultlab grade`: e04_loop, hostile." in said


def test_the_digest_of_an_exercise_knows_its_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    before = exercise_digest("e04_loop")
    folder = tmp_path / "e04_loop"
    shutil.copytree(exercise_of("e04_loop").folder, folder)
    (folder / "exercise.toml").write_text(
        (folder / "exercise.toml").read_text(encoding="utf-8") + "\n", encoding="utf-8"
    )
    moved = replace(exercise_of("e04_loop"), folder=folder)
    monkeypatch.setattr("course.grading.record.exercise_of", lambda name: moved)
    exercise_digest.cache_clear()
    assert exercise_digest("e04_loop") != before
    exercise_digest.cache_clear()


JUDGING = ("course/checks/judge.py", "course/checks/e04_loop.py", "pyemu/kernel/userfaultfd.py")


@pytest.mark.parametrize("module", JUDGING)
def test_the_digest_of_an_exercise_knows_all_that_judges_it(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from course.nursery import ROOT

    for part in ("course/checks", "pyemu"):
        shutil.copytree(
            Path(ROOT, part), tmp_path / part, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    monkeypatch.setattr("course.grading.record.ROOT", str(tmp_path))
    exercise_digest.cache_clear()
    before = exercise_digest("e04_loop")
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write("\n")
    exercise_digest.cache_clear()
    assert exercise_digest("e04_loop") != before
    exercise_digest.cache_clear()
