"""The table of scenarios: name, title, what each says will happen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyemu.scenario import Expectation, Scenario

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["listing", "told"]

WIDTH = 100
N_COUNTS = 3
"""The most counts of a line."""

_OUTCOMES = ("outcome", "outcomes")


def listing() -> Table:
    """Give the table of the library."""
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, width=WIDTH)
    grid.add_column("Name", no_wrap=True)
    grid.add_column("Title", ratio=4)
    grid.add_column("What it says will happen", ratio=7)
    for name in Scenario.library():
        scenario = Scenario.load(name)
        grid.add_row(name, scenario.title, "\n".join(told(scenario)) or "-")
    return grid


def told(scenario: Scenario) -> list[str]:
    """Say in a line for some trees what happens there: outcomes, and the counts that differ between trees."""
    differing = _differing(scenario.expect)
    return [_line(expectation, differing) for expectation in scenario.expect]


def _differing(expectations: Sequence[Expectation]) -> set[tuple[str, str]]:
    """Give the fields, by task and name, that are not the same everywhere."""
    values: dict[tuple[str, str], list[Any]] = {}
    for one in expectations:
        for task, fields in one.tasks:
            for field, value in fields:
                values.setdefault((task, field), []).append(value)
    return {key for key, found in values.items() if any(value != found[0] for value in found)}


def _line(expectation: Expectation, differing: set[tuple[str, str]]) -> str:
    said = []
    for task, fields in expectation.tasks:
        words = [_word(field, value) for field, value in fields if field in _OUTCOMES]
        chosen = [pair for pair in fields if pair[0] not in _OUTCOMES and (task, pair[0]) in differing]
        words += [_word(field, value) for field, value in chosen[:N_COUNTS]]
        said += [f"{task} {', '.join(words)}"] if words else []
    said += [expectation.end] if expectation.end != "done" else []
    said += [f"breaks {rule}" for rule in expectation.violations]
    return f"{' '.join(expectation.trees)}: {'; '.join(said) or 'in order'}"


def _word(field: str, value: Any) -> str:
    if field in _OUTCOMES:
        return str(value) if isinstance(value, str) else ", ".join(map(str, value))
    return f"{field} {value if isinstance(value, str | int) else value[-1]}"
