"""The command ``faultlab series``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from course.series.patches import Patch

__all__ = ["series"]


def series(
    patch: Annotated[str | None, typer.Argument(metavar="N", help="One patch in detail: 1 to 16.")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Run and prove everything; status 0 only when all of it holds.")
    ] = False,
) -> None:
    """Print the sixteen patches: what each really is, and what shows it."""
    from course.series.patches import PATCHES, patch_named

    chosen = PATCHES if patch is None else (patch_named(patch),)
    if verify:
        _verify(chosen)
    elif patch is not None:
        from course.series.report import detail

        print("\n\n".join(detail(*chosen)))
    else:
        from course.series.report import listing

        _print(listing())


def _verify(chosen: Sequence[Patch]) -> None:
    from course.series.report import failures, summary, verdicts
    from course.series.verify import verify_patch

    found = [verify_patch(patch) for patch in chosen]
    _print(verdicts(found))
    for line in (*failures(found), summary(found)):
        print(line)
    if not all(verdict.holds for verdict in found):
        raise typer.Exit(1)


def _print(table: Any) -> None:
    from rich.console import Console

    from course.series.report import WIDTH

    Console(highlight=False, markup=False, width=WIDTH).print(table)
