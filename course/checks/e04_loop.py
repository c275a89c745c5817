"""The checks of exercise E4 in its first form: the loop of do_user_addr_fault, user mode and userfaultfd."""

from __future__ import annotations

from course.checks.e04_causes import CAUSES, LOOP
from course.checks.e04_scenarios import killed, pending, signalled, wakes
from course.checks.specification import Check, Checks, Commit

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("do_user_addr_fault",),
    checks={
        "s13": Check(
            lambda draw: (wakes(draw, 1),),
            ("outcome", "exceptions", "messages"),
            "A wake says that something has happened, not that the page is there: the kernel looks, and asks "
            "again.",
        ),
        "wakes": Check(
            lambda draw: (wakes(draw, draw("some", range(4, 9))), wakes(draw, draw("many", range(24, 41)))),
            ("outcome", "exceptions", "messages"),
            "ALLOW_RETRY is a property of the whole fault: each attempt may wait, so each wake gets its "
            "message.",
        ),
        "flags": Check(
            lambda draw: (wakes(draw, 1),),
            ("flags", "outcome"),
            "ALLOW_RETRY stays and TRIED is added: whoever wants to know whether this is the first attempt "
            "asks for both.",
        ),
        "signal": Check(
            lambda draw: (pending(draw), signalled(draw)),
            ("before_handler", "outcome", "exceptions", "messages", "handler_runs"),
            "A handler needs a user frame. So the fault is given up, and the access makes a new one after "
            "the handler.",
        ),
        "uncounted": Check(
            lambda draw: (signalled(draw),),
            ("minor", "major", "outcome"),
            "min_flt and maj_flt count faults that were served; one that was given up comes back and is "
            "counted then.",
        ),
        "kill": Check(
            lambda draw: (killed(draw),),
            ("outcome", "exceptions", "attempts"),
            "A killed task needs no page: the fault is left, and the task ends on its way to user mode.",
        ),
    },
    causes=CAUSES,
    read=LOOP,
    commit=Commit("4064b9827063", 'patch 13 of the series, "mm: allow VM_FAULT_RETRY for multiple times"'),
)
