"""What pictures of a demo are made of; each part is drawn on the page, and stands still on the handout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from course.views.steps import Stepper

__all__ = [
    "Calls",
    "Clock",
    "Html",
    "Kept",
    "Part",
    "Walk",
    "code",
    "kept",
    "places",
    "table",
    "text",
    "walk",
]


class Part(Protocol):
    """A part of a picture."""

    def wire(self) -> dict[str, Any]:
        """Give what the browser gets."""

    def html(self) -> str:
        """Give what stands on paper."""


@dataclass(frozen=True, slots=True)
class Html:
    """Words, a table or a figure.

    Attributes
    ----------
    body : str
        HTML.
    """

    body: str

    def wire(self) -> dict[str, Any]:
        """Give what the browser gets."""
        return {"kind": "html", "html": self.body}

    def html(self) -> str:
        """Give what stands on paper."""
        return self.body


@dataclass(frozen=True, slots=True)
class Walk:
    """A stepper with its cursor at an event.

    Attributes
    ----------
    stepper : int
        Which one of the demo's.
    place : int
        Place of the event.
    time : int
        Of the event, in us.
    sentence : str
        What happens there; for the handout.
    """

    stepper: int
    place: int
    time: int
    sentence: str

    def wire(self) -> dict[str, Any]:
        """Give what the browser gets."""
        return {"kind": "walk", "stepper": self.stepper, "place": self.place}

    def html(self) -> str:
        """Give what stands on paper."""
        return f"<p>{self.time} us: {escape(self.sentence)}</p>"


@dataclass(frozen=True, slots=True)
class Kept:
    """A run, or two, that pictures walk through: the data of a stepper.

    Attributes
    ----------
    names : dict
        Plain data, see `course.views.stepping.wire`.
    data : bytes
        Its sections.
    lanes : tuple of str
        Names of the lanes that are drawn.
    """

    names: Mapping[str, object]
    data: bytes
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock of virtual time with a number that grows; the space bar starts and stops it.

    Attributes
    ----------
    label : str
        What is counted.
    first, last : tuple of int
        Time in us and number, at the beginning and at the end of what grows evenly.
    """

    label: str
    first: tuple[int, int]
    last: tuple[int, int]

    def wire(self) -> dict[str, Any]:
        """Give what the browser gets."""
        return {"kind": "clock", "label": self.label, "first": list(self.first), "last": list(self.last)}

    def html(self) -> str:
        """Give what stands on paper."""
        (start, few), (end, many) = self.first, self.last
        return f"<p>{escape(self.label)}: {few} at {start} us, {many} at {end} us</p>"


@dataclass(frozen=True, slots=True)
class Calls:
    """Numbered boxes that the room calls: a number and Enter open one.

    Attributes
    ----------
    label : str
        What is in a box.
    boxes : tuple of str
        What each says, from 0.
    """

    label: str
    boxes: tuple[str, ...]

    def wire(self) -> dict[str, Any]:
        """Give what the browser gets."""
        return {"kind": "calls", "label": self.label, "boxes": list(self.boxes)}

    def html(self) -> str:
        """Give what stands on paper."""
        places = "".join(f"<td>{number}: </td>" for number in range(len(self.boxes)))
        return f"<table><caption>{escape(self.label)}</caption><tr>{places}</tr></table>"


def kept(view: Stepper, lanes: Sequence[str]) -> Kept:
    """Give a stepper as data, with the names of the lanes that are drawn."""
    wire = view.wire
    return Kept(wire.names, wire.data, tuple(lanes))


def places(view: Stepper, kind: str, task: str) -> list[int]:
    """Give the places of a stepper at which an event of a kind happens to a task, in either run."""
    trace = view.results[0].trace
    return [
        place
        for place, row in enumerate(view.rows)
        if any(
            one.event.kind == kind and trace.task_name(one.event.task) == task
            for one in (row.left, row.right)
            if one
        )
    ]


def walk(view: Stepper, number: int, places: Sequence[int]) -> tuple[tuple[Part, ...], ...]:
    """Give a picture for each of some events of a stepper."""
    found = []
    for place in places:
        row = view.rows[place]
        (moment,) = [one for one in (row.left, row.right) if one][:1]
        found.append((Walk(number, place, moment.t, view.panel(place).sentence),))
    return tuple(found)


def text(*paragraphs: str) -> Html:
    """Give paragraphs."""
    return Html("".join(f"<p>{escape(one)}</p>" for one in paragraphs))


def code(source: str, marked: Sequence[int] = ()) -> Html:
    """Give lines of code; lines of some numbers, from 1, are marked."""
    lines = (
        f'<span class="fd-marked"><b aria-hidden="true">▶</b> {escape(line)}</span>'
        if number in marked
        else f"<span>  {escape(line)}</span>"
        for number, line in enumerate(source.splitlines(), 1)
    )
    return Html(f'<pre class="fd-code">{"".join(lines)}</pre>')


def table(
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    marked: Sequence[int] = (),
    *,
    dense: bool = False,
) -> Html:
    """Give a table; the first cell of a row names it, and rows of some numbers, from 0, are marked."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' if one else "<td></td>" for one in heads)
    body = "".join(
        f'<tr class="{"fd-marked" if number in marked else ""}">'
        f'<th scope="row">{"▶ " if number in marked else ""}{escape(name)}</th>'
        + "".join(f"<td>{escape(one)}</td>" for one in cells)
        + "</tr>"
        for number, (name, *cells) in enumerate(rows)
    )
    return Html(
        f'<table class="fd-table{" fd-dense" if dense else ""}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
