"""In which mode the processor runs: a run as numbered lines, and a learner's letter for each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from course.views.words import Names, phrase
from pyemu.errors import FaultlabError
from pyemu.machine import Result
from pyemu.trace import Event

__all__ = ["modes", "own_modes"]

WIDTH = 96
_SHOWN = frozenset({"access", "value", "uaccess", "copied", "pte", "lock_taken", "lock_dropped"})
_CALLS = {"sys_pwrite": "write", "sys_madvise": "madvise"}


class Moment(NamedTuple):
    """A line: what happens, in which mode the processor is right after it, and why."""

    text: str
    mode: str
    why: str


def modes(result: Result, task: str = "T") -> None:
    """Print what a task does, in numbered lines; in which mode is left to the learner.

    Parameters
    ----------
    result : Result
        Of a run.
    task : str
        Whose lines.
    """
    for n, moment in enumerate(_moments(result, task), 1):
        print(f"{n:2}  {moment.text}")


def own_modes(result: Result, letters: str, task: str = "T") -> None:
    """Compare the mode that a learner sees after each line with that of the run.

    Parameters
    ----------
    result : Result
        Of a run.
    letters : str
        For each line of `modes` a letter: ``U`` or ``K``, or ``?`` where it is open. Blanks don't matter.
    task : str
        Whose lines.

    Raises
    ------
    FaultlabError
        There are more or fewer letters than lines, or other letters.
    """
    moments = list(_moments(result, task))
    own = "".join(letters.split()).upper()
    if len(own) != len(moments) or set(own) - set("UK?"):
        raise FaultlabError(
            f"{letters!r} must be {len(moments)} letters, one for each line: U (user mode), K (kernel) or ?."
        )
    for n, (letter, moment) in enumerate(zip(own, moments, strict=True), 1):
        if letter not in (moment.mode, "?"):
            print(textwrap.fill(f"line {n}, {moment.text}: not {letter}. {moment.why}", WIDTH))
    n_right = sum(letter == moment.mode for letter, moment in zip(own, moments, strict=True))
    if n_right < len(moments):
        print(f"{n_right} of {len(moments)} lines are right, {own.count('?')} still open.")
    else:
        changes = [n for n in range(1, len(own)) if own[n] != own[n - 1]]
        entries = ", ".join(str(n + 1) for n in changes if own[n] == "K")
        returns = ", ".join(str(n + 1) for n in changes if own[n] == "U")
        print(
            f"All {len(own)} are right. The kernel is entered at line {entries}, and left at line {returns}."
        )


def _moments(result: Result, task: str) -> Iterator[Moment]:
    """Give the lines of a task, with the mode after each."""
    names = Names.of(result.trace)
    mode, copies = "U", False
    for event in result.trace.select(task=task):
        match event.kind, event.text.split()[0] if event.text else "":
            case "exception", _:
                why = "The processor enters the kernel by a page fault."
                mode, words = "K", phrase(names, event)
                yield Moment(words, mode, "It was in the kernel before, and still is." if copies else why)
            case "call", name if name in _CALLS:
                mode, copies = "K", True
                yield Moment(f"calls {_CALLS[name]}()", mode, "A system call enters the kernel.")
            case "return", name if name in _CALLS:
                copies = False
            case "return", "do_page_fault" if copies:
                yield Moment("has served the fault", mode, "It goes back to where it came from: kernel code.")
            case "return", "exit_to_user_mode" if mode == "K":
                mode = "U"
                yield Moment("goes on where it was interrupted", mode, "The kernel's work is done.")
            case "value", _ if copies:
                pass  # one byte, read to have the page there; the copy comes after it
            case kind, _ if kind in _SHOWN:
                yield Moment(phrase(names, event), mode, _why(event, copies))


def _why(event: Event, copies: bool) -> str:
    if copies and event.kind in ("uaccess", "copied"):
        return "The address is the program's, but the instruction is the kernel's."
    if event.kind in ("access", "value"):
        return "This is an instruction of the program itself."
    return "Only kernel code can do this."
