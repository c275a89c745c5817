"""What a run shows of a handler, as a few values that can be compared.

Everything is read from the result and its events: the handler itself is not asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyemu.flags import Signal

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["FACTS", "Fact", "Facts", "counted", "facts_of", "plural"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What became of one task's faults.

    Attributes
    ----------
    outcome : str
        Its last access, as records name it: ``ret=5``, ``SIGBUS(code=2)``, ``killed:9``, or ``none``.
    exceptions, attempts, messages : int
        Page-fault exceptions, calls of handle_mm_fault, messages that it queued.
    flags : tuple of int
        The flag word of each attempt of the first exception.
    handler_runs : int
        Signal handlers that ran.
    before_handler : int
        Attempts before the first signal was taken; all of them when none was.
    minor, major : int
        Faults counted as ``min_flt`` and ``maj_flt``.
    """

    outcome: str
    exceptions: int
    attempts: int
    messages: int
    flags: tuple[int, ...]
    handler_runs: int
    before_handler: int
    minor: int
    major: int


def facts_of(result: Result, task: str) -> Facts:
    """Read the facts of one task from a result.

    Parameters
    ----------
    result : Result
        Of a run that ended, well or not.
    task : str
        Name of the task.

    Returns
    -------
    Facts
        What it did.
    """
    told = result.tasks[task]
    events = result.trace.select("attempt", "signal_taken", task=task)
    taken = next((n for n, event in enumerate(events) if event.kind == "signal_taken"), len(events))
    attempts = told.stats.get("attempts", 0)
    words = [event for event in events if event.kind == "attempt"]
    again = next((n for n, event in enumerate(words) if n and event.b == 1), len(words))
    # A spin is recorded once and its rounds are only counted: so count from the end.
    after = sum(event.kind == "attempt" for event in events[taken:])
    return Facts(
        outcome=told.outcome,
        exceptions=told.stats.get("exceptions", 0),
        attempts=attempts,
        messages=told.stats.get("messages_queued", 0),
        flags=tuple(int(event.a) for event in words[:again]),
        handler_runs=told.stats.get("handler_runs", 0),
        before_handler=attempts - after,
        minor=told.counters["min_flt"],
        major=told.counters["maj_flt"],
    )


def plural(n: int, noun: str) -> str:
    """Give a number with its noun: ``1 message``, ``2 messages``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _outcome(outcome: str) -> str:
    """Say an outcome in words."""
    if outcome.startswith("killed:"):
        return f"killed by {Signal(int(outcome.removeprefix('killed:'))).name}"
    if outcome == "none":
        return "the access comes to no end"
    return f"the access gives {outcome.removeprefix('ret=')}"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a run shows of a task.

    Attributes
    ----------
    name : str
        A short name.
    of : callable
        Gives its value from a result and the name of a task; values of two runs are compared with ``==``.
    said : callable
        Says a value in a few words.
    """

    name: str
    of: Callable[[Result, str], Any]
    said: Callable[[Any], str]


def _read(name: str, said: Callable[[Any], str]) -> Fact:
    return Fact(name, lambda result, task: getattr(facts_of(result, task), name), said)


def counted(noun: str) -> Callable[[int], str]:
    """Give what says a number with a noun."""
    return lambda n: plural(n, noun)


FACTS = {
    one.name: one
    for one in (
        _read("outcome", _outcome),
        _read("exceptions", counted("exception")),
        _read("attempts", counted("attempt")),
        _read("messages", counted("message")),
        _read("flags", lambda words: "flags " + ", ".join(map(hex, words))),
        _read("handler_runs", counted("handler run")),
        _read("before_handler", lambda n: plural(n, "attempt") + " before a signal is taken"),
        _read("minor", counted("minor fault")),
        _read("major", counted("major fault")),
    )
}
"""The facts that many exercises compare, by name; an exercise may have facts of its own."""
