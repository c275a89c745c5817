"""A trace as Chrome trace JSON: what chrome://tracing and Perfetto open.

The run is a process, and each task a thread of it. A kernel function is a pair of duration events (``B`` and
``E``), and so is a sleep; everything else is an instant event (``i``). Duration events of a thread nest, in
the order in which they stand, and their times never go back. What had no end in the trace ends with it.

References
----------
Google, Trace Event Format: JSON Object Format, Duration Events, Instant Events, Metadata Events.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyemu.errors import FaultlabError
from pyemu.flags import state_letter
from pyemu.stacks import returned

if TYPE_CHECKING:
    from pyemu.trace import Event, Trace

PROCESS = 1
AXES = ("t", "step")
GOES_ON = frozenset({"wake", "call", "sleep", "exit"})  # by a signal, without a wake-up
Row = dict[str, Any]


def chrome(trace: Trace, axis: str) -> str:
    """Give the JSON text; see `Trace.to_chrome`."""
    if axis not in AXES:
        raise FaultlabError(f"axis {axis!r} is unknown: it must be one of {', '.join(AXES)}.")
    rows = [*_names(trace), *_rows(trace, axis)]
    return json.dumps({"traceEvents": rows, "displayTimeUnit": "ns", "otherData": {"axis": axis}}) + "\n"


def _names(trace: Trace) -> Iterator[Row]:
    """Name the process and its threads; the machine itself is thread 0."""
    yield {"ph": "M", "pid": PROCESS, "tid": 0, "name": "process_name", "args": {"name": trace.title}}
    for number, name in enumerate(("machine", *trace.tasks)):
        thread = {"ph": "M", "pid": PROCESS, "tid": number}
        yield {**thread, "name": "thread_name", "args": {"name": name}}
        yield {**thread, "name": "thread_sort_index", "args": {"sort_index": number}}


def _rows(trace: Trace, axis: str) -> Iterator[Row]:
    running: defaultdict[int, list[str]] = defaultdict(list)  # names of what has begun and not ended, by task
    end = 0
    for event in trace:
        end = getattr(event, axis)
        own = running[event.task]
        place = {"ts": end, "pid": PROCESS, "tid": event.task}
        if own and (event.kind in GOES_ON or returned(event)):
            # A task that goes on sleeps no more, and one that ends is in no function either.
            gone = [name for name in own if event.kind == "exit" or name.startswith("sleeps")]
            del own[len(own) - len(gone) :]
            yield from ({"ph": "E", "name": name, **place} for name in reversed(gone))
        if event.kind in ("call", "sleep"):
            name = str(event.a) if event.kind == "call" else f"sleeps ({state_letter(int(event.a))})"
            own.append(name)
            yield {"ph": "B", "name": name, **place, **_about(event)}
        elif own and returned(event) == own[-1]:
            own.pop()
            yield {"ph": "E", "name": returned(event), **place, **_about(event)}
        else:
            scope = "t" if event.task else "p"
            yield {"ph": "i", "name": event.kind, "s": scope, **place, **_about(event)}
    for task, names in running.items():
        thread = {"ts": end, "pid": PROCESS, "tid": task}
        yield from ({"ph": "E", "name": name, **thread} for name in reversed(names))


def _about(event: Event) -> Row:
    """Give what a click on an event shows: its level as the category, its fields, its text."""
    args = {"text": event.text, "step": event.step, "cpu": event.cpu, **event.fields()}
    return {"cat": event.level.name.lower(), "args": args}
