"""The scenarios of exercise E7: a task T wants pages of its memory, and the kernel gets them for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course.checks.draw import Draw
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED, Step, scenario
from pyemu.tree import Tree

__all__ = [
    "busy_pages",
    "called",
    "error_after_one",
    "fixed_up",
    "killed_after_one",
    "killed_between",
    "killed_in_fixup",
    "killed_in_queue",
    "never_dropped",
    "no_wait",
    "not_allowed",
    "read_three",
    "served",
    "wakes",
]

GUP = {"__get_user_pages_locked": "__get_user_pages_locked"}
FIXUP = {"fixup_user_fault": "fixup_user_fault"}
ARMED = {"userfaultfd": True}
ASK: Step = {"do": "wait_message"}


def _pin(page: int, pages: int = 1, entry: str = "get_user_pages_locked", **more: Any) -> Step:
    return {"do": "pin", "area": "V", "page": page, "pages": pages, "entry": entry, **more}


def _wake(page: int) -> Step:
    return {"do": "wake", "area": "V", "page": page}


def _copy(page: int, byte: int = 5) -> Step:
    return {"do": "copy", "area": "V", "page": page, "byte": byte}


def _signal(name: str) -> Step:
    return {"do": "signal", "task": "T", "signal": name}


def _case(
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
    one = scenario(
        name, title, area, task, monitor, more_areas=more_areas, more_tasks=more_tasks, files=files
    )
    return KernelCase(one, happens, tree=Tree.v5_7, replaced=replaced)


def _pause(draw: Draw) -> Step:
    return {"do": "pause", "ticks": draw("ticks", range(10_000, 50_000, 1_000))}


def wakes(draw: Draw) -> KernelCase:
    """S14: wakes without a page, then the page."""
    page, n, pause = draw("page", (1, 2, 3)), draw("wakes", range(2, 7)), _pause(draw)
    return _case(
        "S14",
        "Wakes without a page, for get_user_pages",
        f"T wants page {page} of V, which is missing. M answers with {n} wakes, but no page; asked for the "
        f"{n + 1}th time, it brings the page.",
        [_pin(page, entry="get_user_pages_unlocked")],
        [*(ASK, pause, _wake(page)) * n, ASK, pause, _copy(page)],
    )


def busy_pages(draw: Draw) -> KernelCase:
    """Two pages of a file that somebody else's I/O has locked."""
    first = draw("first", range(8_000, 16_000, 1_000))
    longer = draw("longer", range(8_000, 16_000, 1_000))

    def holder(page: int, ticks: int) -> Step:
        step = {"do": "hold_page", "file": "F", "page": page, "ticks": ticks}
        return {"name": f"H{page}", "monitor": True, "program": [step]}

    return _case(
        "two-busy-pages",
        "Two pages that somebody else's I/O has locked",
        f"T wants pages 1 and 2 of a file that is in memory. I/O has locked them: page 1 for {first} us, "
        f"page 2 for {first + longer} us.",
        [{"do": "pause", "ticks": 10}, _pin(1, 2, "get_user_pages_unlocked", write=False)],
        [],
        area={"file": "F", "shared": True, "prot": "r", "populated": []},
        files=[{"name": "F", "pages": 4, "cached": True}],
        more_tasks=[holder(1, first), holder(2, first + longer)],
    )


def read_three(draw: Draw) -> KernelCase:
    """The first page is there, two come one by one; then T looks at what it was given."""
    pause, bytes_ = _pause(draw), (draw("one", range(20, 90)), draw("two", range(120, 190)))
    reads = [{"do": "read", "area": "B", "page": page} for page in (1, 2)]
    return _case(
        "three-pages",
        "Three pages, of which one is there",
        "T copies pages 0 to 2 of V to B by process_vm_readv. Page 0 is there, M brings the others when it "
        f"is asked, full of {bytes_[0]} and of {bytes_[1]}. Then T reads B.",
        [{"do": "process_vm_readv", "area": "V", "page": 0, "pages": 3, "buffer": "B"}, *reads],
        [step for page in (1, 2) for step in (ASK, pause, _copy(page, bytes_[page - 1]))],
        more_areas=[{"name": "B", "pages": 3, "populated": [0, 1, 2]}],
    )


def error_after_one(draw: Draw) -> KernelCase:
    """The first page is brought, and behind it there is no area."""
    page = draw("page", (1, 2))
    return _case(
        "an-error-after-a-page",
        "One page, and an error behind it",
        f"T has unmapped page {page + 1} of V, and wants pages {page} and {page + 1}. M brings page {page}.",
        [{"do": "munmap", "area": "V", "page": page + 1}, _pin(page, 2)],
        [ASK, _pause(draw), _copy(page)],
    )


def never_dropped(draw: Draw) -> KernelCase:
    """The page is there."""
    return _case(
        "a-page-that-is-there",
        "Nothing to wait for",
        "T wants page 0 of V, which is there, and allows that mmap_sem is dropped.",
        [_pin(0, entry=draw("entry", ("get_user_pages_locked", "get_user_pages_remote")))],
        [],
    )


def served(draw: Draw) -> KernelCase:
    """The lock was dropped, the page came, the lock was taken again."""
    page, pages = draw("page", (1, 2)), draw("pages", (1, 2))
    wanted = f"page {page}" if pages == 1 else f"pages {page} and {page + 1}"
    return _case(
        "dropped-and-taken-again",
        "A page that is brought",
        f"T wants {wanted} of V, and allows that mmap_sem is dropped. M brings what it is asked for.",
        [_pin(page, pages, draw("entry", ("get_user_pages_locked", "get_user_pages_remote")))],
        [step for one in range(pages) for step in (ASK, _pause(draw), _copy(page + one))],
    )


def killed_between(draw: Draw) -> KernelCase:
    """S14-kill: SIGKILL while T waits for the second time."""
    page, pause = draw("page", (1, 2, 3)), _pause(draw)
    return _case(
        "S14-kill",
        "SIGKILL between two tries of get_user_pages",
        f"T wants page {page} of V. M wakes it without a page. While T waits again, SIGKILL comes.",
        [_pin(page, entry="get_user_pages_unlocked")],
        [ASK, pause, _wake(page), ASK, pause, _signal("SIGKILL")],
    )


def killed_after_one(draw: Draw) -> KernelCase:
    """SIGKILL while T waits for the second of two pages."""
    return _case(
        "killed-after-a-page",
        "SIGKILL after one page of two",
        "T wants pages 0 and 1 of V. Page 0 is there. While T waits for page 1, SIGKILL comes.",
        [_pin(0, 2, draw("entry", ("get_user_pages_locked", "get_user_pages_remote")))],
        [ASK, _pause(draw), _signal("SIGKILL")],
    )


def called(draw: Draw) -> KernelCase:
    """Another signal, and a wake without a page: get_user_pages goes on waiting."""
    page, name, pause = draw("page", (1, 2, 3)), draw("signal", HANDLED), _pause(draw)
    return _case(
        "S14-signal",
        "Another signal between two tries of get_user_pages",
        f"T wants page {page} of V. While it waits comes {name}, which T handles, and then a wake without a "
        "page; asked again, M brings the page.",
        [_pin(page)],
        [ASK, pause, _signal(name), _wake(page), ASK, pause, _copy(page)],
    )


def killed_in_queue(draw: Draw, name: str = "S15b") -> KernelCase:
    """S15b: SIGKILL while T waits for the lock that was dropped, behind a writer."""
    from pyemu.scenario import Scenario

    page, ticks = draw("page", (1, 2, 3)), draw("ticks", range(10_000, 30_000, 1_000))
    pause = {"do": "pause", "ticks": 1_000}
    read = {"do": "process_vm_readv", "area": "V", "page": page, "task": "R", "buffer": "B"}
    monitor = [ASK, {"do": "post", "task": "R"}, pause, {"do": "post", "task": "W"}, pause, _wake(page)]
    monitor += [{"do": "pause", "ticks": ticks}, _signal("SIGKILL")]
    steps = {
        "R": {"do": "procmem_read", "area": "F", "page": 1},
        "W": {"do": "mmap_fixed", "area": "W"},
    }
    one = {
        "version": 1,
        "name": name,
        "title": "SIGKILL in a wait for the lock that was dropped",
        "files": [{"name": "F", "pages": 4, "io_ticks": 400_000}],
        "areas": [
            {"name": "V", "process": "P", "pages": 4, "populated": [0], "userfaultfd": True},
            {"name": "F", "process": "P", "file": "F", "pages": 4, "prot": "r", "random": True},
            {"name": "W", "process": "P"},
            {"name": "B", "process": "T"},
        ],
        "tasks": [
            *(
                {"name": task, "process": "P", "program": [{"do": "wait_post"}, step]}
                for task, step in steps.items()
            ),
            {"name": "T", "program": [read]},
            {"name": "M", "monitor": True, "serves": "P", "program": monitor},
        ],
    }
    happens = (
        f"T reads page {page} of V, which is another process's, and waits for it. R of that process takes "
        "mmap_sem and reads slowly from a disk; W wants to write it. M wakes T without a page: T queues for "
        f"mmap_sem behind W. {ticks} us later SIGKILL comes; the disk is not done before 400000 us."
    )
    return KernelCase(Scenario.from_dict(one), happens, tree=Tree.v5_7, replaced=GUP)


def no_wait(draw: Draw) -> KernelCase:
    """FOLL_NOWAIT: a page that is missing, and one that is there before it."""
    page, entry = draw("page", (1, 2, 3)), draw("entry", ("get_user_pages_locked", "get_user_pages_remote"))
    return _case(
        "no-wait",
        "FOLL_NOWAIT",
        f"With FOLL_NOWAIT, T wants page {page} of V, which is missing, and then pages 0 and 1, of which "
        "only page 0 is there. M never brings one.",
        [_pin(page, entry=entry, nowait=True), _pin(0, 2, entry, nowait=True)],
        [],
    )


def not_allowed(draw: Draw) -> KernelCase:
    """The caller allows no drop: a page that is there, one that is missing, and both."""
    page = draw("page", (1, 2, 3))
    pins = [_pin(0, entry="get_user_pages"), _pin(page, entry="get_user_pages")]
    return _case(
        "locked-is-None",
        "No drop allowed",
        f"T passes None for locked. It wants page 0 of V, which is there, then page {page}, which is not, "
        "and then pages 0 and 1.",
        [*pins, _pin(0, 2, "get_user_pages")],
        [],
    )


def fixed_up(draw: Draw) -> KernelCase:
    """B3: wakes without a page for fixup_user_fault, then the page."""
    page, n, pause = draw("page", (1, 2, 3)), draw("wakes", range(2, 6)), _pause(draw)
    return _case(
        "B3",
        "Success without a page",
        f"A driver of T resolves the fault of page {page} of V by hand. M answers with {n} wakes, but no "
        f"page; asked for the {n + 1}th time, it brings the page.",
        [_pin(page, entry="fixup_user_fault")],
        [*(ASK, pause, _wake(page)) * n, ASK, pause, _copy(page)],
        replaced=FIXUP,
    )


def killed_in_fixup(draw: Draw) -> KernelCase:
    """SIGKILL while fixup_user_fault waits."""
    page = draw("page", (1, 2, 3))
    return _case(
        "fixup-kill",
        "SIGKILL in fixup_user_fault",
        f"A driver of T resolves the fault of page {page} of V by hand. While it waits, SIGKILL comes.",
        [_pin(page, entry="fixup_user_fault")],
        [ASK, _pause(draw), _signal("SIGKILL")],
        replaced=FIXUP,
    )
