"""A scenario of the emulator as a plan for the real kernel.

The steps are the emulator's own. What a plan can hold is less than a scenario can: one victim ``T`` that
touches one area ``V`` which a userfaultfd serves, and one monitor ``M``.
"""

from __future__ import annotations

import signal

from course.conform.kernels import NotModelled
from course.live.accesses import ACCESSES
from course.live.plan import Plan
from course.live.uffd import FEATURES, MODES
from pyemu.scenario import Scenario

__all__ = ["plan_of"]

# What a monitor does here.
STEPS = {
    *("wait_message", "pause", "poll", "sample", "signal"),
    *("copy", "wake", "writeprotect", "continue", "unregister", "close"),
}


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
    files = {file.name: file for file in scenario.files}
    file = files.get(area.file)
    on_disk = file is not None and (file.kind != "tmpfs" or len(file.cached) != file.pages)
    if strange or on_disk or area.swapped or area.huge or scenario.machine.arch != "x86":
        what = ", ".join(sorted(strange)) or "a file on a disk, swapped or huge pages, or another machine"
        raise NotModelled(f"scenario {scenario.name} can't be played on a real kernel here: it has {what}.")
    return Plan(
        accesses=accesses,
        monitor=monitor,
        pages=area.pages,
        populated=list(area.populated),
        shared=area.shared,
        cached=file.byte if file else None,
        mode=sum(MODES[word] for word in area.userfaultfd.split("+")),
        features=sum(FEATURES[name] for name in area.features),
        user_mode_only=area.user_mode_only,
        signals={signal.Signals(n).name: what for n, what in tasks["T"].signals if what != "escape"},
        blocked=[signal.Signals(n).name for n in tasks["T"].blocked],
    )
