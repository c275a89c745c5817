"""Which kernel functions run at each event of a trace, task by task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyemu.trace import Event

Stack = tuple[str, ...]


def stacks(events: Iterable[Event]) -> Iterator[tuple[Event, Stack]]:
    """Give each event with the functions that run in its task, the innermost last.

    A call belongs to the function that is called, a return to the one that returns. The end of an attempt is
    the return of handle_mm_fault. When a task ends, so do its functions.

    Parameters
    ----------
    events : iterable of Event
        All events of a trace, or of some of its tasks.
    """
    running: dict[int, Stack] = {}
    for event in events:
        stack = running.get(event.task, ())
        if event.kind == "call":
            stack = running[event.task] = (*stack, str(event.a))
        yield event, stack
        if event.kind == "exit":
            running[event.task] = ()
        elif returned(event) and stack[-1:] == (returned(event),):
            running[event.task] = stack[:-1]


def returned(event: Event) -> str:
    """Give the name of the function that an event ends; empty when it ends none."""
    if event.kind == "attempt_end":
        return "handle_mm_fault"
    return str(event.a) if event.kind == "return" else ""
