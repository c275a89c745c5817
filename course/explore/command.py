"""The command ``faultlab explore``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyemu.errors import FaultlabError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from pyemu import Scenario, Tree
    from pyemu.explore import Exploration
    from pyemu.explore.explorer import Method

__all__ = ["budget_of", "check_folder", "explore", "method_of", "refuse", "show"]

VIOLATION, NOT_FINISHED = 1, 3  # exit statuses; 2 is a mistake of the user


def explore(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="Its name, or a file that ends in .toml.")
    ],
    tree: Annotated[str, typer.Option(metavar="TREE", help="before, after, v5_7, upto8, after-9, ...")] = (
        "after"
    ),
    against: Annotated[
        str | None, typer.Option(metavar="TREE", help="A second tree: explore both, and compare.")
    ] = None,
    max_states: Annotated[
        int | None, typer.Option(metavar="N", help="Budget: give up when so many states are reached.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="sleep, local or full. local may reach far fewer states of a large scenario; its schedules "
            "need not be the shortest.",
            show_default="sleep",
        ),
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="MOVES", help='Explore nothing: replay "T*3 M U*2", and show it.')
    ] = None,
    trace_file: Annotated[
        Path | None,
        typer.Option(
            "--trace", metavar="FILE", help="Write the trace of the shortest finding, or of --schedule."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all that was found to FILE.")
    ] = None,
) -> None:
    """Explore every interleaving of a scenario.

    Status 0: finished, nothing is broken but what the scenario permits.

    Status 1: a violation was found. Status 3: the budget ended first.
    """
    from course.explore.processes import all_explored
    from course.explore.report import as_json, compared, one
    from course.run.show import titled
    from pyemu import Scenario, Tree

    chosen, first = Scenario.load(scenario), Tree.parse(tree)
    for path in filter(None, (trace_file, json_file)):
        check_folder(path)
    if schedule is not None:
        given = {
            "--against": against,
            "--max-states": max_states,
            "--method": method,
            "--json": json_file,
        }
        refuse("--schedule replays one schedule on one tree", given)
        _replay(chosen, first, schedule, trace_file)
        return
    if against is not None:
        refuse("--against explores two trees", {"--trace": trace_file})
    trees = [first] if against is None else [first, Tree.parse(against)]
    found = all_explored(chosen, trees, method_of(method), budget_of(max_states))
    print(titled(chosen))
    show(compared(*found) if len(found) > 1 else one(found[0], scenario))
    if trace_file is not None:
        _write_shortest(chosen, first, found[0], trace_file)
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(found), indent=1) + "\n", encoding="utf-8")
    if any(exploration.violations for exploration in found):
        raise typer.Exit(VIOLATION)
    if not all(exploration.finished for exploration in found):
        raise typer.Exit(NOT_FINISHED)


def refuse(why: str, given: dict[str, Any]) -> None:
    """Refuse options that mean nothing beside another one."""
    for option, value in given.items():
        if value is not None:
            raise FaultlabError(f"{why}: {option} has no meaning beside it. Leave one of the two out.")


def check_folder(path: Path) -> None:
    """Refuse a file that can't be written before the search, which may take long."""
    if path.is_dir() or not path.parent.is_dir():
        raise FaultlabError(f"{path} can't be written: it must be a file in a folder that exists.")


def method_of(name: str | None) -> Method:
    """Read --method."""
    from pyemu.explore.explorer import METHODS

    for method in METHODS:
        if method == (METHODS[0] if name is None else name):
            return method
    raise FaultlabError(f"method {name!r} is unknown: it must be one of {', '.join(METHODS)}.")


def budget_of(max_states: int | None) -> int:
    """Read --max-states."""
    from pyemu.explore.explorer import MAX_STATES

    if max_states is not None and max_states < 1:
        raise FaultlabError(f"--max-states is {max_states}: a search needs a budget of at least 1 state.")
    return max_states or MAX_STATES


def show(parts: Iterable[str | Table]) -> None:
    """Print lines and tables."""
    from rich.console import Console

    from course.explore.report import WIDTH

    console = Console(highlight=False, markup=False, width=WIDTH)
    for part in parts:
        if isinstance(part, str):
            print(part)
        else:
            console.print(part)


def _write_shortest(scenario: Scenario, tree: Tree, found: Exploration, path: Path) -> None:
    from course.explore.report import shortest
    from pyemu.explore import replay

    finding = shortest(found)
    if finding is None:
        typer.echo(f"faultlab: nothing was found, so {path} is not written.", err=True)
        return
    path.write_text(replay(scenario, tree, finding).trace.to_jsonl(), encoding="utf-8")


def _replay(scenario: Scenario, tree: Tree, schedule: str, path: Path | None) -> None:
    from course.explore.report import replayed
    from pyemu.explore import replay

    result = replay(scenario, tree, schedule)
    if path is not None:
        path.write_text(result.trace.to_jsonl(), encoding="utf-8")
    print("\n\n".join(replayed(result)))
