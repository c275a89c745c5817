"""The command ``faultlab bisect``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyemu.errors import FaultlabError

if TYPE_CHECKING:
    from pyemu import Scenario
    from pyemu.explore import Bisection, Symptom

__all__ = ["bisect"]

NOTHING_CHANGES, UNDECIDED = 1, 3  # exit statuses; 2 is a mistake of the user


def bisect(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="Its name, or a file that ends in .toml.")
    ],
    symptom: Annotated[
        str,
        typer.Option(
            metavar="SYMPTOM", help="TASK=OUTCOME, spin, hang, SIGBUS, a rule, endings, or everything."
        ),
    ] = "everything",
    first: Annotated[str, typer.Option("--from", metavar="TREE", help="The earlier end.")] = "before",
    last: Annotated[str, typer.Option("--to", metavar="TREE", help="The later end.")] = "after",
    every: Annotated[bool, typer.Option("--all", help="Ask every tree, even if the ends differ.")] = False,
    timed: Annotated[
        bool, typer.Option("--timed", help="Look at one timed run a tree, not at every interleaving.")
    ] = False,
    max_states: Annotated[
        int | None, typer.Option(metavar="N", help="Budget of each exploration, in states.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="sleep, local or full, as for faultlab explore.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write what was asked and found to FILE.")
    ] = None,
) -> None:
    """Find the patch of the series at which a symptom appears or vanishes.

    Status 0: at least one patch was found. Status 1: nothing changes.

    Status 3: a budget ended first, so some tree is undecided.
    """
    from course.explore.command import check_folder, refuse
    from pyemu import Scenario
    from pyemu.explore import symptom_named
    from pyemu.explore.symptoms import ONLY_EXPLORED

    chosen = Scenario.load(scenario)
    wanted = symptom_named(symptom, chosen)
    if timed:
        refuse("--timed explores nothing", {"--max-states": max_states, "--method": method})
        if wanted.name in ONLY_EXPLORED:
            raise FaultlabError(
                f"symptom {wanted.name!r} can't be seen in a timed run: leave --timed out, to explore."
            )
    if json_file is not None:
        check_folder(json_file)
    ends = _number("--from", first), _number("--to", last)
    found = _found(chosen, wanted, ends, every, timed, method, max_states)
    _show(chosen, found, timed)
    if json_file is not None:
        from course.explore.bisect_report import as_json

        data = {"scenario": chosen.name, "timed": timed, **as_json(found)}
        json_file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    if found.undecided:
        raise typer.Exit(UNDECIDED)
    if not found.changes:
        raise typer.Exit(NOTHING_CHANGES)


def _number(option: str, name: str) -> int:
    """Give the number of the last patch of a tree that lies along the series."""
    from pyemu import Tree

    tree = Tree.parse(name)
    number = max(tree.patches, default=0)
    if tree != Tree.upto(number):
        raise FaultlabError(
            f"{option} {name} is no tree along the series, whose patches go on top of each other: it must be "
            "before, after or uptoN."
        )
    return number


def _found(
    scenario: Scenario,
    symptom: Symptom,
    ends: tuple[int, int],
    every: bool,
    timed: bool,
    method: str | None,
    max_states: int | None,
) -> Bisection:
    from course.explore.command import budget_of, method_of
    from course.explore.processes import asking
    from pyemu.explore import bisect

    look = None if timed else (method_of(method), budget_of(max_states))
    with asking(scenario, look) as ask:
        return bisect(ask, symptom, *ends, every=every)


def _show(scenario: Scenario, found: Bisection, timed: bool) -> None:
    from course.explore.bisect_report import report
    from course.explore.command import show
    from course.run.show import titled

    print(titled(scenario))
    print(f"Symptom: {found.symptom.name}, {'in a timed run' if timed else 'in any interleaving'}\n")
    show(report(found, timed))
