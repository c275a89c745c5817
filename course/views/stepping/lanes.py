"""Lanes: what each task, ``mmap_sem`` and each CPU are doing at each event, for the bars of a stepper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course.views.lanes import lock_words
from course.views.moments import Scene, TaskScene
from course.views.stepping.rows import Side
from course.views.stepping.states import NO_CPU
from pyemu.trace import Trace

__all__ = ["Bar", "Lane", "lanes"]


@dataclass(frozen=True, slots=True)
class Bar:
    """A state of a lane.

    Attributes
    ----------
    style : str
        One of `course.views.stepping.palette.STYLES`.
    letter : str
        Stands in the bar where there is room for one letter.
    text : str
        Stands in the bar where there is room for it.
    """

    style: str
    letter: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane.

    Attributes
    ----------
    name : str
        Stands before it.
    task : int
        Number of the task whose events are drawn in it; 0: none.
    bars : tuple of Bar
        The states that it may have.
    states : tuple of int
        At each event, the place in `bars`.
    """

    name: str
    task: int
    bars: tuple[Bar, ...]
    states: tuple[int, ...]


def lanes(trace: Trace, side: Side) -> tuple[Lane, ...]:
    """Give the lanes of a run.

    Parameters
    ----------
    trace : Trace
        The run.
    side : Side
        Its events as they are shown.

    Returns
    -------
    tuple of Lane
        The tasks in the scenario's order, the lock, the CPUs that are used.
    """
    scenes = _scenes(trace, side)
    on_cpus = {event.task for event in side.events if event.cpu != NO_CPU}
    idle = [Bar("none")] * len(scenes)  # a device, such as a timer: it needs no CPU
    own = [
        _lane(name, number, [_task(scene, name) for scene in scenes] if number in on_cpus else idle)
        for number, name in enumerate(trace.tasks, 1)
    ]
    return (*own, _lane("mmap_sem", 0, list(map(_lock, scenes))), *_cpus(trace, side))


def _scenes(trace: Trace, side: Side) -> list[Scene]:
    scene = Scene(tuple(map(TaskScene, trace.tasks)))
    found = []
    for moment in side.moments:
        scene = moment.scene if moment else scene
        found.append(scene)
    return found


def _lane(name: str, task: int, states: Sequence[Bar]) -> Lane:
    places = {bar: place for place, bar in enumerate(dict.fromkeys(states))}
    return Lane(name, task, tuple(places), tuple(places[bar] for bar in states))


def _task(scene: Scene, name: str) -> Bar:
    task = scene.task(name)
    if task.doing == "ended":
        return Bar("none")
    if any(waiter == name for waiter, _ in scene.waiters):
        return Bar("wait", "W", "waits for mmap_sem")
    if task.doing.startswith("sleeps"):
        return Bar("sleep", "S", task.doing)
    if task.in_fault:
        attempt = f"fault, attempt {task.attempt}" if task.attempt else "fault"
        return Bar("kernel", str(task.attempt or "F"), attempt)
    return Bar("run", "R", "runs")


def _lock(scene: Scene) -> Bar:
    if not scene.holders and not scene.waiters:
        return Bar("none")
    writes = any(mode == "writing" for _, mode in scene.holders)
    letter = "w" if writes else "r"
    return Bar("write" if writes else "read", letter + ("!" if scene.waiters else ""), lock_words(scene))


def _cpus(trace: Trace, side: Side) -> list[Lane]:
    """Give a lane for each CPU: from an event on it to the sleep or the next CPU of that task."""
    runs: dict[int, int] = {}
    found: list[dict[int, int]] = []
    for event in side.events:
        if event.task and event.cpu != NO_CPU:
            runs = {cpu: task for cpu, task in runs.items() if task != event.task}
            if event.kind not in ("sleep", "exit"):
                runs[event.cpu] = event.task
        found.append(runs)
    idle = Bar("none")
    return [
        _lane(
            f"CPU {cpu}",
            0,
            [
                Bar("run", trace.task_name(now[cpu])[:1], trace.task_name(now[cpu])) if cpu in now else idle
                for now in found
            ],
        )
        for cpu in sorted({event.cpu for event in side.events if event.task and event.cpu != NO_CPU})
    ]
