"""A learner's folder: made without overwriting, refreshed without losing answers, put back with a backup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course import shelf, workcopy
from course.material.nbgrader import Role, with_role
from pyemu.errors import MaterialError


def notebook(intro: str, answer: str, name: str = "loop") -> str:
    plain: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells: list[dict[str, Any]] = [
        plain | {"id": "intro", "source": intro},
        with_role(plain | {"id": name, "source": answer}, Role.ANSWER),
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course of one lesson and one exercise."""
    root = tmp_path / "course"
    for path, text in {
        "lessons/00-first.ipynb": notebook("print(1)", "guess = None"),
        "lessons/00-first.py": "# %%\nprint(1)\n",
        "exercises/e01/e01.ipynb": notebook("import pyemu", "..."),
        "exercises/e01/master.py": "the solution",
        "exercises/e01/other.ipynb": notebook("not for learners", "..."),
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for module in (shelf, workcopy):
        monkeypatch.setattr(module, "material", lambda kind: root / kind)
    return root


@pytest.fixture
def mine(course: Path, tmp_path: Path) -> Path:
    """A fresh working copy of it."""
    directory = tmp_path / "mine"
    workcopy.make(directory)
    return directory


EXERCISE = "exercises/e01.ipynb"


def files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def sources(path: Path) -> list[str]:
    return [cell["source"] for cell in json.loads(path.read_text())["cells"]]


def test_a_copy_holds_learner_notebooks_only(mine: Path) -> None:
    assert files(mine) == {"lessons/00-first.ipynb", EXERCISE, ".faultlab/manifest.json"}


def test_starting_again_overwrites_nothing(mine: Path) -> None:
    (mine / EXERCISE).write_text("mine")
    (mine / "lessons/00-first.ipynb").unlink()
    assert workcopy.make(mine) == ["lessons/00-first.ipynb: new"]
    assert (mine / EXERCISE).read_text() == "mine"


def test_a_file_that_was_there_before_is_kept(course: Path, tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    (directory / "exercises").mkdir(parents=True)
    (directory / EXERCISE).write_text("mine")
    assert f"{EXERCISE}: was there before, kept as it is" in workcopy.make(directory)
    assert (directory / EXERCISE).read_text() == "mine"


def test_starting_again_tells_of_newer_material_and_leaves_it_to_update(course: Path, mine: Path) -> None:
    (course / "exercises/e01/e01.ipynb").write_text(notebook("new", "..."))
    (said,) = workcopy.make(mine)
    assert said == f"There is newer material for 1 of your notebooks: faultlab update {mine}"
    assert sources(mine / EXERCISE)[0] == "import pyemu"
    assert workcopy.refresh(mine) == [f"{EXERCISE}: new material"]


def test_update_keeps_an_answer_and_brings_the_rest(course: Path, mine: Path) -> None:
    (mine / EXERCISE).write_text(notebook("import pyemu", "my answer"))
    (course / "exercises/e01/e01.ipynb").write_text(notebook("new", "... # new stub"))
    assert workcopy.refresh(mine) == [f"{EXERCISE}: new material, your cell loop kept"]
    assert sources(mine / EXERCISE) == ["new", "my answer"]
    assert files(mine) == {"lessons/00-first.ipynb", EXERCISE, ".faultlab/manifest.json"}


def test_update_twice_keeps_the_answer_twice(course: Path, mine: Path) -> None:
    (mine / EXERCISE).write_text(notebook("import pyemu", "my answer"))
    for version in ("second", "third"):
        (course / "exercises/e01/e01.ipynb").write_text(notebook(version, "..."))
        workcopy.refresh(mine)
        assert sources(mine / EXERCISE) == [version, "my answer"]


def test_update_without_newer_material_touches_nothing(mine: Path) -> None:
    changed = notebook("my own experiment", "my answer")
    (mine / EXERCISE).write_text(changed)
    assert workcopy.refresh(mine) == []
    assert (mine / EXERCISE).read_text() == changed


def test_update_keeps_a_notebook_beside_it_when_something_has_no_place(course: Path, mine: Path) -> None:
    changed = notebook("my own experiment", "my answer")
    (mine / EXERCISE).write_text(changed)
    (course / "exercises/e01/e01.ipynb").write_text(notebook("new", "..."))
    (said,) = workcopy.refresh(mine)
    assert said.startswith(f"{EXERCISE}: new material, your cell loop kept, no place for your cell intro: ")
    assert said.endswith("your version is e01.mine.ipynb beside it")
    assert (mine / "exercises/e01.mine.ipynb").read_text() == changed
    assert sources(mine / EXERCISE) == ["new", "my answer"]


def test_update_keeps_an_answer_that_has_no_place_any_more(course: Path, mine: Path) -> None:
    (mine / EXERCISE).write_text(notebook("import pyemu", "my answer"))
    (course / "exercises/e01/e01.ipynb").write_text(notebook("import pyemu", "...", name="renamed"))
    (said,) = workcopy.refresh(mine)
    assert "no place for your cell loop: your version is e01.mine.ipynb beside it" in said
    assert sources(mine / "exercises/e01.mine.ipynb")[1] == "my answer"


@pytest.mark.parametrize("damaged", ["", "{", '{"cells": 3}'])
def test_update_keeps_a_file_that_is_no_notebook_beside_the_new_one(
    course: Path, mine: Path, damaged: str
) -> None:
    (mine / EXERCISE).write_text(damaged)
    (course / "exercises/e01/e01.ipynb").write_text(notebook("new", "..."))
    (said,) = workcopy.refresh(mine)
    assert "could not be read as a notebook and is e01.mine.ipynb beside it" in said
    assert (mine / "exercises/e01.mine.ipynb").read_text() == damaged
    assert sources(mine / EXERCISE) == ["new", "..."]


def test_update_brings_a_notebook_that_was_deleted(mine: Path) -> None:
    (mine / EXERCISE).unlink()
    assert workcopy.refresh(mine) == [f"{EXERCISE}: new"]


@pytest.mark.parametrize(("name", "file"), [("e01", EXERCISE), ("00-first", "lessons/00-first.ipynb")])
def test_reset_puts_one_notebook_back_and_keeps_mine_beside_it(mine: Path, name: str, file: str) -> None:
    start = (mine / file).read_text()
    for n in ("", "-2"):
        (mine / file).write_text(f"my version{n}")
        assert workcopy.restore(mine, name).endswith(f"your version is {name}.mine{n}.ipynb beside it")
        assert (mine / file).read_text() == start
        assert (mine / file).with_name(f"{name}.mine{n}.ipynb").read_text() == f"my version{n}"


def test_reset_of_something_unknown_names_what_there_is(mine: Path) -> None:
    with pytest.raises(MaterialError, match=r"no exercise or lesson 'e99'; give one of: 00-first, e01\."):
        workcopy.restore(mine, "e99")


@pytest.mark.parametrize("act", [workcopy.refresh, lambda directory: workcopy.restore(directory, "e01")])
def test_a_folder_that_is_no_working_copy_is_refused(tmp_path: Path, act: Any) -> None:
    with pytest.raises(MaterialError, match=r"is no working copy.*faultlab start DIR"):
        act(tmp_path)


@pytest.mark.parametrize(
    "manifest", ["", "[]", '{"version": 2, "files": {}}', '{"version": 1, "files": {"a": 3}}']
)
def test_a_damaged_manifest_is_named_and_can_be_mended_without_loss(mine: Path, manifest: str) -> None:
    (mine / ".faultlab/manifest.json").write_text(manifest)
    (mine / EXERCISE).write_text(notebook("import pyemu", "my answer"))
    with pytest.raises(MaterialError, match=r"manifest\.json can't be read .*Delete it and run"):
        workcopy.refresh(mine)
    (mine / ".faultlab/manifest.json").unlink()
    workcopy.make(mine)
    assert sources(mine / EXERCISE)[1] == "my answer"


def test_the_courses_own_folder_is_refused_as_a_working_copy(course: Path) -> None:
    with pytest.raises(MaterialError, match="the course's own material lies"):
        workcopy.make(course)


def test_the_repositorys_material_is_found() -> None:
    assert (shelf.material("exercises") / "README.md").is_file()
