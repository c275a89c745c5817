"""The loop around ``handle_mm_fault``: a learner's own, beside that of Linux v5.6.

Both run the same scenarios on the older kernel. What is compared is what the flag words of the attempts say,
how the access ends, and whether a rule of the locks was broken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from course.decide.words import say
from course.sketch import sketch
from pyemu.errors import HandlerError
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, FaultFlag
from pyemu.flags import names as flag_names
from pyemu.machine import Result, run
from pyemu.tree import Tree

__all__ = ["try_twice"]

NAME = "do_user_addr_fault"
LATER = "wait_message; pause ticks=10000;"
SKETCHES = {
    "the page comes with the wake": sketch("served", T="read 1", M=f"{LATER} copy it"),
    "the wake comes without the page": sketch(
        "woken", T="read 1", M=f"{LATER} wake it; wait_message; copy it"
    ),
    "nobody has to be asked": sketch("closed", T="pause ticks=10; write 1", M="close"),
    "two faults, one after the other": sketch(
        "twice", T="read 1; write 2", M=f"{LATER} copy it; wait_message; copy it"
    ),
}


def try_twice(function: Callable[..., Any]) -> None:
    """Let a learner's ``do_user_addr_fault`` serve four scenarios, and say where it parts from Linux v5.6.

    Parameters
    ----------
    function : callable
        ``async def do_user_addr_fault(regs, error_code, address)``, for faults of user mode.
    """
    for title, scenario in SKETCHES.items():
        own = run(scenario, Tree.before)
        try:
            mine = run(scenario, Tree.before, {NAME: function})
        except HandlerError as error:
            say(str(error))
            return
        cause = _cause(mine, own)
        if cause:
            print(f"{title}: yours {_told(mine)}")
            print(f"{' ' * len(title)}  Linux {_told(own)}")
            say(cause)
            return
        print(f"{title}: {_told(mine)}, as Linux 5.6")
    say("Your loop does what that of Linux 5.6 does, in all four.")


def _flags(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("attempt")]


def _told(result: Result) -> str:
    words = ", ".join(f"{one:#x}" for one in _flags(result))
    outcomes = ", ".join(result.tasks["T"].outcomes) or "no end"
    return f"gives {outcomes} (attempts {words or 'none'})"


def _cause(mine: Result, own: Result) -> str:
    """Say what is wrong, by the first symptom; nothing if the two agree."""
    for broken in (*mine.findings, *mine.violations):
        return broken.text
    if mine.end != own.end:
        return f"It came to no end: {mine.end_text}."
    flags = _flags(mine), _flags(own)
    for number, (one, other) in enumerate(zip(*flags, strict=False), 1):
        if one != other:
            return _flag_cause(number, one, other)
    if len(flags[0]) < len(flags[1]):
        return "Yours makes fewer attempts: RETRY means that the fault is not served yet."
    if len(flags[0]) > len(flags[1]):
        return "Yours makes more attempts than Linux 5.6."
    if mine.tasks["T"].outcomes != own.tasks["T"].outcomes:
        return "The attempts are the same, and the access ends in another way: look at the last lines."
    return ""


def _flag_cause(number: int, mine: int, own: int) -> str:
    where = f"Attempt {number}: yours has {mine:#x} ({flag_names(mine, FaultFlag)}), Linux has {own:#x}."
    if mine & ~own & FAULT_FLAG_ALLOW_RETRY:
        return f"{where} The permission to wait is still there: that is Linux 5.7, not 5.6."
    if own & ~mine & FAULT_FLAG_TRIED:
        return f"{where} TRIED says that this fault was tried before."
    if own & ~mine & FAULT_FLAG_ALLOW_RETRY:
        return f"{where} A fault's first attempt may wait."
    return where
