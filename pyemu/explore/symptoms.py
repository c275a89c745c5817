"""Symptoms: what is looked for in what a tree shows, be it one run or every interleaving.

The two ways of looking see different things. A timed run has one order of events; an exploration has them
all, but no time. So what they show is compared with their like only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyemu.errors import FaultlabError
from pyemu.explore.findings import HANG, LATE_SIGKILL, LIVELOCK, SIGBUS, SPIN, Ending, Exploration, seen_by
from pyemu.flags import Signal
from pyemu.machine import Result
from pyemu.rules import RULES
from pyemu.scenario import Scenario
from pyemu.sched.timed import End

KINDS = (SPIN, LIVELOCK, HANG, SIGBUS)
ENDINGS, EVERYTHING = "endings", "everything"
ONLY_EXPLORED = (LIVELOCK, LATE_SIGKILL)  # a timed run doesn't look for these

Signs = frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What one tree showed.

    Attributes
    ----------
    finished : bool
        It can show nothing else. An exploration whose budget ended is not finished, nor is a run that came to
        its time limit.
    rules : frozenset of str
        Rules that were broken, and ``spin``, ``livelock``, ``hang``, ``SIGBUS``; permitted or not.
    endings : frozenset of Ending
        How runs ended.
    """

    finished: bool
    rules: frozenset[str]
    endings: frozenset[Ending]

    @classmethod
    def explored(cls, found: Exploration) -> Seen:
        """Give what every interleaving showed."""
        rules = frozenset(one.rule for one in found.findings)
        return cls(found.finished, rules, frozenset(found.endings))

    @classmethod
    def ran(cls, result: Result) -> Seen:
        """Give what one timed run showed; it ends with its last task that is no monitor."""
        rules = {one.rule for one in (*result.violations, *result.findings)}
        rules |= {SPIN} if result.spins else set()
        rules |= {HANG} if result.end == End.HANG.value else set()
        outcomes = [one for task in result.tasks.values() for one in task.outcomes]
        if any(one.startswith(SIGBUS) or one == f"killed:{int(Signal.SIGBUS)}" for one in outcomes):
            rules.add(SIGBUS)
        return cls(result.end != End.TIME.value, frozenset(rules), frozenset({_ending(result)}))


def _ending(result: Result) -> Ending:
    """Give how a timed run ended, in the words of an exploration."""
    monitors = {task.name for task in result.scenario.tasks if task.monitor}
    seen = []
    for name, task in result.tasks.items():
        told = seen_by(name, result.reports)
        told += [one for one in task.outcomes[-1:] if one.startswith("killed:")]
        hangs = result.end == End.HANG.value and name not in monitors
        if hangs and not list(result.trace.select("exit", task=name)):
            told.append("never ends")
        if told:
            seen.append((name, tuple(told)))
    return Ending(tuple(seen))


@dataclass(frozen=True, slots=True)
class Symptom:
    """What is looked for.

    Attributes
    ----------
    name : str
        As the user names it.
    pick : callable
        Gives the signs of it among what a tree showed.
    single : bool
        There is but one sign: a tree that showed it needn't be finished.
    """

    name: str
    pick: Callable[[Seen], Iterable[str]]
    single: bool = False

    def signs(self, seen: Seen) -> Signs | None:
        """Give what a tree shows of it; None when that isn't known, since the tree isn't finished."""
        found = frozenset(self.pick(seen))
        return found if seen.finished or (self.single and found) else None


def symptom_named(name: str, scenario: Scenario) -> Symptom:
    """Read a symptom.

    Parameters
    ----------
    name : str
        ``endings``: how runs end. ``TASK=OUTCOME``: a task sees this outcome, as in ``T=EFAULT``. A rule of
        `pyemu.rules`, or ``spin``, ``livelock``, ``hang``, ``SIGBUS``: somebody breaks it. ``everything``:
        the endings and all broken rules.
    scenario : Scenario
        Whose tasks may be named.

    Returns
    -------
    Symptom
        To be looked for.

    Raises
    ------
    FaultlabError
        When it is none of these.

    Examples
    --------
    >>> symptom_named("T=EFAULT", Scenario.load("S12")).single
    True
    """
    if name == ENDINGS:
        return Symptom(name, lambda seen: map(str, seen.endings))
    if name == EVERYTHING:
        return Symptom(
            name, lambda seen: [*map(str, seen.endings), *(f"breaks: {rule}" for rule in seen.rules)]
        )
    if name in (*KINDS, *RULES):
        return Symptom(name, lambda seen: seen.rules & {name}, single=True)
    task, equals, outcome = name.partition("=")
    tasks = [one.name for one in scenario.tasks]
    if equals and outcome and task in tasks:
        return Symptom(
            name,
            lambda seen: [f"{task}: {outcome}"] if outcome in outcomes([seen], task) else [],
            single=True,
        )
    raise FaultlabError(
        f"symptom {name!r} is unknown: it must be {ENDINGS}, {EVERYTHING}, TASK=OUTCOME with a task of "
        f"{scenario.name} ({', '.join(tasks)}), {', '.join(KINDS)}, or a rule: {', '.join(RULES)}."
    )


def outcomes(seen: Iterable[Seen], task: str) -> set[str]:
    """Give every outcome of a task that was seen."""
    return {
        outcome
        for one in seen
        for ending in one.endings
        for name, told in ending.tasks
        if name == task
        for outcome in told
    }
