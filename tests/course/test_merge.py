"""Answers move into new material by grade id; the frame is the course's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.material.nbgrader import Role, with_role
from course.merge import answer_cells, digests, merge, read_notebook
from pyemu.errors import MaterialError


def code(name: str, source: str, role: Role | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return with_role(cell, role) if role else cell


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def exercise(loop: str, why: str = "why = ''", intro: str = "import pyemu") -> dict[str, Any]:
    return notebook(code("intro", intro), code("loop", loop, Role.ANSWER), code("why", why, Role.ANSWER))


STUB = exercise("...")
HANDED_OUT = digests(STUB).answers


def sources(book: dict[str, Any]) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in book["cells"]}


def test_an_answer_moves_into_new_material() -> None:
    merged = merge(exercise("mine"), exercise("... # better stub", intro="from pyemu import run"), HANDED_OUT)
    assert sources(merged.notebook) == {"intro": "from pyemu import run", "loop": "mine", "why": "why = ''"}
    assert (merged.n_answers, merged.homeless) == (1, ())


def test_an_untouched_stub_gives_way_to_the_new_stub() -> None:
    merged = merge(STUB, exercise("... # better stub"), HANDED_OUT)
    assert sources(merged.notebook)["loop"] == "... # better stub"
    assert merged.n_answers == 0


def test_an_answer_without_a_place_is_named() -> None:
    merged = merge(exercise("mine", "my reason"), notebook(code("loop", "...", Role.ANSWER)), HANDED_OUT)
    assert merged.homeless == ("why",)
    assert merged.n_answers == 1


def test_a_cell_whose_own_id_a_tool_changed_is_still_found_by_its_grade_id() -> None:
    mine = exercise("mine")
    mine["cells"][1]["id"] = "c0ffee"
    assert sources(merge(mine, STUB, HANDED_OUT).notebook)["loop"] == "mine"


def test_stored_outputs_of_the_material_don_t_stay_under_another_answer() -> None:
    fresh = exercise("...")
    fresh["cells"][1] |= {
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "old"}],
        "execution_count": 3,
    }
    cell = answer_cells(merge(exercise("mine"), fresh, HANDED_OUT).notebook)["loop"]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_the_material_itself_is_not_changed_by_a_merge() -> None:
    fresh = exercise("...")
    merge(exercise("mine"), fresh, HANDED_OUT)
    assert fresh == exercise("...")


def test_running_a_notebook_changes_no_digest_but_editing_does() -> None:
    ran = exercise("...")
    ran["cells"][0] |= {
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
        "execution_count": 1,
    }
    assert digests(ran) == digests(STUB)
    assert digests(exercise("mine")).frame == digests(STUB).frame
    assert digests(exercise("mine")).answers["loop"] != HANDED_OUT["loop"]
    assert digests(exercise("...", intro="import os")).frame != digests(STUB).frame


@given(st.text(), st.text())
def test_a_source_as_lines_is_the_same_as_one_text(loop: str, why: str) -> None:
    as_lines = exercise(loop, why)
    for cell in as_lines["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    assert digests(as_lines) == digests(exercise(loop, why))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"cells": 1}',
        '{"cells": [1]}',
        '{"cells": [{"cell_type": "code"}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_refused_by_name_with_the_next_step(tmp_path: Path, content: str) -> None:
    path = tmp_path / "e04_loop.ipynb"
    path.write_text(content)
    with pytest.raises(MaterialError, match=r"e04_loop\.ipynb is no notebook.*faultlab reset"):
        read_notebook(path)


def test_a_notebook_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(STUB))
    assert read_notebook(path) == STUB
