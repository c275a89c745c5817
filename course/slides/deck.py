"""What becomes of a lesson on slides.

- A phase (``##``) begins a column of slides; ``###``, and whatever doesn't fit any more, goes on below it.
- Prose is cut at its own joints (paragraphs, items, blocks of code), never inside.
- A question is shown as a question, without its cell. What a run gave comes at a key press (a fragment), so
  the room can predict first. In the speaker's notes stand the choices with what is to be said of each.
- Long outputs end after some lines, and say how much more the notebook has.
- A stepper is its picture; the notebook has it alive.

What still is a little too high for its slide is drawn smaller by the page (`course.slides.pages`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from course.questions import load_question
from pyemu.errors import MaterialError

__all__ = ["HEIGHT", "blocks", "deck", "height"]

Cell = dict[str, Any]

HEIGHT = 22.0
"""Lines of prose that a slide holds below its heading."""

WIDTH = 88  # characters in a line of prose
OUTPUT_LINES = 16
ROWS = 8  # of a table

_ITEM = re.compile(r"(\d+\.|[-*]) ")
_FENCE = re.compile(r"\s*```")
_FILE_LINK = re.compile(
    r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)"
)  # what lies beside a notebook is not beside a page
_QUESTION = re.compile(r"\b(predict|answer)\(\s*[\"']([^\"']+)[\"']")
_REVEAL = re.compile(r"\breveal\(\s*[\"']([^\"']+)[\"']")
# What a notebook says to who has not answered; nobody answers on a slide.
_ASKED_TO_ACT = re.compile(
    r"^(Your (prediction|answer|gaps|order|lines)\b|You made no prediction)", re.MULTILINE
)
_SET_UP = re.compile(r"^ready\(\)$", re.MULTILINE)  # imports are nothing to look at
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)


def deck(notebook: Mapping[str, Any]) -> Cell:
    """Give the notebook that nbconvert makes slides of.

    Parameters
    ----------
    notebook : mapping
        A built lesson, with its outputs.

    Returns
    -------
    dict
        A notebook whose cells say what they are on slides (``slideshow.slide_type``).
    """
    cells: list[Cell] = []
    room = _Room()
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cells += _prose(source, room)
        elif source.strip() and not _SET_UP.search(source):
            cells += _code(source, cell, room)
    title = notebook["metadata"].get("title", "")
    numbered = [{**cell, "id": f"slide-{number}"} for number, cell in enumerate(cells)]
    return {**notebook, "metadata": {**notebook["metadata"], "title": title}, "cells": numbered}


class _Room:
    """How much of the present slide is taken, and under which heading it stands."""

    def __init__(self) -> None:
        self.taken = 0.0
        self.heading = ""

    def placed(self, cell: Cell, lines: float, kind: str = "") -> Iterator[Cell]:
        """Put a cell on the present slide, or on a new one where that is full or another kind begins."""
        if kind or not self.heading:
            self.taken = lines
            yield _typed(cell, kind or "slide")
        elif self.taken + lines <= HEIGHT:
            self.taken += lines
            yield _typed(cell, "-")
        else:
            self.taken = 1.5 + lines
            yield _markdown(f'<p class="above">{escape(self.heading)}</p>', "subslide")
            yield _typed(cell, "-")


def blocks(text: str) -> Iterator[str]:
    r"""Cut Markdown at its joints: paragraphs, items of a list, tables, blocks of code.

    Examples
    --------
    >>> list(blocks("One.\nStill one.\n\n- a\n  more\n- b"))
    ['One.\nStill one.', '- a\n  more', '- b']
    """
    kept: list[str] = []
    fenced = False
    for line in text.splitlines():
        starts = _ITEM.match(line) and kept and (_ITEM.match(kept[0]) or not kept[-1].strip())
        if not fenced and kept and (not line.strip() or starts):
            yield "\n".join(kept)
            kept = []
        if _FENCE.match(line):
            fenced = not fenced
        if line.strip() or fenced:
            kept.append(line)
    if kept:
        yield "\n".join(kept)


def height(block: str) -> float:
    """Estimate the lines that a block of Markdown takes on a slide."""
    if _FENCE.match(block):
        return 1.0 + 0.95 * (block.count("\n") - 1)
    if block.startswith("|"):
        return 1.0 + 1.4 * block.count("\n")
    if block.startswith("#"):
        return 2.5
    words = " ".join(block.split())
    return -(-len(words) // WIDTH) + (0.25 if _ITEM.match(block) else 0.75)


def _prose(text: str, room: _Room) -> Iterator[Cell]:
    for block in blocks(_FILE_LINK.sub(r"\1", text)):
        kind = ""
        if block.startswith("#"):
            kind = "slide" if block.startswith(("# ", "## ")) else "subslide"
            room.heading = block.splitlines()[0].lstrip("# ")
        yield from room.placed(_markdown(block), height(block), kind)


def _code(source: str, cell: Cell, room: _Room) -> Iterator[Cell]:
    asked = _QUESTION.search(source)
    outputs = [one for one in map(_shortened, cell.get("outputs", [])) if one is not None]
    if asked and source.strip().startswith(asked[1]):
        yield from _question(asked[2], room)
        return
    lines = 1.0 + 1.1 * len(source.splitlines())
    shown = sum(map(_output_height, outputs))
    bare = {**cell, "source": source, "outputs": [], "execution_count": None}
    yield from room.placed(bare, lines + min(shown, HEIGHT - lines - 1.5))
    if outputs:
        yield _markdown_output(outputs)
    if told := _REVEAL.search(source):
        yield _markdown(_choices(told[1]), "notes")


def _question(name: str, room: _Room) -> Iterator[Cell]:
    """Show a question with its choices, and what to say of each in the notes."""
    question = load_question(name)
    choices = "\n".join(f"- **{one.letter}**  {one.text}" for one in question.choices)
    text = f"{question.ask}\n\n{choices}"
    yield from room.placed(_markdown(text), sum(map(height, blocks(text))))
    yield _markdown(_choices(name), "notes")


def _choices(name: str) -> str:
    """Say of each choice whether it is right, or what it would be, and why."""
    try:
        choices = load_question(name).choices
    except MaterialError:
        return ""
    said = []
    for one in choices:
        marks = [
            *(["right"] if one.right else []),
            *([f"comes true if the run gives {one.outcome}"] if one.outcome else []),
        ]
        said.append(f"- **{one.letter}** {'; '.join(marks)}. {one.why}".replace(" . ", " ").rstrip())
    return "\n".join(["Let everybody choose first.", "", *said])


def _shortened(output: Mapping[str, Any]) -> Cell | None:
    """Give what a slide shows of an output; None for nothing."""
    if output["output_type"] == "stream":
        text = "".join(output["text"])
        text = _lines(_ASKED_TO_ACT.split(text)[0].rstrip())
        return {"text": text} if text else None
    data = output.get("data", {})
    if "text/html" in data:
        html = "".join(data["text/html"])
        pictured = html.startswith("<img")  # a stepper: its bars and its sentence, without the panels
        return {"html": html.partition("<table")[0] if pictured else _rows(html)}
    if "text/plain" in data:
        return {"text": _lines("".join(data["text/plain"]).rstrip())}
    return None


def _lines(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= OUTPUT_LINES:
        return text
    left = len(lines) - OUTPUT_LINES + 1
    return "\n".join([*lines[: OUTPUT_LINES - 1], f"... {left} more lines in the notebook"])


def _rows(html: str) -> str:
    """Keep the first rows of a table."""
    rows = list(_ROW.finditer(html))
    if len(rows) <= ROWS + 1:
        return html
    first, last = rows[ROWS + 1], rows[-1]
    left = len(rows) - ROWS - 1
    more = f'<tr><td colspan="99">... {left} more rows in the notebook</td></tr>'
    return html[: first.start()] + more + html[last.end() :]


def _output_height(output: Mapping[str, str]) -> float:
    if "text" in output:
        return 0.5 + 0.95 * len(output["text"].splitlines())
    return 2.0 + 1.3 * len(_ROW.findall(output["html"])) if "<tr" in output["html"] else 10.0


def _markdown_output(outputs: list[Cell]) -> Cell:
    """Show outputs at a key press."""
    shown = [one.get("html") or f"<pre>{escape(one['text'])}</pre>" for one in outputs]
    return _markdown("\n\n".join(f'<div class="output">{one}</div>' for one in shown), "fragment")


def _markdown(text: str, kind: str = "-") -> Cell:
    return _typed({"cell_type": "markdown", "metadata": {}, "source": text}, kind)


def _typed(cell: Mapping[str, Any], kind: str) -> Cell:
    return {**cell, "metadata": {"slideshow": {"slide_type": kind}}}
