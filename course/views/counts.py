"""``counters``: what was counted in one run or in several, a column for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course.views.pair import labels
from course.views.table import Column, Line, Table
from pyemu.errors import FaultlabError
from pyemu.machine import Result, TaskResult

__all__ = ["Counters", "counted", "counters"]

# What a row says -> the name of the statistic, or of the counter.
_STATS = {
    "page faults (exceptions)": "exceptions",
    "attempts (handle_mm_fault)": "attempts",
    "mmap_sem taken": "acquisitions",
    "messages sent": "messages_queued",
    "waits for the monitor (sleeps)": "sleeps",
    "signal handler runs": "handler_runs",
}
_COUNTERS = {
    "faults counted as minor (min_flt)": "min_flt",
    "faults counted as major (maj_flt)": "maj_flt",
    "perf event page-faults": "page-faults",
}


@dataclass(frozen=True, slots=True)
class Counters:
    """A table of counts; shown as a table, printed as text.

    Attributes
    ----------
    table : Table
        A line for each count, a column for each run.
    """

    table: Table

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


def counters(*results: Result, task: str = "T", named: Sequence[str] = ()) -> Counters:
    """Draw the counters of one task.

    Parameters
    ----------
    *results : Result
        One run or several.
    task : str
        The task whose counts are meant.
    named : sequence of str
        What the columns are called, one for each run; none: by tree. Two runs on one tree are told apart so,
        if one has a learner's function.

    Returns
    -------
    Counters
        Outcome, statistics and counters.

    Raises
    ------
    FaultlabError
        When there is no run, a run has no such task, or there are more or fewer names than runs.
    """
    if not results:
        raise FaultlabError("counters() got no run; give it one or more, as in counters(before, after).")
    if named and len(named) != len(results):
        raise FaultlabError(
            f"counters() got {len(results)} runs and {len(named)} names: give one name for each run, or none."
        )
    for result in results:
        if task not in result.tasks:
            raise FaultlabError(
                f"task {task!r} is not in {result.trace.title}; its tasks are {', '.join(result.tasks)}."
            )
    tasks = [result.tasks[task] for result in results]
    columns = (Column("", 40), *(Column(label, 24, right=True) for label in named or labels(*results)))
    rows = [("outcome", *(one.outcome for one in tasks))]
    rows += [(row[0][0], *(n for _, n in row)) for row in zip(*map(counted, tasks), strict=True)]
    return Counters(Table(f"Task {task}, {results[0].scenario.name}", columns, tuple(map(Line, rows))))


def counted(task: TaskResult) -> list[tuple[str, str]]:
    """Say what was counted of a task: what a count is called, and the count."""
    found = [(title, str(task.stats.get(name, 0))) for title, name in _STATS.items()]
    return found + [(title, str(task.counters[name])) for title, name in _COUNTERS.items()]
