"""The scenarios of exercise E12: faults of later kernels, under mmap_lock and under the lock of an area."""

from __future__ import annotations

from typing import Any

from course.checks.draw import Draw
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, Step, fault, scenario
from pyemu.tree import Tree

__all__ = [
    "asked",
    "called",
    "copied",
    "forbidden",
    "from_disk",
    "not_here",
    "pinned",
    "pinned_without",
    "plain",
    "written",
]

FAULT = {"do_user_addr_fault": "do_user_addr_fault"}
V6_4, V6_8 = Tree.parse("v6_4"), Tree.parse("v6_8")


def _dirty(name: str, title: str, happens: str, draw: Draw, step: Step, **more: Any) -> KernelCase:
    """Make a case of a first write to a page of a shared file, while dirty pages have to wait."""
    page, ticks = step["page"], draw("throttle", range(200, 900, 50))
    one = scenario(
        name,
        title,
        {"file": "F", "shared": True, "populated": []},
        [step],
        more.pop("monitor", []),
        files=[{"name": "F", "pages": 4, "cached": [page], "throttle": ticks}],
    )
    return KernelCase(
        one,
        f"{happens} The disk is slow, so who makes a page dirty waits {ticks} us without the lock.",
        tree=V6_8,
        replaced=more.pop("replaced", FAULT),
    )


def written(draw: Draw) -> KernelCase:
    """A write in user mode."""
    page = draw("page", (1, 2, 3))
    happens = f"T writes page {page} of a shared file, for the first time."
    step = {"do": "write", "area": "V", "page": page, "byte": draw("byte", range(5, 200))}
    return _dirty("completed", "A first write to a shared page", happens, draw, step)


def copied(draw: Draw) -> KernelCase:
    """A write of the kernel for T, and a signal during the wait."""
    page, name = draw("page", (1, 2, 3)), draw("signal", HANDLED)
    happens = (
        f"T reads /dev/zero into page {page} of a shared file: the kernel writes it, for the first time. "
        f"Meanwhile comes {name}, which T handles."
    )
    step = {"do": "read_zero", "area": "V", "page": page}
    monitor = [{"do": "pause", "ticks": 100}, {"do": "signal", "task": "T", "signal": name}]
    return _dirty(
        "a-copy-into-a-shared-page", "A copy into a shared page", happens, draw, step, monitor=monitor
    )


def pinned(draw: Draw) -> KernelCase:
    """get_user_pages, for writing."""
    page = draw("page", (1, 2, 3))
    entry = draw("entry", ("get_user_pages_locked", "get_user_pages_remote"))
    return _dirty(
        "a-pinned-shared-page",
        "A shared page for a driver",
        f"A driver of T wants page {page} of a shared file for writing, and gets it by get_user_pages.",
        draw,
        {"do": "pin", "area": "V", "page": page, "entry": entry},
        replaced={"faultin_page": "faultin_page"},
    )


def pinned_without(draw: Draw) -> KernelCase:
    """get_user_pages, where no attempt gives COMPLETED."""
    page, ticks = draw("page", (1, 2, 3)), draw("ticks", range(1_000, 9_000, 500))
    pins = [
        {"do": "pin", "area": "V", "page": page, "entry": "get_user_pages_locked"},
        {"do": "pin", "area": "B", "page": 0, "entry": "get_user_pages_locked"},
    ]
    copy = {"do": "copy", "area": "V", "page": page}
    return KernelCase(
        scenario(
            "two-pinned-pages",
            "A page that is brought, and a fresh one",
            {"userfaultfd": True},
            pins,
            [{"do": "wait_message"}, {"do": "pause", "ticks": ticks}, copy],
            more_areas=[{"name": "B"}],
        ),
        f"A driver of T wants page {page} of V, which M brings, and then a page of fresh memory.",
        tree=V6_8,
        replaced={"faultin_page": "faultin_page"},
    )


def plain(draw: Draw) -> KernelCase:
    """Fresh memory: served under the lock of the area."""
    access, sentence = fault(draw)
    return KernelCase(
        scenario("fresh-memory", "A page of fresh memory", {}, [access], []),
        f"{sentence}. Nothing has to be waited for.",
        tree=V6_8,
        replaced=FAULT,
    )


def asked(draw: Draw) -> KernelCase:
    """A page that a monitor brings: RETRY without MAJOR."""
    access, sentence = fault(draw)
    pause = {"do": "pause", "ticks": draw("ticks", range(1_000, 9_000, 500))}
    page = {"area": "V", "page": access["page"]}
    return KernelCase(
        scenario(
            "a-monitors-page",
            "A page that a monitor brings",
            {"userfaultfd": True},
            [access],
            [{"do": "wait_message"}, pause, {"do": "copy", "byte": draw("byte", range(5, 200)), **page}],
        ),
        f"{sentence}. M brings it when it is asked.",
        tree=V6_8,
        replaced=FAULT,
    )


def from_disk(draw: Draw) -> KernelCase:
    """A page that the disk brings: RETRY with MAJOR."""
    page, ticks = draw("page", (1, 2, 3)), draw("ticks", range(2_000, 9_000, 500))
    return KernelCase(
        scenario(
            "a-page-of-the-disk",
            "A page that the disk brings",
            {"file": "F", "prot": "r", "random": True, "populated": []},
            [{"do": "read", "area": "V", "page": page}],
            [],
            files=[{"name": "F", "pages": 4, "io_ticks": ticks}],
        ),
        f"T reads page {page} of a file, and the disk needs {ticks} us for it.",
        tree=V6_8,
        replaced=FAULT,
    )


def called(draw: Draw) -> KernelCase:
    """A signal during the wait that began under the area's lock."""
    access, sentence = fault(draw)
    name = draw("signal", HANDLED)
    before, after = (
        {"do": "poll", "ticks": draw(one, range(1_000, 9_000, 500))} for one in ("before", "after")
    )
    monitor = [
        *({"do": "wait_message"}, before, {"do": "signal", "task": "T", "signal": name}, after),
        {"do": "copy", "area": "V", "page": access["page"], "byte": draw("byte", range(5, 200))},
    ]
    return KernelCase(
        scenario("a-signal", "A signal, then the page", {"userfaultfd": True}, [access], monitor),
        f"{sentence}, and waits. Then comes {name}, which T handles, and later M brings the page.",
        tree=V6_8,
        replaced=FAULT,
    )


def not_here(draw: Draw) -> KernelCase:
    """A page that is swapped out, on 6.4: RETRY at once."""
    page, byte = draw("page", (1, 2, 3)), draw("byte", range(5, 200))
    return KernelCase(
        scenario(
            "S9-swap",
            "A page that is swapped out",
            {"swapped": [page], "byte": byte},
            [{"do": "read", "area": "V", "page": page}],
            [],
        ),
        f"Linux 6.4: T reads page {page} of V, which is swapped out. Such a page can't be served under the "
        "lock of its area: the attempt gives RETRY at once.",
        tree=V6_4,
        replaced=FAULT,
    )


def forbidden(draw: Draw) -> KernelCase:
    """A write to an area that may only be read."""
    page = draw("page", (0, 1, 2, 3))
    return KernelCase(
        scenario(
            "a-forbidden-write",
            "A write to an area for reading",
            {"prot": "r"},
            [{"do": "write", "area": "V", "page": page, "byte": 9}],
            [],
        ),
        f"T writes page {page} of V, which may only be read.",
        tree=V6_8,
        replaced=FAULT,
    )
