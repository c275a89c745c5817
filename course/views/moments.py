"""Moments: the events of a trace that a view shows, each with what is true right after it.

This is the one place where views turn events into states: who holds ``mmap_sem``, who waits for it, which
attempt a task is in and with which flags, where the page is. It reads the trace, never the machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from course.views.words import Names, phrase, sentence
from pyemu.effects.swapops import is_migration_entry, is_swap_entry
from pyemu.flags import PAGE_MASK, PageFaultError, state_letter
from pyemu.trace import Event, Trace

__all__ = ["GOALS", "Moment", "Scene", "TaskScene", "causes_first", "moments"]

GOALS = ("find vma", "try", "wait", "wake", "decide", "retry")
"""The steps of a page fault as lesson 00 names them."""

T = TypeVar("T")

Hold = tuple[str, str]
"""A task and how it holds the lock, or wants it: ``("T", "reading")``."""


@dataclass(frozen=True, slots=True)
class TaskScene:
    """What a task is doing.

    Attributes
    ----------
    name : str
        The task.
    doing : str
        ``runs``, ``sleeps (S)``, ``ended``, ...
    in_fault : bool
        It is handling a page fault.
    attempt : int
        Number of the attempt in this fault, from 1; 0: none yet. Kept after the fault, until the next.
    flags : int
        Flag word of that attempt (`FaultFlag`).
    bits : int or None
        What that attempt gave (`VmFault`); None while it runs.
    """

    name: str
    doing: str = "runs"
    in_fault: bool = False
    attempt: int = 0
    flags: int = 0
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What is true after an event.

    Attributes
    ----------
    tasks : tuple of TaskScene
        In the scenario's order.
    holders, waiters : tuple of (str, str)
        Who holds ``mmap_sem``, who waits for it, and for what.
    pages : tuple of (int, str)
        Address of each page that was touched, and ``missing``, ``present``, ``swapped out`` or ``moving``.
    unread : tuple of (str, int)
        Messages that the monitor has not read: who sent them, which page.
    """

    tasks: tuple[TaskScene, ...]
    holders: tuple[Hold, ...] = ()
    waiters: tuple[Hold, ...] = ()
    pages: tuple[tuple[int, str], ...] = ()
    unread: tuple[tuple[str, int], ...] = ()

    def task(self, name: str) -> TaskScene:
        """Give the task of a name."""
        return next(task for task in self.tasks if task.name == name)


@dataclass(frozen=True, slots=True)
class Moment:
    """One event that a view shows.

    Attributes
    ----------
    event : Event
        The event.
    place : int
        Its place among all events of the trace, as `causes_first` gives them.
    task : str
        Whose it is; ``-`` for the machine itself.
    phrase : str
        What happened, without the subject.
    goal : str
        One of `GOALS`, or empty where no page fault is being handled.
    scene : Scene
        What is true now.
    """

    event: Event
    place: int
    task: str
    phrase: str
    goal: str
    scene: Scene

    @property
    def t(self) -> int:
        """Virtual time, in us."""
        return self.event.t

    @property
    def sentence(self) -> str:
        """The event as a sentence."""
        return sentence(self.task, self.phrase)


def moments(trace: Trace) -> tuple[Moment, ...]:
    """Give the events that views show, with the scene after each.

    Parameters
    ----------
    trace : Trace
        Of any run.

    Returns
    -------
    tuple of Moment
        In the order of the trace; of the events of one effect, the waking of others comes last, as it is
        the consequence.
    """
    found = []
    names = Names.of(trace)
    scene = Scene(tuple(map(TaskScene, trace.tasks)))
    for place, event in enumerate(causes_first(trace)):
        task = trace.task_name(event.task)
        goal = _goal(scene, task, event.kind)
        scene = _after(scene, task, event)
        words = phrase(names, event)
        if words:
            found.append(Moment(event, place, task, words, goal, scene))
    return tuple(found)


def causes_first(trace: Trace) -> Iterator[Event]:
    """Give the events of a trace; of those of one effect, the waking of others comes last."""
    for _, events in groupby(trace, key=lambda event: event.step):
        yield from sorted(events, key=lambda event: event.kind == "wake")


def _goal(scene: Scene, name: str, kind: str) -> str:
    """Say which step of a page fault an event belongs to; `scene` is the one before it."""
    task = next((task for task in scene.tasks if task.name == name), None)
    if task is None or not task.in_fault:
        return ""
    attempt_runs = task.attempt > 0 and task.bits is None
    match kind:
        case "attempt" | "pte":
            return "try"
        case "attempt_end" | "fault_signal":
            return "decide"
        case "wake" if attempt_runs:
            return "wake"
        case "message" | "sleep" | "lock_dropped" | "lock_taken" if attempt_runs:
            return "wait"
        case "lock_dropped":
            return "decide"
        case "find_vma" | "lock_taken" | "lock_queued" | "lock_granted":
            return "retry" if task.attempt else "find vma"
    return ""


def _after(scene: Scene, name: str, event: Event) -> Scene:
    """Give the scene after an event of a task."""
    match event.kind, event.a, event.b:
        case "lock_taken", _, str(mode):
            return replace(scene, holders=(*scene.holders, (name, mode)))
        case "lock_queued", _, str(mode):
            return replace(scene, waiters=(*scene.waiters, (name, mode)))
        case "lock_granted", _, str(mode):
            hold = (name, mode)
            return replace(scene, holders=(*scene.holders, hold), waiters=_without(scene.waiters, hold))
        case "lock_dropped", _, str(mode):
            return replace(scene, holders=_without(scene.holders, (name, mode)))
        case "lock_wait_killed", _, str(mode):
            return replace(scene, waiters=_without(scene.waiters, (name, mode)))
        case "message", int(va), _:
            return replace(scene, unread=(*scene.unread, (name, va)))
        case "message_read", int(va), _:
            read = next((one for one in scene.unread if one[1] == va), None)
            return replace(scene, unread=_without(scene.unread, read))
        case "pte", int(va), entry:
            return _with_page(scene, va, place_of_page(int(entry)))
        case "access", _, _:
            return _with_task(scene, name, in_fault=False)
        case "exception", int(va), int(error):
            known = dict(scene.pages).get(va & PAGE_MASK)
            absent = known if known in ELSEWHERE else "missing"  # the error code doesn't tell these apart
            scene = _with_page(scene, va, "present" if error & PageFaultError.PROT else absent)
            return _with_task(scene, name, in_fault=True, attempt=0, flags=0, bits=None)
        case "attempt", int(flags), int(n):
            return _with_task(scene, name, attempt=n, flags=flags, bits=None)
        case "attempt_end", int(bits), _:
            return _with_task(_without_messages(scene, name), name, bits=bits)
        case "sleep", int(state), _:
            return _with_task(scene, name, doing=f"sleeps ({state_letter(state)})")
        case "wake", _, _:
            return _with_task(_without_messages(scene, name), name, doing="runs")
        case "exit", _, _:
            return _with_task(scene, name, doing="ended", in_fault=False)
    return scene


def _with_task(scene: Scene, name: str, **changes: Any) -> Scene:
    tasks = tuple(replace(task, **changes) if task.name == name else task for task in scene.tasks)
    return replace(scene, tasks=tasks)


ELSEWHERE = ("swapped out", "moving")


def place_of_page(entry: int) -> str:
    """Say where a page is, by its entry."""
    if is_swap_entry(entry):
        return "swapped out"
    if is_migration_entry(entry):
        return "moving"
    return "present" if entry else "missing"


def _with_page(scene: Scene, va: int, state: str) -> Scene:
    pages = dict(scene.pages) | {va & PAGE_MASK: state}
    return replace(scene, pages=tuple(sorted(pages.items())))


def _without_messages(scene: Scene, name: str) -> Scene:
    """Take back what a task asked for and nobody read: it no longer waits for an answer."""
    return replace(scene, unread=tuple(one for one in scene.unread if one[0] != name))


def _without(items: tuple[T, ...], one: T | None) -> tuple[T, ...]:
    """Leave out the first item that is equal to one; a trace of a faulty handler may have none."""
    if one not in items:
        return items
    place = items.index(one)
    return items[:place] + items[place + 1 :]
