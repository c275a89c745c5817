"""A notebook file as an answer: which exercise it belongs to, and what its author wrote."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.checks.answer import joined
from course.checks.library import exercise_ids, exercise_of
from pyemu.errors import MaterialError

if TYPE_CHECKING:
    from course.material.findings import Finding, Severity
    from course.material.source import Notebook
    from course.material.transplant import Transplant

__all__ = ["Answer", "answer_of", "exercise_in", "pristine"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one notebook file.

    Attributes
    ----------
    source : str or None
        The answer cells, put together; None when the file was rejected or an answer can't be run.
    transplant : Transplant
        The pristine notebook with the answers, and what was found.
    """

    source: str | None
    transplant: Transplant

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed about the file."""
        return self.transplant.findings

    @property
    def severity(self) -> Severity:
        """The worst of the findings."""
        return self.transplant.severity


def pristine(exercise: str) -> Notebook:
    """Give the learner's notebook of an exercise, as released with the points that count at present.

    Parameters
    ----------
    exercise : str
        Its id.

    Returns
    -------
    dict
        The notebook; its check cells hold a right answer's outputs.

    Raises
    ------
    MaterialError
        There is no such exercise, or its notebook was not built.
    """
    from course.material.quickly import without_grammars

    with without_grammars():
        import nbformat

    from course.material.recount import recounted

    path = exercise_of(exercise).learner
    try:
        notebook: Notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise MaterialError(f"{path} can't be read ({error}); build it with 'make notebooks'.") from None
    return recounted(notebook, exercise_of(exercise))


def answer_of(exercise: str, path: Path) -> Answer:
    """Read the answer in a notebook file.

    Parameters
    ----------
    exercise : str
        The exercise that the file is for.
    path : Path
        The file, whatever it is.

    Returns
    -------
    Answer
        Source and findings; nothing is raised for what stands in the file.
    """
    from course.material.findings import Severity
    from course.material.transplant import transplant_file

    found = transplant_file(_released(exercise), path)
    source = joined(found.answers.values()) if found.severity < Severity.FAILED else None
    return Answer(source, found)


@cache
def _released(exercise: str) -> Notebook:
    """Give the pristine notebook to those who don't change it."""
    return pristine(exercise)


def exercise_in(path: Path) -> str:
    """Say which exercise a notebook file belongs to: what it says itself, else its name, else the only one.

    Parameters
    ----------
    path : Path
        A notebook file.

    Returns
    -------
    str
        The id of an exercise.

    Raises
    ------
    MaterialError
        The file does not exist, or nothing says which exercise it is for.
    """
    if not path.is_file():
        raise MaterialError(f"{path} is no file; name a notebook that you have filled in.")
    known = exercise_ids()
    for name in (_declared(path), path.stem, *known[: len(known) == 1]):
        if name in known:
            return str(name)
    raise MaterialError(f"{path} does not say which exercise it is for; name it: --exercise {known[0]}.")


def _declared(path: Path) -> Any:
    """Give what a notebook's own metadata say; None when they can't be read."""
    from course.material.rawjson import LIMITS, Refused, parse

    try:
        with path.open("rb") as file:
            value, _ = parse(file.read(LIMITS.n_bytes + 1))
        return value["metadata"]["faultlab"]["exercise"]
    except (OSError, Refused, KeyError, TypeError):
        return None
