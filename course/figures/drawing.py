"""A drawing as SVG: boxes, bars, arrows and words, in the colours of the stepper, with a text form.

A notebook gets it as an image in a ``data:`` address, which survives where inline SVG is cut out. An image
takes the theme from the page around it (``color-scheme``), so the HTML names JupyterLab's, and forced colours
win. It brings its own background, so that it can be read where neither is known. Colour is never alone: bars
have patterns, and everything has words.
"""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass, field
from html import escape

from course.views.stepping.palette import DARK, LIGHT, Palette

__all__ = ["Drawing", "Figure"]

LINE = 96  # characters of a line of the text form

_PATTERNS = {
    "stripes": (
        '<pattern id="stripes" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="3" height="6" class="sleep"/></pattern>'
    ),
    "dots": (
        '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<circle cx="3" cy="3" r="2" class="wait"/></pattern>'
    ),
}
_ARROWS = (
    '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" class="ink"/></marker>'
)
_THEME = (
    "<style>.fl-figure{color-scheme:light dark;margin:0}"
    '[data-jp-theme-light="true"] .fl-figure{color-scheme:light}'
    '[data-jp-theme-light="false"] .fl-figure{color-scheme:dark}</style>'
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture and what it says; shown as an image, printed as text.

    Attributes
    ----------
    title : str
        What it shows.
    says : tuple of str
        The same in sentences, in the order in which one reads the picture.
    svg : str
        The picture.
    """

    title: str
    says: tuple[str, ...]
    svg: str

    def __repr__(self) -> str:
        folded = (textwrap.wrap(f"- {one}", LINE, subsequent_indent="  ") for one in self.says)
        return "\n".join([f"Figure: {self.title}", *(line for lines in folded for line in lines)])

    def _repr_html_(self) -> str:
        image = base64.b64encode(self.svg.encode()).decode()
        about = escape(" ".join([f"{self.title}.", *self.says]))
        return (
            f'{_THEME}<figure class="fl-figure"><img alt="{about}" style="max-width:100%" '
            f'src="data:image/svg+xml;base64,{image}"></figure>'
        )


@dataclass
class Drawing:
    """Shapes on paper; all places are whole numbers of pixels, from the top left.

    Attributes
    ----------
    width, height : int
        Of the paper.
    parts : list of str
        The shapes, in the order in which they are drawn.
    """

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def box(self, x: int, y: int, width: int, height: int, style: str = "line") -> None:
        """Draw a box: ``line``, ``strong``, ``dashed``, a colour (``run``, ``kernel``, ...) or a pattern."""
        fill = f' fill="url(#{style})"' if style in _PATTERNS else ""
        self.parts.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" class="{style}"{fill}/>')

    def words(
        self, x: int, y: int, text: str, style: str = "", anchor: str = "start", *, back: bool = False
    ) -> None:
        """Write a line: ``bold``, ``code`` or ``small``; `back` puts paper behind it, where lines cross."""
        if back:
            wide = 7 * len(text) + 8
            left = x - {"start": 4, "middle": wide // 2, "end": wide - 4}[anchor]
            self.parts.append(f'<rect x="{left}" y="{y - 13}" width="{wide}" height="17" class="paper"/>')
        named = f' class="{style}"' if style else ""
        placed = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.parts.append(f'<text x="{x}" y="{y}"{named}{placed}>{escape(text)}</text>')

    def path(self, *points: tuple[int, int], arrow: bool = True, style: str = "edge") -> None:
        """Draw a line through points: ``edge``, or ``dashed``."""
        head = ' marker-end="url(#head)"' if arrow else ""
        way = "L".join(f"{x} {y}" for x, y in points)
        self.parts.append(f'<path d="M{way}" class="{style}"{head}/>')

    def figure(self, title: str, says: list[str]) -> Figure:
        """Give the drawing as a figure."""
        described = escape(" ".join(says))
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" role="img" aria-labelledby="t d">'
            f'<title id="t">{escape(title)}</title><desc id="d">{described}</desc><style>{_STYLE}</style>'
            f"<defs>{_ARROWS}{''.join(_PATTERNS.values())}</defs>"
            f'<rect width="100%" height="100%" class="paper"/>{"".join(self.parts)}</svg>'
        )
        return Figure(title, tuple(says), svg)


def _variables(palette: Palette) -> str:
    colours = {"ink": palette.ink, "paper": palette.paper, **palette.colours}
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


_FORCED = "--ink:CanvasText;--paper:Canvas;" + "".join(f"--{name}:CanvasText;" for name in LIGHT.colours)
_STYLE = (
    f":root{{{_variables(LIGHT)}}}"
    f"@media (prefers-color-scheme: dark){{:root{{{_variables(DARK)}}}}}"
    f"@media (forced-colors: active){{:root{{{_FORCED}}}}}"
    "text{font:13px system-ui,sans-serif;fill:var(--ink)}"
    ".bold{font-weight:700}.code{font-family:ui-monospace,monospace;font-size:12px}.small{font-size:12px}"
    ".paper{fill:var(--paper)}.ink{fill:var(--ink)}"
    ".line,.strong,.dashed{fill:var(--paper);stroke:var(--ink)}.strong{stroke-width:3}"
    ".dashed{stroke-dasharray:4 3}.edge{fill:none;stroke:var(--ink);stroke-width:1.5}"
    "path.dashed{fill:none;stroke-width:1.5}"
    ".dots,.stripes{stroke:var(--ink)}" + "".join(f".{name}{{fill:var(--{name})}}" for name in LIGHT.colours)
)
