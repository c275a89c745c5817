"""The checks of exercise E3: the loop of do_user_addr_fault of Linux 5.6, which waits only once."""

from __future__ import annotations

from course.checks.e03_causes import CAUSES, LOOP
from course.checks.e03_scenarios import (
    EARLIER,
    FIXUPS,
    FLAG_WORDS,
    LOCKED_REPORT,
    PAGE_FAULTS,
    SERVED_FAULTS,
    beyond,
    drivers,
    failing,
    forbidden,
    kernel_beyond,
    plain,
    unmapped,
)
from course.checks.e03_waits import (
    held,
    in_kernel,
    killed_again,
    killed_before,
    killed_in_user_mode,
    refused_later,
    remapped,
    slow,
    swapped_out,
    truncated,
    woken,
    written,
)
from course.checks.specification import Check, Checks, Commit
from course.checks.userfaults import ACQUISITIONS

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("do_user_addr_fault",),
    checks={
        "plain": Check(
            lambda draw: (
                plain(draw),
                beyond(draw),
                forbidden(draw),
                unmapped(draw),
                drivers(draw),
                kernel_beyond(draw),
            ),
            ("outcome", "exceptions", "attempts", LOCKED_REPORT, FIXUPS),
            "Most faults wait for nothing: find the area, make one attempt, release the lock, and say how it "
            "went.",
        ),
        "retry": Check(
            lambda draw: (
                slow(draw),
                held(draw),
                in_kernel(draw, "served"),
                remapped(draw),
                slow(draw, signal=True),
                in_kernel(draw, "signalled"),
                refused_later(draw),
            ),
            ("outcome", EARLIER, "exceptions", "attempts", "handler_runs"),
            "RETRY says that the lock is gone. So the lock is taken, the area found, and asked about, once "
            "more; in 5.6 only SIGKILL ends the fault early.",
        ),
        "flags": Check(
            lambda draw: (woken(draw), in_kernel(draw, "woken"), written(draw)),
            (FLAG_WORDS, "outcome"),
            "The second attempt is marked as tried, and may wait for no monitor: so no fault has a third.",
        ),
        "kill": Check(
            lambda draw: (
                killed_in_user_mode(draw),
                in_kernel(draw, "killed"),
                killed_again(draw, "read"),
                killed_again(draw, "tmpfs_write"),
                killed_before(draw, "read"),
                killed_before(draw, "pipe_write"),
            ),
            ("attempts", "outcome", "exceptions", "minor", "major", ACQUISITIONS),
            "A killed task needs no page. In user mode it ends on its way back; kernel code has to go on "
            "somewhere, and that is its fixup.",
        ),
        "s13": Check(
            lambda draw: (woken(draw),),
            ("outcome", "attempts", "messages"),
            "The second attempt needs the monitor, and may not wait for it: SIGBUS, for a page that was on "
            "its way.",
        ),
        "counters": Check(
            lambda draw: (
                slow(draw),
                plain(draw),
                held(draw),
                in_kernel(draw, "served"),
                failing(draw),
                truncated(draw),
                swapped_out(draw),
                killed_in_user_mode(draw),
            ),
            ("minor", "major", PAGE_FAULTS, *SERVED_FAULTS),
            "An exception is one page fault, however many attempts it takes, and it is major if any of them "
            "was.",
        ),
    },
    causes=CAUSES,
    read=LOOP,
    commit=Commit("4064b9827063", "patch 13 of the series: the change that lets this loop go on"),
)
