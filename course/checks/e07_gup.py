"""The checks of exercise E7: the loops of get_user_pages and fixup_user_fault, as in Linux v5.7.14."""

from __future__ import annotations

from course.checks import e07_kills as kills
from course.checks import e07_scenarios as scenes
from course.checks.e07_causes import CAUSES, GUP
from course.checks.e07_facts import COUNTS, DEATH, FIXED, GAVE, OUTCOMES, WORDS
from course.checks.specification import Check, Checks, Commit

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("__get_user_pages_locked", "fixup_user_fault"),
    checks={
        "again": Check(
            lambda draw: (scenes.wakes(draw), scenes.busy_pages(draw)),
            (COUNTS, "messages", WORDS),
            "TRIED is true of one page: the one that was waited for. So it comes alone, and the next pass is "
            "a first one again.",
        ),
        "partial": Check(
            lambda draw: (
                scenes.read_three(draw),
                scenes.rest_at_once(draw),
                scenes.error_after_one(draw),
            ),
            (COUNTS, OUTCOMES, "messages"),
            "Who has pinned a page must hear of it, or nobody ever gives it back. The error is not lost: it "
            "comes again at the next call.",
        ),
        "locked": Check(
            lambda draw: (
                scenes.never_dropped(draw),
                scenes.served(draw),
                kills.killed_in_queue(draw, "B1"),
            ),
            (GAVE, "outcome"),
            "The caller has looked up areas under the lock. 1 says that they are still true; after any drop "
            "they may be freed, even if the lock is held again.",
        ),
        "kill": Check(
            lambda draw: (
                kills.killed_between(draw),
                kills.killed_after_one(draw),
                kills.called(draw),
                kills.killed_in_queue(draw),
            ),
            (COUNTS, DEATH, "outcome"),
            "A killed task needs no page, so every wait must end: for a page, and for the lock. Other "
            "signals wait until the system call is over.",
        ),
        "nowait": Check(
            lambda draw: (scenes.no_wait(draw),),
            (GAVE, OUTCOMES),
            "KVM asks so for a guest's page: if it would have to wait, it lets the guest do something else.",
        ),
        "null": Check(
            lambda draw: (scenes.not_allowed(draw),),
            (GAVE, OUTCOMES, "messages"),
            "A caller that can't bear a drop gets what can be had without one.",
        ),
        "fixup": Check(
            lambda draw: (
                scenes.fixed_up(draw),
                kills.killed_in_fixup(draw),
                scenes.fresh(draw),
                scenes.no_page(draw),
            ),
            (FIXED, "outcome", "messages", WORDS, "minor", "major"),
            "0 promises a page that is accessible. So RETRY is asked again, until an answer or SIGKILL.",
        ),
    },
    causes=CAUSES,
    read=GUP,
    commit=Commit(
        "4426e945df58", 'patch 14 of the series, "mm/gup: allow VM_FAULT_RETRY for multiple times"'
    ),
)
