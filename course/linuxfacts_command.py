"""The command ``faultlab fact``: list, search and show what the course says about Linux."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from course.linuxfacts import TOPICS, Fact, find, load, search

if TYPE_CHECKING:
    from rich.console import Console


def fact(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="An id, or words that the facts have to contain; none lists all.", metavar="[ID|WORD]..."
        ),
    ] = None,
) -> None:
    """Show what the course says about Linux, and where it was read."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    facts = load()
    asked = words or []
    if len(asked) == 1 and asked[0] in facts:
        _show(facts[asked[0]], console)
        return
    found = search(asked, facts)
    if not found:
        find(" ".join(asked), facts)  # raises, and names the nearest ids
    elif len(found) == 1:
        _show(found[0], console)
    else:
        _list(found, console)


def _show(one: Fact, console: Console) -> None:
    """Print one fact in full."""
    console.print(f"{one.id}  (topic {one.topic}: {TOPICS[one.topic]})")
    console.print(f"  {one.statement}")
    console.print(f"  {one.place}")
    for evidence in one.read_in:
        console.print(f"  read in {evidence}", soft_wrap=True)
    if one.note:
        console.print(f"  note: {one.note}")


def _list(found: Iterable[Fact], console: Console) -> None:
    """Print ids and statements under their topics."""
    from rich.padding import Padding

    topic = ""
    for one in found:
        if one.topic != topic:
            topic = one.topic
            console.print(f"{topic}: {TOPICS[topic]}")
        console.print(f"  {one.id}  ({one.version})")
        console.print(Padding(one.statement, (0, 0, 0, 4)))
    console.print("'faultlab fact ID' shows one in full.")
