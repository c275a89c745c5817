"""The command ``faultlab explain``: what a word of the kernel or of this course means."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from course.glossary import Term

__all__ = ["explain"]

WIDTH = 100


def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="A flag, a rule, a function or another word; none lists all.", metavar="[NAME]"),
    ] = None,
) -> None:
    """Explain a word of the kernel or of this course."""
    from course.glossary import explain as found

    print("\n".join(_shown(found(" ".join(words))) if words else _all()))


def _shown(term: Term) -> Iterator[str]:
    yield term.title
    yield from _wrapped(term.means)
    if term.place:
        yield f"  {term.place}"
    for fact in term.facts:
        yield from _wrapped(f"{fact.place}: {fact.id}", "  - ")
    yield from _wrapped(f"Taught in {'; '.join(map(_lesson, term.lessons))}.")


def _lesson(number: str) -> str:
    """Name a lesson by its file, where this copy of the course has it."""
    from course.shelf import material

    path = next(iter(material("lessons").glob(f"{number}-*.ipynb")), None)
    return f"lesson {number}" + (f" (lessons/{path.name})" if path else "")


def _all() -> Iterator[str]:
    from course.glossary import KINDS, terms

    for kind in KINDS:
        names = [one.name for one in terms().values() if one.kind == kind]
        if names:
            yield from textwrap.wrap(f"{kind}s: {', '.join(names)}", WIDTH, subsequent_indent="  ")
    yield "The kernel's functions are explained as well: 'faultlab functions' lists them."


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent))
