"""The first event in which two traces differ, with its neighbours.

Compared are the events that tell the story, and the counters of faults. Steps inside a function may come in
another order without being wrong: they are compared only when a closer level is asked for. The microseconds
are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course.checks.visible import visible
from pyemu import diff
from pyemu.trace import Level

if TYPE_CHECKING:
    from pyemu.trace import Event, Trace

__all__ = ["Difference", "first_difference"]

AROUND = 2  # events shown before and after
COUNTERS = frozenset({"min_flt", "maj_flt"})


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two traces part.

    Attributes
    ----------
    before : tuple of str
        The last events that both have.
    mine, kernel : tuple of str
        The first event that differs and those after it; empty where a trace has ended.
    """

    before: tuple[str, ...]
    mine: tuple[str, ...]
    kernel: tuple[str, ...]


def first_difference(mine: Trace, kernel: Trace, level: Level = Level.STORY) -> Difference | None:
    """Compare two traces of the same scenario.

    Parameters
    ----------
    mine, kernel : Trace
        With the learner's function, and with the kernel's own; or of any two runs.
    level : Level
        Compare events up to this level.

    Returns
    -------
    Difference or None
        None when they tell the same story.
    """
    found = diff.first_difference(_told(mine, level), _told(kernel, level), around=AROUND)
    if found is None:
        return None
    return Difference(_lines(mine, found.before), _lines(mine, found.left), _lines(kernel, found.right))


def _told(trace: Trace, level: Level) -> Iterable[Event]:
    return (one for one in trace if one.level <= level or (one.kind == "counter" and one.a in COUNTERS))


def _lines(trace: Trace, events: Iterable[Event]) -> tuple[str, ...]:
    width = max(len(name) for name in trace.tasks)
    return tuple(
        f"{one.t:>8} us  {trace.task_name(one.task):<{width}}  {visible(one.text)}" for one in events
    )
