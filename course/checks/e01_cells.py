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

__all__ = ["Cell", "asks", "control", "leaves", "over", "pending", "retry", "said"]

Signals = tuple[tuple[str, str], ...]

MODES = ("user", "kernel")
KILL: Signals = (("SIGKILL", "default"),)
STOP: Signals = (("SIGSTOP", "default"),)
HANDLED = ("SIGUSR1", "SIGUSR2", "SIGTERM")
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
        word = names(self.fault, VmFault) if self.fault else "no bits"
        sent = " and ".join(
            signal if how == "default" else f"{signal} ({how})" for signal, how in self.signals
        )
        return f"patch_{self.patch}, {word}, {self.mode} mode, {sent or 'no signal'}"


def asks(cells: tuple[Cell, ...]) -> Callable[[Answers], dict[str, Any]]:
    """Give what asks a learner's rules about some cells."""

    def look(answers: Answers) -> dict[str, Any]:
        return {
            cell.name: _decision(answers.call(f"patch_{cell.patch}", cell.fault, cell.mode, cell.signals))
            for cell in cells
        }

    return look


def _decision(value: Any) -> Any:
    """Take a number or a list for a decision, as Python does; nothing else is one."""
    return bool(value) if isinstance(value, (int, tuple)) else value


def said(name: str, value: Any) -> str:
    """Say a decision in words."""
    words = {True: "leave", False: "stay"}
    return f"{name}: {words[value] if isinstance(value, bool) else f'{value!r}, neither True nor False'}"


def over(draw: Draw) -> tuple[Cell, ...]:
    """Faults that are over, in every mode, with a signal; and two, for each rule, that are not."""
    done, error = draw("done", DONE), draw("error", ERRORS)
    sent = (_handled(draw), KILL)
    return tuple(
        Cell(patch, fault, mode, signals)
        for patch in (3, 9)
        for fault, mode, signals in (
            *product((0, done, error), MODES, sent),
            (VM_FAULT_RETRY, "user", KILL),
            (VM_FAULT_RETRY, "kernel", ()),
        )
    )


def retry(patch: int, draw: Draw) -> tuple[Cell, ...]:
    """A fault that waited, in either mode, with no signal, a harmless one, SIGKILL, and two of them."""
    words = (VM_FAULT_RETRY, VM_FAULT_RETRY | VM_FAULT_MAJOR)
    harmless = _handled(draw)
    several = (harmless + KILL, KILL + harmless, *((STOP, STOP + KILL) if patch == 3 else ()))
    return tuple(
        Cell(patch, fault, mode, signals)
        for mode in MODES
        for signals, fault in (
            *product(((), harmless, KILL), words),
            *((signals, draw("word", words)) for signals in several),
        )
    )


def control(draw: Draw) -> tuple[Cell, ...]:
    """A fault that waited, and signals that are pending, or are not, by both rules."""
    (harmless, _), *_rest = _handled(draw)
    other = draw("other", ("SIGCHLD", "SIGALRM", "SIGHUP"))
    blocked, ignored = (harmless, "blocked"), (other, "ignored")
    taken = (other, "handler")
    fatal: tuple[Signals, ...] = ((blocked, *KILL), (*KILL, ignored))
    sent: tuple[Signals, ...] = (
        (blocked,),
        (ignored,),
        STOP,
        (blocked, ignored),
        (blocked, taken),
        (taken, blocked),
        ((harmless, "handler"), ignored),
        *fatal,
    )
    word = draw("word", (VM_FAULT_RETRY, VM_FAULT_RETRY | VM_FAULT_MAJOR))
    return tuple(
        Cell(patch, word, mode, signals)
        for patch, all_sent in ((9, sent), (3, fatal))
        for mode, signals in product(MODES, all_sent)
    )


def _handled(draw: Draw) -> Signals:
    return ((draw("signal", HANDLED), "handler"),)


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
