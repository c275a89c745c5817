"""A demo on a page: the widget that Voila shows, with all that the browser needs."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs

from course.demos import DEMOS, make
from course.demos.script import Demo
from course.views.stepping import palette
from course.views.stepping.widget import joined, script, style

__all__ = ["MODULES", "NAME", "look", "show", "wire"]

MODULES = ("votes.js", "live.js", "demo.js")
"""After those of the stepper, in the order of their imports."""

NAME = "FAULTLAB_DEMO"
"""Variable of the environment: the demo that is shown where the address names none."""


def asked() -> str:
    """Give the demo that is asked for: ``?demo=...`` in the page's address, by Voila, or `NAME`."""
    query = parse_qs(os.environ.get("QUERY_STRING", ""))
    (name,) = query.get("demo", [os.environ.get(NAME, next(iter(DEMOS)))])[:1]
    return name


def show(name: str = "") -> Any:
    """Make the widget of a demo.

    Parameters
    ----------
    name : str
        One of `course.demos.DEMOS`; by default, the one that is asked for.

    Returns
    -------
    anywidget.AnyWidget
        All its steps happen in the browser; nothing is sent after the start.
    """
    return _kind()(demo=wire(make(name or asked())))


def wire(demo: Demo) -> dict[str, Any]:
    """Give a demo as what the browser gets: plain data, and the bytes of its steppers.

    Parameters
    ----------
    demo : Demo
        Its script.

    Returns
    -------
    dict
        For ``static/demo.js``.
    """
    steps, minute = [], 0.0
    for step in demo.steps:
        steps.append(
            {
                "title": step.title,
                "pictures": [[part.wire() for part in picture] for picture in step.pictures],
                "key": step.key,
                "then": list(step.then),
                "say": step.say,
                "ask": step.ask,
                "expect": step.expect,
                "sees": list(step.sees),
                "vote": step.vote,
                "reveals": step.reveals,
                "from": f"{minute:g}",
                "to": f"{minute + step.minutes:g}",
            }
        )
        minute += step.minutes
    votes = {
        name: {"question": vote.question, "choices": list(vote.choices), "right": dict(vote.right)}
        for name, vote in demo.votes.items()
    }
    steppers = [
        {"names": dict(one.names), "data": one.data, "lanes": list(one.lanes)} for one in demo.steppers
    ]
    return {
        "title": demo.title,
        "keys": dict(demo.keys),
        "steps": steps,
        "votes": votes,
        "steppers": steppers,
        "style": look(),
    }


@cache
def look() -> str:
    """Give the style sheet of a demo, with its colours."""
    static = files("course.demos") / "static"
    return palette.css(".fd") + (static / "demo.css").read_text(encoding="utf-8")


@cache
def _kind() -> type[Any]:
    import anywidget
    import traitlets

    class DemoWidget(anywidget.AnyWidget):
        """A demo on a page."""

        _esm = script() + joined("course.demos", *MODULES, "notebook.js")
        _css = style() + look()
        demo = traitlets.Dict().tag(sync=True)

    return DemoWidget
