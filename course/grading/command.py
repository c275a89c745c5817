"""``faultlab grade SUBMISSIONS... --out DIR``: points, reports and a table for a folder of submissions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyemu.errors import MaterialError

__all__ = ["NOTICE", "grade"]

NOTICE = (
    "There is no sandbox yet: the code of each submission runs with your rights, in a process of its own. "
    "Grade only notebooks that you trust."
)


def grade(
    submissions: Annotated[
        list[Path], typer.Argument(metavar="SUBMISSIONS...", help="notebooks, or folders of them")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="where the results go")],
    exercise: Annotated[str | None, typer.Option(metavar="ID", help="for example e04_loop")] = None,
    seed: Annotated[
        str | None, typer.Option(help="draws the scenarios' numbers; a fresh one if left out")
    ] = None,
) -> None:
    """Grade submissions: points a behaviour, results.json, HTML feedback, one CSV."""
    import secrets

    from tqdm import tqdm

    from course.checks.facts import plural
    from course.checks.library import exercise_ids
    from course.grading.batch import grade_all
    from course.grading.collect import collect

    known = exercise_ids()
    if exercise is None and len(known) != 1:
        raise MaterialError(f"say which exercise is graded: --exercise with one of {', '.join(known)}.")
    name = exercise or known[0]
    seed = seed or secrets.token_hex(8)
    found, n_others = collect(submissions, out)
    print(f"Grading {name}, {plural(len(found), 'submission')}, seed {seed}.")
    if n_others:
        print(f"Left out, since they are no notebooks: {n_others}.")
    typer.echo(NOTICE, err=True)
    with tqdm(total=len(found), disable=None, unit="submission") as bar:  # disable=None: only on a terminal
        grades = grade_all(found, name, seed, out, lambda done: bar.update())
    width = max(len(one.submission) for one in grades)
    for one in grades:
        points = "-" if one.points is None else str(one.points)
        print(f"{one.submission:<{width}}  {points:>3} of {one.max_points}  {one.status.value}")
    print(f"Results: {out / 'grades.csv'} and a folder for each submission.")
