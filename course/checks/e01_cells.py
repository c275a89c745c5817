"""The cells of exercise E1: a fault word, a mode, the signals that were sent; and what the kernel decides.

Which of the signals are pending is read from a run. What the rule makes of it, the kernel's own
`fault_signal_pending` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from course.checks.draw import Draw
from course.child_functions import Answers
from pyemu.flags import (
    VM_FAULT_LOCKED,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_SIGSEGV,
    VmFault,
    names,
)

__all__ = ["Cell", "Signals", "asks", "control", "leaves", "over", "pending", "retry", "said"]

Signals = tuple[tuple[str, str], ...]

MODES = ("user", "kernel")
KILL: Signals = (("SIGKILL", "default"),)
STOP: Signals = (("SIGSTOP", "default"),)
HARMLESS = ("SIGUSR1", "SIGUSR2", "SIGALRM")
OTHER = ("SIGCHLD", "SIGHUP")
ENDING = ("SIGTERM", "SIGINT", "SIGSEGV")  # by their names they seem to end a task; with a handler none does
WAITED = (VM_FAULT_RETRY, VM_FAULT_RETRY | VM_FAULT_MAJOR)
DONE = (VM_FAULT_MAJOR, VM_FAULT_LOCKED, VM_FAULT_NOPAGE)
ERRORS = (VM_FAULT_SIGBUS, VM_FAULT_OOM, VM_FAULT_SIGSEGV)


@dataclass(frozen=True, slots=True)
class Cell:
    """One question to a rule.

    Attributes
    ----------
    patch : int
        3 or 9: whose rule is asked.
    fault : int
        What the attempt gave.
    mode : str
        ``user`` or ``kernel``.
    signals : tuple of (str, str)
        What was sent: a signal, and how the task treats it (``handler``, ``default``, ``blocked``,
        ``ignored``).
    """

    patch: int
    fault: int
    mode: str
    signals: Signals = ()

    @property
    def name(self) -> str:
        """The cell in words."""
        return _name(self)


@cache
def _name(cell: Cell) -> str:
    word = names(cell.fault, VmFault) if cell.fault else "no bits"
    sent = " and ".join(signal if how == "default" else f"{signal} ({how})" for signal, how in cell.signals)
    return f"patch_{cell.patch}, {word}, {cell.mode} mode, {sent or 'no signal'}"


def asks(cells: tuple[Cell, ...]) -> Callable[[Answers], dict[str, Any]]:
    """Give what asks a learner's rules about some cells."""

    def look(answers: Answers) -> dict[str, Any]:
        given = answers.calls(
            {cell: (f"patch_{cell.patch}", cell.fault, cell.mode, cell.signals) for cell in cells}
        )
        spoke = {cell.patch for cell, value in given.items() if value is not None}
        return {cell.name: _decision(value, cell.patch in spoke) for cell, value in given.items()}

    return look


def _decision(value: Any, spoke: bool) -> Any:
    """Take a number or a list for a decision, as Python does; None, too, from a rule that gave more."""
    return bool(value) if isinstance(value, (int, tuple)) or (value is None and spoke) else value


def said(name: str, value: Any) -> str:
    """Say a decision in words."""
    words = {True: "leave", False: "stay"}
    return f"{name}: {words[value] if isinstance(value, bool) else f'{value!r}, neither True nor False'}"


def over(draw: Draw) -> tuple[Cell, ...]:
    """Faults that are over, in every mode, with a signal; and four, for each rule, that are not."""
    done, error = draw("done", DONE), draw("error", ERRORS)
    one, _ = _handled(draw)
    return tuple(
        Cell(patch, fault, mode, signals)
        for patch in (3, 9)
        for fault, mode, signals in (
            *product((0, done, error), MODES, (one, KILL)),
            *product(WAITED, ("user",), (KILL,)),
            *product((VM_FAULT_RETRY,), MODES, ((),)),
        )
    )


def retry(patch: int, draw: Draw) -> tuple[Cell, ...]:
    """A fault that waited, in either mode, with no signal, one with a handler, SIGKILL, and two of them."""
    one, two = _handled(draw)
    ending = (((name, "handler"),) for name in ENDING)
    pairs = (one + KILL, KILL + one, one + two, two + one)
    stop = (STOP, STOP + KILL, KILL + STOP) if patch == 3 else ()
    return _waited(patch, ((), one, KILL, two, *ending, *pairs, *stop))


def control(draw: Draw) -> tuple[Cell, ...]:
    """A fault that waited, and signals that are pending, or are not, by both rules."""
    one, two = _handled(draw)
    one_blocked, two_blocked, one_ignored, two_ignored = (
        ((name, how),) for how in ("blocked", "ignored") for name, _ in one + two
    )
    taken, blocked, ignored = (
        tuple(((name, how),) for name in HARMLESS + OTHER + ENDING)
        for how in ("handler", "blocked", "ignored")
    )
    fatal = (
        *(one_blocked + KILL, KILL + one_blocked, two_ignored + KILL, KILL + two_ignored),
        *(one + KILL, KILL + one, STOP + KILL, KILL + STOP),
        one_blocked + two_ignored + KILL,
    )
    several = (
        *(one_blocked + two_ignored, two_blocked + one_ignored),
        *(one_blocked + two, two + one_blocked, two_ignored + one, one + two_ignored),
        *(two_blocked + one, one_ignored + two, STOP + one, one + STOP),
        one_blocked + two_ignored + STOP,
    )
    out = blocked + ignored
    return _waited(9, (*out, STOP, *taken, *several, *fatal)) + _waited(3, (*out, *fatal))


def _waited(patch: int, sent: tuple[Signals, ...]) -> tuple[Cell, ...]:
    return tuple(Cell(patch, *rest) for rest in product(WAITED, MODES, sent))


def _handled(draw: Draw) -> tuple[Signals, Signals]:
    """Draw two signals that have a handler."""
    return ((draw("signal", HARMLESS), "handler"),), ((draw("other", OTHER), "handler"),)


def leaves(cell: Cell) -> bool:
    """Say what the kernel decides."""
    from course.decide import cells
    from pyemu.tree import Tree

    asked = cells.Cell(bool(cell.fault & VM_FAULT_RETRY), cell.mode == "user", pending(cell.signals))
    return cells.kernel_decides(Tree.upto(cell.patch))[cells.CELLS.index(asked)]


@cache
def pending(signals: Signals) -> str:
    """Send signals to a task that waits for its page, and say what is pending for it.

    Parameters
    ----------
    signals : tuple of (str, str)
        Signals, and how the task treats them.

    Returns
    -------
    str
        ``nothing``, ``SIGUSR1`` for any harmless signal, or ``SIGKILL``.
    """
    from pyemu import run
    from pyemu.effects.handles import current
    from pyemu.effects.signals import fatal_signal_pending, signal_pending
    from pyemu.scenario import Scenario

    treats = {"handler": "handler", "ignored": "ignore"}
    task = {
        "name": "T",
        "signals": {signal: treats[how] for signal, how in signals if how in treats},
        "blocked": [signal for signal, how in signals if how == "blocked"],
        "program": [{"do": "read", "area": "V", "page": 1}],
    }
    page = {"area": "V", "page": 1, "byte": 5}
    monitor = [
        {"do": "wait_message"},
        *({"do": "signal", "task": "T", "signal": signal} for signal, _ in signals),
        {"do": "copy", **page},
        {"do": "signal", "task": "T", "signal": "SIGCONT"},
    ]
    scenario = {
        "version": 1,
        "name": "sent",
        "title": "Signals to a task that waits",
        "areas": [{"name": "V", "pages": 2, "userfaultfd": True}],
        "tasks": [task, {"name": "M", "monitor": True, "program": monitor}],
    }
    seen: list[str] = []

    async def recorder(fault: int, regs: object) -> bool:
        fatal, any_ = await fatal_signal_pending(current), await signal_pending(current)
        seen.append("SIGKILL" if fatal else "SIGUSR1" if any_ else "nothing")
        return bool(fault & VM_FAULT_RETRY and fatal)

    run(Scenario.from_dict(scenario), override={"fault_signal_pending": recorder})
    return seen[0]
