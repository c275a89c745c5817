"""A sleeper and a waker of few lines, in every interleaving: where a wake-up can be lost.

The sleeper has three lines, in an order of the learner's:

- ``Q``: **q**ueue up, and say "I am going to sleep";
- ``C``: **c**heck: if the page is there, done;
- ``Z``: sleep, unless a wake has come since ``Q``. After the sleep, done.

The waker has two: ``P`` brings the **p**age, ``W`` **w**akes all who are in the queue. These are the bare
bones of Linux's `prepare_to_wait`, `schedule` and `wake_up`, where the task state is the mark that a wake has
come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from course.decide.words import say
from pyemu.errors import FaultlabError

__all__ = ["LINES", "interleavings", "lost", "try_wakeup"]

LINES = {
    "Q": "queues up",
    "C": "checks: is the page there?",
    "Z": "sleeps, unless it was woken since it queued up",
    "P": "brings the page",
    "W": "wakes who is in the queue",
}
SLEEPER, WAKER = "QCZ", "PW"


@dataclass(frozen=True, slots=True)
class _State:
    page: bool = False
    queued: bool = False
    woken: bool = False
    asleep: bool = False
    done: bool = False


def interleavings(order: str) -> Iterator[str]:
    """Give every order of all five lines that keeps both orders.

    Parameters
    ----------
    order : str
        The sleeper's.

    Yields
    ------
    str
        Such as ``QPCWZ``.
    """
    n = len(order) + len(WAKER)
    for places in combinations(range(n), len(WAKER)):
        sleeper, waker = iter(order), iter(WAKER)
        yield "".join(next(waker) if i in places else next(sleeper) for i in range(n))


def _step(state: _State, line: str) -> _State:
    if line == "P":
        return replace(state, page=True)
    if line == "W":
        return replace(state, queued=False, asleep=False, woken=True) if state.queued else state
    if state.done:
        return state
    if line == "Q":
        return replace(state, queued=True)
    if line == "C":
        return replace(state, done=state.page)
    return replace(state, asleep=not state.woken)


def lost(order: str) -> list[str]:
    """Give the interleavings in which the sleeper sleeps for ever.

    Parameters
    ----------
    order : str
        The sleeper's lines. Once it sleeps it makes none of those that are left.

    Returns
    -------
    list of str
        As they come in `interleavings`.
    """
    found = []
    for moves in interleavings(order):
        state, slept = _State(), False
        for line in moves:
            if line in WAKER or not slept:
                state = _step(state, line)
            slept = slept or state.asleep
        if state.asleep:
            found.append(moves)
    return found


def try_wakeup(order: str) -> None:
    """Run the sleeper's lines in an order, beside the waker's, in every interleaving.

    Parameters
    ----------
    order : str
        The letters ``Q``, ``C`` and ``Z``, each once; empty: show the lines.

    Raises
    ------
    FaultlabError
        It is another text.
    """
    letters = "".join(order.split()).upper()
    if not letters:
        say("T has three lines: " + "; ".join(f"{one} {LINES[one]}" for one in SLEEPER) + ".")
        say("M has two, in this order: " + "; ".join(f"{one} {LINES[one]}" for one in WAKER) + ".")
        say('Give T\'s three letters in an order, as in try_wakeup("ZQC").')
        return
    if sorted(letters) != sorted(SLEEPER):
        raise FaultlabError(f"{order!r} is no order of T's lines: write Q, C and Z, each once.")
    every = list(interleavings(letters))
    bad = lost(letters)
    if not bad:
        say(f"{letters}: in all {len(every)} interleavings T gets its page.")
        return
    say(f"{letters}: in {len(bad)} of {len(every)} interleavings T sleeps for ever. One of them:")
    for line in bad[0][: _last(bad[0])]:
        print(f"  {'M' if line in WAKER else 'T'}  {line}  {LINES[line]}")
    say("The page is there, and the wake is over. Nobody will come again.")


def _last(moves: str) -> int:
    """Give the place after the last move: nobody moves once T sleeps and M has done its two lines."""
    return max(moves.index(line) for line in ("Z", *WAKER)) + 1
