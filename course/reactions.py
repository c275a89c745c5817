"""What an architecture's fault handler does when a signal comes into a fault that waits.

A task waits for a page that the disk has to bring; a signal comes in the middle. What its handler does then
is read from the run, in one word:

==============  ===================================================================================
``retry``       it makes another attempt
``return``      it goes back to user mode: the signal is taken there
``fixup``       kernel code gives the access up, and goes on at its fixup
``livelock``    kernel code makes the same access again and again, until the page is there
==============  ===================================================================================
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from functools import cache
from itertools import product

from course.asking import asked
from course.views.table import Column, Line, Table
from pyemu.arches import ARCHES
from pyemu.errors import FaultlabError
from pyemu.machine import run
from pyemu.scenario import Scenario
from pyemu.tree import Tree

__all__ = ["REPEATING", "Reactions", "own_reactions", "reaction", "reactions", "try_reaction"]

WIDTH = 96
REPEATING = tuple(one.name for one in ARCHES if one.repeats)
"""Fault handlers that run the same instruction again when SIGKILL meets kernel code [fact:b7-livelock]."""
CONVERTED = tuple(one.name for one in ARCHES if one.patch is not None)
WORDS = ("retry", "return", "fixup", "livelock")
ACCESS = {"user": "read", "kernel": "tmpfs_write"}
SIGNALS = ("none", "SIGUSR1", "SIGKILL")
CELLS = tuple(product(ACCESS, SIGNALS))
_WAIT = 10_000  # us until the page is there
Rule = Callable[[str, str, str], object]


@cache
def reaction(arch: str, mode: str, signal: str, tree: Tree = Tree.after) -> str:
    """Run one case, and say what the handler did.

    Parameters
    ----------
    arch : str
        An architecture, such as ``riscv``.
    mode : str
        Who waits: ``user`` (the program reads the page) or ``kernel`` (its write() reads it).
    signal : str
        ``none``, ``SIGUSR1`` (with a handler) or ``SIGKILL``.
    tree : Tree
        The kernel.

    Returns
    -------
    str
        One of `WORDS`.

    Raises
    ------
    FaultlabError
        There is no such mode or signal, or no such architecture.

    Examples
    --------
    >>> reaction("x86", "kernel", "SIGKILL"), reaction("riscv", "kernel", "SIGKILL")
    ('fixup', 'livelock')
    """
    if mode not in ACCESS or signal not in SIGNALS:
        raise FaultlabError(
            f"mode {mode!r} with signal {signal!r} is no case; modes are {', '.join(ACCESS)}, signals "
            f"{', '.join(SIGNALS)}."
        )
    result = run(_scenario(arch, mode, signal), tree)
    task = result.tasks["T"]
    if task.stats["spins"]:
        return "livelock"
    if result.trace.select("fixup", task="T"):
        return "fixup"
    return "return" if task.stats["exceptions"] > 1 or task.outcome == "killed:9" else "retry"


def _scenario(arch: str, mode: str, signal: str) -> Scenario:
    sender = {
        "name": "S",
        "program": [{"do": "pause", "ticks": _WAIT // 2}, {"do": "signal", "task": "T", "signal": signal}],
    }
    reader = {
        "name": "T",
        "signals": {"SIGUSR1": "handler"},
        "program": [{"do": ACCESS[mode], "area": "V", "page": 1}],
    }
    return Scenario.from_dict(
        {
            "version": 1,
            "name": f"{arch}, {mode} mode, {signal}",
            "title": "A signal in a fault that waits for the disk",
            "permits": ["spin"],
            "machine": {"arch": arch},
            "files": [{"name": "F", "pages": 4, "io_ticks": _WAIT}],
            "areas": [{"name": "V", "pages": 4, "file": "F", "shared": True, "prot": "r"}],
            "tasks": [reader] if signal == "none" else [reader, sender],
        }
    )


class Reactions:
    """What some architectures do, a line each; shown as a table, printed as text.

    Parameters
    ----------
    arches : tuple of str
        Their names.
    tree : Tree
        The kernel.
    """

    def __init__(self, arches: tuple[str, ...], tree: Tree) -> None:
        columns = (Column("", 12), *(Column(f"{mode}, {signal}", 15) for mode, signal in CELLS))
        lines = tuple(Line((arch, *(reaction(arch, *cell, tree) for cell in CELLS))) for arch in arches)
        self.table = Table(f"A signal in a fault that waits, on tree {tree}", columns, lines)

    def __repr__(self) -> str:
        return self.table.text()

    def _repr_html_(self) -> str:
        return self.table.html()


def reactions(*arches: str, tree: Tree = Tree.after) -> Reactions:
    """Draw what some architectures do, in user and kernel mode, with no signal, SIGUSR1 and SIGKILL."""
    return Reactions(arches, tree)


def own_reactions(tree: Tree = Tree.after, **expected: str) -> None:
    """Compare the reactions that a learner expects with those of the runs.

    Parameters
    ----------
    tree : Tree
        The kernel.
    **expected : str
        By architecture six words: user mode with no signal, SIGUSR1, SIGKILL, then the same in kernel mode.
        ``?``: not yet; a ``|`` between them doesn't matter.

    Raises
    ------
    FaultlabError
        A text has not six words, or another word.
    """
    n_right = n_open = 0
    for arch, text in expected.items():
        words = text.replace("|", " ").split()
        if len(words) != len(CELLS) or set(words) - {*WORDS, "?"}:
            raise FaultlabError(f"{arch} is {text!r}; it needs six words of: {', '.join(WORDS)}, ?.")
        for word, (mode, signal) in zip(words, CELLS, strict=True):
            right = reaction(arch, mode, signal, tree)
            n_right += word == right
            n_open += word == "?"
            if word not in (right, "?"):
                _say(f"{arch}, {mode} mode, {signal}: not {word}. {_hint(word, right, mode, signal)}")
    n = len(CELLS) * len(expected)
    print(f"All {n} are right." if n_right == n else f"{n_right} of {n} are right, {n_open} still open.")


def try_reaction(function: Rule, tree: Tree = Tree.after) -> None:
    """Try a learner's rule on every architecture that patches 3 to 8 converted, in each case.

    Parameters
    ----------
    function : callable
        ``my_reaction(arch, mode, signal)``; gives one of `WORDS`.
    tree : Tree
        The kernel.
    """
    n_agree = 0
    for arch, (mode, signal) in product(CONVERTED, CELLS):
        own, failed = asked(function, arch, mode, signal)
        own = failed or own
        right = reaction(arch, mode, signal, tree)
        if own != right:
            hint = "A gap is still open." if own in (None, "?") else _hint(str(own), right, mode, signal)
            _say(f"Cases that agree: {n_agree}, then my_reaction{(arch, mode, signal)} gave {own!r}. {hint}")
            return
        n_agree += 1
    _say(f"Your rule and {len(CONVERTED)} handlers agree on all {n_agree} cases.")


def _hint(own: str, right: str, mode: str, signal: str) -> str:
    if own not in WORDS:
        return f"It must give one of the words {', '.join(WORDS)}."
    if own in ("fixup", "livelock") and mode == "user":
        return "A program has no fixup. It can always go back to user mode, and fault again there."
    if own == "return" and mode == "kernel":
        return "Kernel code has no user mode to go back to: what happens to its instruction?"
    if signal != "SIGKILL" and right == "retry":
        return "Does this handler leave for this signal, in this mode?"
    if right == "return":
        return "In user mode a signal is a reason to go back (patch 9: any signal)."
    if {own, right} == {"fixup", "livelock"}:
        return "Does this handler look into the exception table, or does it only return?"
    return "The task is being killed: it makes no further attempt in this fault."


def _say(text: str) -> None:
    print(textwrap.fill(text, WIDTH))
