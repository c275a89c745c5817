"""What a run shows of handle_userfault: its attempts one by one, its sleeps, its looks at the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course.checks.facts import Fact, counted
from pyemu.flags import (
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    UFFD_PAGEFAULT_FLAG_WRITE,
    VmFault,
)

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.trace import Event

__all__ = [
    "ACCESSES",
    "ACQUISITIONS",
    "ASKED",
    "BARE_LOOKS",
    "GIVES",
    "READ",
    "SLEEPS",
    "SLEEPS_WITH_LOCK",
    "Attempt",
    "attempts",
]

NAMES = {
    int(TASK_INTERRUPTIBLE): "interruptibly",
    int(TASK_KILLABLE): "killably",
    int(TASK_UNINTERRUPTIBLE): "uninterruptibly",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of handle_mm_fault.

    Attributes
    ----------
    flags, bits : int
        What went in, and what came back; 0 if it never did.
    events : tuple of Event
        The task's events meanwhile.
    end : int
        The step in which it ended; that of its last event if it never did.
    """

    flags: int
    bits: int
    events: tuple[Event, ...]
    end: int

    def kinds(self, *kinds: str) -> list[str]:
        """Give the kinds of its events that are among these, in their order."""
        return [event.kind for event in self.events if event.kind in kinds]

    @property
    def sleeps(self) -> list[int]:
        """The states in which the task slept."""
        return [int(event.a) for event in self.events if event.kind == "sleep"]

    @property
    def found(self) -> bool:
        """Whether a look found the page."""
        looks = (event for event in self.events if event.kind == "return")
        return any(event.a == "userfaultfd_must_wait" and not event.b for event in looks)


def attempts(result: Result, task: str) -> list[Attempt]:
    """Give the attempts of a task, in order; the last may have come to no end."""
    found: list[Attempt] = []
    events: list[Event] = []
    flags: int | None = None
    for event in result.trace.select(task=task):
        if event.kind == "attempt":
            flags, events = int(event.a), []
        elif event.kind == "attempt_end" and flags is not None:
            found.append(Attempt(flags, int(event.a), tuple(events), event.step))
            flags = None
        elif flags is not None:
            events.append(event)
    if flags is not None:
        found.append(Attempt(flags, 0, tuple(events), events[-1].step if events else 0))
    return found


def _with_lock(result: Result, task: str) -> Iterator[tuple[Event, bool]]:
    """Give a task's events, each with whether it holds mmap_sem then."""
    held = 0
    for event in result.trace.select(task=task):
        held += {"lock_taken": 1, "lock_dropped": -1}.get(event.kind, 0)
        yield event, held > 0


def _bare_looks(result: Result, task: str) -> int:
    looks = (
        held
        for event, held in _with_lock(result, task)
        if event.a == "userfaultfd_must_wait" and event.kind == "call"
    )
    return sum(not held for held in looks)


def _sleeps_with_lock(result: Result, task: str) -> int:
    return sum(held for event, held in _with_lock(result, task) if event.kind == "sleep")


def _sleeps(result: Result, task: str) -> tuple[int, ...]:
    return tuple(state for one in attempts(result, task) for state in one.sleeps)


def _said_sleeps(states: tuple[int, ...]) -> str:
    return "sleeps " + ", ".join(NAMES.get(one, hex(one)) for one in states) if states else "never sleeps"


def _gives(result: Result, task: str) -> tuple[int, ...]:
    return tuple(one.bits for one in attempts(result, task))


def _said_gives(words: tuple[int, ...]) -> str:
    names = ((VmFault(word).name or hex(word)) if word else "done" for word in words)
    return f"attempts give {', '.join(names) or 'nothing'}"


def _asked(result: Result, task: str) -> tuple[tuple[int, int], ...]:
    """Give the messages of attempts that did not find the page: who looks first may leave out the others."""
    return tuple(
        (int(event.a), int(event.b))
        for one in attempts(result, task)
        if not one.found
        for event in one.events
        if event.kind == "message"
    )


def _said_access(flags: int) -> str:
    said, other = "write" if flags & UFFD_PAGEFAULT_FLAG_WRITE else "read", flags & ~UFFD_PAGEFAULT_FLAG_WRITE
    return f"{said} and bits {other:#x}" if other else said


def _said_asked(messages: tuple[tuple[int, int], ...]) -> str:
    said = (f"{address:#x} for a {_said_access(flags)}" for address, flags in messages)
    return f"messages ask for {', '.join(said) or 'nothing'}"


def _accesses(result: Result, task: str) -> tuple[int, ...]:
    return tuple(one.flags & (FAULT_FLAG_USER | FAULT_FLAG_WRITE) for one in attempts(result, task))


def _said_accesses(flags: tuple[int, ...]) -> str:
    said = (
        ("a write" if one & FAULT_FLAG_WRITE else "a read")
        + (" from user mode" if one & FAULT_FLAG_USER else " from kernel mode")
        for one in flags
    )
    return f"flags say {', '.join(said)}" if flags else "it makes no attempt"


ACCESSES = Fact("accesses", _accesses, _said_accesses)
ASKED = Fact("asked", _asked, _said_asked)
GIVES = Fact("gives", _gives, _said_gives)
SLEEPS = Fact("sleeps", _sleeps, _said_sleeps)
ACQUISITIONS = Fact(
    "acquisitions",
    lambda result, task: result.tasks[task].stats.get("acquisitions", 0),
    counted("acquisition"),
)
READ = Fact(
    "read",
    lambda result, task: result.tasks["M"].stats.get("messages", 0) if "M" in result.tasks else 0,
    lambda n: f"M reads {counted('message')(n)}",
)
BARE_LOOKS = Fact("bare looks", _bare_looks, lambda n: f"{counted('look')(n)} at the page without mmap_sem")
SLEEPS_WITH_LOCK = Fact(
    "sleeps with lock", _sleeps_with_lock, lambda n: f"{counted('sleep')(n)} with mmap_sem held"
)
