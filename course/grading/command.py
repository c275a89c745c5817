"""``faultlab grade SUBMISSIONS... --out DIR``: points, reports and a table for a folder of submissions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyemu.errors import MaterialError

if TYPE_CHECKING:
    from course.grading.collect import Submission
    from course.grading.record import Record
    from course.grading.sandbox import Sandbox

__all__ = ["grade", "regrade"]

TRUST = "--i-trust-these-notebooks"
BATCH = "batch.json"


def grade(
    submissions: Annotated[
        list[Path], typer.Argument(metavar="SUBMISSIONS...", help="notebooks, or folders of them")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="where the results go; a batch goes on there")],
    exercise: Annotated[str | None, typer.Option(metavar="ID", help="for example e04_loop")] = None,
    seed: Annotated[
        str | None,
        typer.Option(help="draws the scenarios' numbers; left out: that of the batch in DIR, or a fresh one"),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="points of your own, as for `faultlab release`; left out: those of the batch"
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="submissions graded at the same time")] = 1,
    trusted: Annotated[
        bool, typer.Option(TRUST, help="run them without a sandbox, with the rights that you have")
    ] = False,
) -> None:
    """Grade submissions: points a behaviour, results.json, HTML feedback, one CSV."""
    from course.checks.library import exercise_ids
    from course.checks.points import changed_points
    from course.grading.collect import collect
    from course.grading.folder import alone

    known = exercise_ids()
    if exercise is None and len(known) != 1:
        raise MaterialError(f"say which exercise is graded: --exercise with one of {', '.join(known)}.")
    name = exercise or known[0]
    sandbox = _sandbox(trusted)
    found, n_others = collect(submissions, out, others=[one for one in known if one != name])
    with alone(out):
        batch = _begun(name, seed, points, out)
        with changed_points(batch["points"]):
            _grade(found, n_others, name, batch["seed"], out, sandbox, workers)


def _grade(
    found: list[Submission],
    n_others: int,
    name: str,
    seed: str,
    out: Path,
    sandbox: Sandbox,
    workers: int,
) -> None:
    """Grade what was found, with the points that count at present."""
    from tqdm import tqdm

    from course.checks.facts import plural
    from course.checks.points import points_in_force
    from course.grading.batch import done_before, grade_all

    n_done = sum(done_before(one, name, seed, out, sandbox) is not None for one in found)
    print(f"Grading {name}, {plural(len(found), 'submission')}, seed {seed}.")
    print(f"Sandbox: {sandbox.name}, level {sandbox.level}.")
    if changed := points_in_force().get(name):
        print(f"Points of your own: {', '.join(f'{one} {n}' for one, n in changed.items())}.")
    if n_done:
        print(f"Done before, and left as they are: {n_done}.")
    if n_others:
        print(f"Left out, since they are no notebooks, or are those of another exercise: {n_others}.")
    with tqdm(total=len(found), disable=None, unit="submission") as bar:  # disable=None: only on a terminal
        records = grade_all(
            found, name, seed, out, lambda done: bar.update(), sandbox=sandbox, workers=workers
        )
    _list(records)
    print(f"Results: {out / 'grades.csv'} and a folder for each submission.")


def regrade(
    submissions: Annotated[
        list[Path], typer.Argument(metavar="SUBMISSIONS...", help="those of the batch, unchanged")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="the results of `faultlab grade`; written anew")],
    points: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="points of your own; left out: those of the batch"),
    ] = None,
) -> None:
    """Judge a graded batch again, after checks or points have changed; no code of a submission runs."""
    from course.checks.facts import plural
    from course.checks.library import exercise_ids
    from course.checks.points import changed_points
    from course.grading.collect import collect
    from course.grading.folder import alone
    from course.grading.regrade import regrade_all

    stored = _batch(out)
    if stored is None:
        raise MaterialError(f"{out} holds no batch; make one with `faultlab grade`.")
    others = [one for one in exercise_ids() if one != stored["exercise"]]
    found, _ = collect(submissions, out, others=others)
    with alone(out):
        batch = _begun(stored["exercise"], stored["seed"], points, out)
        with changed_points(batch["points"]):
            records, again = regrade_all(found, stored["exercise"], stored["seed"], out)
    n_done = len(found) - len(again)
    print(f"Judged again: {plural(n_done, 'submission')} of {len(found)}, seed {stored['seed']}.")
    _list(records)
    if again:
        print(f"To be graded again with `faultlab grade`: {', '.join(again)}.")
        raise typer.Exit(1)


def _list(records: list[Record]) -> None:
    width = max((len(one.submission) for one in records), default=0)
    for one in records:
        points = "-" if one.points is None else str(one.points)
        print(f"{one.submission:<{width}}  {points:>3} of {one.max_points}  {one.status}")


def _sandbox(trusted: bool) -> Sandbox:
    """Give the sandbox, or refuse to run strangers' code without one."""
    from course.grading.sandbox import find_sandbox, none

    if trusted:
        return none()
    found = find_sandbox()
    if found.level < 2:
        raise MaterialError(
            f"there is no sandbox here: {found.reason} Or, if you trust each of these notebooks as your own "
            f"programs, say so: {TRUST}."
        )
    return found


def _begun(exercise: str, seed: str | None, points: Path | None, out: Path) -> dict[str, Any]:
    """Give what the batch in a folder is made with, and keep it there.

    Seed and points are those that were asked for, else those of the batch, else a fresh seed and the usual
    points.
    """
    import secrets

    from course.checks.points import load_points
    from course.grading.folder import put

    before = _batch(out) or {"exercise": exercise}
    if before["exercise"] != exercise:
        raise MaterialError(
            f"{out} holds the results of {before['exercise']}; name another --out for {exercise}: one folder "
            "for each exercise."
        )
    batch: dict[str, Any] = {"exercise": exercise, "seed": seed or before.get("seed") or secrets.token_hex(8)}
    changed = load_points(points) if points is not None else before.get("points", {})
    stored_form = batch | ({"points": changed} if changed else {})
    put(out / BATCH, json.dumps(stored_form) + "\n")
    return batch | {"points": changed}


def _batch(out: Path) -> dict[str, Any] | None:
    """Give exercise, seed and points of the batch in a folder; None when there is none."""
    try:
        stored = json.loads((out / BATCH).read_bytes())
        points = stored.get("points", {})
        return {
            "exercise": str(stored["exercise"]),
            "seed": str(stored["seed"]),
            "points": {str(name): dict(table) for name, table in points.items()},
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
