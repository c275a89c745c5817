"""The command ``faultlab lessons``: the lessons in their order, and what each patch has."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["lessons"]


def lessons(
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="Write lessons and patches as a page.")
    ] = False,
) -> None:
    """Show the lessons in their order, their minutes, and which patch is taught where."""
    from rich.console import Console
    from rich.markdown import Markdown

    from course.syllabus import markdown

    if as_markdown:
        typer.echo(markdown(), nl=False)
    else:
        Console(highlight=False).print(Markdown(markdown()))
