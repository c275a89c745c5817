"""Who holds mmap_sem when an attempt comes back? Eight returns, each read from a run."""

from __future__ import annotations

from functools import cache

from course.decide.cards import Card, compare
from pyemu.machine import run
from pyemu.tree import Tree

__all__ = ["own_locks"]

MEANING = {"h": "held", "d": "dropped", "r": "re-taken"}
# What happens, in which scenario, on which tree, at which attempt, and the hint for a wrong letter.
RETURNS = (
    (
        *("The page is there by now. The attempt gives 0", "S13", Tree.after, 3),
        "Nobody had to wait, so there was no reason to drop the lock.",
    ),
    (
        *("Attempt 1, the page is being read. It gives RETRY", "S9", Tree.before, 1),
        "RETRY after a wait: the callee dropped the lock before it slept, and the caller takes it anew.",
    ),
    (
        *("Attempt 2, the page is locked again. It gives LOCKED", "S9-relock", Tree.after, 2),
        "Only a first attempt may drop the lock while it waits for a page. This one waits, and keeps it.",
    ),
    (
        *("Attempt 1, it asks a monitor and sleeps. It gives RETRY", "S13", Tree.after, 1),
        "RETRY after a wait: the callee dropped the lock before it slept, and the caller takes it anew.",
    ),
    (
        *("An attempt that may not wait. It gives SIGBUS", "S13", Tree.before, 2),
        "An error is no RETRY: the caller still has the lock, and has to release it.",
    ),
    (
        *("It slept, a signal came, older kernel. It gives NOPAGE", "S10a", Tree.upto(9), 1),
        "It slept without the lock, like the others. But NOPAGE is no RETRY, so the caller will release it.",
    ),
    (
        *("It slept, a signal came, newer kernel. It gives RETRY", "S10a", Tree.upto(10), 1),
        "RETRY after a wait says the same, whatever ended the wait.",
    ),
    (
        *("The caller forbade to wait (RETRY_NOWAIT). It gives RETRY", "X1", Tree.after, 1),
        "Nobody waited. This caller wants to keep the lock, and knows that it does, from its own flag.",
    ),
)


def lock_at_end(scenario: str, tree: Tree, n: int) -> str:
    """Say what became of mmap_sem between the start and the end of T's n-th attempt: a letter."""
    letter, seen = "h", 0
    for event in run(scenario, tree).trace.select(
        "attempt", "lock_dropped", "lock_taken", "attempt_end", task="T"
    ):
        if event.kind == "attempt":
            letter, seen = "h", seen + 1
        elif event.kind == "attempt_end":
            if seen == n:
                return letter
        else:
            letter = "d" if event.kind == "lock_dropped" else "r"
    raise AssertionError(f"{scenario} on tree {tree} has no attempt {n}")


@cache
def _cards() -> tuple[Card, ...]:
    return tuple(Card(text, lock_at_end(name, tree, n), (why,)) for text, name, tree, n, why in RETURNS)


def own_locks(letters: str) -> None:
    """Compare what a learner says of mmap_sem at eight returns with the runs.

    Parameters
    ----------
    letters : str
        Eight of them: ``h`` held all the time, ``d`` dropped, ``r`` dropped and re-taken, ``?`` open.
    """
    compare(_cards(), letters, MEANING, ["mmap_sem"])
