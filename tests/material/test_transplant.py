"""Only the answers of a submission are used, and every damage has a name."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course.material.findings import Severity
from course.material.source import Cell, Notebook, write_notebook
from course.material.transplant import Transplant, transplant, transplant_file

ANSWER = "def double(number):\n    return number + number"


@pytest.fixture
def submission(learner: Notebook) -> Notebook:
    """A learner's notebook with an answer, as plain data that a test may damage."""
    notebook: Notebook = json.loads(write_notebook(learner))
    cell(notebook, "answer")["source"] = ANSWER
    return notebook


def cell(notebook: Notebook, cell_id: str) -> Cell:
    found: Cell = next(cell for cell in notebook["cells"] if cell["id"] == cell_id)
    return found


def names(result: Transplant) -> list[str]:
    return [finding.name for finding in result.findings]


def sources(notebook: Notebook | None) -> dict[str, Any]:
    assert notebook is not None
    return {cell["id"]: cell["source"] for cell in notebook["cells"]}


def handed_in(pristine: Notebook, submission: Notebook) -> Transplant:
    return transplant(pristine, json.dumps(submission).encode())


def test_the_answer_and_nothing_else_is_taken(learner, submission):
    cell(submission, "play")["source"] = "print('mine')"
    cell(submission, "answer")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "10/10"}]
    submission["metadata"]["kernelspec"] = {"name": "evil", "display_name": "evil"}
    result = handed_in(learner, submission)
    assert result.answers == {"answer": ANSWER}
    assert result.findings == ()
    assert sources(result.notebook) == sources(learner) | {"answer": ANSWER}
    assert result.notebook is not None
    assert result.notebook["metadata"] == learner["metadata"]
    assert cell(result.notebook, "answer")["outputs"] == []
    assert cell(result.notebook, "positive")["outputs"] == cell(learner, "positive")["outputs"]


def test_the_transplanted_notebook_can_be_written(learner, submission):
    notebook = handed_in(learner, submission).notebook
    assert notebook is not None
    assert "return number + number" in write_notebook(notebook)


def test_a_source_in_lines_and_windows_line_ends_is_the_same_answer(learner, submission):
    cell(submission, "answer")["source"] = ["def double(number):\r\n", "    return number + number"]
    assert handed_in(learner, submission).answers == {"answer": ANSWER}


@pytest.mark.parametrize("source", ["", [], [""], ["\n", " "]])
def test_an_empty_answer_is_noted_as_unanswered(learner, submission, source):
    cell(submission, "answer")["source"] = source
    result = handed_in(learner, submission)
    assert names(result) == ["unanswered"]
    assert "is empty" in result.findings[0].message


def test_an_untouched_notebook_is_noted_as_unanswered(learner):
    result = transplant(learner, write_notebook(learner).encode())
    assert names(result) == ["unanswered"]
    assert result.severity is Severity.NOTE


def lose_ids(notebook: Notebook) -> None:
    for c in notebook["cells"]:
        del c["id"]
    notebook["nbformat_minor"] = 4


def new_ids(notebook: Notebook) -> None:
    for n, c in enumerate(notebook["cells"]):
        c["id"] = f"fresh-{n}"


def copy_answer(notebook: Notebook) -> None:
    twin = copy.deepcopy(cell(notebook, "answer")) | {"id": "fresh", "source": "x = 1"}
    notebook["cells"].insert(0, twin)


@pytest.mark.parametrize(
    ("change", "name"), [(lose_ids, "lost-id"), (new_ids, "lost-id"), (copy_answer, "copied-answer")]
)
def test_an_answer_is_found_when_editors_changed_ids(learner, submission, change, name):
    change(submission)
    result = handed_in(learner, submission)
    assert result.answers == {"answer": ANSWER}
    assert names(result) == [name]


def edit(cell_id: str, **changes: Any) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell(notebook, cell_id).update(changes)

    return change


def drop(cell_id: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        notebook["cells"].remove(cell(notebook, cell_id))

    return change


def double(cell_id: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        notebook["cells"].append(copy.deepcopy(cell(notebook, cell_id)))

    return change


def reverse(notebook: Notebook) -> None:
    notebook["cells"].reverse()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (drop("positive"), "'positive' is missing"),
        (edit("positive", source="pass"), "'positive' was changed"),
        (edit("setup", source="START = 0"), "'setup' was changed"),
        (edit("negative", cell_type="markdown"), "'negative' was changed"),
        (double("positive"), "'positive' stands there more than once"),
        (reverse, "in another order"),
    ],
)
def test_a_cell_of_ours_is_restored_and_the_answer_counts(learner, submission, change, word):
    change(submission)
    result = handed_in(learner, submission)
    assert sources(result.notebook) == sources(learner) | {"answer": ANSWER}
    assert result.severity is Severity.RESTORED
    (finding,) = [finding for finding in result.findings if finding.name == "restored"]
    assert word in finding.message
    assert "restored" in finding.message


@pytest.mark.parametrize(
    ("change", "name", "word"),
    [
        (edit("answer", cell_type="markdown"), "wrong-type", "type 'markdown'"),
        (edit("answer", source=7), "not-text", "not text"),
        (edit("answer", source=["a", 7]), "not-text", "not text"),
        (edit("answer", source="x" * 300_000), "too-long", "300,000 characters"),
        (edit("answer", source="x = '\ud800'"), "unreadable-character", "U+D800, a SyntaxError"),
        (edit("answer", source="x = '\0'"), "unreadable-character", "U+0000, a SyntaxError"),
    ],
)
def test_an_answer_that_cannot_be_run_fails_by_name_and_leaves_the_stub(
    learner, submission, change, name, word
):
    change(submission)
    result = handed_in(learner, submission)
    assert result.severity is Severity.FAILED
    assert result.answers == {}
    assert sources(result.notebook) == sources(learner)
    (finding,) = [finding for finding in result.findings if finding.name == name]
    assert word in finding.message


def two_lost_answers(notebook: Notebook) -> None:
    double("answer")(notebook)
    new_ids(notebook)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (drop("answer"), "missing-answer"),
        (double("answer"), "duplicate-answer"),
        (two_lost_answers, "duplicate-answer"),
        (lambda notebook: notebook.update(nbformat=3), "format"),
        (lambda notebook: notebook.update(nbformat=99), "format"),
        (lambda notebook: notebook.update(nbformat="4"), "format"),
        (lambda notebook: notebook.pop("nbformat"), "format"),
        (lambda notebook: notebook.update(cells={}), "format"),
    ],
)
def test_a_file_that_would_have_to_be_guessed_at_is_rejected(learner, submission, change, name):
    change(submission)
    result = handed_in(learner, submission)
    assert names(result) == [name]
    assert result.severity is Severity.REJECTED
    assert result.notebook is None
    assert result.answers == {}


def test_a_broken_schema_elsewhere_is_noted_and_the_answer_counts(learner, submission):
    submission["cells"] += [{"cell_type": "poem"}, 7]
    result = handed_in(learner, submission)
    assert names(result) == ["schema"]
    assert result.answers == {"answer": ANSWER}


def test_a_notebook_of_many_parts_is_not_compared_with_its_schema(learner, submission):
    cell(submission, "answer")["source"] = list(ANSWER)
    cell(submission, "play")["source"] = ["#"] * 30_000
    result = handed_in(learner, submission)
    assert names(result) == ["schema"]
    assert "too many to compare" in result.findings[0].message
    assert result.answers == {"answer": ANSWER}


def points(value: Any) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell(notebook, "positive")["metadata"]["nbgrader"]["points"] = value

    return change


def no_metadata(notebook: Notebook) -> None:
    for c in notebook["cells"]:
        c["metadata"] = {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_metadata, "are gone, and "),
    ],
)
def test_changed_grading_metadata_are_named_and_ours_count(learner, submission, change, words):
    change(submission)
    result = handed_in(learner, submission)
    assert names(result) == ["metadata"]
    assert words in result.findings[0].message
    assert result.severity is Severity.RESTORED
    assert sources(result.notebook) == sources(learner) | {"answer": ANSWER}


@pytest.mark.parametrize("value", [1000, None, "1"])
def test_other_points_are_worth_a_note_and_ours_count(learner, submission, value):
    points(value)(submission)
    result = handed_in(learner, submission)
    assert names(result) == ["points"]
    assert f"'{value}', not " in result.findings[0].message
    assert result.severity is Severity.NOTE
    assert result.notebook is not None
    ours, theirs = cell(result.notebook, "positive"), cell(learner, "positive")
    assert ours["metadata"]["nbgrader"]["points"] == theirs["metadata"]["nbgrader"]["points"]


def test_the_notebook_of_another_exercise_is_called_so(learner, submission):
    submission["metadata"]["faultlab"] = {"exercise": "x99"}
    cell(submission, "positive")["id"] = "answer"  # of another one, by chance
    assert "other-exercise" not in names(handed_in(learner, submission))
    drop("answer")(submission)
    for c in submission["cells"]:
        c["id"] = c["id"] + "-"
    assert names(handed_in(learner, submission)) == ["other-exercise"]


def test_neither_the_submission_nor_the_pristine_notebook_is_changed(learner, submission):
    before = write_notebook(learner), json.dumps(submission)
    handed_in(learner, submission)
    assert (write_notebook(learner), json.dumps(submission)) == before


def test_files_that_are_no_files_are_rejected(learner, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "pipe.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    for name in ("pipe", "link", "folder", "nothing"):
        assert names(transplant_file(learner, tmp_path / f"{name}.ipynb")) == ["not-a-file"]


def test_a_large_file_is_refused_without_reading_all_of_it(learner, tmp_path: Path):
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file of 1 TiB: reading it would end the test run
    assert names(transplant_file(learner, path)) == ["too-large"]


def test_mutated_bytes_are_always_read_or_rejected(learner, submission):
    """5,000 notebooks with changed, cut, doubled or swapped bytes: a result each, never an exception."""
    data = json.dumps(submission).encode()
    rng = random.Random(2)
    seen: set[str] = set()
    for _ in range(5_000):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(damaged))
            kind = rng.randrange(4)
            if kind == 0:
                damaged[at] = rng.randrange(256)
            elif kind == 1:
                del damaged[at : at + rng.randint(1, 40)]
            elif kind == 2:
                damaged[at:at] = rng.choice([b'"', b"[", b"}", b"\\", b"null", b"-1e999", b'"id": "answer",'])
            else:
                damaged[at:at] = damaged[at : at + rng.randint(1, 400)]
        seen.update(names(transplant(learner, bytes(damaged))))
    assert {"not-json", "encoding", "restored", "missing-answer", "schema"} <= seen
