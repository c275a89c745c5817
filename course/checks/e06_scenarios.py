"""The scenarios of exercise E6: a kernel copy from a missing page, a signal, a monitor that takes its time.

What is right is not what Linux v5.7 does: a kernel copy must sleep, once. So the cases say themselves what
must come out, and where a fault of user mode is looked at, the kernel's own run is right.
"""

from __future__ import annotations

from typing import Any

from course.checks.draw import Draw
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, fault, scenario
from pyemu.tree import Tree

__all__ = ["copied", "copied_again", "killed", "stopped", "woken"]

ARMED: dict[str, Any] = {"userfaultfd": True}
REPLACED = {name: name for name in ("do_user_addr_fault", "handle_userfault")}
OWN, COPIED = 1, 2  # the page that T reads itself, and the one from which the kernel copies


def _case(
    draw: Draw, name: str, title: str, story: str, late: list[Any], sender: list[Any], **wanted: Any
) -> KernelCase:
    """Make a case: T reads page 1, then the kernel copies from page 2 for it."""
    byte, ticks = draw("byte", range(5, 200)), draw("ticks", range(1_000, 9_000, 500))
    asked = {"do": "wait_message"}
    monitor = [asked, {"do": "pause", "ticks": ticks}, {"do": "copy", "area": "V", "page": OWN, "byte": byte}]
    task = [
        {"do": "read", "area": "V", "page": OWN},
        {"do": "post", "task": "S"},
        {"do": "pause", "ticks": 100},
        {"do": "tmpfs_write", "area": "V", "page": COPIED},
    ]
    return KernelCase(
        scenario(
            name,
            title,
            ARMED,
            task,
            [*monitor, *late, {"do": "copy", "area": "V", "page": COPIED, "byte": byte}],
            more_tasks=[
                {
                    "name": "S",
                    "monitor": True,
                    "program": [{"do": "wait_post"}, {"do": "pause", "ticks": 100}, *sender],
                }
            ],
        ),
        f"T reads page {OWN} of V, which is missing; M brings it. Then T writes to a file from page "
        f"{COPIED}, which is missing, too: the kernel copies. {story}",
        tree=Tree.v5_7,
        replaced=REPLACED,
        wanted=wanted,
    )


def _signal(name: str) -> dict[str, Any]:
    return {"do": "signal", "task": "T", "signal": name}


def copied(draw: Draw, **wanted: Any) -> KernelCase:
    """S12: a signal is pending when the kernel's fault begins; the page comes late."""
    name, late = draw("signal", HANDLED), draw("late", range(250_000, 400_000, 10_000))
    return _case(
        draw,
        "S12",
        "A kernel copy with a signal pending",
        f"{name} is pending when its fault begins. M brings the page {late} us after the first one.",
        [{"do": "pause", "ticks": late}],
        [_signal(name)],
        **wanted,
    )


def copied_again(draw: Draw, **wanted: Any) -> KernelCase:
    """A signal while the kernel's fault waits, and a wake without a page."""
    name, late = draw("signal", HANDLED), draw("late", range(20_000, 40_000, 1_000))
    wake, pause = {"do": "wake", "area": "V", "page": COPIED}, {"do": "pause", "ticks": late}
    return _case(
        draw,
        "S13-kernel",
        "A kernel copy that is woken without a page",
        f"{name} is pending when its fault begins. {late} us later M wakes it, but without the page, and "
        f"brings that another {late} us later.",
        [pause, wake, pause],
        [_signal(name)],
        **wanted,
    )


def killed(draw: Draw, **wanted: Any) -> KernelCase:
    """A harmless signal, then SIGKILL, while the kernel's fault waits."""
    name, ticks = draw("signal", HANDLED), draw("kill", range(20_500, 90_000, 1_000))
    return _case(
        draw,
        "S12-kill",
        "SIGKILL during a kernel copy",
        f"{name} is pending when its fault begins. SIGKILL comes {ticks} us later, and the page long after "
        "that.",
        [{"do": "pause", "ticks": 1_000_000}],
        [_signal(name), {"do": "pause", "ticks": ticks}, _signal("SIGKILL")],
        **wanted,
    )


def stopped(draw: Draw) -> KernelCase:
    """S10a: a signal while a fault of user mode waits."""
    access, sentence = fault(draw)
    before, after = (draw(name, range(1_000, 9_000, 500)) for name in ("before", "after"))
    name, byte = draw("signal", HANDLED), draw("byte", range(5, 200))
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": before},
        _signal(name),
        {"do": "poll", "ticks": after},
        {"do": "copy", "area": "V", "page": access["page"], "byte": byte},
    ]
    return KernelCase(
        scenario("S10a", "A signal, then the page", ARMED, [access], monitor),
        f"{sentence}, and waits. After {before} us comes {name}, which T handles; {after} us later M brings "
        "the page.",
        tree=Tree.v5_7,
        replaced=REPLACED,
    )


def woken(draw: Draw) -> KernelCase:
    """S13: a wake without a page, in user mode."""
    access, sentence = fault(draw)
    page, asked = {"area": "V", "page": access["page"]}, {"do": "wait_message"}
    byte = draw("byte", range(5, 200))
    return KernelCase(
        scenario(
            "S13",
            "A wake without a page",
            ARMED,
            [access],
            [asked, {"do": "wake", **page}, asked, {"do": "copy", "byte": byte, **page}],
        ),
        f"{sentence}. M answers with a wake, but no page; asked once more, it brings the page.",
        tree=Tree.v5_7,
        replaced=REPLACED,
    )
