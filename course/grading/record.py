"""What ``results.json`` says of a submission: what the table shows, and whether it has to be graded again.

A result is known by what it was made of: the submission's bytes, the exercise with its checks, the seed, this
version, and the sandbox. When all of them are as before, the result is as before, byte for byte; so a batch
that was cut short goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course.checks.library import exercise_of
from course.checks.points import points_in_force
from course.nursery import ROOT

__all__ = ["Record", "exercise_digest", "judged_by", "read_record"]

KEY = ("version", "submission", "sha256", "exercise", "exercise_sha256", "seed", "sandbox")


@dataclass(frozen=True, slots=True)
class Record:
    """One submission's result.

    Attributes
    ----------
    submission, status : str
        Its name, and what became of it.
    points : int or None
        None where a person has to look first.
    max_points : int
        The points of a right answer.
    behaviours : mapping of str to int
        Points by behaviour; empty when nothing was run.
    headline : str
        The first sentence of the feedback, or of what was found.
    seed, digest : str
        What the scenarios were drawn with; SHA-256 of the file.
    """

    submission: str
    status: str
    points: int | None
    max_points: int
    behaviours: Mapping[str, int]
    headline: str
    seed: str
    digest: str

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> Record:
        """Give the record of what ``results.json`` holds.

        Raises
        ------
        KeyError, TypeError
            It holds something else.
        """
        ours = results["extra_data"]["faultlab"]
        return cls(
            ours["submission"],
            ours["status"],
            ours["points"],
            ours["max_points"],
            {one["id"]: one["points"] for one in ours["behaviours"]},
            ours["headline"],
            ours["seed"],
            ours["sha256"],
        )


def read_record(path: Path, key: Mapping[str, str]) -> Record | None:
    """Read a stored result.

    Parameters
    ----------
    path : Path
        A ``results.json``.
    key : mapping of str to str
        What the result must have been made of, by the names of `KEY`.

    Returns
    -------
    Record or None
        None when there is none, it is damaged, or it was made of something else.
    """
    try:
        results = json.loads(path.read_bytes())
        ours = results["extra_data"]["faultlab"]
        if any(ours[name] != key[name] for name in KEY):
            return None
        return Record.of(results)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def judged_by(name: str) -> str:
    """Give the SHA-256 of what an answer is judged by: the exercise, and points that a course has changed."""
    changed = points_in_force().get(name)
    if not changed:
        return exercise_digest(name)
    return hashlib.sha256(
        f"{exercise_digest(name)} {json.dumps(changed, sort_keys=True)}".encode()
    ).hexdigest()


@cache
def exercise_digest(name: str) -> str:
    """Give the SHA-256 of an exercise: its notebook, its declaration, and all that judges an answer to it."""
    exercise = exercise_of(name)
    root = Path(ROOT)
    judging = [*(root / "course" / "checks").glob("*.py"), *(root / "pyemu").rglob("*.py")]
    digest = hashlib.sha256()
    for path in (exercise.folder / "exercise.toml", exercise.learner, *sorted(judging)):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
