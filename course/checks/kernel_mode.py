"""Cases in which a copy of the kernel's own code faults on a page that a monitor serves."""

from __future__ import annotations

from typing import Any

from course.checks.draw import Draw
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, scenario

__all__ = ["copying"]

CALLS = ("tmpfs_write", "pipe_write")  # they read a page of T; only the second tries again after its fixup


def copying(draw: Draw, what: str) -> KernelCase:
    """Give a case: T makes a system call that reads a missing page.

    Parameters
    ----------
    draw : Draw
        Chooses call, page, times and signal.
    what : str
        What M does when it is asked: it brings the page (``served``), or wakes T without it first
        (``woken``); a signal comes, and the page later (``signalled``) or
        a tick later (``overtaken``); or SIGKILL comes (``killed``). In ``killed later`` T makes a second
        call when the first is served, and SIGKILL comes after a wake.

    Returns
    -------
    KernelCase
        On ``Tree.after``.
    """
    number = draw("page", (1, 2, 3))
    page = {"area": "V", "page": number}
    do = draw("call", CALLS[:1] if what == "overtaken" else CALLS)
    ticks, name = draw("ticks", range(1_000, 9_000, 500)), draw("signal", HANDLED)
    asked: list[Any] = [{"do": "wait_message"}, {"do": "poll", "ticks": ticks}]
    bring, send = {"do": "copy", **page}, {"do": "signal", "task": "T", "signal": name}
    wake = [*asked, {"do": "wake", **page}]
    other = page | {"page": number % 3 + 1}
    kill = send | {"signal": "SIGKILL"}
    program, then = {
        "served": ([*asked, bring], f"M brings it after {ticks} us"),
        "woken": (
            [*wake, *asked, bring],
            "M answers with a wake, but no page; asked once more, it brings the page",
        ),
        "signalled": (
            [*asked, send, {"do": "poll", "ticks": ticks}, bring],
            f"After {ticks} us comes {name}, and {ticks} us later the page",
        ),
        "overtaken": (
            [*asked, send, {"do": "pause", "ticks": 1}, bring],
            f"After {ticks} us comes {name}, and right after it the page",
        ),
        "killed": ([*asked, kill], f"After {ticks} us comes SIGKILL; the page never comes"),
        "killed later": (
            [*wake, *asked, bring, *asked, {"do": "wake", **other}, *asked, kill],
            f"Asked twice, M brings it; for page {other['page']} a wake comes, and SIGKILL in the next wait",
        ),
    }[what]
    pages = [page, other] if what == "killed later" else [page]
    return KernelCase(
        scenario(
            "S13" if what == "woken" else "copy",
            "A copy of the kernel",
            {"userfaultfd": True},
            [{"do": do, **one} for one in pages],
            program,
        ),
        f"A system call ({do}) reads page {page['page']} of V, which is missing. {then}.",
    )
