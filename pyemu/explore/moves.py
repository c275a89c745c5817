"""Moves that can be taken back: states as values.

`Moves` is a machine that can be put into any state it was in before. A state is kept as values: the table
of locations, emulated RAM, and for each task its fields and the nodes of its frames. Two states with the same
key have the same future.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

from pyemu.effects import Effect
from pyemu.explore.nodes import Node, NodeFrame, Nodes
from pyemu.explore.stepping import SteppedExecutor, Stepping
from pyemu.flags import PAGE_SHIFT, TaskState
from pyemu.scenario import Scenario
from pyemu.sched.frames import KernelFrame
from pyemu.sched.semantics import SEMANTICS, Footprint, World
from pyemu.sched.signals import Places, every_word
from pyemu.sched.sigqueue import queues
from pyemu.sched.tasks import Task
from pyemu.state import Location
from pyemu.trace import Trace
from pyemu.tree import Tree

# Nobody's next step depends on these: counters are only written, and without a TLB there is none to touch.
UNSEEN = frozenset({"counter", "vmstat", "tlb"})
IN_RAM = frozenset({"pte", "bytes", "arena", "free_frames"})  # who writes these writes RAM

# What a task is made of besides its frames, its lists and its tables; `Moves._put_task` gives it back.
standing = attrgetter("pending", "asleep", "ended", "exiting", "killed_by", "missed", "stopped")
counting = attrgetter("hold", "next_id", "attempt", "attempt_page", "last_result", "by_area")
waiting = attrgetter("waited_in_userfault")


class Silent(Trace):
    """A trace that nobody reads."""

    def add(self, *event: Any) -> None:
        """Forget the event."""


class WalkingExecutor(SteppedExecutor):
    """An executor whose frames walk along nodes."""

    nodes: Nodes

    def start_frame(self, name: str, args: tuple[Any, ...]) -> NodeFrame:
        """Make a frame at a function's begin."""
        return self.nodes.frame(name, args)


@dataclass(frozen=True, slots=True)
class KeptTask:
    """A task, kept; `shape` is a number for all of it that the future depends on."""

    nodes: tuple[Node, ...]
    frame_args: tuple[Any, ...]
    fields: tuple[Any, ...]
    holds: tuple[Any, ...]
    locks: tuple[Any, ...]
    found: tuple[Any, ...]
    fresh: frozenset[Any]
    actions: tuple[Any, ...]
    shape: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A state, kept: everything that the future depends on, and nothing that runs.

    Attributes
    ----------
    data : dict
        The table of locations.
    code : int
        A number for that table: two tables with the same one are equal.
    ram : tuple of bytes
        The used parts of emulated RAM: one of each arena.
    tasks : tuple of KeptTask
        In order.
    reports : tuple
        What programs saw.
    told : int
        A number for that, task by task.
    running : int
        Who has the only CPU, if there is one only.
    """

    data: dict[Location, Any]
    code: int
    ram: tuple[bytes, ...]
    tasks: tuple[KeptTask, ...]
    reports: tuple[Any, ...]
    told: int
    running: int


@dataclass(frozen=True, slots=True)
class Move:
    """What a move did.

    Attributes
    ----------
    after : Kept
        The state after it.
    footprint : Footprint
        What it read and wrote.
    broken : tuple of (str, str, str)
        Task, rule and text of each rule that it broke.
    waited : bool
        The task slept before it, or let time pass.
    """

    after: Kept
    footprint: Footprint
    broken: tuple[tuple[str, str, str], ...]
    waited: bool


def last_words(world: World, task: Task) -> Places:
    """Footprint of ending: a pending signal of the process is another thread's business then."""
    own: list[Location] = [("state", task.id), ("ended", task.id)]
    flag: Location = ("sigpending", task.id)
    return [flag], [*own, *(every_word(world, task)[1] if world.state.data.get(flag) else ())]


class Moves(Stepping):
    """A machine that moves, and goes back.

    Parameters
    ----------
    scenario, tree, override
        As in `Stepping`.

    Attributes
    ----------
    first : Kept
        The state before the first move.
    nodes : Nodes
        Where the functions stand.
    """

    executor_class = WalkingExecutor
    executor: WalkingExecutor

    def __init__(self, scenario: Scenario, tree: Tree, override: Mapping[str, Any] | None = None) -> None:
        super().__init__(scenario, tree, override, self._observe, Silent)
        world = self.world
        world.looked = set()
        self.nodes = self.executor.nodes = Nodes(self.executor.functions, self.executor.override)
        self.reads: set[Location] = set()
        self.writes: set[Location] = set()
        self.codes: dict[Any, int] = {}
        self.numbers: dict[Any, int] = {}
        self.rams: dict[Any, Any] = {}  # one of each kind
        for task in self.tasks:
            world.state.data.setdefault(("state", task.id), TaskState(0))
            (frame,) = task.frames
            if not isinstance(frame, KernelFrame):
                raise AssertionError("a task begins with its program")
            task.frames[:] = [self.nodes.program(frame)]
        self.begin()
        arenas = [world.state.data["arena", arena][0] for arena in range(1, len(self.tasks) + 1)]
        self.starts = [0, *(first << PAGE_SHIFT for first in arenas)]
        data = dict(world.state.data)
        code = self._difference({}, data, set(data))
        tasks = tuple([self._keep_task(task, self._nodes_of(task), ()) for task in self.tasks])
        self.at = Kept(data, code, self._ram(), tasks, (), self._told(), self.running)
        self.first = self.at

    # ------------------------------------------------------------------------------------ moving

    def move(self, number: int) -> Move:
        """Let a task that can move do so.

        Parameters
        ----------
        number : int
            The task.

        Returns
        -------
        Move
            What it did.
        """
        world, task, old = self.world, self.world.tasks[number], self.at.tasks[number - 1]
        # What is kept is not written to, and frames are made for who moves alone.
        world.state.data = dict(self.at.data)
        task.frames = [NodeFrame(self.nodes, node) for node in old.nodes]
        task.frame_args = list(old.frame_args)
        self.reads.clear()
        self.writes.clear()
        waited = task.asleep or self.lets_time_pass(task)
        reads, writes = last_words(world, task)
        self.step(number)
        if task.ended:
            self.reads.update(reads)
            self.writes.update(writes)
        if self.one_cpu:
            self.writes.add(("cpu",))
        broken = (*world.violations, *world.findings)
        world.violations.clear()
        world.findings.clear()
        self.at = self._keep(task)
        footprint = Footprint(
            frozenset([one for one in self.reads | self.writes if one[0] not in UNSEEN]),
            frozenset([one for one in self.writes if one[0] not in UNSEEN]),
        )
        return Move(self.at, footprint, broken, waited)

    def settle(self, task: Task) -> None:
        """Find out what a task asks for next; what decides whether it gets that belongs to its footprint."""
        super().settle(task)
        effect, looked = task.pending, self.world.looked
        if effect is not None and SEMANTICS[effect.op].enabled is not None:
            self.reads |= SEMANTICS[effect.op].touches(self.world, task, effect.args).reads
        if looked:
            self.reads |= looked
            looked.clear()

    def _observe(self, task: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        self.reads |= footprint.reads
        self.writes |= footprint.writes
        self.executor.count_operation(task)

    # ------------------------------------------------------------------------------------ states

    def _keep(self, mover: Task) -> Kept:
        """Keep the state after a move: what the move didn't write is shared with the state before."""
        world, before, writes = self.world, self.at, self.writes
        data = world.state.data
        tasks = list(before.tasks)
        for place, task in enumerate(self.tasks):
            if task is mover:
                tasks[place] = self._keep_task(task, self._nodes_of(task), tuple(task.frame_args))
            elif ("state", task.id) in writes:
                tasks[place] = self._keep_task(task, tasks[place].nodes, tasks[place].frame_args)
        same_reports = len(world.reports) == len(before.reports)
        return Kept(
            data,
            before.code ^ self._difference(before.data, data, writes),
            self._ram() if any(place[0] in IN_RAM for place in writes) else before.ram,
            tuple(tasks),
            before.reports if same_reports else tuple(world.reports),
            before.told if same_reports else self._told(),
            self.running,
        )

    def go_to(self, kept: Kept) -> None:
        """Put the machine into a state that it was in before."""
        if kept is self.at:
            return
        world, ram = self.world, self.world.state.ram
        world.state.data = kept.data
        if kept.ram is not self.at.ram:
            for start, part in zip(self.starts, kept.ram, strict=True):
                ram[start : start + len(part)] = part
        for task, old, new in zip(self.tasks, self.at.tasks, kept.tasks, strict=True):
            if old is not new:
                self._put_task(task, new)
        world.reports[:] = kept.reports
        self.running = kept.running
        self.at = kept

    def key(self, kept: Kept) -> tuple[int, ...]:
        """Give a state's key: two states with the same one have the same future.

        Left out are counters, and whatever only says how the state was reached.
        """
        ram = self._number(kept.ram)
        return (kept.code, ram, kept.running, kept.told, *[task.shape for task in kept.tasks])

    def _number(self, value: Any) -> int:
        """Give the number of a value: the same for the same one."""
        return self.numbers.setdefault(value, len(self.numbers))

    def _told(self) -> int:
        """Number what programs saw: each in its order, whoever was first."""
        told = ((name, what, value) for _, name, what, value in self.world.reports)
        return self._number(("told", tuple(sorted(told, key=itemgetter(0)))))

    def _difference(self, old: dict[Location, Any], new: dict[Location, Any], places: set[Location]) -> int:
        """Give how a table's code changes: the code is the sum, by exclusive or, of its rows' numbers."""
        difference = 0
        for place in places:
            before, value = old.get(place), new.get(place)
            if value is not before and place[0] not in UNSEEN and value != before:
                difference ^= self._row(place, value) ^ self._row(place, before)
        return difference

    def _row(self, place: Location, value: Any) -> int:
        if value is None or value is False or value == ():
            return 0
        row = (place, value)
        code = self.codes.get(row)
        if code is None:
            digest = blake2b(b"%d" % len(self.codes), digest_size=16).digest()
            code = self.codes[row] = int.from_bytes(digest, "big")  # as good as a throw of dice
        return code

    def _ram(self) -> tuple[bytes, ...]:
        ram, data = self.world.state.ram, self.world.state.data
        ends = [data["arena", arena][0] << PAGE_SHIFT for arena in range(len(self.starts))]
        parts = tuple([bytes(ram[start:end]) for start, end in zip(self.starts, ends, strict=True)])
        known: tuple[bytes, ...] = self.rams.setdefault(parts, parts)
        return known

    def _nodes_of(self, task: Task) -> tuple[Node, ...]:
        """Give where a task's frames stand."""
        return tuple([frame.node for frame in task.frames])  # type: ignore[attr-defined]  # NodeFrames all

    def _keep_task(self, task: Task, nodes: tuple[Node, ...], frame_args: tuple[Any, ...]) -> KeptTask:
        fields = standing(task), counting(task), waiting(task)
        holds, locks = tuple(task.holds), tuple(task.locks)
        found, actions = tuple(task.found.items()), tuple(task.actions.items())
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
            frozenset([vma for vma, hold in found if hold == task.hold]),
            actions,
            self._signals_seen(task),
        )
        fresh = frozenset(task.fresh)
        return KeptTask(nodes, frame_args, fields, holds, locks, found, fresh, actions, self._number(shape))

    def _signals_seen(self, task: Task) -> tuple[Any, ...]:
        """Give the pending signals that were there when the task last went to user mode."""
        data, fresh = self.world.state.data, task.fresh
        return tuple(
            [
                (place, info.signal)
                for place in queues(task)
                for info in data.get(place, ())
                if (place, info.signal) not in fresh
            ]
        )

    def _put_task(self, task: Task, one: KeptTask) -> None:
        """Give a task its fields; its frames are made when it moves."""
        (
            (task.pending, task.asleep, task.ended, task.exiting, task.killed_by, task.missed, task.stopped),
            (task.hold, task.next_id, task.attempt, task.attempt_page, task.last_result, task.by_area),
            task.waited_in_userfault,
        ) = one.fields
        task.result = None
        task.holds[:] = one.holds
        task.locks[:] = one.locks
        task.found = dict(one.found)
        task.fresh = set(one.fresh)
        if tuple(task.actions.items()) != one.actions:
            task.actions.clear()
            task.actions.update(one.actions)
