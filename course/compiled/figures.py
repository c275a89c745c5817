"""What was measured, for machines that can't compile; and ``compiler``, which says whether this one can.

A figure belongs to the texts that gave it: its key holds their digest, so a changed text has none. The file
is written by ``python -m course.compiled``, which runs the lesson's cells and keeps what they measure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from course.compiled.building import why_not
from course.views.steps import WIDGET_VIEW
from pyemu.errors import NoCompilerError

__all__ = ["FIGURES", "Said", "compiler", "figure", "kept", "recorded", "stored"]

FIGURES = Path(__file__).with_name("figures.json")

_MADE: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Said:
    """A text that is the same everywhere, and what else this machine has to say.

    Attributes
    ----------
    text : str
        What is stored with a notebook.
    more : str
        Shown in a widget beside it, which no notebook stores; may be empty.
    """

    text: str
    more: str = ""

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": self.text}
        if self.more:
            import ipywidgets

            words = f"<pre>{escape(self.text)}</pre><p>{escape(self.more)}</p>"
            label = ipywidgets.HTML(f'<div role="note">{words}</div>')
            bundle[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": label.model_id}
        return bundle


def compiler() -> Said:
    """Say that texts are compiled, and in a notice where they can't be.

    Returns
    -------
    Said
        To be shown as the last line of a cell.
    """
    reason = why_not()
    more = (
        f"Not on this machine: {reason}. So the cells show what was measured elsewhere. They can't say "
        "anything about a text that you change."
    )
    return Said(
        "Each text is translated to C, compiled and measured when a cell needs it.", more if reason else ""
    )


def figure(what: str, parts: object, make: Callable[[], Any]) -> Any:
    """Measure something, or find what was measured of the same texts.

    Parameters
    ----------
    what : str
        A word for what is measured.
    parts : object
        All that it depends on; its ``repr`` counts.
    make : callable
        Measures; gives what JSON can hold.

    Returns
    -------
    object
        What `make` gave here or elsewhere.

    Raises
    ------
    NoCompilerError
        Nothing can be compiled here, and these texts were never measured.
    """
    key = _key(what, parts)
    if not why_not():
        made = _MADE[key] = make()
        return made
    if key not in kept():
        raise NoCompilerError(
            f"Nothing can be compiled here ({why_not()}), and nothing was measured of this text elsewhere."
        )
    return kept()[key]


def stored(what: str, parts: object) -> Any:
    """Give what the file says; while the file is made, what has been measured for it."""
    key = _key(what, parts)
    return kept()[key] if key in kept() else _MADE[key]


def _key(what: str, parts: object) -> str:
    return f"{what} {hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


@cache
def kept() -> dict[str, Any]:
    """The figures of the file."""
    found: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    return found


def recorded() -> str:
    """What has been measured in this process, as the text of the file."""
    return json.dumps(_MADE, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
