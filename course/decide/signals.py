"""What becomes of a signal that is sent to a waiting task? Fifteen cells, each read from a run."""

from __future__ import annotations

from functools import cache

from course.decide.cards import Card, compare
from pyemu.machine import Result, run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["own_signals", "receives"]

AT = 5_000  # us; before it nothing happens to the waiting task
END = 1_000_000  # steps: later than any
MEANING = {"y": "yes", "n": "no"}
KINDS = {
    "blocked": ("SIGUSR1", "SIGUSR1, and T blocks it"),
    "ignored": ("SIGUSR1", "SIGUSR1, and T ignores it"),
    "handled": ("SIGUSR1", "SIGUSR1, and T has a handler"),
    "stop": ("SIGSTOP", "SIGSTOP"),
    "kill": ("SIGKILL", "SIGKILL"),
}
COLUMNS = ("signal_pending?", "ends S?", "ends killable D?")
WHY_KINDS = {
    "blocked": ("It is in the queue, but the bit is not set: T may not take it.",) * 3,
    "ignored": ("It is dropped when it is sent: nothing of it is left.",) * 3,
    "handled": (
        "There is something to take: the bit is set.",
        "S listens to all that is pending.",
        "A killable sleep listens to SIGKILL alone. The signal stays pending.",
    ),
    "stop": (
        "SIGSTOP is a signal like any other, up to the moment at which it is taken.",
        "S listens to all that is pending, and SIGSTOP is.",
        "A killable sleep listens to SIGKILL alone: T can't stop before it goes back to user mode.",
    ),
    "kill": ("SIGKILL can't be blocked or ignored.", "It ends S.", "That is what killable means."),
}


def receives(kind: str, program: str) -> Result:
    """Run T with a signal of a kind at `AT`, while it waits for its page."""
    signal, _ = KINDS[kind]
    data = {
        "version": 1,
        "name": f"{kind} signal",
        "title": "A signal while a task waits",
        "story": f"T waits for its page, and gets a signal: {kind}.",
        "areas": [{"name": "V", "pages": 4, "populated": [0], "userfaultfd": True}],
        "tasks": [
            {
                "name": "T",
                "signals": {"SIGUSR1": "ignore" if kind == "ignored" else "handler"},
                "blocked": ["SIGUSR1"] if kind == "blocked" else [],
                "program": [{"do": program, "area": "V", "page": 1}],
            },
            {
                "name": "M",
                "monitor": True,
                "program": [
                    {"do": "wait_message"},
                    {"do": "pause", "ticks": AT},
                    {"do": "signal", "task": "T", "signal": signal},
                    {"do": "pause", "ticks": 10_000},
                    {"do": "signal", "task": "T", "signal": "SIGCONT"},
                    {"do": "copy", "area": "V", "page": 1, "byte": 5},
                    {"do": "wait_message", "ticks": 50_000},
                    {"do": "copy", "area": "V", "page": 1, "byte": 5},
                ],
            },
        ],
    }
    return run(Scenario.from_dict(data, "a signal"), Tree.before, history=True)


def is_pending(result: Result) -> bool:
    """Say whether T had something to take when the signal had been sent (the bit TIF_SIGPENDING)."""
    (sent, *_) = result.trace.select("signal_sent")
    return bool(result.history.at(sent.step).get(("sigpending", int(sent.b))))


def ends_wait(result: Result) -> bool:
    """Say whether T went on at the moment at which the signal was sent."""
    (sent, *_) = result.trace.select("signal_sent")
    return any(
        event.t < AT + 1_000 for event in result.trace.select("wake", "exit", task="T", step=(sent.step, END))
    )


@cache
def _cards() -> tuple[Card, ...]:
    return tuple(Card(text, _rights(kind), WHY_KINDS[kind]) for kind, (_, text) in KINDS.items())


def _rights(kind: str) -> str:
    user, kernel = receives(kind, "read"), receives(kind, "tmpfs_write")
    return "".join("ny"[one] for one in (is_pending(user), ends_wait(user), ends_wait(kernel)))


def own_signals(letters: str) -> None:
    """Compare what a learner says of five signals with runs.

    Parameters
    ----------
    letters : str
        Fifteen, line by line: ``y`` yes, ``n`` no, ``?`` open.
    """
    compare(_cards(), letters, MEANING, COLUMNS)
