"""``ready``: the first line of a lesson. It says that the emulator works, and whether it runs uncompiled.

From then on a notebook also shows flag words, trees and results as tables (`course.views.displays`).

The text is the same everywhere, since ``pytest --nbval`` compares it. Where the compiled part is missing, a
widget is shown in its place; nbval and the build leave widgets out.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from html import escape
from typing import Any

from course.views.displays import install
from course.views.steps import WIDGET_VIEW

__all__ = ["Ready", "ready"]

TEXT = "The emulator is ready."


@dataclass(frozen=True, slots=True)
class Ready:
    """The line, and what to add where the hardware model runs uncompiled.

    Attributes
    ----------
    notice : str
        Empty when the compiled twin runs.
    """

    notice: str

    def __repr__(self) -> str:
        return TEXT

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": TEXT}
        if self.notice:
            import ipywidgets

            label = ipywidgets.HTML(f'<div role="note">{TEXT} {escape(self.notice)}</div>')
            bundle[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": label.model_id}
        return bundle


def ready() -> Ready:
    """Say that the emulator works; in a notebook, let it show objects of `pyemu` as tables.

    Returns
    -------
    Ready
        With a notice where `pyemu` runs uncompiled.
    """
    from pyemu.hw import COMPILED
    from pyemu.hw.twins import choose

    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()) is not None:
        install(shell)
    if choose() == "fast":
        return Ready("")
    if sys.platform == "emscripten":
        why = "in a browser"
    elif COMPILED:
        why = "FAULTLAB_TWIN asks for it"
    else:
        why = "this install has no compiled part; faultlab doctor tells more"
    return Ready(f"pyemu runs uncompiled here ({why}): slower, with the same results.")
