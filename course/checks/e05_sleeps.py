"""The scenarios of exercise E5 in which the flags choose the sleep: what may end it, and what may not."""

from __future__ import annotations

from course.checks.draw import Draw
from course.checks.e05_scenarios import ARMED, answers_of, page_of, ticks_of
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, fault, scenario
from course.checks.userfaults import SLEEPS
from pyemu.flags import TASK_KILLABLE
from pyemu.tree import Tree

__all__ = ["called_away", "callers", "deaf", "killable", "killed", "unasked"]

BUFFER = {"buffer": "B", "buffer_offset": 64}
BUFFERS = ({"name": "B", "pages": 2, "populated": [0, 1]},)


def killed(draw: Draw) -> KernelCase:
    """SIGKILL while T waits."""
    access, sentence = fault(draw)
    ticks = ticks_of(draw)
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **page_of(draw, access["page"])},
    ]
    return KernelCase(
        scenario("S10a-kill", "SIGKILL while the fault waits", ARMED, [access], monitor),
        f"{sentence}, and waits. {ticks} us later comes SIGKILL, and after 20000 us more the page.",
    )


def callers(draw: Draw) -> KernelCase:
    """A program, a kernel copy and get_user_pages wait one after the other."""
    ticks = ticks_of(draw)
    answer = [
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "copy", **page_of(draw, 1), "answer": True},
    ]
    return KernelCase(
        scenario(
            "callers",
            "Three callers",
            ARMED,
            [
                {"do": "read", "area": "V", "page": 1},
                {"do": "tmpfs_write", "area": "V", "page": 2},
                {"do": "process_vm_readv", "area": "V", "page": 3, **BUFFER},
            ],
            answer * 3,
            more_areas=BUFFERS,
        ),
        "T reads page 1 itself, then the kernel copies from page 2 for it, then get_user_pages takes page 3. "
        f"M brings each page {ticks} us after the message.",
    )


def called_away(draw: Draw) -> KernelCase:
    """A signal while a kernel copy waits: without patch 13 it ends there, and doesn't go round."""
    page, ticks, name = draw("page", (1, 2, 3)), ticks_of(draw), draw("signal", HANDLED)
    monitor = [
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **page_of(draw, page)},
    ]
    copy = {"do": "tmpfs_write", "area": "V", "page": page}
    return KernelCase(
        scenario("called-away", "A kernel copy and a signal", ARMED, [copy], monitor),
        f"The kernel copies from page {page} for T, which is missing. {ticks} us after the message comes "
        f"{name}, which T handles, and 20000 us later the page. The kernel has no patch 13: a second attempt "
        "may not wait.",
        tree=Tree.after - 13,
    )


def deaf(draw: Draw) -> KernelCase:
    """A caller that sets neither INTERRUPTIBLE nor KILLABLE: get_user_pages without patch 15."""
    page, ticks = draw("page", (1, 2, 3)), ticks_of(draw)
    monitor = [
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": ticks},
        {"do": "copy", **page_of(draw, page)},
    ]
    read = {"do": "process_vm_readv", "area": "V", "page": page, **BUFFER}
    return KernelCase(
        scenario(
            "15-before-16",
            "A caller without KILLABLE",
            ARMED,
            [read],
            monitor,
            more_areas=BUFFERS,
        ),
        f"get_user_pages of a kernel without patch 15 takes page {page}. It sets ALLOW_RETRY, no flag for "
        f"signals. {ticks} us after the message comes SIGKILL, {ticks} us later the page.",
        tree=Tree.after - 15,
    )


def killable(draw: Draw) -> KernelCase:
    """A caller that sets KILLABLE alone, with a harmless signal before its sleep, and SIGKILL in it."""
    page, ticks, name = draw("page", (1, 2, 3)), ticks_of(draw), draw("signal", HANDLED)
    start = {"do": "pause", "ticks": ticks}
    monitor = [
        start,
        {"do": "signal", "task": "T", "signal": name},
        {"do": "wait_message"},
        {"do": "pause", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "pause", "ticks": 20_000},
        {"do": "copy", **page_of(draw, page)},
    ]
    read = {"do": "process_vm_readv", "area": "V", "page": page, **BUFFER}
    return KernelCase(
        scenario("killable", "A caller with KILLABLE", ARMED, [start, read], monitor, more_areas=BUFFERS),
        f"get_user_pages takes page {page}, which is missing. {name}, which T handles, comes before your "
        f"function begins; SIGKILL comes {ticks} us after the message, and 20000 us later the page.",
    )


def unasked(draw: Draw) -> KernelCase:
    """A user-mode fault that sets KILLABLE, and not INTERRUPTIBLE: a kernel without patch 12."""
    access, sentence = fault(draw)
    ticks = ticks_of(draw)
    return KernelCase(
        scenario(
            "without-12",
            "A fault without INTERRUPTIBLE",
            ARMED,
            [access],
            answers_of(draw, access["page"], ticks),
        ),
        f"{sentence}. The kernel has no patch 12: the flags are USER, ALLOW_RETRY and KILLABLE. M brings the "
        f"page {ticks} us after the message.",
        tree=Tree.after - 16 - 12,
        wanted={SLEEPS.name: (int(TASK_KILLABLE),)},
    )
