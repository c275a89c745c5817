"""The picture of a stepper where no script runs: the lanes as an image, the facts at the start as a table.

The image is SVG in a ``data:`` address, so that it survives where inline SVG is cut out, and brings its own
background, so that it can be read in every theme. Whole numbers only, so that it is the same everywhere.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from course.views.stepping.lanes import Bar, Lane, lanes
from course.views.stepping.palette import LIGHT, STYLES
from course.views.stepping.rows import Side

if TYPE_CHECKING:
    from course.views.steps import Stepper

__all__ = ["picture", "svg"]

NAME, WIDTH, LANE, GAP = 90, 900, 22, 4
_STRIPES = (
    '<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="{paper}"/><rect width="3" height="6" fill="{colour}"/></pattern>'
)


def picture(stepper: Stepper) -> str:
    """Give the picture as HTML.

    Parameters
    ----------
    stepper : Stepper
        What is shown.

    Returns
    -------
    str
        An image with a description, and the panel at the start.
    """
    image = base64.b64encode(svg(stepper).encode()).decode()
    names = ", ".join(name for one in stepper.results[:1] for name in one.trace.tasks)
    about = (
        f"Bars over {len(stepper)} events: what the tasks {names}, mmap_sem and the CPUs are doing in "
        f"{' and in '.join(stepper.labels)}. timeline() and side_by_side() tell the same in words."
    )
    return (
        f'<img alt="{escape(about)}" style="max-width:100%" src="data:image/svg+xml;base64,{image}">'
        f"{stepper.panel(stepper.start).html()}"
    )


def svg(stepper: Stepper) -> str:
    """Give the lanes of a stepper over the rows of its story, with a line where the cursor starts."""
    n_rows = len(stepper)
    parts, top = [], GAP
    for number, result in enumerate(stepper.results):
        shown = [row.left if number == 0 else row.right for row in stepper.rows]
        latest, places = -1, []
        for one in shown:
            latest = one.place if one else latest
            places.append(latest)
        parts.append(_text(GAP, top + 14, stepper.labels[number], "font-weight='700'"))
        top += LANE
        for lane in lanes(result.trace, Side.of(result.trace)):
            parts += [_text(GAP, top + 15, lane.name), *_bars(lane, places, top)]
            top += LANE + GAP
        top += GAP
    x = _x(stepper.start, n_rows)
    cursor = f'<path d="M{x} 0V{top}" stroke="{LIGHT.ink}" stroke-width="2"/>'
    patterns = "".join(
        _STRIPES.format(name=name, colour=LIGHT.colours[colour], paper=LIGHT.paper)
        for name, (colour, pattern) in STYLES.items()
        if pattern not in ("none", "solid")
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{NAME + WIDTH + GAP}" height="{top}" '
        f'viewBox="0 0 {NAME + WIDTH + GAP} {top}" font-family="sans-serif" font-size="12" '
        f'fill="{LIGHT.ink}">'
        f'<defs>{patterns}</defs><rect width="100%" height="100%" fill="{LIGHT.paper}"/>'
        f"{''.join(parts)}{cursor}</svg>"
    )


def _bars(lane: Lane, places: list[int], top: int) -> Iterator[str]:
    """Draw the bars of a lane; those of the same state in a row are one."""
    n_rows = len(places)
    states = [None if place < 0 else lane.bars[lane.states[place]] for place in places]
    for bar, run in groupby(range(n_rows), key=lambda row: states[row]):
        rows = list(run)
        if bar is not None and bar.style != "none":
            left, right = (
                _x(rows[0], n_rows),
                _x(rows[-1] + 1, n_rows) - 1,
            )  # a gap between bars of one colour
            yield from _bar(bar, left, right - left, top)


def _bar(bar: Bar, left: int, width: int, top: int) -> Iterator[str]:
    colour, pattern = STYLES[bar.style]
    fill = LIGHT.colours[colour] if pattern == "solid" else f"url(#{bar.style})"
    yield f'<rect x="{left}" y="{top}" width="{width}" height="{LANE}" fill="{fill}"/>'
    text = bar.text if 7 * len(bar.text) + 10 < width else bar.letter
    if 7 * len(text) + 6 < width:
        middle, wide = left + width // 2, 7 * len(text) + 4
        place = f'x="{middle - wide // 2}" y="{top + 3}" width="{wide}" height="16"'
        yield f'<rect {place} fill="{LIGHT.paper}"/>'
        yield _text(middle, top + 15, text, 'text-anchor="middle"')


def _x(row: int, n_rows: int) -> int:
    return NAME + WIDTH * row // n_rows


def _text(x: int, y: int, text: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}" {more}>{escape(text)}</text>'
