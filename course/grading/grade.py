"""One submission: read it as bytes, put its answers into the pristine notebook, judge them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from course.checks.judge import Judge
from course.checks.library import checks_of, exercise_of
from course.checks.submission import answer_of
from course.grading.collect import Submission
from course.material.rawjson import LIMITS
from course.tape import Tape, played, recorded

if TYPE_CHECKING:
    from course.checks.verdict import Row, Verdict
    from course.material.findings import Finding, Severity
    from course.material.source import Notebook

__all__ = ["Grade", "Status", "digest_of", "grade", "judge_of"]


ENDED = ("limit", "endless")
"""What stops a submission that would not have stopped by itself, by `pyemu.handler.HandlerFault.rule`."""


class Status(StrEnum):
    """What became of a submission."""

    GRADED = "graded"
    REPAIRED = "repaired"  # cells of ours were changed; ours were used
    FAILED = "failed"  # an answer can't be run, or did nothing right: no points
    KILLED = "killed"  # a limit ended it: no points
    REJECTED = "rejected"  # not run: a person has to look


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of one submission.

    Attributes
    ----------
    submission : str
        Its name.
    digest : str
        SHA-256 of the file, in hexadecimal; empty when it can't be read, or is too large.
    exercise : str
        What it was graded as.
    seed : str
        What the scenarios were drawn with.
    sandbox : str
        What kept the submission from harm while it ran.
    status : Status
        What became of it.
    max_points : int
        The points of a right answer.
    findings : tuple of Finding
        What was noticed about the file.
    verdict : Verdict or None
        None when nothing was run.
    tape : Tape or None
        What the answer's processes said; None when nothing was run.
    notebook : dict or None
        The pristine notebook with the answers; None when the file was rejected.
    """

    submission: str
    digest: str
    exercise: str
    seed: str
    sandbox: str
    status: Status
    max_points: int
    findings: tuple[Finding, ...]
    verdict: Verdict | None
    tape: Tape | None
    notebook: Notebook | None

    @property
    def points(self) -> int | None:
        """The points; None when a person has to look first."""
        if self.status is Status.REJECTED:
            return None
        return self.verdict.points if self.verdict is not None else 0

    @property
    def rows(self) -> tuple[Row, ...]:
        """The verdict's rows; none when nothing was run."""
        return self.verdict.rows if self.verdict is not None else ()

    @property
    def printed(self) -> str:
        """What the function printed."""
        return self.verdict.printed if self.verdict is not None else ""


def judge_of(exercise: str, seed: str) -> Judge:
    """Give a judge for a batch."""
    return Judge(exercise_of(exercise), checks_of(exercise), seed)


def grade(
    submission: Submission,
    exercise: str,
    seed: str,
    sandbox: str = "none",
    tape: Tape | None = None,
    judge: Judge | None = None,
) -> Grade:
    """Grade one submission.

    Parameters
    ----------
    submission : Submission
        A file, whatever it is.
    exercise : str
        The exercise that it is an answer to.
    seed : str
        Draws the numbers of the scenarios.
    sandbox : str
        The name of the sandbox in which its code runs; the caller has seen to that.
    tape : Tape, optional
        Of an earlier grade: it is judged again, and no code runs.
    judge : Judge, optional
        Of this exercise with this seed; it has judged others of the batch. None: a fresh one.

    Returns
    -------
    Grade
        Nothing is raised for what stands in the file or what its code does.

    Raises
    ------
    Diverged
        The tape does not fit: the code has to be run again.
    """
    answer = answer_of(exercise, submission.path)
    verdict = None
    if answer.source is not None:
        with recorded() if tape is None else played(tape) as tape:
            verdict = (judge or judge_of(exercise, seed)).verdict(answer.source)
    return Grade(
        submission.name,
        digest_of(submission.path),
        exercise,
        seed,
        sandbox,
        _status(answer.severity, verdict),
        exercise_of(exercise).points,
        answer.findings,
        verdict,
        None if verdict is None else tape,
        answer.transplant.notebook,
    )


def _status(severity: Severity, verdict: Verdict | None) -> Status:
    from course.material.findings import Severity

    if severity is Severity.REJECTED:
        return Status.REJECTED
    if verdict is None or severity is Severity.FAILED:
        return Status.FAILED
    if verdict.stopped in ENDED:
        return Status.KILLED
    if severity is Severity.RESTORED:
        return Status.REPAIRED
    return Status.GRADED if verdict.points else Status.FAILED


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file in hexadecimal; empty when it can't be read, or is too large to be."""
    if path.is_symlink() or not path.is_file():  # a pipe would never end
        return ""
    try:
        if path.stat().st_size > LIMITS.n_bytes:  # nor would a file of terabytes, which may take no room
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
