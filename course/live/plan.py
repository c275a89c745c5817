"""A scenario of the emulator as a plan for the real kernel: what the victim does, what the monitor does.

The steps are the emulator's own, and a tick is one us. What a plan can hold is less than a scenario can: one
victim ``T`` that touches one area ``V`` which a userfaultfd serves, and one monitor ``M``.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Any

from course.conform.kernels import NotModelled
from course.live.accesses import ACCESSES
from course.live.uffd import FEATURES, MODES
from pyemu.scenario import Scenario

__all__ = ["Plan", "plan_of"]

Step = dict[str, Any]

# What a monitor does here.
STEPS = {
    *("wait_message", "pause", "poll", "wait_readable", "sample", "signal", "mark"),
    *("copy", "wake", "writeprotect", "continue", "unregister", "close"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What two processes do.

    Attributes
    ----------
    accesses : list of dict
        Steps of the victim, in order.
    monitor : list of dict
        Steps of the monitor.
    pages : int
        Of the area.
    populated : list of int
        Its pages that are there from the start.
    shared : bool
        shmem, not private memory.
    mode, features : int
        With which the area is registered, the userfaultfd made.
    user_mode_only : bool
        It is made with UFFD_USER_MODE_ONLY.
    signals : dict of str to str
        Name of a signal -> ``handler``, ``restart`` or ``ignore``.
    blocked : list of str
        Signals that the victim blocks.
    """

    accesses: list[Step]
    monitor: list[Step]
    pages: int
    populated: list[int]
    shared: bool = False
    mode: int = MODES["missing"]
    features: int = 0
    user_mode_only: bool = False
    signals: dict[str, str] = field(default_factory=dict)
    blocked: list[str] = field(default_factory=list)


def plan_of(scenario: Scenario) -> Plan:
    """Make a plan of a scenario.

    Parameters
    ----------
    scenario : Scenario
        With a task ``T``, a task ``M`` and an area ``V``.

    Returns
    -------
    Plan
        What is to be done.

    Raises
    ------
    NotModelled
        When it needs more than a plan can hold; the text says what.
    """
    tasks = {task.name: task for task in scenario.tasks}
    areas = {area.name: area for area in scenario.areas}
    if set(tasks) != {"T", "M"} or "V" not in areas or not areas["V"].userfaultfd:
        raise NotModelled(
            f"scenario {scenario.name} can't be played on a real kernel here: it needs more than a victim T, "
            "a monitor M and an area V with a userfaultfd."
        )
    area = areas["V"]
    accesses, monitor = (
        [{"do": str(step.do), **dict(step.values)} for step in tasks[name].program] for name in ("T", "M")
    )
    strange = {step["do"] for step in accesses} - set(ACCESSES) | {step["do"] for step in monitor} - STEPS
    if strange or area.file or area.swapped or area.huge:
        what = ", ".join(sorted(strange)) or "a file, swapped or huge pages"
        raise NotModelled(f"scenario {scenario.name} can't be played on a real kernel here: it has {what}.")
    return Plan(
        accesses=accesses,
        monitor=monitor,
        pages=area.pages,
        populated=list(area.populated),
        shared=area.shared,
        mode=sum(MODES[word] for word in area.userfaultfd.split("+")),
        features=sum(FEATURES[name] for name in area.features),
        user_mode_only=area.user_mode_only,
        signals={signal.Signals(n).name: what for n, what in tasks["T"].signals if what != "escape"},
        blocked=[signal.Signals(n).name for n in tasks["T"].blocked],
    )
