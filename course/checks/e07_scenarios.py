"""The scenarios of exercise E7: a task T wants pages of its memory, and the kernel gets them for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course.checks.draw import Draw
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import Step, scenario
from pyemu.tree import Tree

__all__ = [
    "ASK",
    "FIXUP",
    "FRESH",
    "GUP",
    "busy_pages",
    "case",
    "copy",
    "drawn_pause",
    "error_after_one",
    "fixed_up",
    "fresh",
    "never_dropped",
    "no_page",
    "no_wait",
    "not_allowed",
    "pin",
    "read_three",
    "rest_at_once",
    "served",
    "signal",
    "wake",
    "wakes",
]

GUP = {"__get_user_pages_locked": "__get_user_pages_locked"}
FIXUP = {"fixup_user_fault": "fixup_user_fault"}
ARMED = {"userfaultfd": True}
FRESH = "fresh-memory"
ASK: Step = {"do": "wait_message"}


def pin(page: int, pages: int = 1, entry: str = "get_user_pages_locked", **more: Any) -> Step:
    """Give T's step: a driver that wants pages of V."""
    return {"do": "pin", "area": "V", "page": page, "pages": pages, "entry": entry, **more}


def wake(page: int) -> Step:
    """Give M's step: a wake without a page."""
    return {"do": "wake", "area": "V", "page": page}


def copy(page: int, byte: int = 5) -> Step:
    """Give M's step: the page."""
    return {"do": "copy", "area": "V", "page": page, "byte": byte}


def signal(name: str) -> Step:
    """Give M's step: a signal to T."""
    return {"do": "signal", "task": "T", "signal": name}


def case(
    name: str,
    title: str,
    happens: str,
    task: Sequence[Step],
    monitor: Sequence[Step],
    *,
    area: Step = ARMED,
    more_areas: Sequence[Step] = (),
    more_tasks: Sequence[Step] = (),
    files: Sequence[Step] = (),
    replaced: Mapping[str, str] = GUP,
) -> KernelCase:
    """Make a case on Linux 5.7.14: T wants pages of V, which M serves."""
    one = scenario(
        name, title, area, task, monitor, more_areas=more_areas, more_tasks=more_tasks, files=files
    )
    return KernelCase(one, happens, tree=Tree.v5_7, replaced=replaced)


def drawn_pause(draw: Draw) -> Step:
    """Draw M's time before it answers."""
    return {"do": "pause", "ticks": draw("ticks", range(10_000, 50_000, 1_000))}


def wakes(draw: Draw) -> KernelCase:
    """S14: wakes without a page, then the page."""
    page, n, pause = draw("page", (1, 2, 3)), draw("wakes", range(2, 7)), drawn_pause(draw)
    return case(
        "S14",
        "Wakes without a page, for get_user_pages",
        f"T wants page {page} of V, which is missing. M answers with {n} wakes, but no page; asked for the "
        f"{n + 1}th time, it brings the page.",
        [pin(page, entry="get_user_pages_unlocked")],
        [*(ASK, pause, wake(page)) * n, ASK, pause, copy(page)],
    )


def busy_pages(draw: Draw) -> KernelCase:
    """Two pages of a file that somebody else's I/O has locked."""
    first = draw("first", range(8_000, 16_000, 1_000))
    longer = draw("longer", range(8_000, 16_000, 1_000))

    def holder(page: int, ticks: int) -> Step:
        step = {"do": "hold_page", "file": "F", "page": page, "ticks": ticks}
        return {"name": f"H{page}", "monitor": True, "program": [step]}

    return case(
        "two-busy-pages",
        "Two pages that somebody else's I/O has locked",
        f"T wants pages 1 and 2 of a file that is in memory. I/O has locked them: page 1 for {first} us, "
        f"page 2 for {first + longer} us.",
        [{"do": "pause", "ticks": 10}, pin(1, 2, "get_user_pages_unlocked", write=False)],
        [],
        area={"file": "F", "shared": True, "prot": "r", "populated": []},
        files=[{"name": "F", "pages": 4, "cached": True}],
        more_tasks=[holder(1, first), holder(2, first + longer)],
    )


def read_three(draw: Draw) -> KernelCase:
    """The first page is there, two come one by one; then T looks at what it was given."""
    pause, bytes_ = drawn_pause(draw), (draw("one", range(20, 90)), draw("two", range(120, 190)))
    reads = [{"do": "read", "area": "B", "page": page} for page in (1, 2)]
    return case(
        "three-pages",
        "Three pages, of which one is there",
        "T copies pages 0 to 2 of V to B by process_vm_readv. Page 0 is there, M brings the others when it "
        f"is asked, full of {bytes_[0]} and of {bytes_[1]}. Then T reads B.",
        [{"do": "process_vm_readv", "area": "V", "page": 0, "pages": 3, "buffer": "B"}, *reads],
        [step for page in (1, 2) for step in (ASK, pause, copy(page, bytes_[page - 1]))],
        more_areas=[{"name": "B", "pages": 3, "populated": [0, 1, 2]}],
    )


def rest_at_once(draw: Draw) -> KernelCase:
    """The first page is brought; those behind it are there, one more than is wanted."""
    return case(
        "the-rest-is-there",
        "A page that is brought, and one that is there",
        "T wants pages 1 and 2 of V. Page 1 is missing, and M brings it; pages 2 and 3 are there.",
        [pin(1, 2, draw("entry", ("get_user_pages_unlocked", "get_user_pages_locked")))],
        [ASK, drawn_pause(draw), copy(1)],
        area={**ARMED, "populated": [0, 2, 3]},
    )


def error_after_one(draw: Draw) -> KernelCase:
    """The first page is brought, and behind it there is no area."""
    page = draw("page", (1, 2))
    return case(
        "an-error-after-a-page",
        "One page, and an error behind it",
        f"T has unmapped page {page + 1} of V, and wants pages {page} and {page + 1}. M brings page {page}.",
        [{"do": "munmap", "area": "V", "page": page + 1}, pin(page, 2)],
        [ASK, drawn_pause(draw), copy(page)],
    )


def never_dropped(draw: Draw) -> KernelCase:
    """The page is there."""
    return case(
        "a-page-that-is-there",
        "Nothing to wait for",
        "T wants page 0 of V, which is there, and allows that mmap_sem is dropped.",
        [pin(0, entry=draw("entry", ("get_user_pages_locked", "get_user_pages_remote")))],
        [],
    )


def served(draw: Draw) -> KernelCase:
    """The lock was dropped, the page came, the lock was taken again."""
    page, pages = draw("page", (1, 2)), draw("pages", (1, 2))
    wanted = f"page {page}" if pages == 1 else f"pages {page} and {page + 1}"
    return case(
        "dropped-and-taken-again",
        "A page that is brought",
        f"T wants {wanted} of V, and allows that mmap_sem is dropped. M brings what it is asked for.",
        [pin(page, pages, draw("entry", ("get_user_pages_locked", "get_user_pages_remote")))],
        [step for one in range(pages) for step in (ASK, drawn_pause(draw), copy(page + one))],
    )


def no_wait(draw: Draw) -> KernelCase:
    """FOLL_NOWAIT: a page that is missing, and one that is there before it."""
    page, entry = draw("page", (1, 2, 3)), draw("entry", ("get_user_pages_locked", "get_user_pages_remote"))
    return case(
        "no-wait",
        "FOLL_NOWAIT",
        f"With FOLL_NOWAIT, T wants page {page} of V, which is missing, and then pages 0 and 1, of which "
        "only page 0 is there. M never brings one.",
        [pin(page, entry=entry, nowait=True), pin(0, 2, entry, nowait=True)],
        [],
    )


def not_allowed(draw: Draw) -> KernelCase:
    """The caller allows no drop: a page that is there, one that is missing, and both."""
    page = draw("page", (1, 2, 3))
    pins = [pin(0, entry="get_user_pages"), pin(page, entry="get_user_pages")]
    return case(
        "locked-is-None",
        "No drop allowed",
        f"T passes None for locked. It wants page 0 of V, which is there, then page {page}, which is not, "
        "and then pages 0 and 1.",
        [*pins, pin(0, 2, "get_user_pages")],
        [],
    )


def fixed_up(draw: Draw) -> KernelCase:
    """B3: wakes without a page for fixup_user_fault, then the page."""
    page, n, pause = draw("page", (1, 2, 3)), draw("wakes", range(2, 6)), drawn_pause(draw)
    return case(
        "B3",
        "Success without a page",
        f"A driver of T resolves the fault of page {page} of V by hand. M answers with {n} wakes, but no "
        f"page; asked for the {n + 1}th time, it brings the page.",
        [pin(page, entry="fixup_user_fault")],
        [*(ASK, pause, wake(page)) * n, ASK, pause, copy(page)],
        replaced=FIXUP,
    )


def fresh(draw: Draw) -> KernelCase:
    """A word at the first address of an area that nobody serves: the kernel brings the page at once."""
    start = {"do": "pause", "ticks": draw("ticks", range(100))}
    return case(
        FRESH,
        "The first address of an area",
        "A driver of T resolves the fault of the first address of V by hand. V is fresh memory, without a "
        "monitor: nobody has to wait.",
        [start, pin(0, entry="fixup_user_fault", write=draw("write", (True, False)))],
        [],
        area={"populated": []},
        replaced=FIXUP,
    )


def no_page(draw: Draw) -> KernelCase:
    """Three reasons why fixup_user_fault has no page to bring."""
    pins = (pin(page, entry="fixup_user_fault", write=not page) for page in (0, 1, 3))
    forbidden, nowhere, behind = pins
    return case(
        "fixup-errors",
        "No page to bring",
        "A driver of T resolves three faults by hand: a write to an area for reading, a read where T has "
        "unmapped a page, and a read behind the end of the file.",
        [
            {"do": "pause", "ticks": draw("ticks", range(100))},
            forbidden,
            {"do": "munmap", "area": "V", "page": 1},
            nowhere,
            behind,
        ],
        [],
        area={"file": "F", "prot": "r", "populated": []},
        files=[{"name": "F", "pages": 2, "cached": True}],
        replaced=FIXUP,
    )
