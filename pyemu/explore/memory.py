"""What was found out in one state, and holds in every state that looks the same to a task.

A move depends on what the task is, and on what it reads: the values at some locations, RAM, and now and then
another task. So a move that was made once need not be made again where all of these are the same, whatever
else has changed: who knows what it did knows what it does. Most moves of a search are such.

What is read is not taken from the declared footprints but noted while the move is made, by the table itself
(`Watched`). RAM is always taken for read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pyemu.explore.kept import Kept
from pyemu.state import Location

Answer = TypeVar("Answer")


class Watched(dict[Location, Any]):
    """A table of locations that notes where it is read and written.

    Attributes
    ----------
    read, written : set of Location
        Where.
    searched : bool
        It was looked through as a whole: then what was found depends on every location that there may be.
    """

    def __init__(self, data: dict[Location, Any]) -> None:
        super().__init__(data)
        self.read: set[Location] = set()
        self.written: set[Location] = set()
        self.searched = False

    def __getitem__(self, place: Location) -> Any:
        """Read a location."""
        self.read.add(place)
        return super().__getitem__(place)

    def __contains__(self, place: object) -> bool:
        """Look whether there is something at a location."""
        self.read.add(place)  # type: ignore[arg-type]  # a location, as everywhere
        return super().__contains__(place)

    def get(self, place: Location, default: Any = None) -> Any:
        """Read a location that may be empty."""
        self.read.add(place)
        return super().get(place, default)

    def __iter__(self) -> Iterator[Location]:
        """Look through all locations."""
        self.searched = True
        return super().__iter__()

    def keys(self) -> Any:
        """Look through all locations."""
        self.searched = True
        return super().keys()

    def values(self) -> Any:
        """Look through all values."""
        self.searched = True
        return super().values()

    def items(self) -> Any:
        """Look through all locations and values."""
        self.searched = True
        return super().items()

    def __setitem__(self, place: Location, value: Any) -> None:
        """Write a location."""
        self.written.add(place)
        super().__setitem__(place, value)


@dataclass(frozen=True, slots=True)
class Dependence(Generic[Answer]):
    """Answers that depend on the same locations and tasks, by what is there.

    Values at a location are one of each kind (`pyemu.explore.kept.Numbers`): who they are says what they are.
    """

    places: tuple[Location, ...]
    others: tuple[int, ...]
    answers: dict[Any, Answer]

    def key(self, kept: Kept) -> Any:
        """Give what is there in a state."""
        values = tuple(map(id, map(kept.data.get, self.places)))
        if not self.others:
            return values
        return values, tuple([kept.tasks[number - 1].shape for number in self.others])


class Memory(Generic[Answer]):
    """Answers to a question about a task in a state, each with all that it depends on.

    Parameters
    ----------
    n_tasks : int
        Number of tasks.
    """

    def __init__(self, n_tasks: int) -> None:
        # For each task by its shape, and by what RAM holds: what an answer depends on, and the answers. Where
        # a task reads may depend on what it has read, so there may be more than one such dependence.
        self._known: list[dict[tuple[int, int], list[Dependence[Answer]]]] = [{} for _ in range(n_tasks)]

    def recall(self, kept: Kept, number: int) -> Answer | None:
        """Give the answer for a task in a state; None when it isn't known."""
        for dependence in self._known[number - 1].get((kept.tasks[number - 1].shape, kept.ram), ()):
            answer = dependence.answers.get(dependence.key(kept))
            if answer is not None:
                return answer
        return None

    def note(
        self, kept: Kept, number: int, places: Iterable[Location], others: Iterable[int], answer: Answer
    ) -> None:
        """Note the answer for a task in a state, and where it was looked for: locations and other tasks."""
        known = self._known[number - 1].setdefault((kept.tasks[number - 1].shape, kept.ram), [])
        where = tuple(sorted(places, key=repr)), tuple(sorted(others))
        for dependence in known:
            if (dependence.places, dependence.others) == where:
                break
        else:
            dependence = Dependence(*where, {})
            known.append(dependence)
        dependence.answers[dependence.key(kept)] = answer
