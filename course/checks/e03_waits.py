"""The scenarios of exercise E3 in which a fault waits, and those in which SIGKILL comes.

All run on the tree before the series. What is slow is a file on a disk, a page that somebody else has locked,
or a monitor that serves T's area by a userfaultfd.
"""

from __future__ import annotations

from dataclasses import replace

from course.checks import scenarios
from course.checks.draw import Draw
from course.checks.e03_scenarios import before, case_of, scenario
from course.checks.e04_areas import changed
from course.checks.e04_scenarios import killed, wakes
from course.checks.kernel_case import KernelCase
from course.checks.kernel_mode import copying
from course.checks.scenarios import HANDLED

__all__ = [
    "held",
    "in_kernel",
    "killed_again",
    "killed_before",
    "killed_in_user_mode",
    "refused_later",
    "remapped",
    "slow",
    "swapped_out",
    "truncated",
    "woken",
    "written",
]

SHOWN = {"file": "F", "shared": True}
KILL = {"do": "signal", "task": "T", "signal": "SIGKILL"}


def _own(case: KernelCase, **numbers: int) -> KernelCase:
    """Give a case of another exercise as one of this."""
    own = replace(case, scenario=replace(case.scenario, name="E3"), numbers={**case.numbers, **numbers})
    return before(own)


def _reader(do: str) -> str:
    return "T reads" if do == "read" else f"A system call ({do}) reads"


def slow(draw: Draw, signal: bool = False) -> KernelCase:
    """S9: the disk reads the page; perhaps a signal comes meanwhile."""
    page, at, name = draw("page", (1, 2)), draw("at", range(2_000, 9_000, 500)), draw("signal", HANDLED)
    send = {"do": "signal", "task": "T", "signal": name}
    sender = {"name": "S", "program": [{"do": "pause", "ticks": at}, send]}
    told = scenario(
        "A page on the disk",
        SHOWN,
        [{"do": "read", "area": "V", "page": page}],
        *([sender] if signal else []),
    )
    told = replace(told, name="S9" if signal else told.name)
    happens = f"T reads page {page} of V, which the disk reads for 10000 us"
    return case_of(told, happens + (f"; after {at} us comes {name}, which T handles" if signal else ""))


def remapped(draw: Draw) -> KernelCase:
    """While T waits for the disk, its thread U maps fresh memory over the page."""
    page, at = {"area": "V", "page": draw("page", (1, 2))}, draw("at", range(2_000, 9_000, 500))
    program = [{"do": "pause", "ticks": at}, {"do": "mmap_fixed", **page}]
    other = {"name": "U", "process": "T", "program": program}
    told = scenario("An area that goes", SHOWN, [{"do": "read", **page}], other)
    return case_of(
        told,
        f"T reads page {page['page']} of V, which the disk reads for 10000 us. After {at} us U maps fresh "
        "memory over it",
        first=1,
    )


def held(draw: Draw) -> KernelCase:
    """A page in memory that somebody else has locked: the fault waits, and nothing is read."""
    page, ticks = draw("page", (1, 2)), draw("ticks", range(2_000, 9_000, 500))
    access = [{"do": "pause", "ticks": 10}, {"do": "read", "area": "V", "page": page}]
    holder = {"name": "H", "program": [{"do": "hold_page", "file": "F", "page": page, "ticks": ticks}]}
    return case_of(
        scenario("A page that is locked", SHOWN, access, holder, cached=True),
        f"T reads page {page} of V, which is in memory. H holds the page's lock for {ticks} us",
    )


def truncated(draw: Draw) -> KernelCase:
    """The disk reads a page, so the first attempt is major; the second fails: the file has become shorter."""
    access, do = draw("access", ("read", "write")), draw("call", ("tmpfs_write", "pipe_write"))
    pause = {"do": "pause", "ticks": draw("at", range(2_000, 9_000, 500))}
    steps = [{"do": how, "area": "V", "page": page} for how, page in ((access, 2), (do, 1))]
    cuts = [step for size in (2, 1) for step in (pause, {"do": "truncate", "file": "F", "size": size})]
    return case_of(
        scenario("A file that gets shorter", SHOWN | {"random": True}, steps, {"name": "U", "program": cuts}),
        f"V shows a file of three pages on a disk, which reads a page for 10000 us. T {access}s page 2, then "
        f"a system call ({do}) reads page 1. Each time U cuts the page off the file meanwhile",
    )


def swapped_out(draw: Draw) -> KernelCase:
    """The first attempt waits for a lock; then the page is another one, which the second has to read."""
    page, at = {"area": "V", "page": draw("page", (1, 2))}, draw("at", range(1_000, 9_000, 500))
    access = [{"do": "pause", "ticks": 10}, {"do": "read", **page}]
    hold = {"do": "hold_page", "file": "F", "page": page["page"], "ticks": 40_000}
    out = {"do": "reclaim", **page}
    moved = [
        {"do": "mmap_fixed", **page},
        {"do": "write", **page},
        out,
        {"do": "pause", "ticks": 15_000},
        out,
    ]
    return case_of(
        scenario(
            "A page that is swapped out",
            SHOWN,
            access,
            {"name": "H", "program": [hold]},
            {"name": "U", "process": "T", "program": [{"do": "pause", "ticks": at}, *moved]},
            cached=True,
        ),
        f"T reads page {page['page']} of V, which is in memory. H holds the page's lock for 40000 us. After "
        f"{at} us U maps fresh memory over the page and writes it, and the kernel swaps it out: attempt 2 "
        "has to read it from the disk",
    )


def refused_later(draw: Draw) -> KernelCase:
    """While T waits for the disk, its thread U unmaps the page; or it takes the right to write."""
    return _own(changed(draw), refused=1)


def in_kernel(draw: Draw, what: str) -> KernelCase:
    """Give a case of a copy of the kernel's, on this tree; S13 keeps its name."""
    case = copying(draw, what)
    return before(case) if case.scenario.name == "S13" else _own(case)


def woken(draw: Draw) -> KernelCase:
    """S13 from user mode."""
    return before(wakes(draw, 1))


def written(draw: Draw) -> KernelCase:
    """T writes, and the kernel writes for it: each time the monitor wakes it without a page."""
    first, second = ({"area": "V", "page": page} for page in draw("pages", ((1, 2), (2, 3), (3, 1))))
    ticks = draw("ticks", range(1_000, 9_000, 500))
    asked = ({"do": "wait_message"}, {"do": "pause", "ticks": ticks})
    told = scenarios.scenario(
        "E3",
        "Writes that wait",
        {"userfaultfd": True},
        [{"do": "write", **first}, {"do": "read_zero", **second}],
        [*asked, {"do": "wake", **first}, *asked, {"do": "wake", **second}],
    )
    return case_of(
        told,
        f"T writes page {first['page']} of V, which is missing. Then a system call (read_zero) writes page "
        f"{second['page']}, which is missing, too. M answers each time with a wake, but no page",
    )


def killed_in_user_mode(draw: Draw) -> KernelCase:
    """SIGKILL while T waits for its monitor."""
    return _own(killed(draw))


def killed_before(draw: Draw, do: str) -> KernelCase:
    """SIGKILL is pending when the fault begins, and no attempt waits: so none gives RETRY."""
    page, pause = draw("page", (1, 2)), {"do": "pause", "ticks": draw("ticks", range(1_000, 9_000, 500))}
    access = [pause, {"do": do, "area": "V", "page": page}]
    return case_of(
        scenario("Killed before the attempt", {}, access, {"name": "K", "program": [pause, KILL]}),
        f"{_reader(do)} page {page} of V: fresh memory, nobody waits. SIGKILL comes just before the attempt",
        pending=1,
    )


def killed_again(draw: Draw, do: str) -> KernelCase:
    """SIGKILL while the second attempt waits for a page lock: that attempt gives RETRY, too."""
    page, at = draw("page", (0, 1, 2)), draw("at", range(3_000, 9_000, 500))
    access = [{"do": "pause", "ticks": 10}, {"do": do, "area": "V", "page": page}]
    hold = {"do": "hold_page", "file": "F", "page": page}
    holder = {"name": "H", "program": [hold | {"ticks": 1_000}, hold | {"ticks": 20_000}]}
    killer = {"name": "K", "program": [{"do": "pause", "ticks": at}, KILL]}
    return case_of(
        scenario("Killed at the second attempt", SHOWN, access, holder, killer, cached=True),
        f"{_reader(do)} page {page} of V, which is in memory. H holds the page's lock, and takes it again "
        f"after 1000 us. So both attempts wait for it; after {at} us comes SIGKILL",
    )
