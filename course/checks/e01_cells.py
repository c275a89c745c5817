"""The cells of exercise E1: a fault word, a mode, the signals that were sent; and what the kernel decides.

Which of the signals are pending is read from a run. What the rule makes of it, the kernel's own
`fault_signal_pending` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
    again : bool
        Whether the rule was asked the same before.
    """

    patch: int
    fault: int
    mode: str
    signals: Signals = ()
    again: bool = False

    @property
    def name(self) -> str:
        """The cell in words."""
        return _name(self)


@cache
def _name(cell: Cell) -> str:
    word = names(cell.fault, VmFault) if cell.fault else "no bits"
    sent = " and ".join(signal if how == "default" else f"{signal} ({how})" for signal, how in cell.signals)
    again = ", asked again" if cell.again else ""
    return f"patch_{cell.patch}, {word}, {cell.mode} mode, {sent or 'no signal'}{again}"


def asks(cells: tuple[Cell, ...]) -> Callable[[Answers], dict[str, Any]]:
    """Give what asks a learner's rules about some cells."""

    def look(answers: Answers) -> dict[str, Any]:
        given = answers.calls(
            {cell: (f"patch_{cell.patch}", int(cell.fault), cell.mode, cell.signals) for cell in cells}
        )
        spoke = {cell.patch for cell, value in given.items() if value is not None}
        return {cell.name: _decision(value, cell.patch in spoke) for cell, value in given.items()}

    return look


def _decision(value: Any, spoke: bool) -> Any:
    """Take anything but a text for a decision, as Python does; None only from a rule that gave more."""
    return value if isinstance(value, str | bytes) or (value is None and not spoke) else bool(value)


def said(name: str, value: Any) -> str:
    """Say a decision in words."""
    words = {True: "leave", False: "stay"}
    return f"{name}: {words[value] if isinstance(value, bool) else f'{value!r}, neither True nor False'}"


def over(draw: Draw) -> tuple[Cell, ...]:
    """Faults that are over, in every mode, with one signal or two; and four, for each rule, that are not."""
    done, error = draw("done", DONE), draw("error", ERRORS)
    one, two, _ = _handled(draw)
    words = (0, *DONE, VM_FAULT_MAJOR | VM_FAULT_NOPAGE, *ERRORS)
    more = (STOP, one + two, *_both(one, KILL), *_both(one, STOP), *_both(STOP, KILL))
    return _again(
        tuple(
            Cell(patch, fault, mode, signals)
            for patch in (3, 9)
            for fault, mode, signals in (
                *product((VM_FAULT_RETRY,), MODES, ((),)),
                *product(dict.fromkeys((0, done, error, *words)), MODES, (one, KILL)),
                *product((done, error), MODES, more),
                *product(WAITED, ("user",), (KILL,)),
            )
        )
    )


def retry(patch: int, draw: Draw) -> tuple[Cell, ...]:
    """A fault that waited, in either mode, with no signal, one with a handler, SIGKILL, and two of them."""
    one, two, _ = _handled(draw)
    ending = (((name, "handler"),) for name in ENDING)
    stop = (STOP, *_both(STOP, KILL)) if patch == 3 else ()
    pairs = (*_both(one, KILL), *_both(one, two))
    return _again(_waited(patch, ((), one, KILL, two, *ending, *pairs, *stop)))


def control(draw: Draw) -> tuple[Cell, ...]:
    """A fault that waited, and signals that are pending, or are not, by both rules."""
    one, two, three = _handled(draw)
    one_blocked, two_blocked, three_blocked = (_treated("blocked", sent) for sent in (one, two, three))
    one_ignored, two_ignored, three_ignored = (_treated("ignored", sent) for sent in (one, two, three))
    taken, blocked, ignored = (
        tuple(((name, how),) for name in HARMLESS + OTHER + ENDING)
        for how in ("handler", "blocked", "ignored")
    )
    none = (
        *_both(one_blocked, two_ignored),
        *(two_blocked + one_ignored, one_blocked + two_blocked, one_ignored + two_ignored),
        *(one_blocked + two_blocked + three_blocked, one_ignored + two_ignored + three_ignored),
        *(one_blocked + two_ignored + three_blocked, one_ignored + two_blocked + three_ignored),
    )
    fatal = (
        *_both(one_blocked, KILL),
        *_both(two_ignored, KILL),
        *_both(one, KILL),
        *_both(STOP, KILL),
        *(KILL + one_blocked + two_ignored, one_blocked + two_ignored + KILL),
        *(one_blocked + KILL + two_ignored, one_ignored + KILL + two_blocked),
        *(one + KILL + three, three + KILL + one),
    )
    several = (
        *(one_blocked + two, two + one_blocked, two_ignored + one, one + two_ignored),
        *(two_blocked + one, one_ignored + two),
        *(*_both(STOP, one), *_both(STOP, one_blocked), *_both(STOP, two_ignored)),
        *(
            one_blocked + two_ignored + STOP,
            one_blocked + STOP + two_ignored,
            STOP + one_ignored + two_blocked,
        ),
        *(one_blocked + two_blocked + three, one_ignored + two_ignored + three),
        *(one_blocked + three + two_ignored, one_ignored + three + two_blocked),
        *(one_blocked + three + two_blocked, three + one_ignored + two_ignored),
        *(one + two + three, three + two + one),
    )
    out = (*blocked, *ignored, *none)
    return _again(_waited(9, (*out, STOP, *taken, *several, *fatal)) + _waited(3, (*out, *fatal)))


def _waited(patch: int, sent: tuple[Signals, ...]) -> tuple[Cell, ...]:
    return tuple(Cell(patch, *rest) for rest in product(WAITED, MODES, sent))


def _again(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Ask each rule the first two things once more, after all others."""
    first = (cell for patch in (3, 9) for cell in [one for one in cells if one.patch == patch][:2])
    return cells + tuple(replace(cell, again=True) for cell in first)


def _both(one: Signals, two: Signals) -> tuple[Signals, Signals]:
    return one + two, two + one


def _treated(how: str, sent: Signals) -> Signals:
    return tuple((name, how) for name, _ in sent)


def _handled(draw: Draw) -> tuple[Signals, Signals, Signals]:
    """Draw three signals that have a handler."""
    one, two = draw("signal", HARMLESS), draw("other", OTHER)
    three = draw("third", [name for name in HARMLESS + OTHER if name not in (one, two)])
    return ((one, "handler"),), ((two, "handler"),), ((three, "handler"),)


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
