"""The table of scenarios: name, title, what each says will happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyemu.scenario import Expectation, Scenario

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["listing", "told"]

WIDTH = 100


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
        grid.add_row(name, scenario.title, "\n".join(map(told, scenario.expect)) or "-")
    return grid


def told(expectation: Expectation) -> str:
    """Say in a line what happens on some trees: the outcomes, and an end or rules that are out of order."""
    said = [
        f"{task} {value if isinstance(value, str) else ', '.join(value)}"
        for task, fields in expectation.tasks
        for field, value in fields
        if field in ("outcome", "outcomes")
    ]
    said += [expectation.end] if expectation.end != "done" else []
    said += [f"breaks {rule}" for rule in expectation.violations]
    return f"{' '.join(expectation.trees)}: {'; '.join(said) or 'other counts'}"
