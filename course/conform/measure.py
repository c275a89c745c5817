"""Measures read from the trace of a run: what lies between two marks, the counters of one step."""

from __future__ import annotations

from collections.abc import Iterator

from pyemu.machine import Result
from pyemu.trace import Event

# Field of a record -> counter of a task.
COUNTERS = {
    "minflt": "min_flt",
    "majflt": "maj_flt",
    "sw_page_faults": "page-faults",
    "sw_page_faults_min": "minor-faults",
    "sw_page_faults_maj": "major-faults",
}


def total(result: Result, task: str) -> dict[str, int]:
    """Give a task's counters over the whole run, by field of a record."""
    counted = result.tasks[task].counters
    return {field: counted[name] for field, name in COUNTERS.items()}


def between_marks(result: Result, task: str) -> Iterator[tuple[str, list[Event]]]:
    """Give the parts of a task's trace: each has the label of the mark before it.

    Parameters
    ----------
    result : Result
        A run whose task leaves marks (step ``mark``).
    task : str
        Its name.

    Yields
    ------
    (str, list of Event)
        Label, and what came up to the next mark.
    """
    label, part = "", list[Event]()
    for event in result.trace.select(task=task):
        if event.kind == "report" and event.a == "mark":
            yield label, part
            label, part = str(event.b), []
        else:
            part.append(event)
    yield label, part


def counted(events: list[Event]) -> dict[str, int]:
    """Give how often each counter went up, by field of a record."""
    names = [event.a for event in events if event.kind == "counter"]
    return {field: names.count(name) for field, name in COUNTERS.items()}
