"""States as values: what is kept of a machine, so that it can be put back, compared and counted."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pyemu.explore.nodes import Node
from pyemu.sched.sigqueue import queues
from pyemu.sched.tasks import Task
from pyemu.state import Location, State

# What a task is made of besides its frames, its lists and its tables.
FIELDS = (
    "pending",
    "asleep",
    "ended",
    "exiting",
    "killed_by",
    "missed",
    "stopped",
    "hold",
    "next_id",
    "attempt",
    "attempt_page",
    "last_result",
    "by_area",
    "waited_in_userfault",
)


@dataclass(frozen=True, slots=True)
class KeptTask:
    """A task, kept; `shape` is a number for all of it that the future depends on.

    Of each shape there is one, that of the task which had it first.
    """

    nodes: tuple[Node, ...]
    frame_args: tuple[Any, ...]
    fields: dict[str, Any]
    holds: tuple[Any, ...]
    locks: tuple[Any, ...]
    found: dict[int, int]
    fresh: frozenset[tuple[Location, int]]
    actions: dict[int, str]
    shape: int

    def put(self, task: Task) -> None:
        """Give a task all of this but its frames, which are made when it moves."""
        for name, value in self.fields.items():
            setattr(task, name, value)
        task.result = None
        task.holds[:] = self.holds
        task.locks[:] = self.locks
        task.found = dict(self.found)
        task.fresh = set(self.fresh)
        if task.actions != self.actions:
            task.actions.clear()
            task.actions.update(self.actions)


@dataclass(frozen=True, slots=True)
class Kept:
    """A state, kept: everything that the future depends on, and nothing that runs.

    Attributes
    ----------
    data : dict
        The table of locations. Nobody writes to it.
    code : int
        A number for all of the state that the future depends on: two states with the same one are equal.
    ram : int
        A number for what emulated RAM holds.
    tasks : tuple of KeptTask
        In order.
    reports : tuple
        What programs saw.
    running : int
        Who has the only CPU, if there is one only.
    """

    data: dict[Location, Any]
    code: int
    ram: int
    tasks: tuple[KeptTask, ...]
    reports: tuple[Any, ...]
    running: int


class Numbers:
    """Numbers for what states are made of, and one value of each kind.

    A state's code is the sum, by exclusive or, of its rows' numbers. A row is a place and its value: a
    location of the table, what RAM holds, a task's shape, who has the CPU, what a program saw.
    """

    def __init__(self) -> None:
        self._rows: dict[Any, tuple[int, Any]] = {}
        self._tasks: dict[Any, KeptTask] = {}

    def _row(self, place: Location, value: Any) -> tuple[int, Any]:
        row = self._rows.get((place, value))
        if row is None:
            digest = blake2b(b"%d" % len(self._rows), digest_size=16).digest()
            code = int.from_bytes(digest, "big")  # as good as a throw of dice
            row = self._rows[place, value] = (code, value)
        return row

    def code(self, place: Location, value: Any) -> int:
        """Give the number of a row; a place that holds nothing has no row."""
        return 0 if value is None or value is False or value == () else self._row(place, value)[0]

    def one(self, place: Location, value: Any) -> Any:
        """Give the one value of this kind: at the same place, equal values are the same object."""
        return self._row(place, value)[1]

    def task(
        self, state: State, task: Task, nodes: tuple[Node, ...], frame_args: tuple[Any, ...]
    ) -> KeptTask:
        """Keep a task, whose frames stand at some nodes."""
        holds, locks, fresh = tuple(task.holds), tuple(task.locks), fresh_signals(state, task)
        pending = task.pending
        shape = (
            tuple([node.number for node in nodes]),
            frame_args,
            None if pending is None else (pending.op, pending.args),
            (task.asleep, task.ended, task.exiting, task.killed_by, task.missed, task.next_id, task.stopped),
            (min(task.attempt - task.by_area, 2), task.attempt_page, task.last_result),
            task.waited_in_userfault,
            holds,
            locks,
            frozenset([vma for vma, hold in task.found.items() if hold == task.hold]),
            tuple(task.actions.items()),
            fresh,
        )
        kept = self._tasks.get(shape)
        if kept is None:
            kept = self._tasks[shape] = KeptTask(
                nodes,
                frame_args,
                {name: getattr(task, name) for name in FIELDS},
                holds,
                locks,
                dict(task.found),
                fresh,
                dict(task.actions),
                len(self._tasks),
            )
        return kept


def fresh_signals(state: State, task: Task) -> frozenset[tuple[Location, int]]:
    """Give the signals that were queued since a task last went to user mode, and that are still there."""
    if not task.fresh:
        return frozenset()
    pending = [(place, info.signal) for place in queues(task) for info in state.data.get(place, ())]
    return frozenset(task.fresh.intersection(pending))
