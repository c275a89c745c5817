"""What a learner predicted and answered: one JSON file in the working copy, ``.faultlab/predictions.json``.

The file is the learner's. It holds, by question, the first choice, the present one and, for a prediction,
what the run gave. No time, no name, no random id.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from course.workfiles import FOLDER, held, home_of
from pyemu.errors import MaterialError

__all__ = ["FILE", "all_noted", "note", "noted"]

FILE = "predictions.json"
_VERSION = 1


def noted(question_id: str, folder: Path | None = None) -> dict[str, str]:
    """Read what is noted for a question.

    Parameters
    ----------
    question_id : str
        Such as ``00-wake``.
    folder : Path, optional
        Where the notebook is; the current folder by default.

    Returns
    -------
    dict of str to str
        Some of ``first``, ``choice`` and ``run``; empty when nothing was noted.

    Raises
    ------
    MaterialError
        The file can't be read.
    """
    return dict(_read(_path(folder)).get(question_id, {}))


def all_noted(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """Read what is noted for all questions.

    Parameters
    ----------
    folder : Path, optional
        As for `noted`.

    Returns
    -------
    dict of str to dict of str to str
        By question; what `noted` gives for each.

    Raises
    ------
    MaterialError
        The file can't be read.
    """
    return {name: dict(one) for name, one in _read(_path(folder)).items()}


def note(question_id: str, folder: Path | None = None, **values: str) -> None:
    """Note something for a question; what else is noted there stays.

    Parameters
    ----------
    question_id : str
        Such as ``00-wake``.
    folder : Path, optional
        As for `noted`.
    **values : str
        ``choice`` (the first one is kept as ``first`` as well) or ``run``.

    Raises
    ------
    MaterialError
        The file can't be read or written.
    """
    path = _path(folder)
    first = {"first": values["choice"]} if "choice" in values else {}
    try:
        path.parent.mkdir(exist_ok=True)
        with held(path):
            notes = _read(path)
            notes[question_id] = first | notes.get(question_id, {}) | values
            text = json.dumps({"version": _VERSION, "questions": notes}, indent=1, sort_keys=True) + "\n"
            part = path.with_name(f"{path.name}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(path)
    except OSError as error:
        raise MaterialError(
            f"{path} can't be written ({error.strerror}), so your choice is not kept. "
            "Work in a copy of the course: faultlab start DIR."
        ) from error


def _path(folder: Path | None) -> Path:
    """Find the working copy that a notebook lies in; without one, the notebook's own folder."""
    home = home_of(folder) or (folder or Path.cwd()).resolve()
    return home / FOLDER / FILE


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["version"] != _VERSION:
            raise ValueError(f"its version is {stored['version']!r}, this faultlab knows {_VERSION}")
        questions: dict[str, dict[str, Any]] = stored["questions"]
        if not all(isinstance(one, dict) for one in questions.values()):
            raise ValueError("a question's notes are no object")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MaterialError(
            f"{path} can't be read ({error}). Delete it: only your predictions and answers are in it."
        ) from error
    return questions
