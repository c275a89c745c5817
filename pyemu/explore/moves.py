"""Moves that can be taken back, and that are made once only.

`Moves` is a machine that can be put into any state it was in before. A state is kept as values
(`pyemu.explore.kept`): the table of locations, emulated RAM, and for each task its fields and the nodes of
its frames. What a move does is kept as well (`pyemu.explore.memory`): where the task and all that the move
reads are as they were once, it is not made again. The machine itself is put into a state only when something
has to be made there, or looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyemu.effects import Effect
from pyemu.explore.kept import Kept, KeptTask, Numbers
from pyemu.explore.memory import Memory, Watched
from pyemu.explore.nodes import Node, NodeFrame, Nodes
from pyemu.explore.stepping import SteppedExecutor, Stepping
from pyemu.flags import PAGE_SHIFT, TaskState
from pyemu.scenario import Scenario
from pyemu.sched.frames import KernelFrame
from pyemu.sched.semantics import SEMANTICS, Footprint, World
from pyemu.sched.signals import Places, every_word
from pyemu.sched.tasks import Task
from pyemu.state import Location
from pyemu.trace import Trace
from pyemu.tree import Tree

# Nobody's next step depends on these: counters are only written, and without a TLB there is none to touch.
UNSEEN = frozenset({"counter", "vmstat", "tlb"})
IN_RAM = frozenset({"pte", "pmd", "bytes", "arena", "free_frames"})  # who writes these writes RAM


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
class Deed:
    """What a move does, in every state that looks the same to it.

    Attributes
    ----------
    values : dict of Location to object
        What it writes.
    ram : int
        A number for what RAM holds then.
    tasks : dict of int to KeptTask
        Tasks that it changes, by their place, and what they are then.
    reports : tuple
        What the program sees.
    running : int or None
        Who has the only CPU then; None when it doesn't change that.
    difference : int
        How it changes the state's code, but for the reports and the CPU.
    footprint : Footprint
        What it reads and writes.
    broken : tuple of (str, str, str)
        Task, rule and text of each rule that it breaks.
    passes : bool
        It lets time pass.
    waited : bool
        The task slept before it, or it lets time pass.
    """

    values: dict[Location, Any]
    ram: int
    tasks: dict[int, KeptTask]
    reports: tuple[Any, ...]
    running: int | None
    difference: int
    footprint: Footprint
    broken: tuple[tuple[str, str, str], ...]
    passes: bool
    waited: bool


@dataclass(frozen=True, slots=True)
class Move:
    """A move: what it did, and the state after it."""

    deed: Deed
    after: Kept


@dataclass(frozen=True, slots=True)
class Chance:
    """Whether a task can move, and whether its move lets time pass."""

    able: bool
    passes: bool


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
    at : Kept
        The state from which the next move starts.
    nodes : Nodes
        Where the functions stand.
    n_made : int
        Moves that were really made; all others were known.
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
        self.numbers = Numbers()
        self.rams: list[tuple[bytes, ...]] = []  # the used parts of emulated RAM, one of each arena
        self.deeds = Memory[Deed](len(self.tasks))
        self.chances = Memory[Chance](len(self.tasks))
        self.n_made = 0
        for task in self.tasks:
            world.state.data.setdefault(("state", task.id), TaskState(0))
            (frame,) = task.frames
            if not isinstance(frame, KernelFrame):
                raise AssertionError("a task begins with its program")
            task.frames[:] = [self.nodes.program(frame)]
        self.begin()
        arenas = [world.state.data["arena", arena][0] for arena in range(1, len(self.tasks) + 1)]
        self.starts = [0, *(first << PAGE_SHIFT for first in arenas)]
        self.first = self.at = self.loaded = self._first()

    # ------------------------------------------------------------------------------------ moving

    def go_to(self, kept: Kept) -> None:
        """Go to a state that was reached before."""
        self.at = kept
        self.running = kept.running

    def may_move(self, task: Task) -> bool:
        """Say whether a task can make its next move."""
        return self._chance(task).able

    def lets_time_pass(self, task: Task) -> bool:
        """Say whether a task's next move is the end of a wait for a time."""
        return self._chance(task).passes

    def _chance(self, task: Task) -> Chance:
        chance = self.chances.recall(self.at, task.id)
        if chance is None:
            data = self._load_watched()
            chance = Chance(super().may_move(task), super().lets_time_pass(task))
            self._note(self.chances, task, data, data.read, chance)
            self.world.state.data = self.at.data
        return chance

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
        before = self.at
        known = self.deeds.recall(before, number)
        deed = self._make(self.world.tasks[number]) if known is None else known
        self.go_to(self._after(before, deed))
        if known is None:
            self.world.state.data = self.at.data
            self.loaded = self.at
        return Move(deed, self.at)

    def _make(self, task: Task) -> Deed:
        """Make a move that isn't known yet."""
        world, before, numbers = self.world, self.at, self.numbers
        self.n_made += 1
        self.load()
        reads, writes = last_words(world, task)  # they count if this move is its last
        data = self._load_watched()
        kept = before.tasks[task.id - 1]
        task.frames = [NodeFrame(self.nodes, node) for node in kept.nodes]
        task.frame_args = list(kept.frame_args)
        self.reads.clear()
        self.writes.clear()
        passes = super().lets_time_pass(task)
        waited = task.asleep or passes
        self.step(task.id)
        if task.ended:
            self.reads.update(reads)
            self.writes.update(writes)
            data.read.update(reads)
        if self.one_cpu:
            self.writes.add(("cpu",))
        tasks = self._changed(task)
        values = {place: numbers.one(place, data[place]) for place in data.written if place[0] not in UNSEEN}
        ram = self._ram() if any(place[0] in IN_RAM for place in self.writes) else before.ram
        difference = numbers.code(("ram",), before.ram) ^ numbers.code(("ram",), ram)
        for place in self.writes & values.keys():
            difference ^= numbers.code(place, before.data.get(place)) ^ numbers.code(place, values[place])
        for at, one in tasks.items():
            old = before.tasks[at]
            difference ^= numbers.code(("task", at), old.shape) ^ numbers.code(("task", at), one.shape)
        deed = Deed(
            values,
            ram,
            tasks,
            tuple(world.reports[len(before.reports) :]),
            self.running if self.one_cpu and not task.device else None,
            difference,
            Footprint(
                frozenset([place for place in self.reads | self.writes if place[0] not in UNSEEN]),
                frozenset([place for place in self.writes if place[0] not in UNSEEN]),
            ),
            (*world.violations, *world.findings),
            passes,
            waited,
        )
        world.violations.clear()
        world.findings.clear()
        self._note(self.deeds, task, data, self.reads | self.writes | data.read | data.written, deed)
        return deed

    def _after(self, before: Kept, deed: Deed) -> Kept:
        """Give the state after a move."""
        code, reports, running = before.code ^ deed.difference, before.reports, before.running
        if deed.reports:
            reports += deed.reports
            code ^= self._told(before.reports) ^ self._told(reports)
        if deed.running is not None and deed.running != running:
            code ^= self.numbers.code(("cpu",), running) ^ self.numbers.code(("cpu",), deed.running)
            running = deed.running
        tasks = list(before.tasks)
        for at, kept in deed.tasks.items():
            tasks[at] = kept
        return Kept({**before.data, **deed.values}, code, deed.ram, tuple(tasks), reports, running)

    def _note(
        self, memory: Memory[Any], task: Task, data: Watched, touched: Iterable[Location], answer: Any
    ) -> None:
        """Note an answer, if all that it depends on can be told."""
        if not data.searched:
            places = [place for place in data.read | data.written if place[0] not in UNSEEN]
            others = self._owners(touched) - {task.id}
            memory.note(self.at, task.id, places, others, answer)

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

    def key(self, kept: Kept) -> int:
        """Give a state's key: two states with the same one have the same future.

        Left out are counters, and whatever only says how the state was reached.
        """
        return kept.code

    def load(self) -> None:
        """Put the machine into the state that it is said to be at."""
        kept, loaded = self.at, self.loaded
        if kept is loaded:
            return
        world, ram = self.world, self.world.state.ram
        world.state.data = kept.data
        if kept.ram != loaded.ram:
            for start, part in zip(self.starts, self.rams[kept.ram], strict=True):
                ram[start : start + len(part)] = part
        for task, old, new in zip(self.tasks, loaded.tasks, kept.tasks, strict=True):
            if old is not new:
                new.put(task)
        world.reports[:] = kept.reports
        self.loaded = kept

    def _load_watched(self) -> Watched:
        """Do that, with a table that notes what is done to it."""
        self.load()
        data = self.world.state.data = Watched(self.at.data)
        return data

    def _first(self) -> Kept:
        """Keep the state before the first move."""
        numbers, state = self.numbers, self.world.state
        data = {place: numbers.one(place, value) for place, value in state.data.items()}
        tasks = tuple([numbers.task(state, task, self._nodes_of(task), ()) for task in self.tasks])
        return Kept(data, 0, self._ram(), tasks, (), self.running)  # what it consists of counts as nothing

    def _changed(self, mover: Task) -> dict[int, KeptTask]:
        """Keep the tasks that a move may have changed."""
        state, found = self.world.state, {}
        for number in self._owners(self.writes) | {mover.id}:
            task, old = self.world.tasks[number], self.at.tasks[number - 1]
            nodes, frame_args = old.nodes, old.frame_args
            if task is mover:
                nodes, frame_args = self._nodes_of(task), tuple(task.frame_args)
            found[number - 1] = self.numbers.task(state, task, nodes, frame_args)
            found[number - 1].put(task)  # the one of its shape stands for all of them
        return found

    def _owners(self, places: Iterable[Location]) -> set[int]:
        """Give the tasks at which who touches these places may look, or which who writes them may change."""
        owners = {place[1] for place in places if place[0] in ("state", "ended")}
        processes = {place[1] for place in places if place[0] == "actions"}
        return owners.union([task.id for task in self.tasks if task.process in processes])

    def _told(self, reports: Iterable[tuple[int, str, str, str]]) -> int:
        """Give a number for what programs saw: each in its order, whoever was first."""
        told: dict[str, tuple[tuple[str, str], ...]] = {}
        for _, name, what, value in reports:
            told[name] = (*told.get(name, ()), (what, value))
        code = 0
        for name, seen in told.items():
            code ^= self.numbers.code(("told", name), seen)
        return code

    def _ram(self) -> int:
        """Give a number for what RAM holds."""
        ram, data = self.world.state.ram, self.world.state.data
        ends = [data["arena", arena][0] << PAGE_SHIFT for arena in range(len(self.starts))]
        parts = tuple([bytes(ram[start:end]) for start, end in zip(self.starts, ends, strict=True)])
        if parts not in self.rams:
            self.rams.append(parts)
        return self.rams.index(parts)

    def _nodes_of(self, task: Task) -> tuple[Node, ...]:
        """Give where a task's frames stand."""
        return tuple([frame.node for frame in task.frames])  # type: ignore[attr-defined]  # NodeFrames all
