"""What ``faultlab explore`` prints and writes: findings, endings, two trees side by side."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from course.checks.facts import plural
from course.views.lanes import timeline
from pyemu.explore import Ending, Exploration, Finding
from pyemu.explore.findings import shown
from pyemu.explore.replay import ROUNDS
from pyemu.machine import Result

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["WIDTH", "as_json", "compared", "grid", "one", "replayed", "shortest"]

WIDTH = 100
"""The columns that the tables fit in."""


def one(found: Exploration, scenario: str) -> Iterator[str | Table]:
    """Give one exploration: what is proven, what was found, how runs end, and how to see the shortest.

    Parameters
    ----------
    found : Exploration
        Of one tree.
    scenario : str
        The scenario as it was named, to name it again in a command.

    Returns
    -------
    iterator of str or Table
        Parts, to be printed one after the other.
    """
    yield f"{_verdict(found)}\n"
    if found.findings:
        yield _findings([found])
    if found.endings:
        yield _endings(found)
    finding = shortest(found)
    if finding is not None:
        words = ("faultlab", "explore", scenario, "--tree", found.tree, "--schedule", replayable(finding))
        yield f"Replay the shortest {'one that is permitted' if finding.permitted else 'violation'}:"
        yield f"  {shlex.join(words)}"


def compared(left: Exploration, right: Exploration) -> Iterator[str | Table]:
    """Give two explorations: what is proven of each, what each found, which endings which of them has."""
    yield f"{_verdict(left)}\n{_verdict(right)}\n"
    if left.findings or right.findings:
        yield _findings([left, right])
    yield _grid_of_endings(left, right)
    both, *only = map(len, _sides(left, right))
    yield (
        f"Endings: {both} of both trees, {only[0]} of {left.tree} only, {only[1]} of {right.tree} only."
        if any(only)
        else f"Endings: both trees have the same {plural(both, 'one')}."
    )
    unfinished = [one.tree for one in (left, right) if not one.finished]
    if unfinished:
        yield _wrapped(
            f"Not finished on {' and '.join(unfinished)}: an ending that was not seen there may exist all "
            "the same."
        )


def shortest(found: Exploration) -> Finding | None:
    """Give the shortest violation; without one, the shortest finding that the scenario permits."""
    return next(iter((*found.violations, *found.findings)), None)


def replayable(finding: Finding) -> str:
    """Give the schedule, in short, that `pyemu.explore.replay` runs for a finding."""
    return shown((*finding.schedule, *finding.circle * ROUNDS))


def replayed(result: Result) -> Iterator[str]:
    """Give a replayed schedule: its timeline, and what became of each task."""
    yield str(timeline(result))
    lines = [f"On tree {result.tree}:"]
    lines += [f"  {name}: {', '.join(task.outcomes) or 'no access'}" for name, task in result.tasks.items()]
    lines.append(_wrapped(f"end: {result.end} after {plural(result.ticks, 'move')}", "  "))
    broken = [f"{found.task}: {found.rule}: {found.text}" for found in (*result.findings, *result.violations)]
    lines.append(f"  rules broken on the way: {len(broken) or 'none'}")
    yield "\n".join([*lines, *(_wrapped(text, "    ") for text in broken)])


def as_json(found: Sequence[Exploration]) -> dict[str, Any]:
    """Give what was found as data; of two trees, which endings both have, and which only one.

    Parameters
    ----------
    found : sequence of Exploration
        Of one tree or of two.

    Returns
    -------
    dict
        ``scenario``, ``explorations``, and of two trees ``endings``: of ``both``, and of one ``only``.
    """
    data: dict[str, Any] = {
        "scenario": found[0].scenario,
        "explorations": [_as_json(one) for one in found],
    }
    if len(found) > 1:
        both, *only = ([_by_task(one) for one in side] for side in _sides(*found))
        data["endings"] = {
            "both": both,
            "only": [
                {"tree": one.tree, "endings": endings} for one, endings in zip(found, only, strict=True)
            ],
        }
    return data


def _as_json(found: Exploration) -> dict[str, Any]:
    return {
        "tree": found.tree,
        "finished": found.finished,
        "verdict": found.verdict,
        "n_states": found.n_states,
        "n_moves": found.n_moves,
        "n_terminal": found.n_terminal,
        "depth": found.depth,
        "n_circles": found.n_circles,
        "findings": [
            {
                "rule": one.rule,
                "task": one.task,
                "permitted": one.permitted,
                "text": one.text,
                "schedule": shown(one.schedule),
                "circle": shown(one.circle),
                "replay": replayable(one),
            }
            for one in found.findings
        ],
        "endings": [
            {"tasks": _by_task(one), "schedule": shown(found.endings[one])} for one in _sorted(found.endings)
        ],
    }


def _verdict(found: Exploration) -> str:
    return _wrapped(f"On tree {found.tree}: {found.verdict}.")


def _findings(found: Sequence[Exploration]) -> Table:
    """Give the table of findings; of two explorations, with a column for the tree."""
    table = grid("What was found")
    if len(found) > 1:
        table.add_column("Tree", no_wrap=True)
    table.add_column("Rule")
    table.add_column("Task")
    table.add_column("Permitted")
    table.add_column("What happens", ratio=6)
    table.add_column("Moves", justify="right")
    table.add_column("Schedule", ratio=4)
    for exploration in found:
        for one in exploration.findings:
            tree = [exploration.tree] if len(found) > 1 else []
            again = f", then again and again {shown(one.circle)}" if one.circle else ""
            table.add_row(
                *tree,
                one.rule,
                one.task,
                "yes" if one.permitted else "NO",
                one.text,
                str(len(one.schedule)),
                shown(one.schedule) + again,
            )
    return table


def _endings(found: Exploration) -> Table:
    table = grid("How runs end" if found.finished else "How runs end, as far as was seen")
    table.add_column("What each task saw", ratio=5)
    table.add_column("Moves", justify="right")
    table.add_column("Schedule", ratio=4)
    for one in _sorted(found.endings):
        table.add_row(str(one), str(len(found.endings[one])), shown(found.endings[one]))
    return table


def _grid_of_endings(left: Exploration, right: Exploration) -> Table:
    table = grid("How runs end")
    table.add_column("What each task saw", ratio=1)
    table.add_column("Trees", no_wrap=True)
    where = ("both", f"only {left.tree}", f"only {right.tree}")
    for trees, endings in zip(where, _sides(left, right), strict=True):
        for one in endings:
            table.add_row(str(one), trees)
    return table


def _sides(left: Exploration, right: Exploration) -> tuple[list[Ending], list[Ending], list[Ending]]:
    """Give the endings that both have, and those that only one has."""
    mine, other = left.endings.keys(), right.endings.keys()
    return _sorted(mine & other), _sorted(mine - other), _sorted(other - mine)


def _sorted(endings: Iterable[Ending]) -> list[Ending]:
    return sorted(endings, key=lambda one: one.tasks)


def _by_task(ending: Ending) -> dict[str, list[str]]:
    return {name: list(seen) for name, seen in ending.tasks}


def grid(title: str) -> Table:
    """Give an empty table."""
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        width=WIDTH,
    )


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
