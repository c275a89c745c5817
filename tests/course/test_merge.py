"""What a learner wrote moves into new material; what is the course's comes from there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.material.nbgrader import Role, with_role
from course.merge import digests, merge, read_notebook
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
HANDED_OUT = digests(STUB)


def sources(book: dict[str, Any]) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in book["cells"]}


def test_an_answer_moves_into_new_material() -> None:
    merged = merge(exercise("mine"), exercise("... # better stub", intro="from pyemu import run"), HANDED_OUT)
    assert sources(merged.notebook) == {"intro": "from pyemu import run", "loop": "mine", "why": "why = ''"}
    assert (merged.kept, merged.homeless) == (("loop",), ())


def test_an_untouched_stub_gives_way_to_the_new_stub() -> None:
    merged = merge(STUB, exercise("... # better stub"), HANDED_OUT)
    assert sources(merged.notebook)["loop"] == "... # better stub"
    assert (merged.kept, merged.homeless) == ((), ())


def test_an_answer_without_a_place_is_named() -> None:
    merged = merge(exercise("mine", "my reason"), notebook(code("loop", "...", Role.ANSWER)), HANDED_OUT)
    assert (merged.kept, merged.homeless) == (("loop",), ("why",))


def test_a_prediction_stays_where_the_lesson_asks_as_before() -> None:
    asked = notebook(code("predict", "predict('00', '')"), code("run", "run('S13')"))
    said = notebook(code("predict", "predict('00', 'A')"), code("run", "run('S13')"))
    fresh = notebook(code("predict", "predict('00', '')"), code("run", "run('S13', tree)"))
    merged = merge(said, fresh, digests(asked))
    assert sources(merged.notebook) == {"predict": "predict('00', 'A')", "run": "run('S13', tree)"}
    assert merged.homeless == ()


def test_a_cell_that_both_sides_changed_is_the_courses_and_the_learners_has_no_place() -> None:
    merged = merge(exercise("...", intro="my experiment"), exercise("...", intro="new text"), HANDED_OUT)
    assert sources(merged.notebook)["intro"] == "new text"
    assert merged.homeless == ("intro",)


@pytest.mark.parametrize("role", [Role.CHECK, Role.GIVEN])
def test_a_check_or_given_code_is_never_the_learners(role: Role) -> None:
    handed_out = notebook(with_role(code("check", "check(loop)"), role, points=3))
    mine = notebook(with_role(code("check", "print('passed')"), role, points=3))
    merged = merge(mine, handed_out, digests(handed_out))
    assert sources(merged.notebook) == {"check": "check(loop)"}
    assert merged.homeless == ("check",)


def test_a_cell_that_the_learner_added_has_no_place() -> None:
    mine = exercise("mine")
    mine["cells"] += [code("my-own", "1 + 1")]
    merged = merge(mine, exercise("..."), HANDED_OUT)
    assert (merged.kept, merged.homeless) == (("loop",), ("my-own",))


def test_of_two_copies_of_an_answer_none_is_lost() -> None:
    mine = exercise("first try")
    mine["cells"] += [code("loop", "second try", Role.ANSWER)]
    merged = merge(mine, exercise("..."), HANDED_OUT)
    assert sources(merged.notebook)["loop"] == "first try"
    assert len(merged.homeless) == 1


def test_a_cell_whose_own_id_a_tool_changed_is_still_found_by_its_grade_id() -> None:
    mine = exercise("mine")
    mine["cells"][1]["id"] = "c0ffee"
    assert sources(merge(mine, STUB, HANDED_OUT).notebook)["loop"] == "mine"


def test_stored_outputs_of_the_material_don_t_stay_under_another_answer() -> None:
    fresh = exercise("...")
    output = {"output_type": "stream", "name": "stdout", "text": "old"}
    fresh["cells"][1] |= {"outputs": [output], "execution_count": 3}
    cell = merge(exercise("mine"), fresh, HANDED_OUT).notebook["cells"][1]
    assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_the_material_itself_is_not_changed_by_a_merge() -> None:
    fresh = exercise("...")
    merge(exercise("mine"), fresh, HANDED_OUT)
    assert fresh == exercise("...")


def test_running_a_notebook_changes_no_digest_but_editing_does() -> None:
    ran = exercise("...")
    output = {"output_type": "stream", "name": "stdout", "text": "1"}
    ran["cells"][0] |= {"outputs": [output], "execution_count": 1}
    assert digests(ran) == HANDED_OUT
    changed = digests(exercise("mine"))
    assert {name for name in changed if changed[name] != HANDED_OUT[name]} == {"loop"}


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
