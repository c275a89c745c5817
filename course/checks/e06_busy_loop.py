"""The checks of exercise E6: a kernel copy that must sleep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course.checks import e06_scenarios as cases
from course.checks.call_case import CallCase, Unwritten
from course.checks.draw import Draw
from course.checks.e06_causes import CAUSES, DOORS
from course.checks.e06_facts import AT_ONCE, COPY_MESSAGES, COPY_SLEEPS, SPINS
from course.checks.specification import Check, Checks, Commit
from course.checks.userfaults import SLEEPS, SLEEPS_WITH_LOCK
from course.child_functions import Answers
from pyemu.flags import FAULT_FLAG_INTERRUPTIBLE, FaultFlag, names

__all__ = ["CHECKS"]

DIAGNOSIS: Mapping[str, Any] = {"patch": 12, "flag": int(FAULT_FLAG_INTERRUPTIBLE), "mode": "kernel"}


def look(answers: Answers) -> Mapping[str, Any]:
    """Read the table of part a."""
    table = answers.value("S12")
    given = {name: table.get(name) for name in DIAGNOSIS} if isinstance(table, dict) else {}
    missing = [name for name in DIAGNOSIS if given.get(name) is None]
    if missing:
        raise Unwritten(f"S12 has no value yet for {', '.join(missing)}.")
    return given


def said(name: str, value: Any) -> str:
    """Say a value of the table in words."""
    if name == "flag" and isinstance(value, int):
        return f"flag {names(value, FaultFlag) or value}"
    return f"{name} {value}"


def why(draw: Draw) -> CallCase:
    """Part a."""
    return CallCase(
        "S12",
        "Which patch took the sleep away, by which flag, from faults of which mode.",
        look,
        DIAGNOSIS,
        said=said,
    )


CHECKS = Checks(
    answers=("S12", "do_user_addr_fault", "handle_userfault"),
    checks={
        "why": Check(
            lambda draw: (why(draw),),
            (),
            "Patch 12 gave every fault a flag that lets any signal end the sleep; a fault from kernel "
            "mode can't be left for any signal.",
        ),
        "sleeps": Check(
            lambda draw: (
                cases.copied(draw, **{SPINS.name: 0, COPY_SLEEPS.name: True, SLEEPS_WITH_LOCK.name: 0}),
            ),
            (SPINS, COPY_SLEEPS, SLEEPS_WITH_LOCK),
            "What may end the sleep must be able to end the fault; everything else must leave the sleep "
            "alone.",
        ),
        "message": Check(
            lambda draw: (cases.copied(draw, **{COPY_MESSAGES.name: 1}),),
            (COPY_MESSAGES,),
            "A message asks for a page. Asked once, the monitor knows.",
        ),
        "count": Check(
            lambda draw: (cases.copied_again(draw, outcome="ret=4096", handler_runs=1),),
            ("outcome", "handler_runs"),
            "The handler runs on the way back to user mode, after the system call; until then the copy "
            "goes on.",
        ),
        "kill": Check(
            lambda draw: (cases.killed(draw, outcome="killed:9", **{AT_ONCE.name: True}),),
            ("outcome", AT_ONCE),
            "A copy of a task that is being killed ends at its fixup: nobody will look at its count.",
        ),
        "user": Check(
            lambda draw: (cases.stopped(draw), cases.woken(draw)),
            ("outcome", SLEEPS, "before_handler", "exceptions", "messages"),
            "A fault from user mode comes again after the handler, so any signal may end it, and its sleep.",
        ),
    },
    causes=CAUSES,
    read=DOORS,
    commit=Commit(
        "c270a7eedcf2", 'patch 12 of the series, "mm: introduce FAULT_FLAG_INTERRUPTIBLE"; not mended yet'
    ),
    whose="Right",
)
