"""The scenarios of exercise E2: T needs a page that is swapped out, and its lock is taken.

The disk holds the lock while it reads the page. H, somebody else, may want it after that. W, which shares T's
memory, maps a page meanwhile, and needs mmap_sem for writing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course.checks.draw import Draw
from course.checks.e02_calls import PageLockCall, calls_of, held_asleep
from course.checks.facts import Fact
from course.checks.kernel_case import KernelCase
from pyemu.tree import Tree

if TYPE_CHECKING:
    from pyemu.machine import Result

__all__ = ["ENDED", "HELD", "LAST", "WRITER", "first", "free", "killed", "later", "nowait", "pinned"]

V5_6, V5_7 = Tree.before, Tree.after
NAMES = {V5_6: "lock_page_v5_6", V5_7: "lock_page_v5_7"}
MS = 1_000  # ticks


def waited(result: Result, task: str) -> int:
    """Give how long W waited for mmap_sem; to the end of the run if it never got it."""
    queued = [event.t for event in result.trace.select("lock_queued", task="W")]
    granted = [event.t for event in result.trace.select("lock_granted", task="W")]
    return sum([*granted, result.ticks][: len(queued)]) - sum(queued)


def ended(result: Result, task: str) -> int:
    """Give when a task ended; -1 if it did not."""
    return next((event.t for event in result.trace.select("exit", task=task)), -1)


def last_call(result: Result, task: str) -> tuple[int, bool, bool]:
    """Give what the last call gave, and whether the page lock and mmap_sem were held then."""
    call = (calls_of(result, task) or [PageLockCall(0, 0, 0)])[-1]
    return call.gave, call.owns, not call.dropped or call.retook


def said_of_last(call: tuple[int, bool, bool]) -> str:
    """Say that in words."""
    gave, owns, held = call
    return (
        f"the last call gives {bool(gave)} {'with' if owns else 'without'} the page lock and "
        f"{'with' if held else 'without'} mmap_sem"
    )


HELD = Fact("held", held_asleep, lambda n: f"it sleeps {n} us with mmap_sem")
WRITER = Fact("writer", waited, lambda n: f"the writer W waits {n} us for mmap_sem")
LAST = Fact("last", last_call, said_of_last)
ENDED = Fact("ended", ended, lambda n: "it never ends" if n < 0 else f"it ends at {n} us")


def case(
    tree: Tree,
    page: int,
    step: dict[str, Any],
    others: list[dict[str, Any]],
    happens: str,
    *,
    disk: int = 10_000,
    numbers: dict[str, int] | None = None,
) -> KernelCase:
    """Make a case in which T makes one step on a page that is swapped out."""
    from pyemu.scenario import Scenario

    told = {"version": 1, "name": "E2", "title": "A page whose lock is taken"}
    machine = {"n_cpus": 4, "swap_ticks": disk}
    area = {"name": "V", "process": "T", "pages": 4, "swapped": [page], "byte": 3}
    program = [{"do": "pause", "ticks": (numbers or {}).get("pause", 0)}, step]
    task = {"name": "T", "process": "T", "signals": {"SIGUSR1": "handler"}, "program": program}
    return KernelCase(
        Scenario.from_dict({**told, "machine": machine, "areas": [area], "tasks": [task, *others]}),
        f"{happens} (Linux {'5.6' if tree is V5_6 else '5.7'})",
        numbers or {},
        tree=tree,
        replaced={"lock_page_or_retry": NAMES[tree]},
    )


def holder(pause: int, ticks: int) -> dict[str, Any]:
    """H wants the lock of the page, and holds it for a time."""
    hold = {"do": "hold_page", "file": "swap", "page": 1, "ticks": ticks}
    return {"name": "H", "process": "H", "monitor": True, "program": [{"do": "pause", "ticks": pause}, hold]}


def sender(pause: int, signal: str) -> dict[str, Any]:
    """S sends T a signal."""
    send = {"do": "signal", "task": "T", "signal": signal}
    return {"name": "S", "process": "S", "program": [{"do": "pause", "ticks": pause}, send]}


def writer(pause: int) -> dict[str, Any]:
    """W maps a page of its own in the memory that it shares with T."""
    steps = [{"do": "pause", "ticks": pause}, {"do": "mmap_fixed", "area": "V", "page": 0}]
    return {"name": "W", "process": "T", "thread": False, "program": steps}


def read(draw: Draw) -> tuple[int, dict[str, Any]]:
    """Draw T's access to a page."""
    page = draw("page", (1, 2, 3))
    return page, {"do": draw("access", ("read", "write")), "area": "V", "page": page}


def free(draw: Draw, tree: Tree) -> KernelCase:
    """The page is in memory already, and nobody has its lock."""
    page, access = read(draw)
    return case(
        tree,
        page,
        access,
        [holder(0, 10)],
        f"Somebody else has had page {page} read, and T needs it now. Nobody has its lock",
        numbers={"pause": 10_000 + draw("later", range(1_000, 5_000, 500))},
    )


def nowait(draw: Draw, tree: Tree) -> KernelCase:
    """get_user_pages with FOLL_NOWAIT: the caller can't wait."""
    page, disk = draw("page", (1, 2, 3)), draw("disk", range(10_000, 15_000, 1_000))
    step = {"do": "pin", "area": "V", "page": page, "nowait": True}
    happens = (
        f"A driver wants page {page} for T, at once or not at all: RETRY_NOWAIT. The disk needs {disk} us"
    )
    return case(tree, page, step, [], happens, disk=disk)


def first(draw: Draw, tree: Tree, signal: str = "") -> KernelCase:
    """The first attempt meets a page that the disk reads; perhaps a signal comes meanwhile."""
    page, access = read(draw)
    maps, disk = draw("maps", range(1_000, 5_000, 500)), draw("disk", range(10_000, 15_000, 1_000))
    comes = draw("comes", range(4_000, 9_000, 500))
    others, more = [writer(maps)], ""
    if signal:
        others, more = [writer(maps), sender(comes, signal)], f", and at {comes} us comes {signal}"
    happens = f"T needs page {page}, which the disk reads for {disk} us. At {maps} us W calls mmap()" + more
    return case(tree, page, access, others, happens, disk=disk, numbers={"signal": 1} if signal else {})


def pinned(draw: Draw) -> KernelCase:
    """A first attempt without KILLABLE: get_user_pages of Linux 5.6."""
    page, disk = draw("page", (1, 2, 3)), draw("disk", range(10_000, 15_000, 1_000))
    maps = draw("maps", range(1_000, 5_000, 500))
    happens = (
        f"A driver wants page {page} for T, which the disk reads for {disk} us. At {maps} us W calls mmap()"
    )
    return case(V5_6, page, {"do": "pin", "area": "V", "page": page}, [writer(maps)], happens, disk=disk)


def later(draw: Draw, tree: Tree) -> KernelCase:
    """The second attempt meets the page locked again."""
    page, access = read(draw)
    hold, disk = draw("hold", range(5_000, 9_000, 500)), draw("disk", range(10_000, 15_000, 1_000))
    happens = f"T needs page {page}, which the disk reads for {disk} us. Then H has its lock for {hold} us"
    return case(tree, page, access, [holder(100, hold)], happens, disk=disk)


def killed(draw: Draw, tree: Tree, where: str) -> KernelCase:
    """SIGKILL at the first attempt, at a later one, or where the flags have no KILLABLE."""
    page, access = read(draw)
    at, disk = draw("at", (1, 2, 3)), draw("disk", (10, 11, 12))
    happens = f"T needs page {page}, which the disk reads for {disk} ms"
    others: list[dict[str, Any]] = []
    if where == "later":
        others = [holder(100, disk * MS)]
        happens += f". Then H has its lock for {disk} ms. {at} ms after that comes SIGKILL"
        at += disk
    elif where == "unkillable":
        access = {"do": "pin", "area": "V", "page": page}
        access |= {"entry": "get_user_pages_unlocked" if tree is V5_6 else "get_user_pages"}
        happens = (
            f"A driver wants page {page} for T, which the disk reads for {disk} ms; its flags have no "
            f"KILLABLE. At {at} ms comes SIGKILL"
        )
    else:
        happens += f". At {at} ms comes SIGKILL"
    others.append(sender(at * MS, "SIGKILL"))
    return case(tree, page, access, others, happens, disk=disk * MS, numbers={"killed": at})
