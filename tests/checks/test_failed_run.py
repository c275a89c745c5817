"""The run in which a check failed is kept as a file, and the stepper shows the same events."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from course import workcopy
from course.checks import notebook
from course.checks.failed_run import FailedRun, failing_run, load_run
from course.run.step_command import step
from course.views import stepper
from pyemu.errors import FaultlabError, MaterialError
from tests.exercises.answers import EXERCISES, master, source_of, wrong

LOOP = next(one for one in EXERCISES if one.id == "e04_loop")


def source(name: str, exercise: str = "e04_loop") -> str:
    found = next(one for one in EXERCISES if one.id == exercise)
    return source_of(found, wrong(found, name).file)


@pytest.fixture(scope="module")
def found() -> FailedRun:
    run = failing_run("e04_loop", "s13", source("still-clears"))
    assert run is not None
    return run


@pytest.fixture
def file(found: FailedRun, tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(found.to_json())
    return path


def test_a_file_that_is_opened_gives_the_same_events(found: FailedRun, file: Path):
    again = load_run(file)
    for trace, read in ((found.mine, again.mine), (found.kernel, again.kernel)):
        assert [event.text for event in trace] == [event.text for event in read]
        assert read.to_jsonl() == trace.to_jsonl()
    assert again.to_json() == found.to_json()


def test_the_stepper_shows_both_runs_and_begins_where_they_part(found: FailedRun, file: Path):
    view = stepper(file)
    assert view.labels == ("yours", "the kernel's")
    assert view.title == "S13: yours and the kernel's"
    assert [len(result.trace) for result in view.results] == [len(found.mine), len(found.kernel)]
    assert "here the runs part" in view.text(view.start)
    assert "yours" in view.page()
    assert stepper(str(file)).text(view.start) == view.text(view.start)


def test_the_same_answer_gives_the_same_file(found: FailedRun):
    again = failing_run("e04_loop", "s13", source("still-clears"))
    assert again is not None
    assert again.to_json() == found.to_json()


def test_a_right_answer_and_one_that_can_t_be_loaded_have_no_failing_run():
    assert failing_run("e04_loop", "s13", master(LOOP)) is None
    assert failing_run("e04_loop", "s13", "def f(:") is None


def test_where_nothing_runs_nothing_is_kept():
    assert failing_run("e04_loop", "mutant-a", source("vacuous-tests")) is None


def test_an_explored_check_keeps_its_shortest_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = failing_run("e05_handle_userfault", "wakeup", source("check-then-queue", "e05_handle_userfault"))
    assert run is not None
    assert re.fullmatch(r"\w+(\*\d+)?( \w+(\*\d+)?)*", run.schedule)
    path = tmp_path / "run.json"
    path.write_text(run.to_json())
    view = stepper(path)
    assert view.labels == ("yours",)  # the moves of two functions can't be compared one by one
    step(path)
    assert f"In this order of moves: {run.schedule}\n" in capsys.readouterr().out


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".faultlab").mkdir()
    (tmp_path / workcopy.MANIFEST).write_text("{}")
    (tmp_path / "exercises").mkdir()
    monkeypatch.chdir(tmp_path / "exercises")
    return tmp_path


def test_a_failed_check_in_a_working_copy_names_its_file(copy: Path, capsys: pytest.CaptureFixture[str]):
    notebook.check("e04_loop", "s13", answer=source("still-clears"))
    said = capsys.readouterr().out
    last = 'from course.views import stepper; stepper("../.faultlab/runs/e04_loop-s13.json")'
    assert said.splitlines()[-1] == f"To step through this run: {last}"
    assert stepper("../.faultlab/runs/e04_loop-s13.json").labels == ("yours", "the kernel's")
    step(Path("../.faultlab/runs/e04_loop-s13.json"), copy / "page.html")
    told = capsys.readouterr().out
    assert told.startswith("e04_loop, s13: ")
    assert "here the runs part" in told
    assert "<html" in (copy / "page.html").read_text()


def test_elsewhere_a_failed_check_says_nothing_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    notebook.check("e04_loop", "s13", answer=source("still-clears"))
    assert "step through" not in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_passed_check_keeps_nothing(copy: Path, capsys: pytest.CaptureFixture[str]):
    notebook.check("e04_loop", "s13", answer=master(LOOP))
    assert capsys.readouterr().out == "PASS  2 of 2 points  S13: a wake without a page is asked again\n"
    assert not (copy / ".faultlab" / "runs").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda stored: stored.update(faultlab_run=2), "its version is 2, this faultlab knows 1"),
        (lambda stored: stored.pop("mine"), "its keys are others"),
        (lambda stored: stored.update(more=1), "its keys are others"),
        (lambda stored: stored.update(case="0"), "a value is of another kind"),
        (lambda stored: stored.update(exercise="e99"), "there is no exercise 'e99'"),
        (lambda stored: stored.update(mine="{}"), "line 1 is no event"),
        (lambda stored: stored.update(case=99), "its checks have changed since"),
        (lambda stored: stored.update(check="s31"), "its checks have changed since"),
        (lambda stored: stored.update(scenario="S2"), "its checks have changed since"),
    ],
)
def test_a_damaged_file_is_named(file: Path, change, message: str):
    stored = json.loads(file.read_text())
    change(stored)
    file.write_text(json.dumps(stored))
    with pytest.raises(FaultlabError, match=message):
        stepper(file)


@pytest.mark.parametrize("content", ["", "x", "[]", "{}"])
def test_what_is_no_such_file_is_told(tmp_path: Path, content: str):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(MaterialError, match="is no run that a check has kept"):
        load_run(path)
    with pytest.raises(MaterialError, match="can't be read"):
        load_run(tmp_path / "none.json")
