"""Finding a task that goes round in circles: the same effects, the same results, three times, no wait.

What happened between two markers (an exception, a call of handle_mm_fault) is a *window*; windows are
compared. A loop of a learner that reaches no marker is found by its last effects. Numbers of handles differ
from round to round and are left out; everything else must be equal. A spin ends the moment the task sleeps or
another task changes what it sees.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from pyemu.effects.handles import Handle

ROUNDS = 3
LONGEST = 4  # windows in one round
LONGEST_LOOP = 32  # effects in one round of a loop without a marker
LONGEST_STIR = 64  # effects in one round of a task that is woken again and again
CHANGING = frozenset(
    {"schedule_timeout", "timer_wait"}
)  # what is left of a time gets less from round to round
UNTOLD = frozenset(
    {"count", "perf_sw_event", "count_vm_event", "clock"}
)  # counters differ from round to round

Step = tuple[Any, ...]  # an operation, its arguments and its result, without numbers of handles


@dataclass(slots=True)
class Window:
    """What happened up to a marker, and how things stood then."""

    steps: tuple[Step, ...]
    stats: Counter[str]


@dataclass(slots=True)
class SpinWatch:
    """Watches one task.

    Attributes
    ----------
    windows : list of Window
        The finished windows since the last wait.
    steps : list
        The steps since the last marker.
    recent : deque
        The last steps, markers or not.
    history : deque
        The last steps, however often the task slept meanwhile.
    length : int
        Length of the round in windows, as the last marker showed it; 0 when the task doesn't spin.
    """

    windows: list[Window] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    recent: deque[Step] = field(default_factory=lambda: deque(maxlen=ROUNDS * LONGEST_LOOP))
    history: deque[Step] = field(default_factory=lambda: deque(maxlen=ROUNDS * LONGEST_STIR))
    n_recent: int = 0
    length: int = 0

    def reset(self) -> None:
        """Forget: the task slept, or what it sees has changed."""
        self.windows.clear()
        self.steps.clear()
        self.recent.clear()
        self.n_recent = 0
        self.length = 0

    def effect(self, op: str, args: tuple[Any, ...], result: Any, depth: int = 0) -> None:
        """Note an applied effect; at another depth of calls it is another one: who goes deeper goes on."""
        if op in UNTOLD:
            return
        if op == "dequeue_signal" and result is not None and not result.code:
            self.reset()  # somebody sent it: to take signals again and again is no circle of one's own
            return
        step = (op, *(type(one).kind if isinstance(one, Handle) else one for one in (*args, result, depth)))
        self.steps.append(step)
        self.recent.append(step)
        self.history.append((op,) if op in CHANGING else step)
        self.n_recent += 1

    def stirs(self) -> bool:
        """Say whether the task does the same again and again, although it sleeps in between.

        Such is a monitor in poll() that a spinning task wakes in each of its rounds.
        """
        return len(self.history) == self.history.maxlen and bool(_period(list(self.history), LONGEST_STIR))

    def loops(self) -> int:
        """Give the length, in effects, of a loop without a marker that the last effects show; 0 for none."""
        if self.n_recent < ROUNDS * LONGEST_LOOP or self.n_recent % LONGEST_LOOP:
            return 0
        return _period(list(self.recent), LONGEST_LOOP)

    def marker(self, stats: Counter[str]) -> int:
        """Note a marker; give the length of the round in windows when the task spins, else 0."""
        self.windows.append(Window(tuple(self.steps), Counter(stats)))
        self.steps.clear()
        self.recent.clear()
        self.n_recent = 0
        del self.windows[: -(ROUNDS * LONGEST + 1)]
        self.length = _period([window.steps for window in self.windows[1:]], LONGEST)
        return self.length

    def makes(self, ops: frozenset[str]) -> bool:
        """Say whether a round of a task that spins has one of these operations in it."""
        return any(step[0] in ops for window in self.windows[-self.length :] for step in window.steps)

    def round(self) -> Counter[str]:
        """Give what one round adds to the statistics of a task that spins."""
        first, last = self.windows[-1 - self.length].stats, self.windows[-1].stats
        return Counter({key: n - first[key] for key, n in last.items() if n != first[key]})


def _period(items: list[Any], longest: int) -> int:
    """Give the shortest length whose last run stands three times in a row at the end; 0 for none."""
    for length in range(1, longest + 1):
        last = items[-length * ROUNDS :]
        if len(last) == length * ROUNDS and last == last[:length] * ROUNDS:
            return length
    return 0
