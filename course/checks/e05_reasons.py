"""The scenarios of exercise E5 in which T may not wait: one reason each, and two at once.

Where it matters when M acts, T and M begin at the same moment, and M makes marks first. A timed run gives
each task its turn, so the same number of marks is the same place in T's fault, before the learner's function.
Of two reasons at once only those are tried that give different values. Who asks without ALLOW_RETRY or with
RETRY_NOWAIT keeps mmap_sem after a NOPAGE and asks again, and so keeps the userfaultfd from being closed:
Linux v5.7 goes round so until a SIGKILL comes, and here one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.e05_scenarios import ARMED, answers_of, ticks_of, woken
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import fault, scenario
from pyemu.state import VmaState
from pyemu.tree import Tree

if TYPE_CHECKING:
    from pyemu.sched.semantics import World

__all__ = [
    "allowed_once",
    "at_once",
    "closing",
    "closing_in_circles",
    "detached",
    "exiting",
    "refused",
    "two_at_once",
    "wanted_at_once",
]

MARKS_BEFORE_LOOK = 3  # so many of M's steps, and T stands between its look at the page and handle_userfault
REFUSED = {**ARMED, "features": ["PAGEFAULT_FLAG_WP", "SIGBUS"]}


def _begins_to_exit(world: World) -> None:
    """Let T be on its way out, where it still copies from its memory once."""
    world.tasks[1].exiting = True


def _detaches(world: World) -> None:
    """Take the context from the areas, and leave the flag that says they have one."""
    for place, vma in list(world.state.data.items()):
        if isinstance(vma, VmaState) and vma.context is not None:
            world.state.set(place, replace(vma, context=None))


def _nowait(page: int) -> dict[str, Any]:
    return {"do": "pin", "area": "V", "page": page, "entry": "get_user_pages_locked", "nowait": True}


def exiting(draw: Draw) -> KernelCase:
    """A task that exits touches a missing page once more."""
    page, ticks = draw("page", (1, 2, 3)), ticks_of(draw)
    return KernelCase(
        scenario(
            "exiting",
            "A task on its way out",
            ARMED,
            [{"do": "tmpfs_write", "area": "V", "page": page}, _nowait(page)],
            answers_of(draw, page, ticks),
        ),
        f"T is exiting. The kernel copies from page {page} of V once more, and a driver asks for it with "
        f"RETRY_NOWAIT; it is missing. M would bring it {ticks} us after a message.",
        {"exiting": 1, "two": 1},
        prepare=_begins_to_exit,
    )


def refused(draw: Draw) -> KernelCase:
    """The userfaultfd was made with the feature SIGBUS."""
    access, sentence = fault(draw)
    return KernelCase(
        scenario(
            "sigbus",
            "A monitor that wants no messages",
            REFUSED,
            [access, _nowait(access["page"])],
            answers_of(draw, access["page"], 1_000),
        ),
        f"{sentence}, and a driver asks for it with RETRY_NOWAIT. M has asked for SIGBUS in "
        "place of messages.",
        {"refused": 1, "two": 1},
    )


def _closing(
    draw: Draw,
    name: str,
    access: dict[str, Any],
    story: str,
    *,
    area: dict[str, Any] = ARMED,
    n_marks: int = MARKS_BEFORE_LOOK,
    killer: Sequence[Any] = (),
    **more: Any,
) -> KernelCase:
    """Let M close while T is between the beginning of its fault and handle_userfault."""
    start = [{"do": "pause", "ticks": ticks_of(draw)}]
    marks = [{"do": "mark", "label": "closes"}] * n_marks
    monitor = [*start, *marks, {"do": "close"}]
    return KernelCase(
        scenario(
            name,
            "A monitor that closes",
            area,
            [*start, access],
            monitor,
            more_tasks=[{"name": "K", "program": list(killer)}] if killer else (),
            permits=["spin"] if killer else (),
        ),
        f"{story} At this moment M closes the userfaultfd, and waits for mmap_sem to detach V.",
        **more,
    )


def closing(draw: Draw, n_marks: int = MARKS_BEFORE_LOOK) -> KernelCase:
    """The userfaultfd is closed between the beginning of the fault and handle_userfault."""
    access, sentence = fault(draw)
    return _closing(draw, "closing", access, f"{sentence}.", n_marks=n_marks)


def detached(draw: Draw) -> KernelCase:
    """An area that is marked for a userfaultfd, and has none."""
    access, sentence = fault(draw)
    return KernelCase(
        scenario("detached", "An area without a userfaultfd", ARMED, [access], []),
        f"{sentence}. V is marked for a userfaultfd, and has none: your function reads None.",
        prepare=_detaches,
    )


def two_at_once(draw: Draw) -> tuple[KernelCase, ...]:
    """Two lines of the table fit, and their values differ."""
    access, sentence = fault(draw)
    page = access["page"]
    copy = {"do": "tmpfs_write", "area": "V", "page": page}
    exits = f"T is exiting. The kernel copies from page {page} of V once more; it is missing."
    refuses = f"{sentence}. M has asked for SIGBUS in place of messages."
    return (
        _closing(draw, "closing-exiting", copy, exits, numbers={"two": 1}, prepare=_begins_to_exit),
        _closing(draw, "closing-sigbus", access, refuses, area=REFUSED, numbers={"two": 1, "refused": 1}),
    )


def closing_in_circles(draw: Draw) -> tuple[KernelCase, ...]:
    """The userfaultfd is closed, and the caller may not wait, or will not."""
    page, ticks = draw("page", (1, 2, 3)), ticks_of(draw)
    killer = [{"do": "pause", "ticks": ticks + 20_000}, {"do": "signal", "task": "T", "signal": "SIGKILL"}]
    read = {"do": "procmem_read", "area": "V", "page": page}
    end = "20000 us later SIGKILL ends what would go round for ever."
    unable = f"/proc/self/mem is read, page {page} of V, without ALLOW_RETRY. It is missing. {end}"
    unwilling = f"A driver asks for page {page} of V with RETRY_NOWAIT. It is missing. {end}"
    more: dict[str, Any] = {"killer": killer, "numbers": {"closing": 1}}
    return (
        _closing(draw, "closing-unable", read, unable, **more),
        _closing(draw, "closing-unwilling", _nowait(page), unwilling, **more),
    )


def at_once(draw: Draw) -> KernelCase:
    """A driver will not wait."""
    page = draw("page", (1, 2, 3))
    return KernelCase(
        scenario("at-once", "A driver in a hurry", ARMED, [_nowait(page)], answers_of(draw, page, 1_000)),
        f"A driver asks for page {page} of V with RETRY_NOWAIT; it is missing.",
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
                _nowait(first),
                {"do": "procmem_read", "area": "V", "page": second},
            ],
            answers_of(draw, first, 1_000),
        ),
        f"A driver asks for page {first} of V with RETRY_NOWAIT. Then /proc/self/mem is read, page {second}, "
        "without ALLOW_RETRY. Both pages are missing.",
    )


def allowed_once(draw: Draw) -> KernelCase:
    """A caller that clears ALLOW_RETRY after the first attempt, and no other flag: without patch 13."""
    case = woken(draw)
    return replace(
        case,
        scenario=replace(case.scenario, name="without-13", title="A caller that may wait once"),
        happens=f"{case.happens.partition('.')[0]}, on a kernel without patch 13. M answers with a wake, but "
        "no page. The second attempt comes without ALLOW_RETRY; all its other flags are still set.",
        tree=Tree.after - 13,
    )
