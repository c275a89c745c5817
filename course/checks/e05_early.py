"""The scenarios of exercise E5 in which nobody waits, each for a reason of its own.

Where it matters when M acts, T and M begin at the same moment, and M makes marks first. A timed run gives
each task its turn, so the same number of marks is the same place in T's fault, before the learner's function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.checks.draw import Draw
from course.checks.e05_scenarios import ARMED, answers, ticks_of
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import fault, scenario

if TYPE_CHECKING:
    from pyemu.sched.semantics import World

__all__ = ["closing", "exiting", "refused", "refused_in_order", "wanted_at_once"]

MARKS_BEFORE_LOOK = 3  # so many of M's steps, and T stands between its look at the page and handle_userfault


def _begins_to_exit(world: World) -> None:
    """Let T be on its way out, where it still copies from its memory once."""
    world.tasks[1].exiting = True


def exiting(draw: Draw) -> KernelCase:
    """A task that exits touches a missing page once more."""
    page, ticks = draw("page", (1, 2, 3)), ticks_of(draw)
    return KernelCase(
        scenario(
            "exiting",
            "A task on its way out",
            ARMED,
            [{"do": "tmpfs_write", "area": "V", "page": page}],
            answers(draw, page, ticks),
        ),
        f"T is exiting. The kernel copies from page {page} of V once more; it is missing. M would bring it "
        f"{ticks} us after a message.",
        {"exiting": 1},
        prepare=_begins_to_exit,
    )


def refused(draw: Draw) -> KernelCase:
    """The userfaultfd was made with the feature SIGBUS."""
    access, sentence = fault(draw)
    area = {**ARMED, "features": ["SIGBUS"]}
    return KernelCase(
        scenario(
            "sigbus",
            "A monitor that wants no messages",
            area,
            [access],
            answers(draw, access["page"], 1_000),
        ),
        f"{sentence}. M has asked for SIGBUS in place of messages.",
    )


def closing(draw: Draw) -> KernelCase:
    """The userfaultfd is closed between the beginning of the fault and handle_userfault."""
    access, sentence = fault(draw)
    start = [{"do": "pause", "ticks": ticks_of(draw)}]
    marks = [{"do": "mark", "label": "closes"}] * MARKS_BEFORE_LOOK
    return KernelCase(
        scenario(
            "closing", "A monitor that closes", ARMED, [*start, access], [*start, *marks, {"do": "close"}]
        ),
        f"{sentence}. At this moment M closes the userfaultfd, and waits for mmap_sem to detach V.",
    )


def refused_in_order(draw: Draw) -> tuple[KernelCase, ...]:
    """The userfaultfd has the feature SIGBUS, and more speaks against a wait."""
    access, sentence = fault(draw)
    area = {**ARMED, "features": ["SIGBUS"]}
    start = [{"do": "pause", "ticks": ticks_of(draw)}]
    marks = [{"do": "mark", "label": "closes"}] * MARKS_BEFORE_LOOK
    pin = {"do": "pin", "area": "V", "page": access["page"], "entry": "get_user_pages_locked", "nowait": True}
    return (
        KernelCase(
            scenario(
                "sigbus-closing",
                "A monitor that wants no messages, and closes",
                area,
                [*start, access],
                [*start, *marks, {"do": "close"}],
            ),
            f"{sentence}. M has asked for SIGBUS in place of messages; at this moment it closes the "
            "userfaultfd.",
        ),
        KernelCase(
            scenario("sigbus-nowait", "A monitor that wants no messages, and a driver", area, [pin], []),
            f"M has asked for SIGBUS in place of messages. A driver asks for page {access['page']} of V, "
            "which is missing, with RETRY_NOWAIT.",
        ),
    )


def wanted_at_once(draw: Draw) -> KernelCase:
    """One driver will not wait, one caller may not."""
    first = draw("page", (1, 2, 3))
    second = first % 3 + 1
    return KernelCase(
        scenario(
            "nowait",
            "Callers that do not wait",
            ARMED,
            [
                {"do": "pin", "area": "V", "page": first, "entry": "get_user_pages_locked", "nowait": True},
                {"do": "procmem_read", "area": "V", "page": second},
            ],
            answers(draw, first, 1_000),
        ),
        f"A driver asks for page {first} of V with RETRY_NOWAIT. Then /proc/self/mem is read, page {second}, "
        "without ALLOW_RETRY. Both pages are missing.",
    )
