"""A faulty handler on trial: every interleaving of a learner's scenario, with it and with the right one.

A scenario breaks a handler if the right one is clean in every order, and the faulty one, in some order,
breaks a rule or lets a task see what the right one never lets it see. Counters are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from course.checks.call_case import CallCase, Unwritten
from course.checks.sketched import scenario_of
from course.child_functions import Answers
from pyemu.errors import FaultlabError
from pyemu.handler import HandlerFault

if TYPE_CHECKING:
    from pyemu.explore import Exploration
    from pyemu.machine import Result
    from pyemu.scenario import Scenario

__all__ = ["BROKEN", "HANGS", "breaks", "explored", "timed", "trial"]

BROKEN = "the verdict"
RIGHT = 0  # the number of the right handler
MAX_STATES = 3_000
HANGS = "never ends"
ENDS_IN_AN_ERROR = "SIGBUS"  # a rule only for who has not foreseen it; what T sees says it as well


def trial(number: int) -> CallCase:
    """Try the learner's scenario for one of the faulty handlers."""
    return CallCase(
        f"handler {number}",
        "Your scenario is run in every order of moves, with this handler and with the right one.",
        partial(_look, number),
        {BROKEN: f"handler {number} is broken, and the right one is clean"},
        {"number": number},
        lambda name, value: str(value),
    )


def _look(number: int, answers: Answers) -> dict[str, Any]:
    """Explore with the right handler and with the faulty one, and say what came of it."""
    table = answers.value("BREAKS")
    if not isinstance(table, Mapping):
        raise HandlerFault("form", "BREAKS must be a dict: a scenario for each handler, by its number.")
    words = table.get(number)
    if words is None:
        raise Unwritten(f"BREAKS has no scenario for handler {number}.")
    if stranger := _stranger(words):
        return {BROKEN: f"nothing was run; its tasks are {stranger['tasks']}", "stranger": stranger}
    scenario = scenario_of(words, f"BREAKS[{number}]")
    try:
        right = explored(scenario, RIGHT)
        verdict = _verdict(scenario, number, right)
    except FaultlabError as error:
        raise HandlerFault("scenario", f"BREAKS[{number}] can't be explored: {error}") from None
    return {BROKEN: verdict, "scenario": scenario, "right": right}


def _stranger(words: Any) -> dict[str, str]:
    """Give a task that a step names and that there isn't, and those that there are."""
    if not (isinstance(words, Mapping) and all(isinstance(one, str) for one in (*words, *words.values()))):
        return {}
    tasks = [name for name in words if name not in ("area", "served", "apart", "arch")]
    named = [name for task in tasks for name in re.findall(r"\btask=(\w+)", words[task])]
    unknown = [name for name in named if name not in tasks]
    return {"task": unknown[0], "tasks": ", ".join(tasks)} if unknown else {}


def _verdict(scenario: Scenario, number: int, right: Exploration) -> str:
    if not right.finished:
        return f"more than {MAX_STATES} states with the right handler: nothing is proven"
    if rules := _rules(right):
        return f"with the right handler too: {', '.join(sorted(rules))}"
    broken = f"handler {number} is broken, and the right one is clean"
    return broken if breaks(scenario, number) else f"handler {number} does nothing wrong here"


def breaks(scenario: Scenario, number: int) -> bool:
    """Say whether a scenario, with which the right handler is clean, breaks a faulty one."""
    right, faulty = explored(scenario, RIGHT), explored(scenario, number)
    return bool(_rules(faulty) or not set(faulty.endings) <= set(right.endings))


def _rules(found: Exploration) -> set[str]:
    return {one.rule for one in found.violations} - {ENDS_IN_AN_ERROR}


@lru_cache(maxsize=64)
def explored(scenario: Scenario, number: int) -> Exploration:
    """Explore a scenario with a handler; 0 is the right one."""
    from course.checks.h04_handlers import HANDLERS
    from pyemu import Tree
    from pyemu.explore import explore

    return explore(scenario, Tree.after, HANDLERS[number], max_states=MAX_STATES)


@lru_cache(maxsize=64)
def timed(scenario: Scenario, number: int) -> Result:
    """Run a scenario once, in virtual time."""
    from course.checks.h04_handlers import HANDLERS
    from pyemu import Tree, run

    return run(scenario, Tree.after, HANDLERS[number])
