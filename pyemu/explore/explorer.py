"""Exploring: every interleaving of a scenario's tasks on one tree, and what goes wrong in any of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, Literal, get_args

from pyemu.errors import FaultlabError
from pyemu.explore.circles import Circle, left_alone, livelocks, spins
from pyemu.explore.findings import (
    HANG,
    LATE_SIGKILL,
    LIVELOCK,
    SIGBUS,
    SPIN,
    Ending,
    Exploration,
    Finding,
    Schedule,
    seen_by,
)
from pyemu.explore.futures import Futures
from pyemu.explore.kept import Kept
from pyemu.explore.moves import Deed, Move, Moves
from pyemu.explore.nodes import asks_otherwise, described
from pyemu.explore.search import Search, StateNode
from pyemu.flags import Signal, TaskState
from pyemu.machine import note_lost_signals
from pyemu.rules import explained
from pyemu.scenario import Scenario
from pyemu.sched.sigqueue import has_fatal
from pyemu.sched.tasks import Task
from pyemu.tree import Tree

Method = Literal["sleep", "local", "full"]
METHODS: tuple[Method, ...] = get_args(Method)
MAX_STATES = 200_000
ONE_IN = 20  # nodes of learners' functions are asked again,
AT_LEAST = 10  # and so many, if there are
EVERY = 200  # states between two calls of `progress`

Progress = Callable[[int, int], None]


def explore(
    scenario: Scenario | str,
    tree: Tree | None = None,
    override: Mapping[str, Any] | None = None,
    *,
    progress: Progress | None = None,
    max_states: int = MAX_STATES,
    method: Method = "sleep",
) -> Exploration:
    """Explore every interleaving of a scenario.

    Time has no say: a wait for a time may end at any moment, so what takes long in a timed run may be quick
    here. Each task has a CPU of its own (but see `pyemu.explore.stepping`).

    Parameters
    ----------
    scenario : Scenario or str
        Or the name of one in the library.
    tree : Tree, optional
        Which patches are applied; all of them by default (`Tree.after`).
    override : mapping, optional
        Name of a kernel function -> what replaces it, as for `pyemu.run`.
    progress : callable, optional
        Called now and then as ``progress(states reached, states still to be looked at)``.
    max_states : int
        Budget: the search ends when so many states were reached, and then proves nothing.
    method : str
        ``sleep``: reach every state, by sleep sets. ``local``: make local moves first, and reach fewer
        states; the schedules that are found then need not be the shortest. ``full``: make every move.

    Returns
    -------
    Exploration
        What was found.

    Raises
    ------
    ScenarioError, HandlerError
        As `pyemu.run`.
    FaultlabError
        For a budget below 1.
    """
    if max_states < 1:
        raise FaultlabError(f"max_states is {max_states}: a search needs a budget of at least 1 state.")
    scenario = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    if method not in METHODS:
        raise FaultlabError(f"method {method!r} is unknown: methods are {', '.join(METHODS)}.")
    return Explorer(scenario, tree or Tree.after, override).run(method, max_states, progress)


class Explorer:
    """One exploration: the search, and what is noted on the way.

    Parameters
    ----------
    scenario, tree, override
        As in `explore`.
    """

    def __init__(self, scenario: Scenario, tree: Tree, override: Mapping[str, Any] | None = None) -> None:
        self.scenario = scenario
        self.tree = tree
        self.moves = Moves(scenario, tree, override)
        n_steps = {task.id: 0 for task in self.moves.tasks}
        n_steps.update({number: len(task.program) for number, task in enumerate(scenario.tasks, 1)})
        self.futures = Futures(n_steps)

    def run(self, method: Method, max_states: int, progress: Progress | None = None) -> Exploration:
        """Search, look for circles, and give what was found."""
        while True:
            self.futures.learnt = False
            self._search(method, max_states, progress)
            if not self.futures.learnt or not self.search.finished:
                break
        self._ask_again()
        return self._result()

    def _search(self, method: Method, max_states: int, progress: Progress | None) -> None:
        self.findings: dict[tuple[str, str], Finding] = {}
        self.endings: dict[Ending, int] = {}
        self.n_terminal = 0
        self.n_circles = 0
        self.search = search = Search(
            self.moves,
            sleep_sets=method != "full",
            futures=self.futures if method == "local" else None,
            on_state=self._on_state,
            on_move=self._on_move,
        )
        for n_states in search.run(max_states):
            if progress is not None and n_states % EVERY == 0:
                progress(n_states, len(search.waiting))
        self._look_for_circles()

    def _result(self) -> Exploration:
        search = self.search
        findings = sorted(self.findings.values(), key=lambda one: (len(one.schedule), one.rule, one.task))
        return Exploration(
            self.scenario.name,
            str(self.tree),
            search.finished,
            len(search.states),
            search.n_moves,
            self.n_terminal,
            max(state.depth for state in search.states),
            self.n_circles,
            tuple(findings),
            {ending: self._names(search.schedule(number)) for ending, number in self.endings.items()},
        )

    # ------------------------------------------------------------------------------------ noting

    def _names(self, moves: tuple[int, ...]) -> Schedule:
        return tuple(self.moves.world.tasks[one].name for one in moves)

    def _note(
        self, rule: str, task: str, text: str, schedule: tuple[int, ...], circle: tuple[int, ...] = ()
    ) -> None:
        """Note a broken rule, unless as short a schedule breaks it for this task already."""
        known = self.findings.get((rule, task))
        if known is None or len(schedule) < len(known.schedule):
            permitted = rule in self.scenario.permits
            found = Finding(rule, task, text, self._names(schedule), self._names(circle), permitted)
            self.findings[rule, task] = found

    def _on_move(self, number: int, by: int, before: Kept, move: Move) -> None:
        broken = [*move.deed.broken, *self._killed_by_sigbus(by, move.deed)]
        if broken:
            schedule = (*self.search.schedule(number), by)
            for task, rule, text in broken:
                self._note(rule, task, text, schedule)

    def _killed_by_sigbus(self, by: int, deed: Deed) -> list[tuple[str, str, str]]:
        """Look for an access that ended with SIGBUS."""
        told = [value for _, _, what, value in deed.reports if what == "outcome"]
        dies = deed.tasks[by - 1].fields["killed_by"] == Signal.SIGBUS
        if not dies and not any(value.startswith("SIGBUS") for value in told):
            return []
        name = self.moves.world.tasks[by].name
        return [(name, SIGBUS, f"{name} accesses memory and gets SIGBUS.")]

    def _on_state(self, number: int, kept: Kept, able: tuple[int, ...]) -> None:
        moves = self.moves
        tasks = moves.world.tasks
        # When all that can still happen is that time passes, a task that is being killed waits for that.
        if all(moves.lets_time_pass(tasks[one]) for one in able):
            moves.load()
            if not able:
                self._on_end(number)
            for task in moves.tasks:
                if task.id not in able and self._lives(task) and has_fatal(moves.world, task):
                    where = self._place(task)
                    text = f"{task.name} was sent SIGKILL and sleeps in {where}: nobody wakes it now."
                    self._note(
                        LATE_SIGKILL, task.name, explained(LATE_SIGKILL, text), self.search.schedule(number)
                    )

    def _lives(self, task: Task) -> bool:
        """Say whether a task has begun and not ended."""
        state = self.moves.world.state.data.get(("state", task.id), TaskState(0))
        return not task.ended and not task.device and not state & TaskState.NEW

    def _place(self, task: Task) -> str:
        """Name the function in which a task waits."""
        calls = self.moves.at.tasks[task.id - 1].frame_args
        if calls:
            return str(calls[-1][0])
        return task.pending.title if task.pending is not None else "user mode"

    def _on_end(self, number: int) -> None:
        """Look at a state in which nobody can move any more."""
        self.n_terminal += 1
        world = self.moves.world
        schedule = self.search.schedule(number)
        stuck = [task for task in self.moves.tasks if self._lives(task) and not task.monitor]
        for task in stuck:
            self._note(HANG, task.name, f"{task.name} waits for ever in {self._place(task)}.", schedule)
        for task in self.moves.tasks:
            note_lost_signals(world, task)
        for name, rule, text in world.violations:
            self._note(rule, name, text, schedule)
        world.violations.clear()
        seen = []
        for task in self.moves.tasks:
            told = seen_by(task.name, world.reports)
            told += [f"killed:{task.killed_by}"] if task.killed_by else []
            told += ["never ends"] if task in stuck else []
            if told:
                seen.append((task.name, tuple(told)))
        self.endings.setdefault(Ending(tuple(seen)), number)

    # ------------------------------------------------------------------------------------ overrides

    def _ask_again(self) -> None:
        """Ask learners' functions once more, in a fresh process if they can be had there."""
        nodes = self.moves.nodes.asked
        asked = nodes[:: max(1, min(ONE_IN, len(nodes) // AT_LEAST))]
        for name, source in self.moves.executor.override.items():
            with source.fresh() if hasattr(source, "fresh") else nullcontext(source) as other:
                for node in asked:
                    if node.name == name and (now := asks_otherwise(node, other)):
                        text = (
                            f"{name} was asked twice, with the same arguments and results: once it gave "
                            f"{described(node.answer)}, once {now}. A handler depends on these alone: keep "
                            "nothing outside it."
                        )
                        self._note("not deterministic", name, text, ())

    # ------------------------------------------------------------------------------------ circles

    def _look_for_circles(self) -> None:
        states, spinning = self.search.states, set[int]()
        for task in self.moves.tasks:
            if task.device:
                continue
            circles = list(spins(states, task.id))
            self.n_circles += len(circles)
            spinning |= {task.id for _ in circles}
            for circle in circles:
                self._note_spin(task, circle)
            # Which of them nobody can end is seen where the others have done what they can.
            if circles and not self.moves.one_cpu:
                nearest = min(circles, key=lambda one: states[one.state].depth)
                way = left_alone(self.moves, self.search.schedule(nearest.state), task.id)
                if way is not None:
                    self._note_livelock(task, nearest, way)
        if len(spinning) > 1:  # they may go round beside each other: that shows where no move is left out
            states = self._every_move()
        for circle in livelocks(states):
            names = sorted({self.moves.world.tasks[one].name for one in circle.moves})
            text = f"{' and '.join(names)} keep each other busy, and nobody else can end that."
            self._note(LIVELOCK, ", ".join(names), text, self.search.schedule(circle.state), circle.moves)

    def _every_move(self) -> list[StateNode]:
        """Give the states with every move that leads from one to another."""
        search = Search(self.moves, sleep_sets=False)
        for _ in search.run(2 * len(self.search.states)):
            pass
        return search.states

    def _note_spin(self, task: Task, circle: Circle) -> None:
        n_moves = len(circle.moves)
        goes = f"{task.name} goes round in circles without a wait: {n_moves} moves, and all is as before"
        if self.moves.one_cpu and not circle.others:
            rule, text = HANG, f"{goes}. It keeps the only CPU."
        else:
            rule, text = SPIN, f"{goes}. Only another task's move ends that."
        self._note(rule, task.name, text, self.search.schedule(circle.state), circle.moves)

    def _note_livelock(self, task: Task, circle: Circle, way: tuple[int, ...]) -> None:
        text = f"{task.name} goes round in circles without a wait, and nobody is left who could end that."
        schedule = (*self.search.schedule(circle.state), *way)
        self._note(LIVELOCK, task.name, text, schedule, circle.moves)
