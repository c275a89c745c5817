"""May an attempt drop mmap_sem while it waits for a page? A learner's rule beside that of the kernel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from course.asking import asked
from course.decide.words import say
from pyemu.effects.handles import Mm
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FaultFlag,
    names,
)
from pyemu.kernel.retry import maybe_unlock_mmap_for_io
from pyemu.tree import Tree

__all__ = ["try_may_drop"]

BITS = (FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, FAULT_FLAG_RETRY_NOWAIT)
WORDS = tuple(int(sum(some)) for n in range(len(BITS) + 1) for some in combinations(BITS, n))
"""Every combination of the three flags."""


def kernel_drops(flags: int, tree: Tree) -> bool:
    """Run the kernel's own function on one word of flags."""
    coroutine, answer = maybe_unlock_mmap_for_io(Mm(0), flags, False), None
    while True:
        try:
            effect = coroutine.send(answer)
        except StopIteration as stop:
            return bool(stop.value)
        answer = tree.policies if effect.op == "policies" else None


def try_may_drop(function: Callable[[int], object]) -> None:
    """Let a function decide for each combination of flags, and say where it parts from Linux 5.7.

    Parameters
    ----------
    function : callable
        ``may_drop(flags)``: whether this attempt may drop mmap_sem while it waits for a page.
    """
    n_alike = 0
    for flags in WORDS:
        own, failed = asked(function, flags)
        if failed:
            say(f"may_drop failed: {failed}")
            return
        if bool(own) is kernel_drops(flags, Tree.after):
            n_alike += 1
        else:
            what = names(flags, FaultFlag) if flags else "no flag"
            say(f"- {flags:#x} ({what}): yours {'drops' if own else 'keeps'} the lock. {_why(flags)}")
    print(f"{n_alike} of {len(WORDS)} are decided as the kernel does.")


def _why(flags: int) -> str:
    if not flags & FAULT_FLAG_ALLOW_RETRY:
        return "Its caller does not allow a retry: it will release a lock that is gone."
    if flags & FAULT_FLAG_RETRY_NOWAIT:
        return "Its caller wants no wait, and the lock back: it will release a lock that is gone."
    if flags & FAULT_FLAG_TRIED:
        return "It has been tried before: who drops the lock at each attempt may be sent back for ever."
    return "A first attempt that may retry: with the lock kept, everybody who wants to write it waits."
