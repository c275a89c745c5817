"""Views of runs: each has a text form that is the same every time, and a picture of the same facts.

======================  ==============================================================================
``timeline``            one run, event by event, a column for each task
``side_by_side``        two runs on a common line of events; where they part is marked
``counters``            what was counted, a column for each run
``every_interleaving``  what every order of moves leads to, and which rules that breaks
``stepper``             one cursor that walks through one run, or through two at once, in the browser
``ready``               says that the emulator works, and whether it runs uncompiled
======================  ==============================================================================

Views read the events of a trace, the counters of a result and, in a stepper, its history; nothing else. What
a notebook shows of flag words, areas, trees and results is in ``displays``; ``%load_ext course.views`` and
``ready`` turn it on.
``anywidget`` is imported only when a stepper is shown.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course.views.counts import counters as counters
    from course.views.interleavings import every_interleaving as every_interleaving
    from course.views.lanes import timeline as timeline
    from course.views.pair import side_by_side as side_by_side
    from course.views.setup import ready as ready
    from course.views.steps import stepper as stepper

_HOME = {
    "counters": "course.views.counts",
    "every_interleaving": "course.views.interleavings",
    "ready": "course.views.setup",
    "side_by_side": "course.views.pair",
    "stepper": "course.views.steps",
    "timeline": "course.views.lanes",
}

__all__ = ["counters", "every_interleaving", "ready", "side_by_side", "stepper", "timeline"]


def load_ipython_extension(shell: Any) -> None:
    """Let a notebook show objects of `pyemu` as tables; IPython calls this for ``%load_ext course.views``."""
    from course.views.displays import install

    install(shell)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'course.views' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
