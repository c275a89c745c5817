"""A schedule by turns: each task runs until it has to wait for another one."""

from __future__ import annotations

from pyemu.errors import FaultlabError
from pyemu.explore import replay
from pyemu.explore.stepping import Stepping
from pyemu.machine import Result
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["by_turns"]

LONGEST = 2_000  # moves in one turn: a task that makes more goes round in circles


def by_turns(scenario: Scenario | str, tree: Tree, turns: str) -> Result:
    """Run a scenario by turns.

    Parameters
    ----------
    scenario : Scenario or str
        Or the name of one in the library.
    tree : Tree
        Which patches are applied.
    turns : str
        Names of tasks, such as ``"T U M T"``. In its turn a task runs until it sleeps and nobody has woken
        it, or ends. A pause is over at once. A turn of a task that sleeps is over before it begins.

    Returns
    -------
    Result
        As of `pyemu.explore.replay`: times count moves.

    Raises
    ------
    FaultlabError
        There is no such task, or one goes round in circles.
    """
    loaded = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    stepping = Stepping(loaded, tree)
    numbers = {task.name: task.id for task in stepping.tasks}
    stepping.begin()
    schedule: list[str] = []
    for name in turns.split():
        if name not in numbers:
            raise FaultlabError(
                f"{name!r} takes a turn, but the tasks of {loaded.name} are {', '.join(numbers)}."
            )
        first = len(schedule)
        while numbers[name] in stepping.able():
            if len(schedule) - first == LONGEST:
                raise FaultlabError(f"{name} has made {LONGEST} moves in one turn: it goes round in circles.")
            stepping.step(numbers[name])
            schedule.append(name)
    return replay(loaded, tree, schedule)
