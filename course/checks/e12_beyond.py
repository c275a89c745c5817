"""The checks of exercise E12: COMPLETED, and a first attempt under the lock of the area."""

from __future__ import annotations

from course.checks import e12_scenarios as scenes
from course.checks.e07_facts import OUTCOMES, WORDS
from course.checks.e12_causes import CAUSES, FAULT
from course.checks.facts import Fact, plural
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

LOCKS = Fact(
    "acquisitions",
    lambda result, task: result.tasks[task].stats.get("acquisitions", 0),
    lambda n: f"takes mmap_lock {plural(n, 'time')}",
)
FAULTIN = Fact(
    "faultin",
    lambda result, task: tuple(
        int(event.b) for event in result.trace.select("return", task=task) if event.a == "faultin_page"
    ),
    lambda errors: "faultin_page gives " + ", ".join(map(str, errors)),
)

CHECKS = Checks(
    answers=("do_user_addr_fault", "faultin_page"),
    checks={
        "completed": Check(
            lambda draw: (scenes.written(draw),),
            (OUTCOMES, "attempts", "minor", "major"),
            "The wait for the disk comes after the page is in place: there is nothing left to look at again.",
        ),
        "kernel": Check(
            lambda draw: (scenes.copied(draw),),
            (OUTCOMES, WORDS, "minor", "major"),
            "fault_signal_pending says yes for RETRY only: what is done needs no way out.",
        ),
        "pages": Check(
            lambda draw: (scenes.pinned(draw), scenes.pinned_without(draw)),
            (OUTCOMES, FAULTIN, "attempts"),
            "EAGAIN is no error for whoever asked for pages: the lock is taken, and the page is found.",
        ),
        "area": Check(
            lambda draw: (scenes.plain(draw), scenes.written(draw), scenes.forbidden(draw)),
            (OUTCOMES, "outcome", LOCKS),
            "Threads that fault in different areas no longer meet at one lock, and no writer of the list of "
            "areas stops them.",
        ),
        "signal": Check(
            lambda draw: (scenes.called(draw),),
            ("before_handler", "handler_runs", OUTCOMES),
            "The pass dropped its lock before it slept: nothing is held, and the fault can be left.",
        ),
        "back": Check(
            lambda draw: (scenes.not_here(draw),),
            (OUTCOMES, "exceptions"),
            "RETRY under an area's lock may mean only: do it under mmap_lock. The loop can't spin, as "
            "the next attempt has no such lock.",
        ),
        "tried": Check(
            lambda draw: (scenes.asked(draw), scenes.from_disk(draw), scenes.not_here(draw)),
            (WORDS, OUTCOMES, "minor", "major"),
            "TRIED says that the lock has been dropped once for this page. MAJOR shows that it was so.",
        ),
    },
    causes=CAUSES,
    read=FAULT,
)
