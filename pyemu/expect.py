"""What a scenario says will happen, compared with what happened."""

from __future__ import annotations

from typing import Any

from pyemu.errors import ScenarioError
from pyemu.machine import Result


def unexpected(result: Result) -> list[str]:
    """Compare a result with what its scenario says of the tree.

    Parameters
    ----------
    result : Result
        Of a run.

    Returns
    -------
    list of str
        A sentence for each difference; empty when all is as the scenario says.

    Raises
    ------
    ScenarioError
        When the scenario says nothing of this tree.
    """
    said = result.scenario.expectation(str(result.tree))
    if said is None:
        trees = " ".join(tree for one in result.scenario.expect for tree in one.trees)
        raise ScenarioError(
            f"scenario {result.scenario.name} says nothing of tree {result.tree}: it speaks of "
            f"{trees or 'no tree'}. Run it on one of these."
        )
    pairs = [
        (f"{task}: {field}", value, field_of(result, task, field))
        for task, fields in said.tasks
        for field, value in fields
    ]
    broken = list(dict.fromkeys(one.rule for one in result.violations))
    told = {what: value for _, _, what, value in result.reports}
    pairs += [("violations", list(said.violations), broken), ("end", said.end, result.end)]
    pairs += [(f"sample {label}", value, told.get(f"sample {label}")) for label, value in said.samples]
    pairs += [(name, value, result.vmstat.get(name)) for name, value in said.vmstat]
    return [
        f"{what} should be {expected!r}, and is {got!r}" for what, expected, got in pairs if expected != got
    ]


def field_of(result: Result, task: str, field: str) -> Any:
    """Give one field of a task's result, by its name in `pyemu.scenario.EXPECTED`."""
    found = result.tasks[task]
    match field:
        case "outcome":
            return found.outcome
        case "outcomes":
            return list(found.outcomes)
        case "ends_at":
            return next((event.t for event in result.trace.select("exit", task=task)), None)
        case "gup":
            return [event.text.removeprefix("GUP gives ") for event in result.trace.select("gup", task=task)]
        case _:
            return found.counters.get(field, found.stats.get(field, 0))
