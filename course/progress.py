"""What a learner has done: one line for each change, in the working copy, ``.faultlab/progress.jsonl``.

The file is the learner's; nothing of it is sent anywhere. A line is added when a check says something new of
an exercise, and no line is ever changed, so two notebooks lose nothing of each other, and a line that is
damaged takes no other with it::

    {"version": 1, "date": "2027-05-12", "exercise": "e04_loop", "points": 9, "of": 14, "open": ["kill"]}

Outside a working copy nothing is kept: not where submissions are graded, nor where a notebook is looked at.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course.workfiles import FOLDER, held, home_of
from pyemu.errors import FaultlabError, MaterialError

if TYPE_CHECKING:
    from course.checks.verdict import Verdict

__all__ = ["FILE", "Entry", "forget", "kept", "record"]

FILE = "progress.jsonl"
VERSION = 1
_KINDS = {"date": str, "exercise": str, "points": int, "of": int, "open": list}


@dataclass(frozen=True, slots=True)
class Entry:
    """What the checks of one exercise said on a day.

    Attributes
    ----------
    date : str
        The day in UTC, as ``2027-05-12``.
    exercise : str
        Its id.
    points, of : int
        The points of that answer, and of a right one.
    open : tuple of str
        The behaviours that did not pass, in their order.
    """

    date: str
    exercise: str
    points: int
    of: int
    open: tuple[str, ...]


def record(verdict: Verdict, folder: Path | None = None) -> None:
    """Keep what a verdict says, when it says something new; print nothing.

    Parameters
    ----------
    verdict : Verdict
        Of an exercise.
    folder : Path, optional
        Where the notebook is; the current folder by default.

    Raises
    ------
    MaterialError
        What is kept can't be read, or nothing can be written there.
    """
    home = home_of(folder)
    if home is None:
        return
    left = tuple(row.behaviour.id for row in verdict.rows if row.points < row.behaviour.points)
    today = dt.datetime.now(dt.UTC).date().isoformat()
    new = Entry(today, verdict.exercise, verdict.points, verdict.max_points, left)
    path = home / FOLDER / FILE
    try:
        with held(path):
            before = [one for one in _read(path) if one.exercise == new.exercise]
            if before and _said(before[-1]) == _said(new):
                return
            line = json.dumps({"version": VERSION} | asdict(new)) + "\n"
            with path.open("ab") as file:
                file.write(line.encode())
    except OSError as error:
        raise MaterialError(
            f"{path} can't be written ({error.strerror}), so your progress is not kept; look at what you may "
            "do in that folder."
        ) from error


def kept(home: Path) -> Mapping[str, list[Entry]]:
    """Read what a working copy keeps.

    Parameters
    ----------
    home : Path
        The working copy.

    Returns
    -------
    mapping of str to list of Entry
        By exercise; the entries in the order in which they were made.

    Raises
    ------
    MaterialError
        A line is damaged, or a newer faultlab wrote it; the text names the line, and what to do.
    """
    found: dict[str, list[Entry]] = {}
    for entry in _read(home / FOLDER / FILE):
        found.setdefault(entry.exercise, []).append(entry)
    return found


def forget(home: Path) -> list[Path]:
    """Remove all that a working copy knows of its owner: progress, predictions and answers.

    Parameters
    ----------
    home : Path
        The working copy; its notebooks stay as they are.

    Returns
    -------
    list of Path
        The files that are gone.
    """
    from course.notes import FILE as NOTES

    there = [home / FOLDER / name for name in (FILE, NOTES)]
    gone = [path for path in there if path.exists()]
    for path in there:
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    return gone


def _said(entry: Entry) -> tuple[Any, ...]:
    return (entry.points, entry.of, entry.open)


def _read(path: Path) -> list[Entry]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MaterialError(f"{path} can't be read ({error.strerror}).") from error
    lines = enumerate(content.split(b"\n"), 1)
    return [_entry(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _entry(line: bytes, where: str) -> Entry:
    try:
        stored = json.loads(line)
        version = stored.pop("version")
        if type(version) is int and version > VERSION:
            raise FaultlabError(
                f"{where} has version {version}, and this faultlab knows {VERSION}: a newer one wrote it. "
                "Use that one, or `faultlab progress --forget`."
            )
        if version != VERSION or set(stored) != set(_KINDS):
            raise ValueError("its keys are others")
        if any(type(stored[key]) is not kind for key, kind in _KINDS.items()):
            raise ValueError("a value is of another kind")
        return Entry(**stored | {"open": tuple(map(str, stored["open"]))})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MaterialError(
            f"{where} can't be read ({error}). Remove that line; all others count as before. Or begin anew: "
            "faultlab progress --forget."
        ) from None
