"""The history of a run: from any step to any other."""

from __future__ import annotations

from bisect import bisect
from types import MappingProxyType
from typing import Any

from pyemu.errors import FaultlabError
from pyemu.state import Location
from pyemu.travel.log import MISSING, Write, WriteLog
from pyemu.travel.snapshot import Snapshot


class History:
    """What the state was after each step of a run.

    Parameters
    ----------
    log : WriteLog
        Of a run that has ended.
    ram_size : int
        Bytes of RAM.

    Attributes
    ----------
    last : int
        The last step; the first one is 0, before the first effect.

    Examples
    --------
    >>> from pyemu import Tree, run
    >>> history = run("S13", Tree.after, history=True).history
    >>> asleep = next(n for n in range(history.last) if history.at(n).task("T").asleep)
    >>> history.at(asleep).task("T").stack[-2:]
    ('do_anonymous_page', 'handle_userfault')
    """

    def __init__(self, log: WriteLog, ram_size: int) -> None:
        self._log = log
        self._ram_size = ram_size
        self._frames = [place for place, _ in log.frames]
        self.last = len(log.ends) - 2

    def __repr__(self) -> str:
        return (
            f"History(steps 0 to {self.last}, {len(self._log.news)} writes, {len(self._frames)} key frames)"
        )

    def at(self, step: int) -> Snapshot:
        """Give the state after a step.

        Parameters
        ----------
        step : int
            0 to `last`.

        Returns
        -------
        Snapshot
            Nothing in it changes.

        Raises
        ------
        FaultlabError
            When the run has no such step.
        """
        return self.cursor(step).now()

    def writes(self, step: int) -> tuple[Write, ...]:
        """Give the writes of a step, in order; those of step 0 come after the machine was built."""
        log, end = self._log, self._place(step)
        places = range(log.ends[step], end)
        return tuple(Write(log.locations[i], log.olds[i], log.news[i]) for i in places)

    def cursor(self, step: int = 0) -> Cursor:
        """Give a cursor that stands after a step."""
        return Cursor(self, step)

    def _place(self, step: int) -> int:
        """Give the number of writes up to the end of a step."""
        if type(step) is not int or not 0 <= step <= self.last:
            raise FaultlabError(f"step {step!r} does not exist: this run has steps 0 to {self.last}.")
        return self._log.ends[step + 1]

    def _frame_near(self, place: int) -> tuple[int, dict[Location, Any]]:
        """Give the key frame that is the fewest writes away."""
        after = bisect(self._frames, place)
        return min(self._log.frames[after - 1 : after + 1], key=lambda frame: abs(frame[0] - place))


class Cursor:
    """Stands after a step of a history, and goes forwards and backwards.

    A step forwards does the writes of that step once more, a step backwards takes them back.

    Attributes
    ----------
    step : int
        After which step it stands.
    """

    def __init__(self, history: History, step: int = 0) -> None:
        self._history = history
        self._log = history._log
        self._place = 0  # how many writes are done in `_values`
        self._values: dict[Location, Any] = {}
        self.step = step
        self.seek(step)

    def forward(self) -> None:
        """Go a step forwards; FaultlabError at the end."""
        self._go(self.step + 1)

    def back(self) -> None:
        """Go a step backwards; FaultlabError at step 0."""
        self._go(self.step - 1)

    def seek(self, step: int) -> None:
        """Go to any step.

        Raises
        ------
        FaultlabError
            When the run has no such step; the cursor stays where it is.
        """
        target = self._history._place(step)
        place, values = self._history._frame_near(target)
        if abs(place - target) < abs(self._place - target):
            self._place, self._values = place, dict(values)
        self._go(step)

    def get(self, location: Location, default: Any = None) -> Any:
        """Give the value of a location, as `State.get` would have."""
        return self._values.get(location, default)

    def now(self) -> Snapshot:
        """Give the state after this step, to keep."""
        values = MappingProxyType(dict(self._values))
        return Snapshot(self.step, values, self._history._ram_size)

    def _go(self, step: int) -> None:
        """Do the writes up to the end of a step, or take those behind it back, the last one first."""
        target, log, values = self._history._place(step), self._log, self._values
        for i in range(self._place, target):
            values[log.locations[i]] = log.news[i]
        for i in range(self._place - 1, target - 1, -1):
            if log.olds[i] is MISSING:
                del values[log.locations[i]]
            else:
                values[log.locations[i]] = log.olds[i]
        self._place, self.step = target, step
