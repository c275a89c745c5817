"""The scenarios of exercise E7 in which a signal comes: SIGKILL at each of the waits, and another one."""

from __future__ import annotations

from course.checks.draw import Draw
from course.checks.e07_scenarios import ASK, FIXUP, GUP, case, copy, drawn_pause, pin, signal, wake
from course.checks.kernel_case import KernelCase
from course.checks.scenarios import HANDLED
from pyemu.tree import Tree

__all__ = ["called", "killed_after_one", "killed_between", "killed_in_fixup", "killed_in_queue"]


def killed_between(draw: Draw) -> KernelCase:
    """S14-kill: SIGKILL while T waits for the second time."""
    page, pause = draw("page", (1, 2, 3)), drawn_pause(draw)
    return case(
        "S14-kill",
        "SIGKILL between two tries of get_user_pages",
        f"T wants page {page} of V. M wakes it without a page. While T waits again, SIGKILL comes.",
        [pin(page, entry="get_user_pages_unlocked")],
        [ASK, pause, wake(page), ASK, pause, signal("SIGKILL")],
    )


def killed_after_one(draw: Draw) -> KernelCase:
    """SIGKILL while T waits for the second of two pages."""
    return case(
        "killed-after-a-page",
        "SIGKILL after one page of two",
        "T wants pages 0 and 1 of V. Page 0 is there. While T waits for page 1, SIGKILL comes.",
        [pin(0, 2, draw("entry", ("get_user_pages_locked", "get_user_pages_remote")))],
        [ASK, drawn_pause(draw), signal("SIGKILL")],
    )


def called(draw: Draw) -> KernelCase:
    """Another signal, and a wake without a page: get_user_pages goes on waiting."""
    page, name, pause = draw("page", (1, 2, 3)), draw("signal", HANDLED), drawn_pause(draw)
    return case(
        "S14-signal",
        "Another signal between two tries of get_user_pages",
        f"T wants page {page} of V. While it waits comes {name}, which T handles, and then a wake without a "
        "page; asked again, M brings the page.",
        [pin(page)],
        [ASK, pause, signal(name), wake(page), ASK, pause, copy(page)],
    )


def killed_in_queue(draw: Draw, name: str = "S15b") -> KernelCase:
    """S15b: SIGKILL while T waits for the lock that was dropped, behind a writer."""
    from pyemu.scenario import Scenario

    page, ticks = draw("page", (1, 2, 3)), draw("ticks", range(10_000, 30_000, 1_000))
    pause = {"do": "pause", "ticks": 1_000}
    read = {"do": "process_vm_readv", "area": "V", "page": page, "task": "R", "buffer": "B"}
    monitor = [ASK, {"do": "post", "task": "R"}, pause, {"do": "post", "task": "W"}, pause, wake(page)]
    monitor += [{"do": "pause", "ticks": ticks}, signal("SIGKILL")]
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


def killed_in_fixup(draw: Draw) -> KernelCase:
    """SIGKILL while fixup_user_fault waits."""
    page = draw("page", (1, 2, 3))
    return case(
        "fixup-kill",
        "SIGKILL in fixup_user_fault",
        f"A driver of T resolves the fault of page {page} of V by hand. While it waits, SIGKILL comes.",
        [pin(page, entry="fixup_user_fault")],
        [ASK, drawn_pause(draw), signal("SIGKILL")],
        replaced=FIXUP,
    )
