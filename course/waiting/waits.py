"""``lock_waits``: how long each task waited for mmap_sem."""

from __future__ import annotations

from dataclasses import dataclass

from course.views.table import Column, Line, Table
from pyemu.machine import Result

__all__ = ["LockWaits", "lock_waits", "waited"]


@dataclass(frozen=True, slots=True)
class LockWaits:
    """A table of waits; shown as a table, printed as text.

    Attributes
    ----------
    table : Table
        A line for each task.
    """

    table: Table

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


def waited(result: Result, task: str) -> int:
    """Give how long a task waited for mmap_sem in all, in us.

    Parameters
    ----------
    result : Result
        A run in which it got the lock each time.
    task : str
        Its name.

    Returns
    -------
    int
        The sum over all its waits.
    """
    queued = [event.t for event in result.trace.select("lock_queued", task=task)]
    granted = [event.t for event in result.trace.select("lock_granted", task=task)]
    return sum(granted) - sum(queued)


def lock_waits(*results: Result) -> LockWaits:
    """Draw who waited for mmap_sem, and how long.

    Parameters
    ----------
    *results : Result
        Runs with the same tasks.

    Returns
    -------
    LockWaits
        A line for each task, a column for each run.
    """
    names = [
        name for name in results[0].tasks if results[0].trace.select("lock_taken", "lock_granted", task=name)
    ]
    columns = (
        Column("", 14),
        *(Column(label, 16, right=True) for label in _labels(results)),
    )
    lines = tuple(
        Line((f"task {name}", *(str(waited(one, name)) for one in results))) for name in sorted(names)
    )
    return LockWaits(Table("Waits for mmap_sem, us", columns, lines))


def _labels(results: tuple[Result, ...]) -> list[str]:
    """Name the runs by what differs: the tree, or the scenario."""
    by_tree = len({one.scenario.name for one in results}) < len(results)
    return [f"tree {one.tree}" if by_tree else one.scenario.name for one in results]
