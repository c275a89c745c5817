"""The checks of exercise H6: the whole user and kernel path of a fault that waits for a monitor."""

from __future__ import annotations

from course.checks import h06_scenarios as cases
from course.checks.e03_scenarios import PAGE_FAULTS, SERVED_FAULTS
from course.checks.e05_early_causes import FUNCTION
from course.checks.e06_facts import AT_ONCE, SPINS
from course.checks.h06_causes import CAUSES
from course.checks.specification import Check, Checks
from course.checks.userfaults import ACCESSES, ACQUISITIONS, ASKED, READ, SLEEPS, SLEEPS_WITH_LOCK
from course.checks.usual_faults import usual

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("do_user_addr_fault", "handle_userfault"),
    checks={
        "s13": Check(
            lambda draw: (cases.woken(draw), cases.copied_again(draw)),
            ("outcome", "exceptions", "messages", SLEEPS_WITH_LOCK, PAGE_FAULTS),
            "A wake says that something has happened, not that the page is there: both modes look, and "
            "ask again.",
        ),
        "s9": Check(
            lambda draw: (cases.slow_file(draw),),
            ("outcome", "before_handler", "exceptions", "handler_runs"),
            "A signal shortens no I/O; but the handler runs before the fault is made anew.",
        ),
        "s10": Check(
            lambda draw: (
                cases.signalled(draw),
                cases.replaced_area(draw),
                cases.unread(draw),
                cases.named(draw),
                *cases.must_not_wait(draw),
            ),
            ("outcome", "exceptions", "messages", ACQUISITIONS, READ, ASKED, ACCESSES),
            "Who must not wait asks nobody. After a wait nothing that was found before it is good, and "
            "nothing of the wait is left behind.",
        ),
        "s12": Check(
            lambda draw: (cases.copied(draw), cases.shared(draw), cases.long_write(draw), cases.others(draw)),
            ("outcome", SPINS, "messages", SLEEPS, "handler_runs"),
            "What can't end the fault must not end its sleep, whatever the memory and whoever the caller.",
        ),
        "kill": Check(
            lambda draw: (cases.killed(draw), cases.killed_copy(draw), cases.deaf(draw)),
            ("outcome", AT_ONCE),
            "A killed task needs no page: both modes give up at once, each in its own way. Who sets no flag "
            "for signals hears none.",
        ),
        "orders": Check(
            lambda draw: (cases.any_order(draw), cases.signalled_copy(draw), *cases.closing(draw)),
            ("outcome",),
            "No order of the moves loses a wake-up, breaks a rule, or ends otherwise.",
        ),
        "counters": Check(
            lambda draw: (cases.signalled(draw), cases.copied_again(draw), *usual(draw)),
            ("minor", "major", "outcome", *SERVED_FAULTS),
            "A fault is counted once, when it is served: major if it had to wait in any attempt.",
        ),
    },
    causes=CAUSES,
    read=FUNCTION,
    whose="The kernel's",
)
