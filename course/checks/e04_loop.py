"""The checks of exercise E4: the loop of do_user_addr_fault of Linux 5.7, and the learner's tests of it."""

from __future__ import annotations

from course.checks.e03_scenarios import PAGE_FAULTS
from course.checks.e04_areas import ACCESSES, changed, refused
from course.checks.e04_causes import CAUSES, LOOP
from course.checks.e04_mutants import mutant_case
from course.checks.e04_scenarios import COUNTED, killed, pending, relocked, signalled, stopped, wakes
from course.checks.kernel_mode import copying
from course.checks.specification import Check, Checks, Commit
from course.checks.usual_faults import usual

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("do_user_addr_fault", "TESTS"),
    checks={
        "s13": Check(
            lambda draw: (wakes(draw, 1),),
            ("outcome", "exceptions", "messages"),
            "A wake says that something has happened, not that the page is there: the kernel looks, and asks "
            "again.",
        ),
        "wakes": Check(
            lambda draw: (wakes(draw, draw("some", range(4, 9))), wakes(draw, draw("many", range(101, 121)))),
            ("outcome", "exceptions", "messages"),
            "ALLOW_RETRY is a property of the whole fault: each attempt may wait, so each wake gets its "
            "message.",
        ),
        "flags": Check(
            lambda draw: (wakes(draw, 1, ("write",)), copying(draw, "woken")),
            ("flags", "outcome"),
            "ALLOW_RETRY stays and TRIED is added: whoever wants to know whether this is the first attempt "
            "asks for both.",
        ),
        "areas": Check(
            lambda draw: (refused(draw), changed(draw)),
            (ACCESSES, "exceptions", "attempts"),
            "find_vma gives the first area that ends above the address. Whether the address lies in it, and "
            "whether the access is allowed, is asked anew in each round: the lock was dropped in between.",
        ),
        "signal": Check(
            lambda draw: (pending(draw), signalled(draw), stopped(draw)),
            ("before_handler", "outcome", "exceptions", "messages", "handler_runs"),
            "A handler needs a user frame. So the fault is given up, and the access makes a new one after "
            "the handler.",
        ),
        "uncounted": Check(
            lambda draw: (signalled(draw), relocked(draw), copying(draw, "woken"), *usual(draw)),
            ("minor", "major", "outcome", PAGE_FAULTS),
            "min_flt and maj_flt count faults that were served; one that was given up comes back and is "
            "counted then.",
        ),
        "kernel": Check(
            lambda draw: (
                copying(draw, "woken"),
                copying(draw, "overtaken"),
                copying(draw, "killed later"),
            ),
            ("outcome", "exceptions", "handler_runs", COUNTED),
            "A copy has no user frame to return to. So a signal that does not kill waits until the system "
            "call is over, and the fault retries, in whichever round the signal comes.",
        ),
        "kill": Check(
            lambda draw: (killed(draw), copying(draw, "killed")),
            ("outcome", "exceptions", "attempts"),
            "A killed task needs no page: the fault is left, and the task ends on its way to user mode. "
            "Kernel code gets there by way of its fixup.",
        ),
        "mutant-a": Check(
            lambda draw: (mutant_case("a"),),
            (),
            "TRIED changes no outcome here. It shows in the flag words, or where a page is locked again at "
            "each attempt.",
        ),
        "mutant-b": Check(
            lambda draw: (mutant_case("b"),),
            (),
            "Who drops mmap_sem for a page lock each time may be sent back each time: a page that is locked "
            "again and again shows it.",
        ),
        "mutant-c": Check(
            lambda draw: (mutant_case("c"),),
            (),
            "One RETRY is not enough to tell 5.7 from 5.6: only a second wait is.",
        ),
    },
    causes=CAUSES,
    read=LOOP,
    commit=Commit("4064b9827063", 'patch 13 of the series, "mm: allow VM_FAULT_RETRY for multiple times"'),
)
