"""Circles among the states: a task that spins, tasks that keep each other busy.

A circle of one task's moves, in which it never waits, is a *spin*; on one CPU that is not taken from kernel
code it is a *hang*, since nobody else ever gets it. When everybody who can move takes part in going round, it
is a *livelock*: nothing from outside will ever end it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyemu.explore.kept import Kept
from pyemu.explore.moves import Moves
from pyemu.explore.search import StateNode

MAX_WAYS = 20_000  # states in which others are looked at while one goes round


@dataclass(frozen=True, slots=True)
class Circle:
    """Moves that lead back to the same state without a wait.

    Attributes
    ----------
    state : int
        Where it begins: its state that is nearest to the begin.
    moves : tuple of int
        Who moves.
    others : bool
        Somebody else could move in one of its states.
    """

    state: int
    moves: tuple[int, ...]
    others: bool


def spins(states: list[StateNode], task: int) -> Iterator[Circle]:
    """Give each circle of one task's moves.

    A task has at most one move in a state, so its moves form a function, and each circle is met once.
    """
    done: set[int] = set()
    for start in [after for one, after in _turns(states) if one == task]:
        path: list[int] = []
        place: dict[int, int] = {}
        at: int | None = start
        while at is not None and at not in done and at not in place:
            place[at] = len(path)
            path.append(at)
            after, waited = states[at].moves.get(task, (None, False))
            at = None if waited else after
        done.update(path)
        if at is not None and at in place:
            circle = path[place[at] :]
            first = min(circle, key=lambda number: (states[number].depth, number))
            others = any(one != task for number in circle for one in states[number].able)
            yield Circle(first, (task,) * len(circle), others)


def _turns(states: list[StateNode]) -> Iterator[tuple[int, int]]:
    """Give the moves that lead no farther from the begin, as task and state after it: each circle has one."""
    for state in states:
        for task, (after, waited) in state.moves.items():
            if not waited and states[after].depth <= state.depth:
                yield task, after


def left_alone(moves: Moves, schedule: tuple[int, ...], task: int) -> tuple[int, ...] | None:
    """Find out whether a task that goes round in circles can be left alone with that for ever.

    The others go on from where the circle begins, in every order, while the task stands still; where none of
    them can move any more, the task goes round once more.

    Parameters
    ----------
    moves : Moves
        The machine.
    schedule : tuple of int
        The moves to where the circle begins.
    task : int
        Who goes round.

    Returns
    -------
    tuple of int or None
        The others' moves after which the task goes round alone; None when somebody can always end that.
    """
    kept = moves.first
    moves.go_to(kept)
    for one in schedule:
        kept = moves.move(one).after
    ways = {moves.key(kept)}
    line: list[tuple[Kept, tuple[int, ...]]] = [(kept, ())]
    for kept, way in line:
        moves.go_to(kept)
        others = [one for one in moves.able() if one != task]
        if not others and _goes_round(moves, task):
            return way
        for one in others:
            moves.go_to(kept)
            after = moves.move(one).after
            key = moves.key(after)
            if key not in ways and len(ways) < MAX_WAYS:
                ways.add(key)
                line.append((after, (*way, one)))
    return None


def _goes_round(moves: Moves, task: int) -> bool:
    """Say whether a task comes back to a state, and nobody else can move meanwhile."""
    seen = {moves.key(moves.at)}
    while moves.able() == [task]:
        move = moves.move(task)
        key = moves.key(move.after)
        if move.deed.waited:
            return False
        if key in seen:
            return True
        seen.add(key)
    return False


def livelocks(states: list[StateNode]) -> Iterator[Circle]:
    """Give circles of several tasks in which everybody who can move takes part."""
    behind = {after for _, after in _turns(states)}
    line = list(behind)
    for at in line:
        for _, after in _busy(states, at):
            if after not in behind:
                behind.add(after)
                line.append(after)
    waiting = [line]
    while waiting:
        inside = set(waiting.pop())
        for part in _components(states, inside):
            within = set(part)
            movers = {task for one in part for task, after in _busy(states, one) if after in within}
            idle = [one for one in part if not movers.issuperset(states[one].able)]
            if not movers:
                continue
            if idle:
                waiting.append([one for one in part if one not in idle])
            elif len(movers) > 1:
                yield _round_trip(states, part, movers)


def _busy(states: list[StateNode], number: int) -> list[tuple[int, int]]:
    """Give the moves from a state in which nobody waits: task, state after it."""
    return [(task, after) for task, (after, waited) in states[number].moves.items() if not waited]


def _components(states: list[StateNode], inside: set[int]) -> Iterator[list[int]]:
    """Give the strongly connected parts of some states that are linked by moves without a wait (Tarjan)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in sorted(inside):
        if root in index:
            continue
        work = [(root, iter([after for _, after in _busy(states, root) if after in inside]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            at, rest = work[-1]
            for after in rest:
                if after not in index:
                    index[after] = low[after] = len(index)
                    stack.append(after)
                    on_stack.add(after)
                    work.append((after, iter([one for _, one in _busy(states, after) if one in inside])))
                    break
                if after in on_stack:
                    low[at] = min(low[at], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == index[at]:
                    part: list[int] = []
                    while not part or part[-1] != at:
                        part.append(stack.pop())
                        on_stack.discard(part[-1])
                    yield part


def _round_trip(states: list[StateNode], part: list[int], movers: set[int]) -> Circle:
    """Give a way through a strongly connected part on which everybody moves, back to where it begins."""
    within = set(part)
    start = min(part, key=lambda number: (states[number].depth, number))
    at, trip = start, list[int]()
    for wanted in sorted(movers):
        ends = {
            one for one in part for task, after in _busy(states, one) if task == wanted and after in within
        }
        way, at = _way(states, within, at, ends)
        trip += [*way, wanted]
        at = states[at].moves[wanted][0]
    way, _ = _way(states, within, at, {start})
    return Circle(start, (*trip, *way), others=True)


def _way(states: list[StateNode], within: set[int], start: int, ends: set[int]) -> tuple[list[int], int]:
    """Give the shortest way to one of some states: who moves, and where it ends."""
    ways: dict[int, list[int]] = {start: []}
    line = [start]
    for at in line:
        if at in ends:
            return ways[at], at
        for task, after in _busy(states, at):
            if after in within and after not in ways:
                ways[after] = [*ways[at], task]
                line.append(after)
    raise AssertionError("every state of a strongly connected part is reached from every other")
