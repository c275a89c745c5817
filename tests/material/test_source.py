"""Percent-format sources become cells with stable ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course.material.source import new_notebook, read_source, write_notebook
from pyemu.errors import MaterialError


def test_the_header_is_not_a_cell(source_of):
    source = source_of("# ---\n# title: One\n# minutes: 5\n# ---\n\n# %%\nx = 1\n")
    assert source.header == {"title": "One", "minutes": 5}
    assert [cell["source"] for cell in source.cells] == ["x = 1"]


def test_an_explicit_id_becomes_the_cell_id_and_leaves_the_metadata(source_of):
    (cell,) = source_of('# %% id="run-1" tags=["numbers"]\nx = 1\n').cells
    assert cell["id"] == "run-1"
    assert cell["metadata"] == {"tags": ["numbers"]}


def test_an_inserted_cell_leaves_the_derived_ids_of_the_others(source_of):
    before = [cell["id"] for cell in source_of("# %%\na = 1\n\n# %%\nb = 1\n").cells]
    after = [cell["id"] for cell in source_of("# %%\na = 1\n\n# %%\nnew = 1\n\n# %%\nb = 1\n").cells]
    assert [after[0], after[2]] == before


def test_cells_with_the_same_text_get_different_ids(source_of):
    ids = [cell["id"] for cell in source_of("# %%\na = 1\n\n# %%\na = 1\n\n# %%\na = 1\n").cells]
    assert ids == [ids[0], f"{ids[0]}-2", f"{ids[0]}-3"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('# %% id="two words"\nx = 1\n', "'two words' is malformed"),
        ('# %% id="a"\nx = 1\n\n# %% id="a"\ny = 1\n', "two cells have the id 'a'"),
        ("# ---\n# just a text\n# ---\n\n# %%\nx = 1\n", "must be 'key: value' lines"),
        ("# ---\n# title: [open\n# ---\n\n# %%\nx = 1\n", "is not YAML"),
    ],
)
def test_a_malformed_source_is_refused_with_its_reason(source_of, text, complaint):
    with pytest.raises(MaterialError, match=complaint):
        source_of(text)


def test_a_missing_source_is_named(tmp_path: Path):
    with pytest.raises(MaterialError, match=r"nowhere\.py: can't be read"):
        read_source(tmp_path / "nowhere.py")


def test_the_written_notebook_has_no_version_of_the_interpreter(source_of):
    text = write_notebook(new_notebook(source_of("# %%\nx = 1\n").cells))
    assert "version" not in json.loads(text)["metadata"]["language_info"]
    assert text.endswith("}\n")


def test_a_notebook_that_breaks_the_schema_is_not_written(source_of):
    (cell,) = source_of("# %%\nx = 1\n").cells
    with pytest.raises(MaterialError, match="schema of nbformat"):
        write_notebook(new_notebook([cell | {"cell_type": "poem"}]))
