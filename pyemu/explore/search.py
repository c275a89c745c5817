"""The search: every state that some interleaving reaches, breadth first.

The full search makes every move in every state. Two reductions leave out what only changes the order of
independent moves:

- **Sleep sets.** Each state carries the tasks whose next move was made already on another way to the same
  place. A state that is reached again with a smaller sleep set is visited again for what is missing. So the
  same states are reached by fewer moves, and the shortest schedules are among them.
- **Local moves first.** A move that no other task's future depends on is made at once and alone, unless it
  leads to a state that was reached before: else a task could go round in circles, and the others would wait
  for ever. So fewer states are reached, but every rule that is broken and every end are among them. Moves
  that let time pass are never made first: where nothing else can move, it is looked at what waits.

References
----------
Godefroid, "Partial-order methods for the verification of concurrent systems", 1996: persistent sets, and
sleep sets with a store of states.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pyemu.explore.futures import Futures
from pyemu.explore.kept import Kept
from pyemu.explore.moves import Move, Moves
from pyemu.sched.semantics import Footprint

Sleep = dict[int, Footprint]  # tasks whose next move needn't be made, and what that move touches


def independent(one: Footprint, other: Footprint) -> bool:
    """Say whether two moves can be made in either order with the same effect.

    Parameters
    ----------
    one, other : Footprint
        Of the moves, made from the same state.

    Returns
    -------
    bool
        Neither writes what the other reads or writes.
    """
    return one.writes.isdisjoint(other.reads) and other.writes.isdisjoint(one.reads)


@dataclass(slots=True)
class StateNode:
    """A state that was reached.

    Attributes
    ----------
    parent, by : int
        From which state it was reached first, and by whose move; -1 for the first one.
    depth : int
        Number of moves to it.
    sleep : dict
        Its sleep set; in a full search always empty.
    able : tuple of int
        Who can move.
    chosen : frozenset of int
        Whose moves are enough.
    moves : dict of int to (int, bool)
        Task -> the state after its move, and whether it had slept or let time pass.
    """

    parent: int
    by: int
    depth: int
    sleep: Sleep
    able: tuple[int, ...] = ()
    chosen: frozenset[int] = frozenset()
    moves: dict[int, tuple[int, bool]] = field(default_factory=dict)


class Search:
    """A search over a machine's states.

    Parameters
    ----------
    moves : Moves
        The machine.
    sleep_sets : bool
        Leave out moves by sleep sets.
    futures : Futures, optional
        Make local moves first, by what is noted there.
    on_state : callable
        Called as ``on_state(number, kept, able)`` when a state is looked at first; the machine is in it.
    on_move : callable
        Called as ``on_move(number, task, before, move)`` after each move from a state.

    Attributes
    ----------
    states : list of StateNode
        By number, in the order in which they were reached.
    n_moves : int
        Moves that were made.
    """

    def __init__(
        self,
        moves: Moves,
        *,
        sleep_sets: bool = True,
        futures: Futures | None = None,
        on_state: Callable[[int, Kept, tuple[int, ...]], None] = lambda number, kept, able: None,
        on_move: Callable[[int, int, Kept, Move], None] = lambda number, task, before, move: None,
    ) -> None:
        self.moves = moves
        self.sleep_sets = sleep_sets
        self.futures = futures
        self.on_state = on_state
        self.on_move = on_move
        self.n_moves = 0
        self.hints: dict[int, bool] = {}  # shape of a task -> its move was local when it was made last
        self.states = [StateNode(-1, 0, 0, {})]
        self.numbers: dict[Any, int] = {moves.key(moves.first): 0}
        # States to look at: number, the state, its sleep set, and the tasks to move (None: whoever can).
        self.waiting: deque[tuple[int, Kept, Sleep, frozenset[int] | None]] = deque(
            [(0, moves.first, {}, None)]
        )

    @property
    def finished(self) -> bool:
        """Say whether nothing is left to look at."""
        return not self.waiting

    def run(self, max_states: int) -> Iterator[int]:
        """Search until all is found, or so many states are; give the number of states now and then."""
        while self.waiting:
            if len(self.states) >= max_states:
                return
            self._look_at(*self.waiting.popleft())
            yield len(self.states)

    def _look_at(self, number: int, kept: Kept, sleep: Sleep, wanted: frozenset[int] | None) -> None:
        moves, state = self.moves, self.states[number]
        moves.go_to(kept)
        if wanted is None:
            state.able = tuple(moves.able())
            state.chosen = frozenset(state.able)
            self.on_state(number, kept, state.able)
        sleep, made = dict(sleep), set[int]()
        left = {} if self.futures is None else self.futures.left(kept.data)
        for task in self._in_order(state, kept):
            if task in sleep or task not in state.chosen or (wanted is not None and task not in wanted):
                continue
            moves.go_to(kept)
            move = moves.move(task)
            footprint = move.deed.footprint
            self.n_moves += 1
            self.on_move(number, task, kept, move)
            below = {}
            if self.sleep_sets:
                below = {one: print_ for one, print_ in sleep.items() if independent(print_, footprint)}
                sleep[task] = footprint
            after, is_new = self._reach(number, task, move, below)
            state.moves[task] = (after, move.deed.waited)
            made.add(task)
            if self.futures is None:
                continue
            self.futures.note(task, left, footprint)
            local = not move.deed.passes and self._is_local(task, left, move)
            self.hints[kept.tasks[task - 1].shape] = local
            if local and is_new and wanted is None:
                state.chosen = frozenset(made)
                return

    def _in_order(self, state: StateNode, kept: Kept) -> Iterable[int]:
        """Give who can move; first whose move was local when the task was in the same shape."""
        if self.futures is None:
            return state.able
        return sorted(state.able, key=lambda task: not self.hints.get(kept.tasks[task - 1].shape, False))

    def _is_local(self, task: int, left: dict[int, int], move: Move) -> bool:
        """Say whether no other task's future depends on a move."""
        futures, moves = self.futures, self.moves
        if futures is None:
            return False
        return not any(
            futures.concerns(other.id, task, left, move.deed.footprint)
            for other in moves.tasks
            if other.id != task and not move.after.tasks[other.id - 1].fields["ended"]
        )

    def _reach(self, parent: int, by: int, move: Move, sleep: Sleep) -> tuple[int, bool]:
        """Note a state that was reached, and say whether it is new; new or lacking moves, it is looked at."""
        key = self.moves.key(move.after)
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.states)
            self.states.append(StateNode(parent, by, self.states[parent].depth + 1, sleep))
            self.waiting.append((number, move.after, sleep, None))
            return number, True
        state = self.states[number]
        missing = frozenset(state.sleep.keys() - sleep.keys())
        if missing:
            state.sleep = {one: print_ for one, print_ in state.sleep.items() if one in sleep}
            self.waiting.append((number, move.after, state.sleep, missing))
        return number, False

    def schedule(self, number: int) -> tuple[int, ...]:
        """Give the moves that lead to a state, the shortest way that is known."""
        found = []
        while self.states[number].parent >= 0:
            found.append(self.states[number].by)
            number = self.states[number].parent
        return tuple(found[::-1])


def count_traces(moves: Moves, *, reduced: bool = True) -> int:
    """Count the runs from the begin to where nobody can move, without a store of states.

    Parameters
    ----------
    moves : Moves
        A machine without circles.
    reduced : bool
        Count runs that differ only in the order of independent moves once (*dependency traces*); else
        count each schedule.

    Returns
    -------
    int
        Number of runs.
    """

    def below(kept: Kept, sleep: Sleep) -> int:
        moves.go_to(kept)
        able = moves.able()
        total, sleep = int(not able), dict(sleep)
        for task in able:
            if task in sleep:
                continue
            moves.go_to(kept)
            move = moves.move(task)
            after = {one: print_ for one, print_ in sleep.items() if independent(print_, move.deed.footprint)}
            total += below(move.after, after)
            if reduced:
                sleep[task] = move.deed.footprint
        return total

    return below(moves.first, {})
