"""What a run shows of get_user_pages and fixup_user_fault: the facts that exercise E7 compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from course.checks.facts import Fact
from pyemu.flags import VM_FAULT_RETRY, Signal

if TYPE_CHECKING:
    from pyemu.machine import Result
    from pyemu.trace import Event

__all__ = [
    "COUNTS",
    "DEATH",
    "FIXED",
    "GAVE",
    "OUTCOMES",
    "WORDS",
    "Gave",
    "attempts",
    "fixed_without_page",
    "given",
    "killed_at",
    "passes",
]

AT_ONCE = 1_000  # us from SIGKILL to the end of a task that does not wait


@dataclass(frozen=True, slots=True)
class Gave:
    """What one call of a function of the get_user_pages family gave.

    Attributes
    ----------
    start : int
        Where its first page is.
    n, locked : int
        Count or error; what is said of mmap_sem.
    text : str
        Both in words.
    """

    start: int
    n: int
    locked: int
    text: str


def _calls(result: Result, task: str, name: str) -> tuple[Gave, ...]:
    """Read all calls of a function, in the order of their ends."""
    made, start, ended = [], 0, ""
    for event in result.trace.select("call", "find_vma", "return", "gup", task=task):
        if event.kind == "call" and event.a in ("__get_user_pages", "__get_user_pages_locked"):
            start = 0
        elif event.kind == "find_vma":
            start = start or int(event.a)
        elif event.kind == "return":
            ended = str(event.a)
        elif event.kind == "gup" and ended == name:
            made.append(Gave(start, int(event.a), int(event.b), event.text.removeprefix("GUP gives ")))
    return tuple(made)


def passes(result: Result, task: str) -> tuple[Gave, ...]:
    """Give the passes: the calls of __get_user_pages."""
    return _calls(result, task, "__get_user_pages")


def given(result: Result, task: str) -> tuple[Gave, ...]:
    """Give what the callers of __get_user_pages_locked got."""
    return _calls(result, task, "__get_user_pages_locked")


def attempts(result: Result, task: str) -> tuple[Event, ...]:
    """Give the attempts: flags, and which attempt of the same address it is."""
    return tuple(result.trace.select("attempt", task=task))


def killed_at(result: Result, task: str) -> int | None:
    """Give when SIGKILL was sent to a task, or None."""
    number = result.trace.tasks.index(task) + 1
    sent = (e for e in result.trace.select("signal_sent") if e.a == Signal.SIGKILL and e.b == number)
    return next((event.t for event in sent), None)


def fixed_without_page(result: Result, task: str) -> bool:
    """Say whether fixup_user_fault gave 0 and its last attempt said RETRY."""
    last = 0
    for event in result.trace.select("attempt_end", "return", task=task):
        if event.kind == "attempt_end":
            last = int(event.a)
        elif event.a == "fixup_user_fault" and not event.b and last & VM_FAULT_RETRY:
            return True
    return False


def _counts(result: Result, task: str) -> tuple[str, ...]:
    return tuple(gave.text.split(", ")[0] for gave in given(result, task))


def _gave(result: Result, task: str) -> tuple[str, ...]:
    return tuple(gave.text for gave in given(result, task))


def _fixed(result: Result, task: str) -> tuple[int, ...]:
    ends = result.trace.select("return", task=task)
    return tuple(int(event.b) for event in ends if event.a == "fixup_user_fault")


def _death(result: Result, task: str) -> int:
    sent = killed_at(result, task)
    end = next((event.t for event in result.trace.select("exit", task=task)), None)
    if sent is None or end is None:
        return 0
    late = end - sent
    return late if late > AT_ONCE else 0


def _said_gave(gave: tuple[str, ...]) -> str:
    return "get_user_pages gives " + ("; then ".join(gave) or "nothing")


def _said_fixed(errors: tuple[int, ...]) -> str:
    return "fixup_user_fault gives " + (", ".join(map(str, errors)) or "nothing")


COUNTS = Fact("counts", _counts, _said_gave)
GAVE = Fact("gave", _gave, _said_gave)
OUTCOMES = Fact(
    "outcomes",
    lambda result, task: result.tasks[task].outcomes,
    lambda outcomes: "its calls and accesses give " + ", ".join(one.removeprefix("ret=") for one in outcomes),
)
WORDS = Fact(
    "words",
    lambda result, task: tuple(int(event.a) for event in attempts(result, task)),
    lambda words: "flags " + ", ".join(map(hex, words)),
)
DEATH = Fact("death", _death, lambda late: f"gone {late} us after SIGKILL" if late else "gone at once")
FIXED = Fact("fixed", _fixed, _said_fixed)
