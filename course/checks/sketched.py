"""Scenarios that a learner writes: a dict of the words of `course.sketch.sketch`, read and checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course.checks.call_case import Unwritten
from pyemu.handler import HandlerFault

if TYPE_CHECKING:
    from pyemu.scenario import Scenario

__all__ = ["scenario_of"]

LONGEST = 400  # characters of a text: a judge's run is as long as what stands in it
MOST = 10  # keys


def scenario_of(words: Any, name: str) -> Scenario:
    """Make the scenario that a learner's dict describes.

    Parameters
    ----------
    words : object
        What the learner's name holds: texts, by ``area``, ``served``, ``apart``, ``arch`` and names of tasks.
    name : str
        That name, for sentences about it, and for the scenario.

    Returns
    -------
    Scenario
        Ready to be run.

    Raises
    ------
    Unwritten
        It still holds None.
    HandlerFault
        It is no such dict, or describes no scenario that can be run.
    """
    from course.sketch import sketch
    from pyemu.errors import ScenarioError

    if words is None or (isinstance(words, Mapping) and None in words.values()):
        raise Unwritten(f"{name} still holds None.")
    if not (
        isinstance(words, Mapping) and all(isinstance(one, str) for pair in words.items() for one in pair)
    ):
        raise HandlerFault("scenario", f"{name} must be a dict of texts: {{'T': 'read 1', 'M': '...'}}.")
    if len(words) > MOST or any(len(text) > LONGEST for text in words.values()):
        raise HandlerFault(
            "scenario", f"{name} is too large: at most {MOST} keys, and {LONGEST} characters for each."
        )
    if "T" not in words:
        raise HandlerFault("scenario", f"{name} has no task T: add its steps, such as 'T': 'read 1'.")
    try:
        return sketch(**{"name": name, **words})
    except ScenarioError as error:
        raise HandlerFault("scenario", f"{name} is no scenario: {error}") from None
