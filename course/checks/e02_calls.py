"""What each call of lock_page_or_retry did, read from the trace of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyemu.flags import TASK_INTERRUPTIBLE

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.trace import Event

__all__ = ["PageLockCall", "calls_of", "held_asleep"]

NAME = "lock_page_or_retry"
TAKEN = ("lock_taken", "lock_granted")


@dataclass(slots=True)
class PageLockCall:
    """One call.

    Attributes
    ----------
    flags, attempt : int
        Of the attempt that it belongs to: the flag word, and its number.
    began, ended : int
        Ticks; the call never came back when `ended` is -1.
    gave : int
        What it returned.
    dropped, retook : bool
        Whether it released mmap_sem, and whether it took it after that.
    waited, waited_holding : bool
        Whether it slept, and whether it slept with mmap_sem.
    interruptible : bool
        Whether it slept so that any signal ends the sleep.
    killed : bool
        Whether SIGKILL ended a wait for the page.
    owns : bool
        Whether it has the page lock at its end.
    """

    flags: int
    attempt: int
    began: int
    ended: int = -1
    gave: int = -1
    dropped: bool = False
    retook: bool = False
    waited: bool = False
    waited_holding: bool = False
    interruptible: bool = False
    killed: bool = False
    owns: bool = False

    def see(self, event: Event) -> None:
        """Take in one event of the call."""
        if event.kind == "lock_dropped":
            self.dropped = True
        elif event.kind in TAKEN:
            self.retook = self.dropped
        elif event.kind == "sleep":
            self.waited = True
            self.waited_holding |= not self.dropped or self.retook
            self.interruptible |= event.a == TASK_INTERRUPTIBLE
        elif event.kind == "page_wait":
            self.killed |= event.b == "SIGKILL ends the wait"
        elif event.kind == "page_lock":
            self.owns = event.b != "released"


def calls_of(result: Result, task: str) -> list[PageLockCall]:
    """Give the calls that a task made, in order."""
    calls: list[PageLockCall] = []
    inside, flags, attempt = False, 0, 0
    for event in result.trace.select(
        *("attempt", "call", "return", "sleep", "lock_dropped", *TAKEN, "page_wait", "page_lock"), task=task
    ):
        if event.kind == "attempt":
            flags, attempt = int(event.a), int(event.b)
        elif event.kind == "call" and event.a == NAME:
            inside = True
            calls.append(PageLockCall(flags, attempt, event.t))
        elif event.kind == "return" and event.a == NAME:
            inside = False
            calls[-1].ended, calls[-1].gave = event.t, int(event.b)
        elif inside:
            calls[-1].see(event)
    return calls


def held_asleep(result: Result, task: str) -> int:
    """Give how many ticks a task slept while it held mmap_sem."""
    ticks, n_held, since = 0, 0, -1
    for event in result.trace.select("sleep", "wake", "lock_dropped", *TAKEN, task=task):
        if event.kind in TAKEN:
            n_held += 1
        elif event.kind == "lock_dropped":
            n_held -= 1
        elif event.kind == "sleep":
            since = event.t if n_held > 0 else -1
        elif since >= 0:
            ticks, since = ticks + event.t - since, -1
    return ticks
