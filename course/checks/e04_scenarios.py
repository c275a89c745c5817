"""The scenarios of exercise E4: a task T faults, its monitor M answers, is late, or sends a signal.

In one, T waits for pages of files whose locks somebody else holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course.checks.draw import Draw
from course.checks.facts import Fact, plural
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import ACCESSES, HANDLED, fault, scenario

__all__ = ["COUNTED", "killed", "pending", "relocked", "signalled", "stopped", "wakes"]

COUNTED = Fact(
    "counted",
    lambda result, task: sum(result.tasks[task].counters[one] for one in ("min_flt", "maj_flt")),
    lambda n: f"{plural(n, 'fault')} counted",
)
"""Faults that were counted, as minor or as major."""


def wakes(draw: Draw, n: int, accesses: Sequence[str] = ACCESSES) -> KernelCase:
    """N wakes that bring nothing, then the page."""
    access, sentence = fault(draw, accesses)
    ticks, byte = draw("ticks", range(10_000, 50_000, 1_000)), draw("byte", range(5, 200))
    page = {"area": "V", "page": access["page"]}
    asked = ({"do": "wait_message"}, {"do": "pause", "ticks": ticks})
    monitor = [*(*asked, {"do": "wake", **page}) * n, *asked, {"do": "copy", "byte": byte, **page}]
    empty = "a wake, but no page" if n == 1 else f"{n} wakes, but no page"
    again = "asked once more" if n == 1 else f"asked for the {n + 1}th time"
    return KernelCase(
        scenario("S13", "A wake without a page", {"userfaultfd": True}, [access], monitor),
        f"{sentence}. M answers with {empty}; {again}, it brings the page.",
        {"wakes": n, "needed": n + 2},
    )


def signalled(draw: Draw) -> KernelCase:
    """S10a: a signal while T waits, then the page."""
    access, sentence = fault(draw)
    before, after = (draw(name, range(1_000, 9_000, 500)) for name in ("before", "after"))
    name, byte = draw("signal", HANDLED), draw("byte", range(5, 200))
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": before},
        {"do": "signal", "task": "T", "signal": name},
        {"do": "poll", "ticks": after},
        {"do": "copy", "area": "V", "page": access["page"], "byte": byte},
    ]
    return KernelCase(
        scenario("S10a", "A signal, then the page", {"userfaultfd": True}, [access], monitor),
        f"{sentence}, and waits. After {before} us comes {name}, which T handles; {after} us later M brings "
        "the page.",
    )


def pending(draw: Draw) -> KernelCase:
    """A signal that is pending already when a fault begins that needs no wait."""
    access, sentence = fault(draw)
    ticks, name = draw("ticks", range(1_000, 9_000, 500)), draw("signal", HANDLED)
    pause = {"do": "pause", "ticks": ticks}
    return KernelCase(
        scenario(
            "S10a-early",
            "A signal before the attempt",
            {},
            [pause, access],
            [pause, {"do": "signal", "task": "T", "signal": name}],
        ),
        f"{sentence}, but needs no monitor: the first attempt serves it. {name} comes just before that "
        "attempt.",
    )


def killed(draw: Draw) -> KernelCase:
    """SIGKILL while T waits."""
    access, sentence = fault(draw)
    ticks = draw("ticks", range(1_000, 9_000, 500))
    monitor = [
        {"do": "wait_message"},
        {"do": "poll", "ticks": ticks},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
    ]
    return KernelCase(
        scenario("S10a-kill", "SIGKILL while the fault waits", {"userfaultfd": True}, [access], monitor),
        f"{sentence}, and waits. After {ticks} us comes SIGKILL; the page never comes.",
    )


def stopped(draw: Draw) -> KernelCase:
    """SIGSTOP while T waits for the second time; the page comes meanwhile, SIGCONT after it."""
    access, sentence = fault(draw)
    ticks, late = draw("ticks", range(1_000, 9_000, 500)), draw("late", range(100_000, 150_000, 10_000))
    page = {"area": "V", "page": access["page"]}
    stop, go_on = ({"do": "signal", "task": "T", "signal": name} for name in ("SIGSTOP", "SIGCONT"))
    asked, wait = ({"do": "wait_message"}, {"do": "poll", "ticks": ticks}), {"do": "pause", "ticks": late}
    monitor = [*asked, {"do": "wake", **page}, *asked, stop, wait, {"do": "copy", **page}, wait, go_on]
    told = scenario("S13-stop", "A debugger stops T", {"userfaultfd": True}, [access], monitor)
    return KernelCase(
        told,
        f"{sentence}. M answers with a wake, but no page. While T waits for the second time, it is sent "
        f"SIGSTOP. {late // 1_000} ms later the page comes, and then SIGCONT.",
    )


def relocked(draw: Draw) -> KernelCase:
    """S9-relock, a page whose lock is taken again and again; then one that is thrown out meanwhile."""
    from pyemu.scenario import Scenario

    n, ticks = draw("locks", range(3, 7)), draw("ticks", range(8_000, 12_000, 500))
    hold: dict[str, Any] = {"do": "hold_page", "file": "F", "page": 0, "ticks": 1_000}
    holder = [
        *[hold] * n,
        {"do": "pause", "ticks": 10_000 - 1_000 * n},
        hold | {"file": "G", "ticks": ticks},
        {"do": "fadvise_dontneed", "file": "G"},
    ]
    program = [
        {"do": "pause", "ticks": 10},
        {"do": "read", "area": "V"},
        {"do": "pause", "ticks": 9_000},
        {"do": "read", "area": "W"},
    ]
    areas = (("V", "F"), ("W", "G"))
    told = Scenario.from_dict(
        {
            "version": 1,
            "name": "S9-relock",
            "title": "Locked again, and thrown out",
            "machine": {"n_cpus": 4},
            "files": [{"name": file, "pages": 1, "cached": True} for _, file in areas],
            "areas": [
                {"name": name, "process": "T", "pages": 1, "file": file, "shared": True, "prot": "r"}
                for name, file in areas
            ],
            "tasks": [
                {"name": "H", "monitor": True, "program": holder},
                {"name": "T", "process": "T", "program": program},
            ],
        }
    )
    return KernelCase(
        told,
        f"T reads a page of F that is in memory. H holds the page's lock, and takes it again, {n} times in "
        "all. Attempt 2 waits with mmap_sem held, and gives VM_FAULT_LOCKED. Then T reads a page of G, whose "
        "lock H holds as well; H lets it go and throws the page out, so attempt 2 reads the disk and gives "
        "VM_FAULT_MAJOR.",
    )
