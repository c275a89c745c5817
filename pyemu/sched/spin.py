"""Finding a task that goes round in circles: the same effects with the same results, three times, without a wait.

The windows between two markers (an exception, a call of handle_mm_fault) are compared. Numbers of handles differ from
round to round and are left out; everything else must be equal. A spin ends the moment the task sleeps or another
task changes what it sees.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pyemu.effects import Handle

ROUNDS = 3
LONGEST = 4  # markers in one round
UNTOLD = frozenset(
    {"count", "perf_sw_event", "count_vm_event", "clock"}
)  # counters differ from round to round


@dataclass(slots=True)
class Window:
    """What happened between two markers."""

    digest: int
    clock: int
    stats: Counter[str]


@dataclass(slots=True)
class SpinWatch:
    """Watches one task.

    Attributes
    ----------
    windows : list of Window
        The finished windows since the last wait.
    n_effects : int
        Effects since the last marker.
    """

    windows: list[Window] = field(default_factory=list)
    digest: int = 0
    n_effects: int = 0

    def reset(self) -> None:
        """Forget: the task slept, or what it sees has changed."""
        self.windows.clear()
        self.digest = 0
        self.n_effects = 0

    def effect(self, op: str, args: tuple[Any, ...], result: Any) -> None:
        """Note an applied effect."""
        self.n_effects += 1
        if op not in UNTOLD:
            told = tuple(type(one).kind if isinstance(one, Handle) else one for one in (*args, result))
            self.digest = hash((self.digest, op, repr(told)))

    def marker(self, clock: int, stats: Counter[str]) -> int:
        """Note a marker; give the length of the round in markers when the task spins, else 0."""
        self.windows.append(Window(self.digest, clock, Counter(stats)))
        self.digest = 0
        self.n_effects = 0
        del self.windows[: -(ROUNDS * LONGEST + 1)]
        digests = [window.digest for window in self.windows]
        for length in range(1, LONGEST + 1):
            last = digests[-length * ROUNDS :]
            if (
                len(last) == length * ROUNDS
                and len(digests) > length * ROUNDS
                and last == last[:length] * ROUNDS
            ):
                return length
        return 0

    def round(self, length: int) -> tuple[int, Counter[str]]:
        """Give the ticks that one round takes, and what it adds to the statistics."""
        first, last = self.windows[-1 - length], self.windows[-1]
        return last.clock - first.clock, Counter(
            {key: n - first.stats[key] for key, n in last.stats.items() if n != first.stats[key]}
        )
