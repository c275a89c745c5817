"""The scenarios of exercise H6 that E5 and E6 don't have: other memory, other waits, other callers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from course.checks import e05_orders, e05_reasons, e05_scenarios, e05_sleeps, e06_scenarios
from course.checks.draw import Draw
from course.checks.explore_case import ExploreCase
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, fault, scenario
from pyemu.tree import Tree

__all__ = [
    "any_order",
    "closing",
    "copied",
    "copied_again",
    "deaf",
    "killed",
    "killed_copy",
    "long_write",
    "must_not_wait",
    "named",
    "others",
    "replaced_area",
    "shared",
    "signalled",
    "signalled_copy",
    "slow_file",
    "unread",
    "woken",
]

ARMED: dict[str, Any] = {"userfaultfd": True}
MENDED = Tree.parse("v5_7+B5")  # Linux v5.7 with the busy loop mended: here the kernel's own run is right


def _signal(name: str) -> dict[str, Any]:
    return {"do": "signal", "task": "T", "signal": name}


def _mended(case: KernelCase) -> KernelCase:
    return replace(case, tree=MENDED, wanted={})


def woken(draw: Draw) -> KernelCase:
    """S13."""
    return _mended(e05_scenarios.woken(draw))


def signalled(draw: Draw) -> KernelCase:
    """S10a."""
    return _mended(e05_scenarios.signalled(draw))


def unread(draw: Draw) -> KernelCase:
    """A signal before the message was read."""
    return _mended(e05_scenarios.unread(draw))


def killed(draw: Draw) -> KernelCase:
    """SIGKILL in user mode."""
    return _mended(e05_sleeps.killed(draw))


def copied(draw: Draw) -> KernelCase:
    """S12."""
    return _mended(e06_scenarios.copied(draw))


def copied_again(draw: Draw) -> KernelCase:
    """S13 in kernel mode."""
    return _mended(e06_scenarios.copied_again(draw))


def killed_copy(draw: Draw) -> KernelCase:
    """SIGKILL in kernel mode."""
    return _mended(e06_scenarios.killed(draw))


def named(draw: Draw) -> KernelCase:
    """A read and a write in the middle of pages."""
    return _mended(e05_scenarios.named(draw))


def must_not_wait(draw: Draw) -> tuple[KernelCase, ...]:
    """One reason each for which nobody is asked."""
    cases = (
        e05_reasons.exiting,
        e05_reasons.detached,
        e05_reasons.refused,
        e05_reasons.at_once,
        e05_reasons.wanted_at_once,
    )
    return tuple(replace(_mended(case(draw)), numbers={"asks nobody": 1}) for case in cases)


def deaf(draw: Draw) -> KernelCase:
    """A caller whose sleep no signal ends."""
    return e05_sleeps.deaf(draw)


def closing(draw: Draw) -> tuple[KernelCase, ...]:
    """M closes the userfaultfd, each time a step later in T's fault.

    While it closes a fault may be made again and again, which ``explore`` takes for a busy loop.
    """
    return tuple(_mended(e05_reasons.closing(draw, n)) for n in (1, 3, 5))


def slow_file(draw: Draw) -> KernelCase:
    """S9: a signal while the disk reads."""
    page, name = draw("page", (1, 2, 3)), draw("signal", HANDLED)
    ticks = draw("ticks", range(2_000, 9_000, 500))
    return KernelCase(
        scenario(
            "S9",
            "A signal while a page is being read",
            {"populated": [], "file": "F", "shared": True, "prot": "r"},
            [{"do": "read", "area": "V", "page": page}],
            [{"do": "pause", "ticks": ticks}, _signal(name)],
            files=[{"name": "F", "pages": 4, "io_ticks": 10_000}],
        ),
        f"T reads page {page} of a file; the disk needs 10000 us for it. After {ticks} us comes {name}, "
        "which T handles.",
        tree=MENDED,
    )


def replaced_area(draw: Draw) -> KernelCase:
    """S10b: another thread maps fresh memory over the area, and a signal comes."""
    access, sentence = fault(draw)
    ticks, name = draw("ticks", range(1_000, 9_000, 500)), draw("signal", HANDLED)
    maps = [{"do": "pause", "ticks": ticks}, {"do": "mmap_fixed", "area": "V", "page": 0, "pages": 4}]
    return KernelCase(
        scenario(
            "S10b",
            "The area is replaced while the fault waits",
            ARMED,
            [access],
            [{"do": "wait_message"}, {"do": "poll", "ticks": 2 * ticks}, _signal(name)],
            more_tasks=[{"name": "U", "process": "T", "blocked": [*HANDLED], "program": maps}],
        ),
        f"{sentence}, and waits. After {ticks} us another thread of it maps fresh memory over V; later comes "
        f"{name}.",
        tree=MENDED,
    )


def _copy(
    draw: Draw, name: str, title: str, area: dict[str, Any], step: dict[str, Any], story: str
) -> KernelCase:
    """Make a case of one system call of T, with a signal pending and a page that comes late."""
    signal, late = draw("signal", HANDLED), draw("late", range(10_000, 40_000, 1_000))
    pause = {"do": "pause", "ticks": 100}
    page = {"area": "V", "page": 1, "byte": draw("byte", range(5, 200))}
    return KernelCase(
        scenario(
            name,
            title,
            {**ARMED, **area},
            [pause, step],
            [{"do": "wait_message"}, {"do": "wait_readable", "ticks": late}, {"do": "copy", **page}],
            more_areas=[{"name": "B", "pages": 2, "populated": [0, 1]}],
            more_tasks=[{"name": "S", "monitor": True, "program": [pause, _signal(signal)]}],
        ),
        f"{story} {signal} is pending when the fault begins. M sleeps in poll(), reads the message, and "
        f"brings the page {late} us later.",
        tree=MENDED,
    )


def shared(draw: Draw) -> KernelCase:
    """S12 on shared memory."""
    area = {"kind": "shmem", "shared": True}
    step = {"do": "tmpfs_write", "area": "V", "page": 1}
    story = "T writes to a file from page 1 of V, which is shared memory; the page is missing."
    case = _copy(draw, "S12-shared", "A kernel copy from shared memory", area, step, story)
    return replace(case, numbers={"shared": 1})


def long_write(draw: Draw) -> KernelCase:
    """S12 with a page that is there before the one that is missing."""
    step = {"do": "tmpfs_write", "area": "V", "page": 0, "pages": 2}
    story = "T writes two pages of V to a file; the second one is missing."
    return replace(
        _copy(draw, "S12-long", "A kernel copy of two pages", {}, step, story), numbers={"long": 1}
    )


def others(draw: Draw) -> KernelCase:
    """get_user_pages with a signal pending."""
    step = {"do": "process_vm_readv", "area": "V", "page": 1, "buffer": "B", "buffer_offset": 64}
    story = "get_user_pages takes page 1 of V for T; the page is missing."
    return replace(_copy(draw, "gup", "get_user_pages and a signal", {}, step, story), numbers={"gup": 1})


def any_order(draw: Draw) -> ExploreCase:
    """The page comes at any moment of a user-mode fault."""
    return replace(e05_orders.any_moment(draw), tree=MENDED)


def signalled_copy(draw: Draw) -> ExploreCase:
    """Page and signal come at any moment of a kernel copy."""
    page, name = draw("page", (1, 2, 3)), draw("signal", HANDLED)
    return ExploreCase(
        scenario(
            "S12-any",
            "A kernel copy, a signal and a page, in any order",
            ARMED,
            [{"do": "tmpfs_write", "area": "V", "page": page}],
            [{"do": "copy", "area": "V", "page": page, "byte": draw("byte", range(5, 200))}],
            more_tasks=[{"name": "S", "monitor": True, "program": [_signal(name)]}],
        ),
        f"T writes to a file from page {page} of V, which is missing. M brings it and S sends {name}, "
        "both at any moment: every order of their moves is tried.",
        tree=MENDED,
    )
