"""What is remembered of moves: a search that remembers finds what one finds that makes every move again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any, ClassVar

import pytest

from pyemu import Scenario, Tree
from pyemu.errors import FaultlabError
from pyemu.explore import Exploration, explore
from pyemu.explore.explorer import METHODS, Method
from pyemu.explore.kept import FIELDS, Kept
from pyemu.explore.memory import Memory, Watched
from pyemu.explore.moves import Moves
from pyemu.explore.search import Search
from pyemu.sched.tasks import Task
from pyemu.state import Location
from tests.pyemu.explore.tiny import TINY

LARGE = ("B1", "S15b", "signal-storm")  # too large for every run of the tests
NAMES = [name for name in Scenario.library() if name not in LARGE]
N_STATES = 2_000  # of each scenario: a budget that ends compares what was found until then


def nothing(memory: Memory[Any], kept: Kept, number: int) -> None:
    """Remember nothing."""


def both(
    scenario: str | Scenario, tree: str, method: Method, monkeypatch: pytest.MonkeyPatch
) -> tuple[Exploration, Exploration]:
    """Explore with what is remembered, and with nothing."""

    def found() -> Exploration:
        return explore(scenario, Tree.parse(tree), method=method, max_states=N_STATES)

    remembered = found()
    with monkeypatch.context() as forgetful:
        forgetful.setattr(Memory, "recall", nothing)
        return remembered, found()


@pytest.mark.parametrize("tree", ["before", "after"])
@pytest.mark.parametrize("name", NAMES)
def test_to_remember_moves_changes_nothing(name: str, tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered, forgotten = both(name, tree, "sleep", monkeypatch)
    assert remembered == forgotten


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TINY)
def test_nor_does_it_in_scenarios_of_a_few_operations(
    name: str, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TINY[name].installed() as scenario:
        remembered, forgotten = both(scenario, "after", method, monkeypatch)
    assert remembered == forgotten


# ------------------------------------------------------------------------------------ what it depends on


def forget(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the memory forget one thing on which answers depend."""
    recall, note = Memory.recall, Memory.note

    def seen(kept: Kept) -> Kept:
        return replace(kept, ram=0) if kind == "RAM" else kept

    def recalls(memory: Memory[Any], kept: Kept, number: int) -> Any:
        return recall(memory, seen(kept), number)

    def notes(
        memory: Memory[Any],
        kept: Kept,
        number: int,
        places: Iterable[Location],
        others: Iterable[int],
        answer: Any,
    ) -> None:
        places = [place for place in places if place[0] != kind]
        note(memory, seen(kept), number, places, () if kind == "other tasks" else others, answer)

    monkeypatch.setattr(Memory, "recall", recalls)
    monkeypatch.setattr(Memory, "note", notes)


# A kind of location, or what else an answer depends on, and a scenario that shows when it is forgotten.
FORGOTTEN = [
    ("mmap_sem", "S13"),
    ("context", "S13"),
    ("fd_wqh", "S13"),
    ("state", "S13"),
    ("wait", "W2"),
    ("frame", "S9"),
    ("sigpending", "S12"),
    ("RAM", "S13"),
    ("other tasks", "S13"),
]


@pytest.mark.parametrize(("kind", "name"), FORGOTTEN)
def test_what_a_move_depends_on_is_needed(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = explore(name)
    forget(kind, monkeypatch)
    try:
        wrong = explore(name)
    except (FaultlabError, ValueError, AttributeError):
        return  # a move led to a state in which no machine can be
    assert wrong != right


CONSTANT = {one.name for one in fields(Task)} - {
    *FIELDS,
    *("frames", "frame_args", "result", "holds", "locks", "found", "fresh", "actions"),
}


class Noted(Task):
    """A task that notes who looks at what changes of it."""

    __slots__ = ()
    seen: ClassVar[set[tuple[int, str]]] = set()

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__") and name not in CONSTANT:
            Noted.seen.add((object.__getattribute__(self, "id"), name))
        return object.__getattribute__(self, name)


class Watching(Moves):
    """A machine that compares the tasks at which a move looks with those that the memory is told of."""

    n_looks = 0

    def _load_watched(self) -> Watched:
        data = super()._load_watched()
        for task in self.tasks:
            task.__class__ = Noted
        Noted.seen.clear()
        return data

    def _note(self, memory: Memory[Any], task: Task, data: Watched, touched: Any, answer: Any) -> None:
        told = self._owners(touched) | {task.id}
        others = {one for one in Noted.seen if one[0] != task.id}
        assert {one for one in others if one[0] not in told} == set()
        self.n_looks += len(others)
        super()._note(memory, task, data, touched, answer)


@pytest.mark.parametrize("name", NAMES)
def test_a_move_looks_at_no_task_of_which_the_memory_is_not_told(name: str) -> None:
    scenario = Scenario.load(name)
    moves = Watching(scenario, Tree.after)
    for _ in Search(moves).run(N_STATES):
        pass
    assert moves.n_made < N_STATES
    assert moves.n_looks or len(scenario.tasks) == 1


def test_most_moves_are_known() -> None:
    moves = Moves(Scenario.load("S12"), Tree.after)
    search = Search(moves)
    for _ in search.run(N_STATES):
        pass
    assert moves.n_made < search.n_moves / 4


def test_a_table_notes_where_it_is_read_and_written() -> None:
    table = Watched({("a", 1): "x", ("b", 1): "y"})
    assert table["a", 1] == "x"
    assert table.get(("c", 1), "none") == "none"
    assert ("d", 1) not in table
    table["b", 1] = "z"
    assert table.read == {("a", 1), ("c", 1), ("d", 1)}
    assert table.written == {("b", 1)}
    assert not table.searched


@pytest.mark.parametrize(
    "look", [list, lambda table: table.items(), lambda table: table.keys(), lambda table: table.values()]
)
def test_a_table_that_is_looked_through_says_so(look: Callable[[Any], Any]) -> None:
    table = Watched({("a", 1): "x"})
    look(table)
    assert table.searched
