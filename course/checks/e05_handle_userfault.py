"""The checks of exercise E5: handle_userfault without the special case."""

from __future__ import annotations

from course.checks import e05_orders as orders
from course.checks import e05_reasons as reasons
from course.checks import e05_scenarios as cases
from course.checks import e05_sleeps as sleeps
from course.checks.e05_causes import CAUSES
from course.checks.e05_early_causes import FUNCTION
from course.checks.specification import Check, Checks, Commit
from course.checks.userfaults import ACQUISITIONS, ASKED, BARE_LOOKS, GIVES, READ, SLEEPS, SLEEPS_WITH_LOCK

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("handle_userfault",),
    checks={
        "early": Check(
            lambda draw: (
                reasons.exiting(draw),
                reasons.detached(draw),
                reasons.refused(draw),
                reasons.closing(draw),
                reasons.wanted_at_once(draw),
                *reasons.two_at_once(draw),
                *reasons.closing_in_circles(draw),
            ),
            ("outcome", "messages", SLEEPS, GIVES),
            "Whom a wait can't help, or who must not wait, leaves before anything is queued, with the "
            "lock held.",
        ),
        "state": Check(
            lambda draw: (
                sleeps.killed(draw),
                sleeps.callers(draw),
                sleeps.deaf(draw),
                sleeps.killable(draw),
                sleeps.unasked(draw),
                reasons.allowed_once(draw),
                sleeps.called_away(draw),
            ),
            ("outcome", SLEEPS, "messages"),
            "The caller knows what a signal would mean for it, and says so by a flag; handle_userfault only "
            "obeys.",
        ),
        "retry": Check(
            lambda draw: (
                cases.signalled(draw),
                cases.woken(draw),
                cases.closed_asleep(draw),
            ),
            ("outcome", "exceptions", "messages", ACQUISITIONS, "handler_runs"),
            "RETRY is the one value that tells the caller the truth: the lock was dropped, the area is lost.",
        ),
        "dropped": Check(
            lambda draw: (cases.served(draw), cases.there_already(draw)),
            ("outcome", BARE_LOOKS, SLEEPS_WITH_LOCK, ACQUISITIONS),
            "The page table may be walked only with mmap_sem; and nobody should wait for the lock until a "
            "monitor answers.",
        ),
        "major": Check(
            lambda draw: (
                cases.there_already(draw),
                cases.ended(draw),
                cases.killed_first(draw),
                cases.called_first(draw),
            ),
            ("outcome", "major", "minor", GIVES),
            "MAJOR means that the fault had to wait for somebody.",
        ),
        "wakeup": Check(
            lambda draw: (
                orders.any_moment(draw),
                orders.any_answer(draw),
                orders.any_close(draw),
                orders.any_wake(draw),
            ),
            (),
            "In the queue first: then whoever brings the page after your look finds you, and wakes you.",
        ),
        "queue": Check(
            lambda draw: (cases.unread(draw), cases.named(draw), cases.killed_first(draw)),
            ("outcome", READ, ASKED),
            "The entry lies on the stack of the task that waits: it must be gone from the queue before the "
            "function returns.",
        ),
    },
    causes=CAUSES,
    read=FUNCTION,
    commit=Commit("", 'patch 10 of the series, "userfaultfd: don\'t retake mmap_sem to emulate NOPAGE"'),
)
