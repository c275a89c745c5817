"""A submission's answers, put into the pristine notebook.

What a learner hands in is read for one thing: the source of the answer cells. Everything else, checks,
given code, outputs, tags and metadata, is ours. The submission itself is never repaired; whatever
is wrong with it becomes a named `Finding`, and none of them is an exception, so that one damaged file
can't stop a batch.

An answer cell is found by its cell id, or, when the id is gone (an editor or a copied cell gave it a new
one), by its grade id. Two candidates are never guessed between.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.material.findings import Finding, Severity, worst
from course.material.learner import with_answers
from course.material.nbgrader import Role, cells_of_role, grade_id, role_of
from course.material.quickly import without_grammars
from course.material.rawjson import LIMITS, Limits, Refused, parse
from course.material.source import Cell, Notebook

__all__ = ["Transplant", "transplant", "transplant_file"]

LONGEST = 80  # characters of what a library says
MOST_PARTS = 20_000  # that the schema is compared with: it takes some 20 us each


@dataclass(frozen=True, slots=True)
class Transplant:
    """What came of one submission.

    Parameters
    ----------
    notebook : dict or None
        The pristine notebook with the learner's answers; None when the submission was rejected. An answer
        that can't be run keeps the stub.
    answers : dict of str to str
        The source of each answer that can be run, by the id of its cell.
    findings : tuple of Finding
        What was noticed, in the order in which it was noticed.
    """

    notebook: Notebook | None
    answers: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def severity(self) -> Severity:
        """The worst of the findings: ``NOTE`` or ``RESTORED`` is graded, ``REJECTED`` is not run."""
        return worst(self.findings)


def transplant_file(pristine: Notebook, path: Path, limits: Limits = LIMITS) -> Transplant:
    """Read a submission from a file; see `transplant`.

    A path that is not a regular file (a folder, a pipe, a link) is a finding as well.
    """
    try:
        if path.is_symlink() or not path.is_file():
            kind = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "no regular file"
            raise Refused("not-a-file", f"{path.name} is {kind}; hand in the notebook itself.")
        with path.open("rb") as file:
            data = file.read(limits.n_bytes + 1)
    except Refused as refused:
        return Transplant(None, {}, (refused.finding,))
    except OSError as error:
        message = f"{path.name} can't be read ({error.strerror}); look at its permissions."
        return Transplant(None, {}, (Finding("unreadable", message, Severity.REJECTED),))
    return transplant(pristine, data, limits)


def transplant(pristine: Notebook, data: bytes, limits: Limits = LIMITS) -> Transplant:
    """Put the answers of a submission into the pristine notebook.

    Parameters
    ----------
    pristine : dict
        The exercise's learner notebook, as released.
    data : bytes
        The submitted file, whatever it is.
    limits : Limits
        How much it may be.

    Returns
    -------
    Transplant
        Notebook, answers and findings. Nothing is raised for what stands in ``data``.
    """
    findings: list[Finding] = []
    try:
        value, findings = parse(data, limits)
        cells = _cells(value)
        wanted = list(cells_of_role(pristine, Role.ANSWER))
        if not any(_is_called(cell, wanted) for cell in cells):
            _refuse_another_exercise(pristine, value)
        sources = {cell_id: _source_cell(cell_id, cells, findings) for cell_id in wanted}
    except Refused as refused:
        return Transplant(None, {}, (*findings, refused.finding))
    stubs = cells_of_role(pristine, Role.ANSWER)
    answers: dict[str, str] = {}
    for cell_id, cell in sources.items():
        problem = _answer_problem(cell_id, cell, limits)
        if problem:
            findings.append(problem)
            continue
        answers[cell_id] = _text(cell)
        if answers[cell_id].strip() in ("", stubs[cell_id]["source"].strip()):
            what = "still holds the stub" if answers[cell_id].strip() else "is empty"
            findings.append(Finding("unanswered", f"The answer cell {cell_id!r} {what}."))
    findings += _restored(pristine, cells) + _schema(value)
    return Transplant(with_answers(pristine, answers), answers, tuple(findings))


def _cells(value: Any) -> list[Cell]:
    """Return the cells of a parsed submission that look like cells, or refuse."""
    if not isinstance(value, dict) or not isinstance(value.get("nbformat"), int):
        raise Refused(
            "format", "The file is JSON, but its format is not that of a notebook; hand in the .ipynb."
        )
    if value["nbformat"] != 4:
        text = f"The notebook's format is {value['nbformat']}; only format 4 is read"
        raise Refused("format", f"{text}. Save it with JupyterLab 4.")
    cells = value.get("cells")
    if not isinstance(cells, list):
        raise Refused("format", "The notebook has no list of cells; hand in the file that JupyterLab saved.")
    return [cell for cell in cells if isinstance(cell, dict)]


def _is_called(cell: Cell, names: list[str]) -> bool:
    """Say whether a cell's id or grade id is one of these."""
    return cell.get("id") in names or grade_id(cell) in names


def _refuse_another_exercise(pristine: Notebook, value: dict[str, Any]) -> None:
    """Refuse a notebook that says itself that it is of another exercise."""
    said, ours = _exercise_of(value), _exercise_of(pristine)
    if isinstance(said, str) and said != ours:
        message = f"The notebook is of the exercise {said[:60]!r}, not of {ours!r}; hand in that of {ours!r}."
        raise Refused("other-exercise", message)


def _exercise_of(notebook: dict[str, Any]) -> Any:
    """Give the exercise that a notebook's metadata name, None when they name none."""
    try:
        return notebook["metadata"]["faultlab"]["exercise"]
    except (KeyError, TypeError):
        return None


def _source_cell(cell_id: str, cells: list[Cell], findings: list[Finding]) -> Cell:
    """Find the one cell that holds an answer, or refuse."""
    by_id = [cell for cell in cells if cell.get("id") == cell_id]
    by_grade_id = [cell for cell in cells if grade_id(cell) == cell_id and cell.get("id") != cell_id]
    found = by_id or by_grade_id
    if not found:
        message = f"The answer cell {cell_id!r} is missing; put it back from a fresh copy and hand in again."
        raise Refused("missing-answer", message)
    if len(found) > 1:
        text = f"The answer cell {cell_id!r} has a duplicate: {len(found)} cells carry its id"
        message = f"{text}. Keep one and hand in again."
        raise Refused("duplicate-answer", message)
    if not by_id:
        message = f"The answer cell {cell_id!r} lost its id; it was found by its grade id."
        findings.append(Finding("lost-id", message))
    elif by_grade_id:
        message = f"The answer cell {cell_id!r} was copied or split; what stands under its own id was taken."
        findings.append(Finding("copied-answer", message))
    return found[0]


def _text(cell: Cell) -> str:
    """Return a cell's source as one text with Unix line ends; the empty text when it is not text."""
    source = cell.get("source")
    text = "".join(source) if source is not None and _is_text(source) else ""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_text(source: Any) -> bool:
    """Say whether a source is a text, or a list of texts."""
    return isinstance(source, str) or (
        isinstance(source, list) and all(isinstance(line, str) for line in source)
    )


def _answer_problem(cell_id: str, cell: Cell, limits: Limits) -> Finding | None:
    """Say why an answer can't be run, None when it can be tried."""
    where = f"The answer cell {cell_id!r}"
    source = _text(cell)
    if cell.get("cell_type") != "code":
        name = "wrong-type"
        text = f"has the type {str(cell.get('cell_type'))[:20]!r}; turn it back into a code cell"
    elif not _is_text(cell.get("source")):
        name, text = "not-text", "has a source that is not text; write the answer again in a fresh copy"
    elif len(source) > limits.answer_chars:
        name = "too-long"
        text = f"has {len(source):,} characters; at most {limits.answer_chars:,} are read: shorten it"
    elif unreadable := next((c for c in source if c == "\0" or "\ud800" <= c <= "\udfff"), None):
        name = "unreadable-character"
        text = f"holds the character U+{ord(unreadable):04X}, a SyntaxError in Python; remove it"
    else:
        return None
    return Finding(name, f"{where} {text}.", Severity.FAILED)


def _restored(pristine: Notebook, cells: list[Cell]) -> list[Finding]:
    """Compare the cells that are ours with the submission's; ours are used in any case."""
    ours = [cell for cell in pristine["cells"] if role_of(cell) is not None]
    position: dict[str, int] = {}
    marks: list[str] = []
    points: list[str] = []
    findings = []
    for cell in ours:
        cell_id = cell["id"]
        same = [n for n, c in enumerate(cells) if c.get("id") == cell_id] or [
            n for n, c in enumerate(cells) if grade_id(c) == cell_id
        ]
        if same:
            position[cell_id] = same[0]
            marks += _changed_mark(cell, cells[same[0]])
            points += _other_points(cell, cells[same[0]])
        if role_of(cell) is Role.ANSWER:
            continue
        if not same:
            what = "is missing"
        elif len(same) > 1:
            what = "stands there more than once"
        elif cells[same[0]].get("cell_type") != "code" or _text(cells[same[0]]) != cell["source"]:
            what = "was changed"
        else:
            continue
        message = f"The cell {cell_id!r} {what}; it was restored from the released notebook."
        findings.append(Finding("restored", message, Severity.RESTORED))
    if list(position.values()) != sorted(position.values()):
        message = (
            "The cells stand in another order; they were restored to the order of the released notebook."
        )
        findings.append(Finding("restored", message, Severity.RESTORED))
    if marks:
        more = f", and {len(marks) - 1} more" if len(marks) > 1 else ""
        message = f"Grading metadata were changed ({marks[0]}{more}); those of the released notebook count."
        findings.append(Finding("metadata", message, Severity.RESTORED))
    elif points:
        more = f", and of {len(points) - 1} more cells" if len(points) > 1 else ""
        message = f"The notebook shows other points than count here: {points[0]}{more}."
        findings.append(Finding("points", message))
    return findings


def _changed_mark(ours: Cell, theirs: Cell) -> list[str]:
    """Say what is other in a cell's grading metadata, if anything is; the checksum follows from the rest."""
    metadata = theirs.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    cell_id = ours["id"]
    if not isinstance(marks, dict):
        return [f"those of the cell {cell_id!r} are gone"]
    for name, value in ours["metadata"]["nbgrader"].items():
        if name not in ("checksum", "points") and marks.get(name) != value:
            return [f"{name} of the cell {cell_id!r} is {str(marks.get(name))[:20]!r}, not {value!r}"]
    return []


def _other_points(ours: Cell, theirs: Cell) -> list[str]:
    """Say which points a cell shows, if they aren't those that count.

    That need not be the learner's doing: a course may have changed points since the notebook was released.
    """
    counts = ours["metadata"]["nbgrader"].get("points")
    metadata = theirs.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    shown = marks.get("points") if isinstance(marks, dict) else counts
    return [] if shown == counts else [f"{str(shown)[:20]!r}, not {counts}, of the cell {ours['id']!r}"]


def _schema(value: dict[str, Any]) -> list[Finding]:
    """Ask nbformat whether the notebook keeps to its schema; the answers were read in any case."""
    with without_grammars():
        from nbformat.validator import iter_validate

    counts = "what can be read of its answers counts."
    if json.dumps(value).count(",") > MOST_PARTS:
        message = f"The notebook has over {MOST_PARTS:,} parts, too many to compare with its schema; {counts}"
        return [Finding("schema", message)]
    try:
        error = next(iter_validate(value), None)  # type: ignore[no-untyped-call]
    except (AssertionError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as failure:
        error = failure
    if error is None:
        return []
    path = "/".join(map(str, getattr(error, "absolute_path", ())))
    text = (str(error).splitlines() or [type(error).__name__])[0]
    text = (
        text if len(text) <= LONGEST else f"... {text[-LONGEST:]}"
    )  # the end says what is wrong with the rest
    where = f" at {path}" if path else ""
    message = f"The notebook breaks the schema of its format{where} ({text}); {counts}"
    return [Finding("schema", message)]
