"""The history of a run that was made without one: a run can be made again."""

from __future__ import annotations

from pyemu import run
from pyemu.machine import Result
from pyemu.travel import History

__all__ = ["history_of"]


def history_of(result: Result) -> History | None:
    """Give what the state was after each step of a run.

    Parameters
    ----------
    result : Result
        Made with or without ``history=True``.

    Returns
    -------
    History or None
        Its own; or that of the same scenario run once more on the same tree, if all events are the same. None
        if they are not, as when a learner's function took part: then only such a run can keep its history.
    """
    if result.recorded is not None:
        return result.recorded
    again = run(result.scenario, result.tree, history=True)
    same = (again.trace.records, again.trace.strings) == (result.trace.records, result.trace.strings)
    return again.recorded if same else None
