"""``faultlab release EXERCISE... --out DIR``: a learner's bundle, and the proof that no answer is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["release"]


def release(
    exercises: Annotated[
        list[str], typer.Argument(metavar="EXERCISE...", help="for example e04_loop e07_gup")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="where the bundle goes; it may hold nothing else")],
    zip_file: Annotated[bool, typer.Option("--zip", help="write DIR.zip as well")] = False,
    lesson: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER", help="a lesson that comes along, such as 10; repeat it"),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="points of your own (TOML); name it to `faultlab grade` as well"),
    ] = None,
    seed: Annotated[
        list[str] | None,
        typer.Option(help="a seed with which you will grade: it and its numbers are looked for; repeat it"),
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="what the assignment is called")] = "",
    due: Annotated[str, typer.Option(metavar="TEXT", help="when it is due, as the learner reads it")] = "",
) -> None:
    """Make the learner's bundle of exercises, and prove that no answer is in it.

    The bundle is searched for the code of every right and wrong answer, for what the checks draw and expect,
    and for your seeds. Status 1 says that something leaks: then nothing is written.
    """
    from course.checks.library import exercise_of
    from course.checks.points import changed_points, load_points
    from course.release.bundle import bundle, write_bundle, zipped
    from course.release.leak import search
    from course.release.secrets import secrets_of
    from course.release.shown import load_shown

    seeds = tuple(seed or ())
    with changed_points(load_points(points) if points is not None else {}):
        files = bundle(exercises, lesson or (), name=name, due=due)
        secrets = [secrets_of(exercise_of(one), seeds) for one in exercises]
    archive = zipped(files, out.resolve().name)
    report = search(files | ({f"{out.name}.zip": archive} if zip_file else {}), secrets, load_shown())
    print(report.text())
    if report.leaks:
        print("Nothing was written.")
        raise typer.Exit(1)
    write_bundle(files, out)
    print(f"Wrote {out}: {', '.join(files)}.")
    if zip_file:
        path = out.with_name(f"{out.name}.zip")
        path.write_bytes(archive)
        print(f"Wrote {path}.")
