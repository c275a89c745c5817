"""The widget of a notebook: the same module of JavaScript as on a page, over the wire of a stepper."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

from course.views.stepping.palette import css
from course.views.stepping.wire import Wire

__all__ = ["joined", "script", "style", "view", "widget"]

MODULES = ("run.js", "draw.js", "panels.js", "stepper.js")
"""In the order of their imports: the last one exports what a page calls."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)


def joined(package: str, *modules: str) -> str:
    """Give modules of a package's ``static`` as one, for a notebook loads only one: without their imports."""
    static = files(package) / "static"
    return "\n".join(_IMPORT.sub("", (static / name).read_text(encoding="utf-8")) for name in modules)


@cache
def script() -> str:
    """Give what a page needs: `mount`."""
    return joined("course.views.stepping", *MODULES)


@cache
def style() -> str:
    """Give the style sheet, with the colours of `palette`."""
    static = files("course.views.stepping") / "static"
    return css() + (static / "stepper.css").read_text(encoding="utf-8")


def widget(wire: Wire, start: int) -> Any:
    """Make the widget.

    Parameters
    ----------
    wire : Wire
        What it shows.
    start : int
        Row of the story at which its cursor stands at first.

    Returns
    -------
    anywidget.AnyWidget
        All its steps happen in the browser; nothing is sent after the start.
    """
    return _kind()(names=wire.names, data=wire.data, start=start)


def view(wire: Wire, start: int) -> dict[str, Any]:
    """Give what a notebook needs to draw the widget: the model's version and id."""
    return {"version_major": 2, "version_minor": 0, "model_id": widget(wire, start).model_id}


@cache
def _kind() -> type[Any]:
    import anywidget
    import traitlets

    class StepperWidget(anywidget.AnyWidget):
        """A stepper in a notebook."""

        _esm = script() + joined("course.views.stepping", "notebook.js")
        _css = style()
        names = traitlets.Dict().tag(sync=True)
        data = traitlets.Bytes().tag(sync=True)
        start = traitlets.Int().tag(sync=True)

    return StepperWidget
