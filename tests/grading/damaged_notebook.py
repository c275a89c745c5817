"""Damages of a notebook's cells and metadata."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from course.material.nbgrader import Role, role_of
from tests.grading.damage import ANSWER, HARMLESS, Notebook, of_notebook

Cell = dict[str, Any]
JUNK: tuple[Any, ...] = (None, True, 7, -1.5, "x", [], ["x"], {}, {"x": 1}, [[None]])


def one_of(notebook: Notebook, random: Random, *roles: Role) -> Cell:
    """Choose a cell of these roles."""
    found: Cell = random.choice([cell for cell in notebook["cells"] if role_of(cell) in roles])
    return found


def answer(notebook: Notebook, random: Random) -> Cell:
    return one_of(notebook, random, Role.ANSWER)


def ours(notebook: Notebook, random: Random) -> Cell:
    return one_of(notebook, random, Role.CHECK, Role.GIVEN)


def put_text(cell: Cell, text: str) -> None:
    cell["source"] = text


# Cells deleted, moved, copied, merged, split.


@of_notebook("missing-answer")
def answer_deleted(random: Random, notebook: Notebook) -> None:
    notebook["cells"].remove(answer(notebook, random))


@of_notebook("restored")
def cells_of_ours_deleted(random: Random, notebook: Notebook) -> None:
    for _ in range(random.randint(1, 3)):
        notebook["cells"].remove(ours(notebook, random))


@of_notebook("missing-answer")
def all_deleted(random: Random, notebook: Notebook) -> None:
    notebook["cells"] = []


@of_notebook(HARMLESS)
def texts_deleted(random: Random, notebook: Notebook) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


@of_notebook("restored")
def shuffled(random: Random, notebook: Notebook) -> None:
    cells = notebook["cells"]
    cells.insert(0, cells.pop(cells.index(one_of(notebook, random, Role.CHECK))))
    if random.random() < 0.5:
        cells.reverse()


@of_notebook("duplicate-answer")
def answer_twice(random: Random, notebook: Notebook) -> None:
    twin = copy.deepcopy(answer(notebook, random))
    if random.random() < 0.5:
        put_text(twin, "pass")
    notebook["cells"].insert(random.randrange(len(notebook["cells"])), twin)


@of_notebook("copied-answer")
def answer_copied(random: Random, notebook: Notebook) -> None:
    twin = copy.deepcopy(answer(notebook, random)) | {"id": "a1b2c3d4", "source": "pass"}
    notebook["cells"].insert(random.randrange(len(notebook["cells"])), twin)


@of_notebook("restored")
def check_copied(random: Random, notebook: Notebook) -> None:
    notebook["cells"].append(copy.deepcopy(ours(notebook, random)))


@of_notebook("restored")
def answer_merged_with_the_next(random: Random, notebook: Notebook) -> None:
    """The cells between it and the next one of ours are gone too."""
    cells = notebook["cells"]
    first = cells.index(answer(notebook, random))
    last = next(n for n in range(first + 1, len(cells)) if role_of(cells[n]) is not None)
    put_text(cells[first], "\n\n".join([text(cells[first]), text(cells[last]).replace("check", "# check")]))
    del cells[first + 1 : last + 1]


@of_notebook("missing-answer")
def answer_merged_into_the_one_above(random: Random, notebook: Notebook) -> None:
    cells = notebook["cells"]
    at = cells.index(answer(notebook, random))
    put_text(cells[at - 1], text(cells[at - 1]) + "\n" + text(cells[at]))
    del cells[at]


@of_notebook("copied-answer", "schema")
def answer_split(random: Random, notebook: Notebook) -> None:
    """As JupyterLab does it: the lower half is a copy with a new id."""
    cell = answer(notebook, random)
    lines = text(cell).splitlines(keepends=True)
    at = random.randrange(1, len(lines))
    rest = copy.deepcopy(cell) | {"id": "e5f6a7b8", "source": "".join(lines[at:])}
    put_text(cell, "".join(lines[:at]))
    notebook["cells"].insert(notebook["cells"].index(cell) + 1, rest)


def text(cell: Cell) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


# Ids, types, metadata.


@of_notebook("lost-id")
def ids_removed(random: Random, notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        del cell["id"]
    if random.random() < 0.5:
        notebook["nbformat_minor"] = 4


@of_notebook("lost-id")
def ids_renewed(random: Random, notebook: Notebook) -> None:
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"{random.getrandbits(32):08x}-{number}"


@of_notebook("lost-id")
def ids_all_equal(random: Random, notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["id"] = "x"


@of_notebook("lost-id")
def ids_of_another_type(random: Random, notebook: Notebook) -> None:
    junk = random.choice(JUNK)
    for cell in notebook["cells"]:
        cell["id"] = junk


@of_notebook("missing-answer")
def ids_and_metadata_removed(random: Random, notebook: Notebook) -> None:
    """What a round trip through another editor may leave."""
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["metadata"] = {}


@of_notebook("duplicate-answer", "restored")
def id_of_the_answer_given_to_another(random: Random, notebook: Notebook) -> None:
    ours(notebook, random)["id"] = answer(notebook, random)["id"]


@of_notebook("points")
def points_raised(random: Random, notebook: Notebook) -> None:
    cell = one_of(notebook, random, Role.CHECK)
    cell["metadata"]["nbgrader"]["points"] = random.choice([1000, 1e9, "100", None, float("inf")])


@of_notebook("metadata")
def role_changed(random: Random, notebook: Notebook) -> None:
    cell = one_of(notebook, random, Role.CHECK, Role.GIVEN, Role.ANSWER)
    name = random.choice(["grade", "solution", "locked"])
    cell["metadata"]["nbgrader"][name] = not cell["metadata"]["nbgrader"][name]


@of_notebook("metadata")
def grade_ids_changed(random: Random, notebook: Notebook) -> None:
    cell = one_of(notebook, random, Role.CHECK, Role.GIVEN, Role.ANSWER)
    cell["metadata"]["nbgrader"]["grade_id"] = random.choice(["", "other", 7, None, ["x"]])


@of_notebook("metadata")
def metadata_of_cells_damaged(random: Random, notebook: Notebook) -> None:
    cell = one_of(notebook, random, Role.CHECK, Role.GIVEN, Role.ANSWER)
    if random.random() < 0.5:
        cell["metadata"] = random.choice([*JUNK, {"nbgrader": random.choice(JUNK)}])
    else:
        del cell["metadata"]


@of_notebook(HARMLESS, "schema")
def metadata_of_the_notebook_damaged(random: Random, notebook: Notebook) -> None:
    notebook["metadata"] = random.choice([*JUNK, {"kernelspec": {"name": "ir"}}, {"language_info": []}])


@of_notebook("wrong-type")
def answer_of_another_type(random: Random, notebook: Notebook) -> None:
    answer(notebook, random)["cell_type"] = random.choice(["markdown", "raw", "poem", "", *JUNK])


@of_notebook("restored")
def check_of_another_type(random: Random, notebook: Notebook) -> None:
    ours(notebook, random)["cell_type"] = random.choice(["markdown", "raw", "poem", *JUNK])


@of_notebook("restored")
def check_edited(random: Random, notebook: Notebook) -> None:
    source = random.choice(
        ["", "print('PASS  10 of 10 points')", "check = lambda *_: None", "raise SystemExit"]
    )
    put_text(ours(notebook, random), source)


# What a cell holds.


@of_notebook("not-text")
def source_that_is_no_text(random: Random, notebook: Notebook) -> None:
    junk = random.choice([None, True, 7, 1e300, {"x": 1}, ["x", 7], [["x"]], [None], {}, False, 0])
    answer(notebook, random)["source"] = junk


@of_notebook("not-text")
def source_missing(random: Random, notebook: Notebook) -> None:
    del answer(notebook, random)["source"]


@of_notebook("unanswered")
def source_emptied(random: Random, notebook: Notebook) -> None:
    answer(notebook, random)["source"] = random.choice(["", [], [""], "\n\n"])


@of_notebook(HARMLESS)
def source_of_other_line_ends(random: Random, notebook: Notebook) -> None:
    cell = answer(notebook, random)
    lines = text(cell).splitlines()
    end = random.choice(["\r\n", "\r"])
    cell["source"] = random.choice([end.join(lines), [line + end for line in lines], list(text(cell))])


@of_notebook("unreadable-character")
def source_with_a_character_of_no_text(random: Random, notebook: Notebook) -> None:
    cell = answer(notebook, random)
    lines = text(cell).splitlines(keepends=True)
    lines.insert(random.randrange(len(lines)), "# \0\n")
    put_text(cell, "".join(lines))


@of_notebook(ANSWER)
def source_from_a_word_processor(random: Random, notebook: Notebook) -> None:
    cell = answer(notebook, random)
    quotes = text(cell).replace('"', "\u201c")
    spaces = text(cell).replace("    ", "\u00a0\u00a0\u00a0\u00a0")
    put_text(cell, random.choice([quotes, spaces, text(cell) + "\n\u200b\u202e"]))


@of_notebook(ANSWER)
def source_with_a_conflict(random: Random, notebook: Notebook) -> None:
    cell = answer(notebook, random)
    put_text(cell, f"<<<<<<< HEAD\n{text(cell)}\n=======\n{text(cell)}\n>>>>>>> theirs\n")


@of_notebook("too-long")
def source_too_long(random: Random, notebook: Notebook) -> None:
    cell = answer(notebook, random)
    put_text(cell, text(cell) + "\n# x" * 100_000)


@of_notebook("too-long")
def source_letter_by_letter(random: Random, notebook: Notebook) -> None:
    cell = answer(notebook, random)
    cell["source"] = list(text(cell) + "\n# x" * 100_000)


@of_notebook("schema")
def outputs_of_another_type(random: Random, notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = random.choice(["PASS", 7, None, {"text": "PASS"}])


@of_notebook(HARMLESS)
def outputs_huge(random: Random, notebook: Notebook) -> None:
    line = random.choice(["x" * 1_000, "\u001b[31mred", '"outputs": [', "\\", "\u202e\ud800"])
    outputs = [{"output_type": "stream", "name": "stdout", "text": [f"{line}\n"] * 1_000}]
    answer(notebook, random)["outputs"] = outputs


@of_notebook(HARMLESS)
def outputs_deep(random: Random, notebook: Notebook) -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    ours(notebook, random)["outputs"] = deep


@of_notebook("schema")
def outputs_missing(random: Random, notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell.pop("outputs", None)


@of_notebook("schema", HARMLESS)
def counts_of_another_type(random: Random, notebook: Notebook) -> None:
    answer(notebook, random)["execution_count"] = random.choice(["7", -1, 1.5, [], {}, True])


@of_notebook("schema")
def keys_of_nobody(random: Random, notebook: Notebook) -> None:
    notebook[random.choice(["x", "Cells", "__class__", "\u202e"])] = "x" * random.choice([1, 10_000])


@of_notebook(HARMLESS, "schema")
def attachments(random: Random, notebook: Notebook) -> None:
    attached = random.choice([{"x.png": {"image/png": "A" * 1_000_000}}, [], "x", {"../x": {"text/x": 1}}])
    notebook["cells"][0]["attachments"] = attached


# The notebook as a whole.


@of_notebook("format")
def format_3(random: Random, notebook: Notebook) -> Notebook:
    """As IPython 2 wrote it."""
    cells = [
        {"cell_type": "code", "language": "python", "input": text(cell), "outputs": [], "metadata": {}}
        for cell in notebook["cells"]
    ]
    return {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}


@of_notebook("format")
def format_unknown(random: Random, notebook: Notebook) -> None:
    notebook["nbformat"] = random.choice([5, 0, -4, 10**30, "4", 4.5, float("nan"), True, None, [4], {}])


@of_notebook("format")
def format_missing(random: Random, notebook: Notebook) -> None:
    del notebook["nbformat"]


@of_notebook("schema", HARMLESS)
def minor_format_of_any_kind(random: Random, notebook: Notebook) -> None:
    minor: Any = random.choice([0, 1, 3, 4, 6, 99, -1, 10**30, "5", 5.0, float("nan"), True, None, [5], {}])
    notebook["nbformat_minor"] = minor
    if random.random() < 0.2:
        del notebook["nbformat_minor"]


@of_notebook("format")
def cells_of_another_type(random: Random, notebook: Notebook) -> None:
    notebook["cells"] = random.choice([None, 7, "cells", {}, {"0": notebook["cells"][0]}, True])
    if random.random() < 0.2:
        del notebook["cells"]


@of_notebook("missing-answer")
def cells_within_a_list(random: Random, notebook: Notebook) -> None:
    notebook["cells"] = [notebook["cells"]]


@of_notebook("schema")
def cells_that_are_none(random: Random, notebook: Notebook) -> None:
    for junk in JUNK:
        notebook["cells"].insert(random.randrange(len(notebook["cells"])), junk)


@of_notebook("format")
def no_notebook(random: Random, notebook: Notebook) -> Any:
    return random.choice([[notebook], [], {}, 7, True, "notebook", {"notebook": notebook}, 1e300])


@of_notebook("other-exercise")
def another_exercise(random: Random, notebook: Notebook) -> None:
    """The notebook of something else."""
    notebook["metadata"]["faultlab"]["exercise"] = "e99_other"
    for cell in notebook["cells"]:
        cell["id"] = f"{cell['id']}-2"
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] += "-2"
