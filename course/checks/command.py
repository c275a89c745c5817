"""``faultlab check NOTEBOOK``: the checks of an exercise, on a filled-in notebook."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pyemu.errors import FaultlabError, MaterialError

__all__ = ["check"]


def check(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="an exercise that you filled in")],
    exercise: Annotated[str | None, typer.Option(metavar="ID", help="for example e04_loop")] = None,
    seed: Annotated[str | None, typer.Option(help="draws other numbers for the scenarios")] = None,
) -> None:
    """Check an exercise that you filled in; exit status 0 says that it has full points."""
    from course.checks.failed_run import keep_run
    from course.checks.feedback import overview, printed_text, row_text
    from course.checks.judge import judge
    from course.checks.library import checks_of, exercise_of
    from course.checks.points import changed_points, points_in
    from course.checks.submission import answer_of, exercise_in
    from course.checks.verdict import Outcome
    from course.progress import record

    name = exercise or exercise_in(notebook)
    checks = checks_of(name)
    points = points_in(notebook, name)
    with changed_points(points):
        answer = answer_of(name, notebook)
    if answer.source is None:
        raise MaterialError(f"{notebook}: {' '.join(finding.message for finding in answer.findings)}")
    for finding in answer.findings:
        print(f"Note: {finding.message}")
    with changed_points(points):
        verdict = judge(exercise_of(name), checks, answer.source, seed)
    try:
        record(verdict, notebook.resolve().parent)
    except FaultlabError as error:
        print(f"faultlab: {error}", file=sys.stderr)
    told: set[str] = set()
    for row in verdict.rows:
        if row.outcome is Outcome.FAILED and row.feedback and row.feedback.headline not in told:
            told.add(row.feedback.headline)  # a cause that shows in two checks is explained once
            print(row_text(row), end="\n\n")
            if kept := keep_run(verdict, row.behaviour.id, answer.source, notebook.resolve().parent):
                print(f"To step through this run: faultlab step {kept}", end="\n\n")
    print(overview(verdict, checks))
    if verdict.printed:
        print("", "Your function printed", *printed_text(verdict.printed), sep="\n")
    if not verdict.full:
        raise typer.Exit(1)
