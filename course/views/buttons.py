"""Buttons and a slider around a stepper, made of ipywidgets.

The slider holds the cursor; with the keyboard, Tab reaches the buttons and the slider, and the arrow keys
move it. Each move fetches one panel from the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.views.steps import Stepper

__all__ = ["controls", "view"]


def controls(stepper: Stepper) -> Any:
    """Make the widget of a stepper.

    Parameters
    ----------
    stepper : Stepper
        What it walks through.

    Returns
    -------
    ipywidgets.VBox
        Its children: a box of five buttons, the slider, the panel.
    """
    import ipywidgets

    last = len(stepper) - 1
    slider = ipywidgets.IntSlider(
        value=stepper.start,
        min=0,
        max=last,
        readout=False,  # the panel says "Event n of m", counted from 1
        description="Event",
        tooltip="Event: the arrow keys move by one",
        layout=ipywidgets.Layout(width="100%", max_width="44em"),
    )
    panel = ipywidgets.HTML(stepper.panel(stepper.start).html())
    moves: tuple[tuple[str, str, Callable[[int], int]], ...] = (
        ("First", "Go to the first event", lambda here: 0),
        ("Back", "Go one event back", lambda here: max(here - 1, 0)),
        ("Forward", "Go one event forward", lambda here: min(here + 1, last)),
        ("Last", "Go to the last event", lambda here: last),
        ("Next retry", "Go to the next second or later attempt", stepper.next_retry),
    )
    buttons = []
    for name, tooltip, move in moves:
        button = ipywidgets.Button(description=name, tooltip=tooltip, layout=ipywidgets.Layout(width="auto"))
        button.on_click(_mover(slider, move))
        buttons.append(button)

    def show(change: dict[str, Any]) -> None:
        panel.value = stepper.panel(change["new"]).html()

    slider.observe(show, "value")
    row = ipywidgets.HBox(buttons, layout=ipywidgets.Layout(flex_flow="row wrap"))
    return ipywidgets.VBox([row, slider, panel])


def view(stepper: Stepper) -> dict[str, Any]:
    """Give what a notebook needs to draw the widget of a stepper: the model's version and id."""
    widget = controls(stepper)
    return {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}


def _mover(slider: Any, move: Callable[[int], int]) -> Callable[[Any], None]:
    def moved(_button: Any) -> None:
        slider.value = move(slider.value)

    return moved
