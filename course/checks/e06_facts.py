"""What a run shows of a kernel copy: whether it slept, how often it asked, how it died."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.checks.facts import Fact, counted
from course.checks.userfaults import Attempt, attempts
from pyemu.flags import FAULT_FLAG_USER, Signal

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["AT_ONCE", "COPY_MESSAGES", "COPY_SLEEPS", "SPINS", "of_copy"]

AT_ONCE_TICKS = 10  # an attempt takes one


def of_copy(result: Result, task: str) -> list[Attempt]:
    """Give the attempts of faults from kernel mode."""
    return [one for one in attempts(result, task) if not one.flags & FAULT_FLAG_USER]


def _slept(result: Result, task: str) -> bool:
    return any(one.sleeps for one in of_copy(result, task))


def _messages(result: Result, task: str) -> int:
    return sum(len(one.kinds("message")) for one in of_copy(result, task))


def _dies_at_once(result: Result, task: str) -> bool:
    sent = [event.t for event in result.trace.select("signal_sent") if event.a == Signal.SIGKILL]
    ends = result.trace.select("exit", task=task)
    return bool(sent and ends) and ends[0].t - sent[0] <= AT_ONCE_TICKS


SPINS = Fact("spins", lambda result, task: result.tasks[task].stats.get("spins", 0), counted("busy loop"))
COPY_SLEEPS = Fact("copy sleeps", _slept, lambda slept: f"the copy {'sleeps' if slept else 'never sleeps'}")
COPY_MESSAGES = Fact("copy messages", _messages, lambda n: f"{counted('message')(n)} for the copy")
AT_ONCE = Fact("at once", _dies_at_once, lambda soon: f"SIGKILL ends it {'at once' if soon else 'late'}")
