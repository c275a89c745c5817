"""Replaying a schedule: the same run again, as often as you like, with a trace like that of any run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pyemu.errors import FaultlabError
from pyemu.explore.findings import Finding, shown
from pyemu.explore.stepping import NOBODY, Stepping
from pyemu.machine import Result, close
from pyemu.scenario import Scenario
from pyemu.sched.timed import End
from pyemu.tree import Tree

TIMES = r"0*[1-9]\d{0,5}"
ROUNDS = 3  # of a circle that are shown


def moves_of(text: str) -> tuple[str, ...]:
    """Read a schedule in its short form, ``T*3 M U*2``.

    Parameters
    ----------
    text : str
        Names of tasks, each with the number of its moves in a row.

    Returns
    -------
    tuple of str
        A task a move.

    Raises
    ------
    FaultlabError
        When a number of moves is none.
    """
    schedule: list[str] = []
    for word in text.split():
        name, star, times = word.rpartition("*")
        if star and not re.fullmatch(TIMES, times):
            raise FaultlabError(
                f"{word!r} in a schedule: after * stands how often the task moves, from 1 to 999999."
            )
        schedule += [name] * int(times) if star else [word]
    return tuple(schedule)


def replay(
    scenario: Scenario | str,
    tree: Tree | None = None,
    schedule: Iterable[str] | Finding | str = (),
    override: Mapping[str, Any] | None = None,
) -> Result:
    """Run a scenario by a schedule.

    Parameters
    ----------
    scenario : Scenario or str
        Or the name of one in the library.
    tree : Tree, optional
        Which patches are applied; all of them by default.
    schedule : iterable of str, str or Finding
        Who moves: names of tasks, one a move; or the short form of that; or what an exploration found, whose
        circle, if it has one, is gone round three times.
    override : mapping, optional
        What replaces kernel functions.

    Returns
    -------
    Result
        As of a timed run, with a trace of its own. Its time counts moves. Its end is ``done`` when every
        task that is no monitor has ended, ``hang`` when nobody can move, and ``stopped`` when the schedule
        is over.

    Raises
    ------
    FaultlabError
        When a task can't move when it is its turn, or there is none of that name.
    """
    scenario = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    tree = tree or Tree.after
    if isinstance(schedule, Finding):
        schedule = (*schedule.schedule, *schedule.circle * ROUNDS)
    elif isinstance(schedule, str):
        schedule = moves_of(schedule)
    stepping = Stepping(scenario, tree, override)
    world = stepping.world
    world.trace.title += " by a schedule; times count moves"
    numbers = {task.name: task.id for task in stepping.tasks}
    stepping.begin()
    for place, name in enumerate(schedule, 1):
        able = stepping.able()
        if numbers.get(name, NOBODY) not in able:
            names = ", ".join(world.tasks[one].name for one in able) or "nobody"
            why = f"who can't move then; who can: {names}" if name in numbers else "who is no task of it"
            raise FaultlabError(
                f"move {place} of the schedule is {name}'s, {why}. A schedule fits one scenario on one tree: "
                f"this is {scenario.name} on {tree}."
            )
        world.clock = max(world.clock, place)
        stepping.step(numbers[name])
    over = all(task.ended or task.monitor for task in stepping.tasks)
    end = End.DONE if over else End.STOPPED if stepping.able() else End.HANG
    text = "" if over else f"after {shown(tuple(schedule))}"
    return close(world, scenario, tree, end, text)
