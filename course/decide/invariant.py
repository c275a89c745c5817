"""An invariant in a learner's words: asked of every way in which a write from a missing page can end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from course.asking import asked
from course.decide.words import say
from course.sketch import sketch
from pyemu.explore import Ending, explore
from pyemu.tree import Tree

__all__ = ["try_invariant"]

Told = Mapping[str, tuple[str, ...]]
# What comes, on which tree, and whether every ending is right there: that of patch 12 makes a write fail.
CASES = (("SIGUSR1", 11, True), ("SIGKILL", 11, True), ("SIGUSR1", 12, False))


@cache
def endings(signal: str, n: int) -> tuple[tuple[Ending, int], ...]:
    """Give each ending of a write during which a signal may come, with the moves of its shortest schedule.

    Parameters
    ----------
    signal : str
        Such as ``SIGUSR1``.
    n : int
        The last patch of the tree.

    Returns
    -------
    tuple of (Ending, int)
        In the order in which they were found.
    """
    write = sketch(
        f"write, {signal}",
        apart="S",
        T="tmpfs_write 1",
        S=f"signal task=T signal={signal}",
        M="wait_message; copy 1",
    )
    found = explore(write, Tree.upto(n))
    return tuple((ending, len(schedule)) for ending, schedule in found.endings.items())


def try_invariant(holds: Callable[[Told], bool]) -> None:
    """Ask a learner's invariant of every ending, and say where it is too strict or too weak.

    Parameters
    ----------
    holds : callable
        Takes what each task was told, as ``{"T": ("ret=4096",)}``, and says whether that is right.
    """
    strict, caught = "", False
    for signal, n, right in CASES:
        for ending, n_moves in endings(signal, n):
            held, failed = asked(holds, dict(ending.tasks))
            if failed:
                say(f"holds({dict(ending.tasks)}) failed. {failed}")
                return
            verdict = "holds" if held else "is broken"
            print(f"{signal}, tree upto{n}: {ending!s:<24} {verdict}  ({n_moves} moves)")
            if right and not held and not strict:
                strict = (
                    f"Too strict: with {signal} on tree upto{n}, {ending} is right, and yours forbids it."
                )
            caught = caught or not (right or held)
    print()
    if strict:
        say(strict)
    elif not caught:
        say("Too weak: on tree upto12 something goes wrong, and your invariant holds in every ending.")
    else:
        say("Your invariant holds wherever all is right, and one order on tree upto12 breaks it.")
