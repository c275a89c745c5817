"""The commands ``faultlab run`` and ``faultlab scenarios``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyemu.errors import FaultlabError

if TYPE_CHECKING:
    from pyemu.trace import Level

__all__ = ["run", "scenarios"]


def run(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="Its name, or a file that ends in .toml.")
    ] = None,
    tree: Annotated[
        str, typer.Option(metavar="TREE", help="before, after, v5_7, upto8, after-9, v5_7+B5, ...")
    ] = "after",
    diff: Annotated[
        str | None, typer.Option(metavar="TREE", help="A second tree: both runs, and where they differ.")
    ] = None,
    level: Annotated[str, typer.Option(help="story, kernel or hardware: how close to look.")] = "story",
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the trace to FILE as JSON lines.")
    ] = None,
    chrome_file: Annotated[
        Path | None,
        typer.Option("--chrome", metavar="FILE", help="Write it for chrome://tracing and Perfetto."),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", metavar="FILE", help="Write a page to FILE that steps through it in a browser."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Status 1 when a run breaks a rule.")] = False,
) -> None:
    """Run a scenario on a tree; without one, list the library."""
    if scenario is None:
        scenarios()
        return
    from course.run.show import head, one, two
    from pyemu import Scenario, Tree
    from pyemu import run as run_scenario
    from pyemu.machine import objection

    for option, file in (("--json", json_file), ("--chrome", chrome_file)):
        if diff is not None and file is not None:
            raise FaultlabError(f"{option} writes one trace: leave --diff out, and run once for each tree.")
    chosen, seen = Scenario.load(scenario), _level(level)
    trees = [Tree.parse(name) for name in (tree, diff) if name is not None]
    first, *second = (run_scenario(chosen, one_tree, history=page is not None) for one_tree in trees)
    if json_file is not None:
        json_file.write_text(first.trace.to_jsonl(), encoding="utf-8")
    if chrome_file is not None:
        chrome_file.write_text(first.trace.to_chrome(), encoding="utf-8")
    if page is not None:
        from course.views import stepper

        page.write_text(stepper(first, *second).page(), encoding="utf-8")
    shown = two(first, second[0], seen) if second else one(first, seen)
    print("\n\n".join([*head(chosen), *shown]))
    objections = [text for result in (first, *second) if (text := objection(result))]
    if strict and objections:
        for text in objections:
            typer.echo(f"faultlab: {text}", err=True)
        raise typer.Exit(1)


def scenarios() -> None:
    """List the scenarios of the library: title, and what each says will happen."""
    from rich.console import Console

    from course.run.library import WIDTH, listing

    Console(highlight=False, markup=False, width=WIDTH).print(listing())


def _level(name: str) -> Level:
    from pyemu.trace import Level

    levels = {level.name.lower(): level for level in Level}
    if name not in levels:
        raise FaultlabError(f"level {name!r} is unknown: it must be one of {', '.join(levels)}.")
    return levels[name]
