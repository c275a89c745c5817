"""The wire: a stepper as names (plain data) and one run of bytes with little-endian records.

The bytes are sections, one after the other; ``names["sections"]`` says where each begins and how many bytes
it has. ``run.js`` reads the same layout; a test reads it with Node and compares with the text form.

=============  ==============================================================================================
``rows``       ``<iiBBxx``: place of the event in each run (-1: none), place of the mark, story or not
``events n``   ``<dIIIHHBBBBBB2x``: time, sentence, step, end of its changes, function + 1 (0: none), line
               (0: not known, 0xffff: a learner's function), kind, task, CPU, goal, what the keys look for
               (1 retry, 2 signal, 4 fault), attempt
``changes n``  ``<II``: slot, text
``lanes n``    ``<H`` for each event and lane: place of the bar
=============  ==============================================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from course.views.compare import Mark
from course.views.moments import GOALS
from course.views.panel import facts
from course.views.stepping.lanes import Lane, lanes
from course.views.stepping.palette import STYLES
from course.views.stepping.rows import Line, Side
from course.views.stepping.sources import line_of, sources
from course.views.stepping.states import NOW, PAGES, PANELS, Slot, States
from pyemu.stacks import stacks
from pyemu.trace import KIND, KINDS, Event, Trace
from pyemu.travel import History, TaskView

__all__ = ["FAULT", "RETRY", "SIGNAL", "Run", "Wire", "pack", "told"]

ROW = struct.Struct("<iiBBxx")
EVENT = struct.Struct("<dIIIHHBBBBBB2x")
CHANGE = struct.Struct("<II")
RETRY, SIGNAL, FAULT = 1, 2, 4
_SIGNALS = ("signal_sent", "signal_taken", "signal_dropped", "fault_signal")
MARKS = tuple(Mark)
FEW_PAGES = 4


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a stepper.

    Attributes
    ----------
    label : str
        What it is called.
    trace : Trace
        Its events.
    side : Side
        The same as they are shown.
    history : History or None
        What the state was after each step, where that is known.
    """

    label: str
    trace: Trace
    side: Side
    history: History | None


@dataclass(frozen=True, slots=True)
class Wire:
    """What the browser gets.

    Attributes
    ----------
    names : dict
        Plain data: texts, slots, functions, lanes, sections.
    data : bytes
        The sections.
    """

    names: dict[str, Any]
    data: bytes


class _Texts:
    """Texts by place; each is kept once."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {"": 0}

    def __getitem__(self, text: str) -> int:
        return self.places.setdefault(text, len(self.places))


@dataclass(frozen=True, slots=True)
class _Packed:
    """One run: its events, its changes by slot, its lanes."""

    events: bytes
    changes: list[tuple[Slot, int]]
    lanes: tuple[Lane, ...]


def pack(
    title: str,
    runs: Sequence[Run],
    rows: Sequence[Line],
    fact_names: Sequence[str],
    notes: Sequence[str] = (),
) -> Wire:
    """Put a stepper on the wire.

    Parameters
    ----------
    title : str
        Name of the whole.
    runs : sequence of Run
        One, or two.
    rows : sequence of Line
        On which the cursor walks.
    fact_names : sequence of str
        The lines of the first panel.
    notes : sequence of str
        Sentences about the whole.

    Returns
    -------
    Wire
        The same for the same runs.
    """
    texts, functions = _Texts(), dict[str, int]()
    pages = [name for name in fact_names if name.startswith("page ")]
    apart = pages if len(pages) > FEW_PAGES else []  # so that they don't push away what is always asked for
    facts_at = {
        name: Slot(PAGES if name in apart else NOW, (place,), name) for place, name in enumerate(fact_names)
    }
    packed = [_packed(run, facts_at, texts, functions) for run in runs]
    slots = {slot: place for place, slot in enumerate(sorted({s for one in packed for s, _ in one.changes}))}
    sections: dict[str, bytes] = {
        "rows": b"".join(
            ROW.pack(
                *(-1 if place is None else place for place in (*row.places, None)[:2]),
                MARKS.index(row.mark),
                row.story,
            )
            for row in rows
        )
    }
    for number, one in enumerate(packed):
        sections[f"events {number}"] = one.events
        sections[f"changes {number}"] = b"".join(CHANGE.pack(slots[slot], text) for slot, text in one.changes)
        flat = [lane.states[place] for place in range(len(runs[number].side.events)) for lane in one.lanes]
        sections[f"lanes {number}"] = struct.pack(f"<{len(flat)}H", *flat)
    data, places = b"", {}
    for name, section in sections.items():
        data += bytes(-len(data) % 8)
        places[name] = [len(data), len(section)]
        data += section
    names = {
        "title": title,
        "marks": [str(mark) for mark in MARKS],
        "goals": ["", *GOALS],
        "kinds": [kind.name for kind in KINDS],
        "texts": list(texts.places),
        "panels": list(PANELS),
        "slots": [[slot.panel, slot.name] for slot in slots],
        "functions": [one.as_json() for one in sources(list(functions))],
        "styles": {name: list(style) for name, style in STYLES.items()},
        "sides": [
            {
                "label": run.label,
                "tasks": list(run.trace.tasks),
                "history": run.history is not None,
                "lanes": [
                    {
                        "name": lane.name,
                        "task": lane.task,
                        "bars": [[bar.style, bar.letter, bar.text] for bar in lane.bars],
                    }
                    for lane in one.lanes
                ],
            }
            for run, one in zip(runs, packed, strict=True)
        ],
        "notes": list(notes),
        "sections": places,
    }
    return Wire(names, data)


def _packed(run: Run, facts_at: dict[str, Slot], texts: _Texts, functions: dict[str, int]) -> _Packed:
    trace, side = run.trace, run.side
    known = [] if run.history is None else [States(run.history, trace)]
    steps = known[0].steps() if known else iter(())
    step, before, now = -1, dict[int, TaskView](), dict[int, TaskView]()
    shown: dict[Slot, str] = {}
    changes: list[tuple[Slot, int]] = []
    events = []
    for event, stack, moment in zip(
        side.events, (stack for _, stack in stacks(side.events)), side.moments, strict=True
    ):
        fresh: dict[Slot, str] = {}
        while step < event.step and known:
            before = dict(known[0].tasks)
            fresh |= next(steps)
            now, step = known[0].tasks, step + 1
        if moment is not None:
            found = facts(moment)
            fresh |= {slot: found.get(name, "") for name, slot in facts_at.items()}
        for slot, text in fresh.items():
            if shown.get(slot, "") != text:
                shown[slot] = text
                changes.append((slot, texts[text]))
        function = functions.setdefault(stack[-1], len(functions)) + 1 if stack else 0
        line = line_of(stack[-1], event.kind, before.get(event.task), now.get(event.task)) if stack else 0
        events.append(
            EVENT.pack(
                event.t,
                texts[moment.sentence if moment else told(trace, event)],
                event.step,
                len(changes),
                function,
                line,
                KIND[event.kind],
                event.task,
                event.cpu,
                GOALS.index(moment.goal) + 1 if moment and moment.goal else 0,
                _sought(event),
                min(255, int(event.b)) if event.kind == "attempt" else 0,
            )
        )
    return _Packed(b"".join(events), changes, lanes(trace, side))


def told(trace: Trace, event: Event) -> str:
    """Give a sentence for an event that views have no words for."""
    name = trace.task_name(event.task)
    return f"{'The machine' if name == '-' else name}: {event.text}."


def _sought(event: Event) -> int:
    """Say for which keys an event is a goal."""
    return (
        RETRY * (event.kind == "attempt" and int(event.b) > 1)
        | SIGNAL * (event.kind in _SIGNALS)
        | FAULT * (event.kind == "exception")
    )
