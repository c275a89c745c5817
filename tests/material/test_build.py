"""Generated notebooks are rebuilt byte for byte, and what differs is named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course.material.__main__ import main
from course.material.build import build, differing, material_findings
from course.material.exercise import Exercise
from pyemu.errors import MaterialError

LESSON = "lessons/99-adding.ipynb"
EXERCISE = "exercises/e99_double/e99_double.ipynb"


@pytest.fixture(scope="module")
def finished(exercise: Exercise) -> Path:
    root = exercise.folder.parents[1]
    build(root)
    return root


@pytest.fixture
def built(finished: Path, tmp_path: Path) -> Path:
    """A built folder in another place than it was built in, which a test may change."""
    return shutil.copytree(finished, tmp_path / "copy")


def test_a_rebuild_changes_nothing_but_the_file_that_was_changed(built: Path):
    path = built / EXERCISE
    path.write_text(path.read_text().replace("double(-3) = -6", "double(-3) = -7"))
    (finding,) = differing(built)
    assert finding.name == "differs"
    assert str(path) in finding.message
    assert build(built) == [path]
    assert build(built, ["e99"]) == []


def test_a_built_lesson_has_its_front_matter_filled_numbers_and_no_machinery(finished: Path):
    notebook = json.loads((finished / LESSON).read_text())
    text = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert text["front-matter"].startswith("# Adding\n")
    assert any("It prints 3 of 1,234,567." in source for source in text.values())
    assert [(cell["id"], cell["execution_count"]) for cell in code] == [("add", 1), ("talk", 2)]
    assert code[0]["outputs"][0]["execution_count"] == 1
    assert notebook["metadata"]["faultlab"]["minutes"] == 10


@pytest.mark.parametrize("name", [LESSON, EXERCISE])
def test_no_built_notebook_depends_on_the_version_of_the_interpreter(finished: Path, name):
    assert "version" not in json.loads((finished / name).read_text())["metadata"]["language_info"]


def test_the_command_fails_on_a_missing_notebook_and_on_one_without_a_source(material: Path, capsys):
    (material / "lessons" / "98-gone.ipynb").write_text("{}")
    (material / "lessons" / "99-adding.py").unlink()
    assert main(["build", "--check", "--root", str(material)]) == 1
    said = capsys.readouterr().err
    assert "not-built" in said
    assert "98-gone.ipynb has no source" in said


def test_the_command_shows_a_broken_source_as_text(material: Path, capsys):
    path = material / "lessons" / "99-adding.py"
    path.write_text(path.read_text().replace("{{total}}", "{{totl}}"))
    assert main(["build", "adding", "--root", str(material)]) == 2
    said = capsys.readouterr().err
    assert "{{totl}} is not filled; publish 'totl'" in said
    assert "Traceback" not in said


def test_an_unknown_name_lists_the_known_ones(material: Path):
    with pytest.raises(MaterialError, match="'42'; there are: 99-adding, e99_double"):
        build(material, ["42"])


def test_a_folder_without_material_is_refused(tmp_path: Path):
    with pytest.raises(MaterialError, match="neither lessons/ nor exercises/"):
        build(tmp_path)


def test_findings_cover_template_stray_files_and_leaks(material: Path):
    assert material_findings(material) == []
    folder = material / "exercises" / "e99_double"
    (material / "lessons" / "99-adding.py").write_text("# %% [markdown]\n# ## Story\n")
    (folder / "notes.txt").write_text("")
    (folder / "e99_double.ipynb").write_text('{"cells": ["factor_of_two = 2"]}')
    assert {f.name for f in material_findings(material)} == {
        "front-matter",
        "missing-part",
        "stray-file",
        "solution-leak",
    }


def test_importing_the_package_loads_no_notebook_library():
    heavy = {"IPython", "nbformat", "nbclient", "jupytext", "numpy", "yaml", "ipywidgets"}
    code = (
        "import sys, course.material.build, course.material.transplant, course.material.nbval\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
