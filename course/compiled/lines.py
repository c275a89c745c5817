"""Which lines of a text still handle Python objects once they are compiled, by Cython's own annotation."""

from __future__ import annotations

import re

from course.compiled.building import translate
from course.compiled.figures import Said, figure
from pyemu.errors import CompileError

__all__ = ["annotate", "object_lines"]

# The annotation is a page of HTML with an element for each line of the source, and another for its C. Whoever
# handles an object in C counts its references; a check that may raise an exception alone doesn't.
_LINE = re.compile(
    r'<pre class="cython line [^>]*>[^<]*<span class="">(\d+)</span>.*?(?=<pre class="cython line|\Z)',
    re.DOTALL,
)
_COUNTED = re.compile(r"_X?(?:INCREF|DECREF|GOTREF|GIVEREF)")


def object_lines(text: str) -> list[int]:
    """Find the lines whose C handles Python objects.

    Parameters
    ----------
    text : str
        Cython source.

    Returns
    -------
    list of int
        Numbers of lines of function bodies, from 1; without ``return``, which gives an object in any case.

    Raises
    ------
    CompileError
        Cython refuses the text.
    """
    found: list[int] = figure("lines", text, lambda: _object_lines(text))
    return found


def _object_lines(text: str) -> list[int]:
    page = translate(text).with_suffix(".html").read_text(encoding="utf-8")
    counted = {int(found[1]) for found in _LINE.finditer(page) if _COUNTED.search(found[0])}
    return [line for line in body_lines(text) if line in counted]


def body_lines(text: str) -> list[int]:
    """Give the numbers of the lines in function bodies, but for blank lines and returns."""
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        if line.startswith(" ") and line.strip() and not line.strip().startswith("return")
    ]


def annotate(text: str) -> Said:
    """Show a text with a mark at each line that handles Python objects.

    Parameters
    ----------
    text : str
        Cython source.

    Returns
    -------
    Said
        Its functions, and how many of their lines have a mark; or why that can't be said.
    """
    try:
        marked = set(object_lines(text))
    except CompileError as error:
        return Said(str(error))
    head, start, functions = text.partition("def ")
    first = head.count("\n") + 1
    shown = [
        f"{'object' if number in marked else '':<6} | {line}".rstrip()
        for number, line in enumerate((start + functions).splitlines(), first)
    ]
    n, n_lines = len(marked), len(body_lines(text))
    ending = (
        f"Lines that handle Python objects: {n} of {n_lines}." if n else "No line handles a Python object."
    )
    return Said("\n".join([*shown, "", ending]))
