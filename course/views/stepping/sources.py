"""The source of the kernel functions of a run, and the line at which one of them stands."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import Any

from pyemu import kernel
from pyemu.calls import CALLS
from pyemu.travel import TaskView

__all__ = ["ELSEWHERE", "Source", "line_of", "sources"]

ELSEWHERE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Source:
    """A kernel function as we wrote it.

    Attributes
    ----------
    name : str
        Its name.
    c_name, c_file : str
        How it is called in Linux, and where it stands there; empty when it is ours alone.
    module : str
        Where ours stands.
    first : int
        Number of its first line.
    text : str
        All its lines; empty where there is no source.
    """

    name: str
    c_name: str
    c_file: str
    module: str
    first: int
    text: str

    def as_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        return asdict(self)


def sources(names: list[str]) -> list[Source]:
    """Give the source of each of some kernel functions.

    Parameters
    ----------
    names : list of str
        Declared kernel functions.

    Returns
    -------
    list of Source
        In the same order.
    """
    code = kernel.load()
    found = []
    for name in names:
        lines, first = inspect.getsourcelines(code[name])
        module, call = code[name].__module__, CALLS[name]
        found.append(Source(name, call.c_name, call.c_file, module, first, "".join(lines).rstrip()))
    return found


def line_of(function: str, kind: str, before: TaskView | None, now: TaskView | None) -> int:
    """Give the line of a function at which an event was made.

    Parameters
    ----------
    function : str
        The innermost function at the event.
    kind : str
        Kind of the event.
    before, now : TaskView or None
        The task after the step before the event's, and after the event's own.

    Returns
    -------
    int
        Number of the line in its module: where the function waited for the result of this step; of a function
        that this step called, where it stands now. 0: not known, since it began and ended within this step.
        `ELSEWHERE`: it is not the kernel's own, but a learner's.
    """
    if before is not None and kind != "call" and before.stack[-1:] == (function,):
        return before.lines[-1] or ELSEWHERE
    for view in (now, before):
        if view is not None and function in view.stack:
            place = len(view.stack) - 1 - view.stack[::-1].index(function)
            return view.lines[place] or ELSEWHERE
    return 0
