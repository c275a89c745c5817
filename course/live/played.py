"""Scenarios of the library on the real kernel: what the emulator says will happen, and what does.

Their steps are played as they stand; only pauses are longer, because a busy machine needs time to run a task
that was woken. Of the records nothing is comparable here, so outcome, order, states and counters are.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from course.conform.kernels import Kernel, NotModelled, kernel_of
from course.live.asking import TRIES, Asked
from course.live.monitor import Answer, ask
from course.live.order import MESSAGE, folded, order_of
from course.live.plan import Plan
from course.live.planning import plan_of
from course.live.reasons import (
    BUSY_LOOP,
    NEAREST,
    NOT_TOLD,
    OWN_PAGES,
    SIGNAL_FRAME,
    USER_MODE_ONLY,
    WHO_RUNS_WHEN,
    Reason,
)
from course.live.recording import label
from course.live.sides import Difference, Side, Sides, next_door, not_here
from course.live.uffd import Lacking
from pyemu.machine import run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["MINOR_FAULT", "emulated", "play_all", "playable", "scenario_of"]

SHORTEST_PAUSE = 30_000  # us
TIMED = ("messages", "states", "order")
LEAST_MESSAGES = 2  # of a busy loop

MINOR_FAULT = Scenario.from_dict(
    {
        "version": 1,
        "name": "minor-fault",
        "title": "The page is in the cache, and the monitor is asked all the same (UFFDIO_CONTINUE)",
        "files": [{"name": "F", "kind": "tmpfs", "pages": 4, "byte": 4, "cached": True}],
        "areas": [
            {"name": "V", "file": "F", "shared": True, "pages": 4, "populated": [0], "userfaultfd": "minor"}
        ],
        "tasks": [
            {"name": "T", "program": [{"do": "read", "area": "V", "page": 1}]},
            {
                "name": "M",
                "monitor": True,
                "program": [
                    {"do": "wait_message"},
                    {"do": "pause", "ticks": 50_000},
                    {"do": "continue", "area": "V", "page": 1},
                ],
            },
        ],
    }
)
"""A part of the library's ``uffd-minor`` that needs no huge page; Linux knows it since v5.14."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a kernel, real or emulated, did in a scenario.

    Attributes
    ----------
    outcome, states, order : str
        Of all accesses, all samples; in the words of `course.live.order`.
    messages, minor, major : int or None
        How many; None where T was killed and could not tell.
    """

    outcome: str
    messages: int
    states: str
    order: str
    minor: int | None
    major: int | None


def scenario_of(name: str) -> Scenario:
    """Give a scenario by its name: one of the library, or ``minor-fault``."""
    return MINOR_FAULT if name == MINOR_FAULT.name else Scenario.load(name)


def playable() -> list[Scenario]:
    """Give the scenarios that a real kernel can be asked for, by their names."""
    found = []
    for name in [*Scenario.library(), MINOR_FAULT.name]:
        scenario = scenario_of(name)
        try:
            plan_of(scenario)
        except NotModelled:
            continue
        found.append(scenario)
    return sorted(found, key=lambda one: one.name)


def play_all(names: Sequence[str], runs: int, limit: float, user: int | None) -> list[Asked]:
    """Play scenarios on the kernel that runs here.

    Parameters
    ----------
    names : sequence of str
        Of `playable` ones.
    runs, limit, user
        As in `course.live.asking.asked_all`.

    Returns
    -------
    list of Asked
        In the same order.

    Raises
    ------
    ScenarioError, NotModelled
        There is no such scenario, or it can't be played.
    Refused
        There is no userfaultfd here, or not for this user.
    """
    return [_play(scenario_of(name), runs, limit, user) for name in names]


def emulated(name: str, kernel: Kernel) -> Side:
    """Give what the emulator does in a scenario, on the tree of a kernel."""
    return _side(f"emulator, {kernel.emulated}", [_emulated(scenario_of(name), kernel, kernel.tree)[0]])


def _play(scenario: Scenario, runs: int, limit: float, user: int | None) -> Asked:
    plan = _patient(plan_of(scenario))
    kernel = kernel_of(label(platform.release()))
    answers: list[Answer] = []
    while True:
        try:
            answers.append(ask(plan, None, limit, user))
        except Lacking as why:
            return Asked([], not_here(scenario.name, str(why), emulated(scenario.name, kernel)), False)
        if len(answers) < runs:
            continue
        sides = _judged(scenario, kernel, answers)
        if len(answers) >= TRIES or sides.n_agree == len(answers):
            return Asked([], sides, answers[0].user_mode_only)


def _patient(plan: Plan) -> Plan:
    """Make short pauses longer; who looks once, without waiting, still does."""
    steps = [
        {**step, "ticks": max(step["ticks"], SHORTEST_PAUSE)}
        if step["do"] in ("pause", "poll") and step["ticks"]
        else step
        for step in plan.monitor
    ]
    return replace(plan, monitor=steps)


def _judged(scenario: Scenario, kernel: Kernel, answers: Sequence[Answer]) -> Sides:
    """Compare what happened with what the emulator says."""
    only = answers[0].user_mode_only
    if only:
        areas = tuple(replace(one, user_mode_only=bool(one.userfaultfd)) for one in scenario.areas)
        scenario = replace(scenario, areas=areas)
    model, busy = _emulated(scenario, kernel, kernel.tree)
    real = [_real(answer, busy) for answer in answers]
    frame = any("handler" in answer.order for answer in answers)
    differing = [_differing(one, model, busy=busy, frame=frame) for one in real]
    counts = Counter((name, *pair) for one in differing for name, pair in one.items())

    def reason(name: str) -> Reason | None:
        agrees = any(name not in one for one in differing)
        if agrees and name in (*TIMED, "minor"):
            return OWN_PAGES if name == "minor" else WHO_RUNS_WHEN
        return NEAREST if kernel.nearest and said_next_door(name) else None

    def said_next_door(name: str) -> bool:
        others = (_emulated(scenario, kernel, tree)[0] for tree in next_door(kernel))
        return any(
            all(name not in _differing(one, other, busy=busy, frame=frame) for one in real)
            for other in others
        )

    differences = tuple(
        Difference(name, one, said, n, reason(name)) for (name, one, said), n in counts.items()
    )
    reasons = [
        *([BUSY_LOOP] if busy else []),
        *([NOT_TOLD] if model.major is None else []),
        *([USER_MODE_ONLY] if only and "EFAULT" in model.outcome else []),
        *([SIGNAL_FRAME] if frame and any(one.minor != model.minor for one in real) else []),
        *(one.reason for one in differences if one.reason),
    ]
    who = f"this kernel, {kernel.label}" + (f", {len(real)} runs" if len(real) > 1 else "")
    return Sides(
        scenario.name,
        len(answers),
        sum(not one for one in differing),
        (_side(who, real), _side(f"emulator, {kernel.emulated}", [model])),
        differences,
        tuple(dict.fromkeys(reasons)),
    )


def _emulated(scenario: Scenario, kernel: Kernel, tree: Tree) -> tuple[Facts, bool]:
    """Give what the emulator does, and whether it goes round in a busy loop."""
    machine = replace(scenario.machine, n_cpus=kernel.computer.n_cpus)
    result = run(replace(scenario, machine=machine), tree)
    victim = result.tasks["T"]
    busy = victim.stats.get("spins", 0) > 0
    order = order_of(result)
    killed = victim.outcome.startswith("killed")
    samples = [
        str(state) for _, who, what, state in result.reports if who == "M" and what.startswith("sample")
    ]
    facts = Facts(
        victim.outcome if killed else " ".join(victim.outcomes),
        order.count(MESSAGE),
        "".join(samples),
        _told(order, busy=busy),
        None if killed else victim.counters["min_flt"],
        None if killed else victim.counters["maj_flt"],
    )
    return facts, busy


def _real(answer: Answer, busy: bool) -> Facts:
    done = answer.end == "done"
    return Facts(
        " ".join(str(one["outcome"]) for one in answer.results) if done else answer.end,
        len(answer.flags),
        "".join(state for _, state in answer.samples),
        _told(answer.order, busy=busy),
        sum(one["minflt"] for one in answer.results) if done else None,
        sum(one["majflt"] for one in answer.results) if done else None,
    )


def _told(order: Sequence[str], *, busy: bool) -> str:
    return " ".join(folded(order) if busy else order)


def _differing(real: Facts, model: Facts, *, busy: bool, frame: bool) -> dict[str, tuple[str, str]]:
    """Give the fields that differ; what is chance in a busy loop, or may be a signal frame, is none."""
    least = min(model.messages, LEAST_MESSAGES)  # who never looks sees no more
    same: dict[str, Callable[[], bool]] = {
        "outcome": lambda: real.outcome == model.outcome,
        "messages": lambda: real.messages >= least if busy else real.messages == model.messages,
        "states": lambda: busy or real.states == model.states,
        "order": lambda: real.order == model.order,
        "minor": lambda: real.minor == model.minor or (frame and _near(real.minor, model.minor)),
        "major": lambda: real.major == model.major,
    }
    return {
        name: (str(getattr(real, name)), str(getattr(model, name)))
        for name, agrees in same.items()
        if not agrees()
    }


def _near(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= 1


def _side(who: str, seen: Sequence[Facts]) -> Side:
    def texts(name: str) -> tuple[str, ...]:
        values = (getattr(one, name) for one in seen)
        return tuple("-" if value in (None, "") else str(value) for value in values)

    return Side(who, *map(texts, ("outcome", "messages", "states", "order", "minor", "major")))
