"""Which sleep for which flags? The decision of a userfaultfd's wait, on two trees, over every flag word.

The flag words that callers pass are read from runs, and what the kernel decides is asked of its own code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import chain, combinations

from course.asking import asked
from course.decide.words import say
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_REMOTE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    FaultFlag,
    names,
)
from pyemu.kernel.userfaultfd import blocking_state
from pyemu.machine import run
from pyemu.tree import Tree

__all__ = ["CALLERS", "WORDS", "callers", "every_word", "passed", "sleep_of", "try_sleep"]

CALLERS = {
    "a read in user mode": "S13",
    "a write in user mode": "9-before-10",
    "a kernel copy": "12-and-13",
    "get_user_pages": "S14",
}
"""Who causes a fault on a userfaultfd, and a scenario in which it does."""

_MAY = (
    FAULT_FLAG_WRITE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_REMOTE,
    FAULT_FLAG_INTERRUPTIBLE,
)
WORDS = tuple(
    sorted(
        sum(some, start=int(FAULT_FLAG_ALLOW_RETRY))
        for some in chain.from_iterable(combinations(map(int, _MAY), n) for n in range(len(_MAY) + 1))
    )
)
"""Every flag word with which a fault may come to this decision; without ALLOW_RETRY nothing sleeps."""

SLEEPS: dict[int, str] = {
    TASK_INTERRUPTIBLE: "interruptible",
    TASK_KILLABLE: "killable",
    TASK_UNINTERRUPTIBLE: "uninterruptible",
}


def sleep_of(tree: Tree, flags: int) -> str:
    """Say which sleep the kernel of a tree chooses for a flag word."""
    return SLEEPS[blocking_state(tree.policies, flags)]


@cache
def passed(tree: Tree) -> dict[str, int]:
    """Give the flag word of each caller's first attempt, from a run on a tree."""
    return {
        name: int(run(scenario, tree).trace.select("attempt", task="T")[0].a)
        for name, scenario in CALLERS.items()
    }


def callers(left: Tree, right: Tree) -> None:
    """Compare what each caller passes on two trees, and which sleep it gets for that.

    Parameters
    ----------
    left, right : Tree
        Two trees.
    """
    print(f"{'caller':<22} {'tree ' + str(left):<22} tree {right}")
    differs = []
    for name in CALLERS:
        shown = [f"{passed(tree)[name]:#x} {sleep_of(tree, passed(tree)[name])}" for tree in (left, right)]
        print(f"{name:<22} {shown[0]:<22} {shown[1]}")
        if shown[0].split()[1] != shown[1].split()[1]:
            differs.append(name)
    say(f"Another sleep: {', '.join(differs) or 'for no caller'}.")


def every_word(left: Tree, right: Tree) -> None:
    """Compare two trees over every flag word, and say which of the differing words a caller passes.

    Parameters
    ----------
    left, right : Tree
        Two trees.
    """
    differing = [word for word in WORDS if sleep_of(left, word) != sleep_of(right, word)]
    print(f"Trees {left} and {right}: {len(WORDS)} flag words, {len(differing)} get another sleep.")
    met = {word: name for tree in (left, right) for name, word in passed(tree).items()}
    for word in differing:
        if word in met:
            print(
                f"- {_word(word)}: {sleep_of(left, word)} -> {sleep_of(right, word)}, passed by {met[word]}"
            )
    if differing and not met.keys() & differing:
        print(f"- the first: {_word(differing[0])}; no caller passes any of them")


def try_sleep(function: Callable[[int], str], tree: Tree) -> None:
    """Let a learner's function choose a sleep for every flag word, and say where it parts from the kernel.

    Parameters
    ----------
    function : callable
        ``my_sleep(flags)``: ``interruptible``, ``killable`` or ``uninterruptible``.
    tree : Tree
        Whose decision it should be.
    """
    own = {}
    for word in WORDS:
        own[word], failed = asked(function, word)
        if failed:
            say(f"my_sleep failed: {failed}")
            return
    wrong = [word for word in WORDS if own[word] != sleep_of(tree, word)]
    print(f"Tree {tree}: {len(WORDS) - len(wrong)} of {len(WORDS)} flag words get the kernel's sleep.")
    if not wrong:
        return
    first = wrong[0]
    if own[first] not in SLEEPS.values():
        say(f"For {_word(first)} it gave {own[first]!r}; a sleep is one of {', '.join(SLEEPS.values())}.")
        return
    say(f"The first that does not: {_word(first)}. Yours is {own[first]}. {_why(first, own[first], tree)}")


def _word(flags: int) -> str:
    return f"{flags:#x} {names(flags, FaultFlag)}"


def _why(flags: int, own: str, tree: Tree) -> str:
    """Name what a wrong choice overlooks."""
    if 12 in tree and flags & FAULT_FLAG_INTERRUPTIBLE:
        return "From patch 12 on the flag INTERRUPTIBLE decides, whoever faulted."
    if 12 in tree and own == "interruptible":
        return "From patch 12 on USER decides nothing: the flag INTERRUPTIBLE is missing."
    if 16 not in tree and own == "uninterruptible":
        return "Before patch 16 no wait for a monitor is deaf to SIGKILL."
    if 16 in tree:
        return "From patch 16 on a sleep is killable only if KILLABLE says so."
    return "Before patch 12 it is interruptible if both USER and KILLABLE are set, and killable if not."
