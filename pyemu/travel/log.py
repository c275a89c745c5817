"""The write log: which location got which value in which step, and key frames in between.

Everything is a location with an immutable value, RAM too: ``("line", n)`` holds 64 bytes of it. So a state is
a dictionary, and a key frame is a copy of one whose values are shared with the log. A key frame is made when
as many writes have been logged since the last one as the state has locations: so key frames never need more
room than the log, and no step is further from one than that.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, Final

from pyemu.state import Location

LEAST_BETWEEN = 256  # writes between two key frames: copying a small state costs about as much as this


class Missing:
    """Stands for the value of a location that was never written."""

    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a step.

    Attributes
    ----------
    location : tuple
        Where.
    old, new : object
        The value before, `MISSING` if there was none, and the value after.
    """

    location: Location
    old: Any
    new: Any


class WriteLog:
    """The writes of a run, in order.

    Attributes
    ----------
    now : dict
        The latest state.
    locations, olds, news : list
        The writes.
    ends : array of int
        How many writes there were when the machine was built, then at the end of each step from step 0 on.
    frames : list of (int, dict)
        After how many writes, and what the state was then; at the end of a step each. Nobody changes them.
    """

    def __init__(self) -> None:
        self.now: dict[Location, Any] = {}
        self.locations: list[Location] = []
        self.olds: list[Any] = []
        self.news: list[Any] = []
        self.ends = array("Q")
        self.frames: list[tuple[int, dict[Location, Any]]] = [(0, {})]
        self._known: dict[Location, Location] = {}  # one tuple a location is enough

    def write(self, location: Location, value: Any) -> None:
        """Log a write."""
        self.locations.append(self._known.setdefault(location, location))
        self.olds.append(self.now.get(location, MISSING))
        self.news.append(value)
        self.now[location] = value

    def end_step(self) -> None:
        """End a step; make a key frame if it is time."""
        n = len(self.news)
        self.ends.append(n)
        if n - self.frames[-1][0] >= max(len(self.now), LEAST_BETWEEN):
            self.frames.append((n, dict(self.now)))
