from __future__ import annotations

import os
from pathlib import Path

import pytest

from course.grading.collect import collect
from pyemu.errors import MaterialError


def files(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(*paths: Path, out: Path | None = None) -> list[str]:
    return [one.name for one in collect(paths, out)[0]]


def test_a_notebook_is_named_after_itself_or_after_the_folder_that_holds_it_alone(tmp_path: Path):
    files(tmp_path, "ben/e04.ipynb", "anna/e04.ipynb", "carl.IPYNB", "d/1.ipynb", "d/2.ipynb", "x/y/z.ipynb")
    assert names(tmp_path) == ["anna", "ben", "carl", "d__1", "d__2", "x__y"]


def test_of_a_folder_with_a_weeks_exercises_the_one_that_is_graded_is_taken(tmp_path: Path):
    files(tmp_path, "anna/e04.ipynb", "anna/e01.ipynb", "ben/e01.ipynb", "carl/e04.ipynb")
    found, n_others = collect([tmp_path], others=["e01"])
    assert ([one.name for one in found], n_others) == (["anna", "ben", "carl"], 1)
    assert [one.path.name for one in found] == ["e04.ipynb", "e01.ipynb", "e04.ipynb"]  # ben will be told


def test_hidden_files_are_left_out_and_other_files_are_counted(tmp_path: Path):
    files(tmp_path, "a.ipynb", ".ipynb_checkpoints/a.ipynb", ".b.ipynb", "notes.txt", "sub/data.csv")
    found, n_others = collect([tmp_path])
    assert ([one.name for one in found], n_others) == (["a"], 2)


def test_a_file_that_is_named_is_a_submission_whatever_its_suffix(tmp_path: Path):
    assert names(files(tmp_path, "a.txt") / "a.txt") == ["a"]


def test_names_hold_nothing_that_a_file_system_or_a_page_could_misread(tmp_path: Path):
    files(tmp_path, "a b<c>&'d'.ipynb", "Ünal/e.ipynb", "Ünal/f.ipynb", "..x.ipynb".lstrip("."))
    assert names(tmp_path) == ["a_b_c___d", "x", "Ünal__e", "Ünal__f"]


def test_names_that_would_be_equal_stay_apart(tmp_path: Path):
    files(tmp_path, "a?b.ipynb", "a*b.ipynb", "A_b.ipynb")
    assert len({name.casefold() for name in names(tmp_path)}) == 3


def test_a_file_that_is_found_twice_is_graded_once(tmp_path: Path):
    files(tmp_path, "a.ipynb")
    assert names(tmp_path, tmp_path / "a.ipynb") == ["a"]


def test_results_of_an_earlier_batch_are_no_submissions(tmp_path: Path):
    files(tmp_path, "a.ipynb", "out/a/e04.ipynb")
    assert names(tmp_path, out=tmp_path / "out") == ["a"]


def test_the_order_does_not_depend_on_the_order_of_arguments(tmp_path: Path):
    files(tmp_path, "a.ipynb", "b.ipynb")
    paths = [tmp_path / "b.ipynb", tmp_path / "a.ipynb"]
    assert names(*paths) == names(*reversed(paths)) == ["a", "b"]


def test_a_path_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(MaterialError, match="nowhere does not exist; name files or folders"):
        collect([tmp_path / "nowhere"])


def test_a_folder_without_notebooks_is_named(tmp_path: Path):
    with pytest.raises(MaterialError, match=r"there is no notebook \(\.ipynb\) in "):
        collect([tmp_path])


def test_a_name_is_a_folder_that_every_file_system_takes(tmp_path: Path):
    files(tmp_path, f"{'日' * 80}.ipynb", "grades.csv.ipynb", "Batch.json.ipynb")
    found = names(tmp_path)
    assert found == ["Batch.json-2", "grades.csv-2", "日" * 33]
    for name in found:
        (tmp_path / "out" / name).mkdir(parents=True)


def test_a_file_whose_name_is_no_text_has_a_name(tmp_path: Path):
    (tmp_path / os.fsdecode(b"caf\xe9.ipynb")).touch()
    assert names(tmp_path) == ["caf"]
