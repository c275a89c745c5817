"""``faultlab new exercise``: the files of another exercise, in a checkout of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["group"]

group = typer.Typer(help="Begin another exercise.", no_args_is_help=True)


@group.callback()
def _new() -> None:
    """Begin something new in a checkout of the project."""


@group.command()
def exercise(
    name: Annotated[str, typer.Argument(metavar="ID", help="for example e13_stack")],
    lesson: Annotated[str, typer.Option(metavar="NN", help="the lesson that it belongs to")],
    title: Annotated[str, typer.Option(help="what learners read at its top")],
    root: Annotated[Path, typer.Option(metavar="DIR", help="the checkout")] = Path(),
) -> None:
    """Write a small exercise that works, to be changed piece by piece; exercises/README.md says how."""
    from course.material.skeleton import write_exercise

    for path in write_exercise(root, name, lesson, title):
        print(f"wrote {path}")
    print(f"Next: python -m course.material build {name}, then pytest tests/exercises -k {name}.")
