"""All submissions of a batch, and the files that come of them.

::

    OUT/grades.csv
    OUT/NAME/results.json
    OUT/NAME/feedback.html
    OUT/NAME/<exercise>.ipynb      unless the file was rejected
    OUT/NAME/tape.gz               what the answer's processes said, for `course.grading.regrade`

Each submission's ``results.json`` is written last, and at once: where it is, the submission is done.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context, parent_process
from pathlib import Path

from course.checks.judge import Judge
from course.checks.library import checks_of, exercise_of
from course.checks.points import Points, changed_points, points_in_force
from course.grading.collect import Submission
from course.grading.folder import put
from course.grading.grade import Grade, digest_of, grade, judge_of
from course.grading.notebook import graded_text
from course.grading.page import page
from course.grading.record import Record, judged_by, read_record
from course.grading.results import results, results_text
from course.grading.sandbox import Sandbox, none, sandboxed
from course.grading.table import table
from pyemu.errors import MaterialError

__all__ = ["TAPE", "done_before", "grade_all", "stored"]

TAPE = "tape.gz"


def grade_all(
    submissions: Iterable[Submission],
    exercise: str,
    seed: str,
    out: Path,
    graded: Callable[[Record], None] = lambda record: None,
    *,
    sandbox: Sandbox | None = None,
    workers: int = 1,
) -> list[Record]:
    """Grade submissions and write their results; those that are done already are left as they are.

    Parameters
    ----------
    submissions : iterable of Submission
        What `collect` found.
    exercise : str
        The exercise that all of them are answers to.
    seed : str
        Draws the numbers of the scenarios, the same for all.
    out : Path
        The folder of results; made if it isn't there.
    graded : callable
        Called after each.
    sandbox : Sandbox, optional
        Where their code runs; None: with the limits alone.
    workers : int
        Processes that grade at the same time. The results do not depend on it.

    Returns
    -------
    list of Record
        In the order of the submissions.

    Raises
    ------
    MaterialError
        There is no such exercise, or ``out`` can't be written. A damaged submission is a finding, not an
        error.
    """
    checks_of(exercise)
    box = sandbox or none()
    asked = list(submissions)
    records = {one.name: done_before(one, exercise, seed, out, box) for one in asked}
    todo = [one for one in asked if records[one.name] is None]
    for before in filter(None, records.values()):
        graded(before)
    for record in _graded(todo, exercise, seed, out, box, min(workers, len(todo))):
        records[record.submission] = record
        graded(record)
    ordered = [found for one in asked if (found := records[one.name]) is not None]
    put(out / "grades.csv", table(exercise_of(exercise), ordered))
    return ordered


def done_before(
    submission: Submission, exercise: str, seed: str, out: Path, sandbox: Sandbox
) -> Record | None:
    """Give the result of an earlier run of the same batch, None when there is none that still holds."""
    import pyemu

    key = {
        "version": pyemu.__version__,
        "submission": submission.name,
        "sha256": digest_of(submission.path),
        "exercise": exercise,
        "exercise_sha256": judged_by(exercise),
        "seed": seed,
        "sandbox": sandbox.name,
    }
    return read_record(out / submission.name / "results.json", key)


def _graded(
    submissions: list[Submission], exercise: str, seed: str, out: Path, sandbox: Sandbox, workers: int
) -> Iterator[Record]:
    """Grade submissions, here or in processes of their own."""
    if workers <= 1:
        with sandboxed(sandbox):
            judge = judge_of(exercise, seed)
            for one in submissions:
                yield stored(grade(one, exercise, seed, sandbox.name, judge=judge), out)
        return
    begin = (sandbox, exercise, seed, points_in_force())
    with ProcessPoolExecutor(workers, get_context("spawn"), _enter, begin) as pool:
        started = [pool.submit(_grade_one, one, exercise, seed, out, sandbox.name) for one in submissions]
        try:
            for future in as_completed(started):
                yield future.result()
        except BrokenProcessPool:
            raise MaterialError(
                "a worker was ended from outside, as a system does that is short of memory; run the same "
                "command again, which goes on where it stopped, or with fewer --workers."
            ) from None


_WORKER = ExitStack()
_JUDGES: list[Judge] = []


def _enter(sandbox: Sandbox, exercise: str, seed: str, points: Points) -> None:
    """Begin a worker: all that it runs is in the sandbox, before one judge, with its starter's points.

    It ends when its starter does.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _WORKER.enter_context(changed_points(points))
    _WORKER.enter_context(sandboxed(sandbox))
    _JUDGES.append(judge_of(exercise, seed))


def _end_with_parent() -> None:
    """Wait until the process that started this one is gone; who goes on in its place wants to be alone."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _grade_one(submission: Submission, exercise: str, seed: str, out: Path, sandbox: str) -> Record:
    """Grade one submission in a worker and write its files, the one that says so last."""
    return stored(grade(submission, exercise, seed, sandbox, judge=_JUDGES[0]), out)


def stored(done: Grade, out: Path) -> Record:
    """Write the files of a grade."""
    for name, content in _files(done).items():
        put(out / done.submission / name, content)
    return Record.of(results(done))


def _files(done: Grade) -> dict[str, str | bytes | None]:
    """Give the files of one submission: name -> content, None for one that must not be there."""
    return {
        "feedback.html": page(done, exercise_of(done.exercise).front.title),
        f"{done.exercise}.ipynb": graded_text(done),
        TAPE: None if done.tape is None else done.tape.to_bytes(),
        "results.json": results_text(done),
    }
