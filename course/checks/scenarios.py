"""Scenarios that several exercises share: a task T faults, and a monitor M serves its area V."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw

if TYPE_CHECKING:
    from pyemu.scenario import Scenario

__all__ = ["ACCESSES", "HANDLED", "Step", "fault", "scenario"]

HANDLED = ("SIGUSR1", "SIGUSR2", "SIGTERM")
"""Signals that T handles."""

ACCESSES = ("read", "write")

Step = Mapping[str, Any]


def scenario(
    name: str,
    title: str,
    area: Step,
    task: Sequence[Any],
    monitor: Sequence[Any],
    *,
    more_areas: Sequence[Step] = (),
    more_tasks: Sequence[Step] = (),
    files: Sequence[Step] = (),
    permits: Sequence[str] = (),
) -> Scenario:
    """Make a scenario of one task T, whose monitor M serves the area V.

    Parameters
    ----------
    name, title : str
        Of the scenario.
    area : mapping
        What V has beside its four pages, of which the first is there.
    task, monitor : sequence of mapping
        The programs of T and of M.
    more_areas, more_tasks, files : sequence of mapping
        Further entries, as a scenario file has them.
    permits : sequence of str
        Findings that it may show, as in a scenario file: ``spin``.

    Returns
    -------
    Scenario
        Checked.
    """
    from pyemu.scenario import Scenario

    signals = {"SIGBUS": "escape", **dict.fromkeys(HANDLED, "handler")}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": name,
            "title": title,
            **({"files": list(files)} if files else {}),
            **({"permits": list(permits)} if permits else {}),
            "areas": [{"name": "V", "pages": 4, "populated": [0], **area}, *more_areas],
            "tasks": [
                {"name": "T", "signals": signals, "program": list(task)},
                {"name": "M", "monitor": True, "program": list(monitor)},
                *more_tasks,
            ],
        }
    )


def fault(draw: Draw, accesses: Sequence[str] = ACCESSES) -> tuple[dict[str, Any], str]:
    """Draw an access of T to a missing page of V; give the step, and how it reads."""
    page, do = draw("page", (1, 2, 3)), draw("access", accesses)
    return {"do": do, "area": "V", "page": page}, f"T {do}s page {page} of V, which is missing"
