"""``faultlab step FILE``: the run in which a check failed, beside the kernel's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["step"]


def step(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what a failed check has kept")],
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write a page that steps through it in a browser")
    ] = None,
) -> None:
    """Open the run in which a check failed, beside the kernel's own: where they part, and what follows."""
    from course.checks.failed_run import load_run
    from course.views import stepper

    found, view = load_run(file), stepper(file)
    print(f"{found.exercise}, {found.check}: {found.problem}")
    print(found.happens)
    if found.schedule:
        print(f"In this order of moves: {found.schedule}")
    print()
    print(found.mine.text() if found.schedule else view.text(view.start))
    if page is not None:
        page.write_text(view.page(), encoding="utf-8")
        print()
        print(f"Wrote {page}; open it in a browser.")
