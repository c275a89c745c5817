"""Footprints: no operation touches more than it declares. The explorer rests on that.

Every operation is run on a state that notes each location it reads and writes. Besides locations, a task has
fields of its own; an operation that changes those of another task must declare a location of that task.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree
from pyemu.effects import Effect
from pyemu.effects.areas import expand_stack, find_vma, set_vma_context, split_vma
from pyemu.effects.counters import count, count_for
from pyemu.effects.entries import get_pte, mk_pte, pte_pfn, set_pte_if_none, set_pte_if_same, zap_pte
from pyemu.effects.exceptions import (
    die,
    out_of_memory,
    pagefault_disable,
    pagefault_enable,
    resume_at,
    take_fixup,
)
from pyemu.effects.extable import COPY_USER_END, PLAIN_ACCESS
from pyemu.effects.files import find_get_page
from pyemu.effects.gup import follow_page_pte, gup_fast_pte, page_mapping, page_to_nid
from pyemu.effects.handles import Context, Mm, current
from pyemu.effects.handles import Task as TaskHandle
from pyemu.effects.hardware import access_user, copy_user
from pyemu.effects.locks import (
    down_read,
    down_read_killable,
    down_read_trylock,
    down_write,
    down_write_killable,
    spin_lock,
    spin_unlock,
    up_read,
    up_write,
)
from pyemu.effects.pages import (
    alloc_page,
    get_page,
    lock_page,
    lock_page_killable,
    look_at_page,
    put_page,
    trylock_page,
    unlock_page,
    wait_on_page_locked,
    wait_on_page_locked_killable,
)
from pyemu.effects.signals import (
    do_signal_stop,
    flush_signals,
    force_sig_fault,
    send_signal,
    send_signal_to_thread,
    set_current_blocked,
)
from pyemu.effects.swap import (
    add_to_swap,
    add_to_swap_cache,
    delete_from_swap_cache,
    migration_entry_wait,
    remove_mapping,
    remove_migration_ptes,
    swap_count,
    try_to_migrate,
    try_to_unmap,
)
from pyemu.effects.swapops import SWAP
from pyemu.effects.vma_locks import lock_vma_under_rcu, vma_end_read, vma_start_write
from pyemu.flags import FOLL_GET, FOLL_TOUCH, FOLL_WRITE, SIGKILL, SIGSEGV, SIGUSR1, VM_UFFD_MISSING
from pyemu.sched.semantics import SEMANTICS, Footprint, Semantics, World
from pyemu.sched.tasks import Task
from pyemu.state import Location
from tests.pyemu.scenes import (
    COPY,
    READ,
    V1,
    WAIT,
    WAKE,
    WRITE,
    Lab,
    V,
    monitor,
    pause,
    poll,
    sample,
    scene,
    send,
    task,
    victim,
)

TREES = [Tree.before, Tree.upto(8), Tree.upto(10) - 9, Tree.upto(12), Tree.upto(13) - 9, Tree.after]


@dataclass
class Tracker:
    """Checks each operation as it is applied, and each condition as it is asked."""

    seen: set[str] = field(default_factory=set)
    excess: set[str] = field(default_factory=set)
    log: list[tuple[str, Location]] = field(default_factory=list)
    listening: bool = False

    def touched(self, how: str, place: Location, old: Any, new: Any) -> None:
        if self.listening:
            self.log.append((how, place))

    def watch(self, name: str, semantics: Semantics) -> Semantics:
        """The same operation, checked."""

        def apply(world: World, task: Task, *args: Any) -> Any:
            self.seen.add(name)
            footprint = semantics.touches(world, task, args)
            before = {one.id: private(one) for one in world.tasks.values() if one is not task}
            try:
                return self.listen(world, semantics.apply, task, *args)
            finally:
                for how, place in self.log:
                    if place not in (footprint.writes if how == "write" else footprint.reads):
                        self.excess.add(f"{name} {how}s {place[0]}")
                for one in world.tasks.values():
                    changed = {key for key, old in before.get(one.id, {}).items() if old != private(one)[key]}
                    if changed and not changed <= covered(one, footprint.writes):
                        self.excess.add(f"{name} changes {sorted(changed)} of another task")

        def enabled(world: World, task: Task, *args: Any) -> bool:
            footprint = semantics.touches(world, task, args)
            assert semantics.enabled is not None
            answer = self.listen(world, semantics.enabled, task, *args)
            for how, place in self.log:
                if how == "write" or place not in footprint.reads:
                    self.excess.add(f"the condition of {name} {how}s {place[0]}")
            return bool(answer)

        return replace(semantics, apply=apply, enabled=enabled if semantics.enabled else None)

    def listen(self, world: World, action: Callable[..., Any], *args: Any) -> Any:
        self.log.clear()
        world.state.touched = self.touched
        self.listening = True
        try:
            return action(world, *args)
        finally:
            self.listening = False


def private(one: Task) -> dict[str, Any]:
    """What belongs to a task and no location holds."""
    names = ("actions", "holds", "hold", "found", "stopped", "ended", "next_id", "attempt", "cpu")
    return {name: copy.copy(getattr(one, name)) for name in names}


def covered(one: Task, writes: frozenset[Location]) -> set[str]:
    """Which of a task's own fields a footprint speaks of."""
    fields: set[str] = set()
    if ("state", one.id) in writes:
        fields |= {"holds", "hold", "stopped"}
    if ("actions", one.process) in writes:
        fields |= {"actions"}
    return fields


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Tracker:
    one = Tracker()
    for name, semantics in list(SEMANTICS.items()):
        monkeypatch.setitem(SEMANTICS, name, one.watch(name, semantics))
    return one


# ------------------------------------------------------------------------------------ what is run

FAMILY = {"process": "P"}
EXTRA: dict[str, Scenario] = {
    "kill, term and stop": scene(
        victim(READ, WRITE, **FAMILY),
        task("U", pause(20), {"do": "read", "area": "V", "page": 3}, **FAMILY),
        monitor(WAIT, send("SIGSTOP"), pause(50), send("SIGCONT"), poll(50), COPY, WAIT, send("SIGTERM")),
    ),
    "signals at random": scene(
        victim(READ, **FAMILY, blocked=["SIGUSR2"]),
        task("U", pause(5), pause(100), **FAMILY),
        monitor(
            *[send(one) for one in ("SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGCONT", "SIGUSR1", "SIGKILL")],
            sample("T"),
        ),
    ),
    "memory": scene(
        victim(
            READ,
            WRITE,
            {"do": "madvise_dontneed", "area": "V", "pages": 4},
            READ,
            {"do": "pagemap", "area": "V", "page": 1},
            {"do": "pagemap", "area": "V", "page": 2},
            {"do": "munmap", "area": "V", "page": 1},
            READ,
        ),
        area={"userfaultfd": False},
    ),
    "areas": scene(
        victim(READ, **FAMILY),
        task("U", pause(5), {"do": "mmap_fixed", "area": "V", "page": 1, "pages": 2}, **FAMILY),
        task("W", pause(5), {"do": "munmap", "area": "V", "page": 2, "pages": 1}, **FAMILY),
        monitor(WAIT, pause(10), {"do": "unregister", "area": "V", "page": 1, "pages": 1}, {"do": "close"}),
        area={"prot": "r"},
    ),
    "two waiters": scene(
        victim(READ, **FAMILY),
        task("U", READ, **FAMILY),
        monitor(poll(20), {**COPY, "wake": False}, WAKE, WAIT),
    ),
    "an ignored fault": scene(
        task("T", {"do": "munmap", "area": "V", "page": 1}, READ, **FAMILY, signals={"SIGSEGV": "ignore"}),
        task("U", pause(5), **FAMILY),
    ),
    "told by another": scene(
        victim({"do": "wait_post"}, {"do": "wait_post", "ticks": 9}, READ, **FAMILY),
        task("U", pause(5), {"do": "post", "task": "T"}, {"do": "mark", "label": "posted"}, **FAMILY),
        monitor({"do": "wait_message", "ticks": 3}, WAIT, {**COPY, "answer": True}),
    ),
    "pins": scene(
        victim(
            {"do": "get_mempolicy", "area": "V"},
            {"do": "pin", "area": "V", "page": 1, "entry": "fixup_user_fault"},
            {"do": "vmsplice", "area": "V", "pages": 2},
            **FAMILY,
        ),
        task("U", {"do": "futex_wake_op", "area": "V", "page": 2, "first": "B"}, **FAMILY),
        task(
            "R",
            {"do": "process_vm_readv", "area": "V", "pages": 2, "task": "T", "buffer": "C"},
            process="Q",
        ),
        monitor(WAIT, send("SIGUSR1"), pause(5), COPY, WAIT, {**COPY, "page": 2}),
        area={"populated": [0]},
        more=[{"name": "B"}, {"name": "C", "process": "Q", "pages": 2}],
    ),
    "copies of the kernel": scene(
        victim(
            *({"do": do, "area": "V", "pages": 2} for do in ("read_zero", "tmpfs_write", "pipe_write")),
            {"do": "pipe_read", "area": "V", "page": 2, "pages": 2},
        ),
        monitor(
            WAIT, send("SIGUSR1"), pause(20), {**COPY, "page": 0}, *[pause(20), COPY, WAIT, pause(9)] * 3
        ),
    ),
    "a pipe between tasks": scene(
        victim({"do": "pipe_read", "area": "V", "pipe": "p"}, {"do": "pipe_read", "area": "V", "pipe": "p"}),
        task("U", {"do": "pipe_write", "area": "V", "page": 1, "pages": 20, "pipe": "p"}, process="T"),
        task("W", {"do": "pipe_write", "area": "V", "page": 21, "pipe": "p"}, process="T"),
        task("X", {"do": "pipe_read", "area": "V", "page": 22, "pages": 19, "pipe": "p"}, process="T"),
        area={"pages": 50, "userfaultfd": False},
    ),
    "alarms and a stack": scene(
        victim(
            {"do": "setitimer", "ticks": 5, "interval": 3, "count": 3},
            READ,
            *[pause(5)] * 4,
            signals={"SIGALRM": "handler"},
            stack="V",
        ),
        monitor(WAIT, pause(50), COPY),
        area={"prot": "r", "pages": 2},
    ),
    "a frame of SIGSEGV": scene(
        victim({"do": "munmap", "area": "V", "page": 1}, READ, signals={"SIGSEGV": "handler"}, stack="V"),
        area={"prot": "r", "pages": 2},
    ),
    "one CPU": scene(
        victim(READ, **FAMILY),
        task("U", pause(3), WRITE, **FAMILY),
        monitor(WAIT, COPY, WAIT, COPY),
        machine={"n_cpus": 1, "preemption": True},
    ),
}


FILE = {"name": "F", "pages": 40, "io_ticks": 50, "throttle": 5}
MAPPED = {"userfaultfd": False, "pages": 40, "file": "F", "shared": True}
SYNC = {"do": "msync", "area": "V", "page": 0, "pages": 2}
DROP = {"do": "drop_caches"}
LOOK = {"do": "pagemap", "label": "p", "area": "V", "page": 1}
FILES: dict[str, Scenario] = {
    "a file": scene(
        victim(READ, WRITE, SYNC, WRITE, LOOK, {"do": "read", "area": "V", "page": 24}, READ, **FAMILY),
        task("U", pause(70), {"do": "hold_page", "file": "F", "page": 1, "ticks": 30}, DROP, process="Q"),
        task("W", WRITE, SYNC, {"do": "truncate", "file": "F", "size": 1}, READ, **FAMILY),
        monitor(pause(20), send("SIGUSR1"), pause(60), send("SIGKILL")),
        area=MAPPED,
        files=[FILE],
    ),
    "a private file": scene(
        victim(
            READ,
            WRITE,
            {"do": "write", "area": "V", "page": 3},
            DROP,
            {"do": "fadvise_dontneed", "file": "F"},
            **FAMILY,
        ),
        task(
            "U", {"do": "write", "area": "V", "page": 2}, {"do": "truncate", "file": "F", "size": 2}, **FAMILY
        ),
        area={**MAPPED, "shared": False, "random": True},
        files=[FILE],
    ),
    "shared memory and a child": scene(
        victim(READ, WRITE, {"do": "fork", "child": "C"}, WRITE, {"do": "write", "area": "A"}, **FAMILY),
        task("C", WRITE, {"do": "write", "area": "A", "byte": 9}, forked=True),
        task("U", {"do": "write", "area": "A"}, READ, **FAMILY),
        area={"userfaultfd": False, "kind": "shmem", **FAMILY},
        more=[{"name": "A", **FAMILY}],
    ),
    "protection": scene(
        victim(
            READ,
            WRITE,
            {"do": "mprotect", "area": "V", "page": 0, "pages": 3, "prot": "none"},
            READ,
            {"do": "mprotect", "area": "V", "page": 1, "prot": "rw"},
            WRITE,
            LOOK,
        ),
        area={"userfaultfd": False},
    ),
    "a faulty driver": scene(victim(READ, WRITE), area={"userfaultfd": False, "kind": "faulty"}),
}
EXTRA.update(FILES)
OUT = {"do": "madvise_pageout", "area": "V", "page": 0, "pages": 4}
SHRINK = {"do": "reclaim", "area": "V", "page": 0, "pages": 4, "task": "T"}
SWAP_AREA = {"userfaultfd": "wp", "process": "P", "populated": [0], "swapped": [1, 2], "protected": [2]}
SWAPPED: dict[str, Scenario] = {
    "swap": scene(
        victim(
            *[{"do": "fork", "child": "C"}, WRITE, {"do": "write", "area": "V"}, OUT, LOOK, READ, OUT],
            *[{"do": "mprotect", "area": "V", "page": 0, "pages": 2, "prot": "r"}, pause(200)],
            {"do": "madvise_dontneed", "area": "V", "page": 0, "pages": 4},
            **FAMILY,
        ),
        task("C", pause(5), {**READ, "page": 2}, WRITE, OUT, pause(90), WRITE, forked=True),
        task("K", *[pause(10), SHRINK] * 9, process="Q"),
        monitor({"do": "writeprotect", "area": "V", "page": 0, "pages": 4}, {**WAIT, "ticks": 90}),
        area=SWAP_AREA,
        machine={"swap_ticks": 20},
    ),
    "migration": scene(
        victim({"do": "fork", "child": "C"}, pause(5), READ, WRITE, LOOK, **FAMILY),
        task("C", pause(5), WRITE, forked=True),
        task("N", {"do": "move_pages", "area": "V", "pages": 2, "task": "T", "ticks": 50}, process="Q"),
        task("U", pause(5), {"do": "mprotect", "area": "V", "page": 1, "prot": "r"}, **FAMILY),
        task("K", {"do": "khugepaged", "area": "V", "pages": 4, "task": "T"}, process="R"),
        area={**SWAP_AREA, "populated": [0, 1], "swapped": [3], "protected": []},
        machine={"swap_ticks": 20},
    ),
}
EXTRA.update(SWAPPED)

HUGE_AREA = {"name": "H", "kind": "hugetlb", "pages": 2, **FAMILY}
HOLE = {"do": "punch_hole", "file": "M", "pages": 2}
HUGE: dict[str, Scenario] = {
    "huge pages, threads and a child": scene(
        victim(
            {"do": "write", "area": "H"},
            {"do": "write", "area": "H", "offset": 100},
            {"do": "fork", "child": "C"},
            {"do": "write", "area": "H"},
            {"do": "mprotect", "area": "H", "pages": 2, "prot": "r"},
            {"do": "mprotect", "area": "H", "prot": "rw"},
            {"do": "write", "area": "H", "byte": 9},
            {"do": "pagemap", "area": "H"},
            {"do": "pin", "area": "H", "pages": 3},
            {"do": "munmap", "area": "H", "page": 1},
            **FAMILY,
        ),
        task("U", {"do": "write", "area": "H"}, {"do": "read", "area": "H", "page": 1}, **FAMILY),
        task("W", {"do": "read", "area": "H"}, **FAMILY),
        task("C", {"do": "write", "area": "H"}, {"do": "read", "area": "H", "page": 1}, forked=True),
        area={"userfaultfd": False},
        more=[HUGE_AREA],
    ),
    "huge pages, shared and served": scene(
        victim(
            {"do": "process_vm_readv", "area": "H", "pages": 2, "buffer": "B"},
            {"do": "read_zero", "area": "H", "page": 1},
            {"do": "munmap", "area": "H", "pages": 2},
            **FAMILY,
        ),
        task("U", {"do": "write", "area": "H", "page": 1}, **FAMILY),
        monitor(*[WAIT, {**COPY, "area": "H", "page": 0, "pages": 1, "answer": True}] * 3),
        area={"userfaultfd": False},
        more=[{**HUGE_AREA, "shared": True, "userfaultfd": True}, {"name": "B", "pages": 2, **FAMILY}],
    ),
    "what is in the cache": scene(
        victim({"do": "read", "area": "H"}, {"do": "read", "area": "S"}, **FAMILY),
        monitor(
            *[{"do": "register", "area": name, "pages": 1, "mode": "minor"} for name in ("H", "S")],
            *[WAIT, {"do": "continue", "area": "H"}, WAIT, {"do": "continue", "area": "S"}],
        ),
        more=[
            {"name": "H", "file": "huge", "shared": True, **FAMILY},
            {"name": "S", "file": "small", "shared": True, **FAMILY},
        ],
        files=[
            {"name": "huge", "kind": "hugetlbfs", "cached": True},
            {"name": "small", "kind": "tmpfs", "cached": True},
        ],
    ),
    "two holes": scene(
        victim(pause(10), READ, **FAMILY),
        task("U", HOLE, process="Q"),
        task("W", HOLE, process="Q"),
        task("X", {"do": "hold_page", "file": "M", "page": 1, "ticks": 50}, process="Q"),
        area={"userfaultfd": False, "pages": 2, "file": "M", "shared": True, "populated": [0, 1]},
        files=[{"name": "M", "kind": "tmpfs", "pages": 2, "cached": True}],
    ),
}
EXTRA.update(HUGE)


def by_hand() -> None:
    """Operations that no kernel function of this version uses, or not in every way."""
    lab = Lab("T", "U", "S", processes={"S": "Q"}, area={"process": "P"}, signals={"SIGUSR1": "handler"})
    mm = Mm(lab.task("T").mm)
    lab.do("T", down_read_trylock(mm))
    vma = lab.do("T", find_vma(mm, V))
    lab.do("U", down_write(mm))
    lab.do("S", down_read_trylock(mm))
    lab.do("T", vma.vm_userfaultfd_ctx)
    lab.do("T", up_read(mm))
    lab.go_on("U")
    lab.do("T", down_read_killable(mm))
    vma = lab.do("U", find_vma(mm, V))
    lab.do("U", split_vma(vma, V1))
    lab.do("U", set_vma_context(vma, None, 0))
    lab.do("U", set_vma_context(vma, Context(mm.id), VM_UFFD_MISSING))
    lab.do("U", up_write(mm))
    lab.go_on("T")
    lab.do("T", up_read(mm))
    lab.do("T", Context(mm.id).user_mode_only)
    lab.do("T", Context(mm.id).features)
    lab.do("T", Context(mm.id).mm)
    lab.do("T", pte_pfn(0x5005))
    lab.do("T", force_sig_fault(SIGSEGV, 1, V))
    lab.do("T", flush_signals(current))
    lab.do("U", flush_signals(handle(lab, "S")))
    lab.do("T", spin_lock(mm, V))
    lab.do("U", spin_lock(mm, V))
    lab.do("T", spin_unlock(mm, V))
    lab.go_on("U")
    lab.do("U", spin_unlock(mm, V))
    lab.do("T", do_signal_stop())
    lab.do("T", set_current_blocked(SIGUSR1, True))
    lab.do("S", send_signal(handle(lab, "T"), SIGUSR1))
    lab.do("S", send_signal_to_thread(handle(lab, "T"), SIGUSR1))
    lab.do("U", set_current_blocked(SIGUSR1, True))
    lab.do("T", set_current_blocked(SIGUSR1, False))
    lab.do("T", count("min_flt"))
    lab.do("T", current.exiting)
    # get_user_pages: a page that is there, one that isn't, and the counters of another task.
    for follow in (follow_page_pte, gup_fast_pte):
        lab.do("U", set_pte_if_none(mm, V, lab.do("U", alloc_page(0)), True))
        for address in (V, V1, V - (1 << 40)):
            lab.do("U", follow(mm, address, FOLL_GET | FOLL_WRITE | FOLL_TOUCH))
    lab.do("U", count_for(handle(lab, "S"), "maj_flt"))
    lab = Lab("T", "U")
    lab.do("T", page_to_nid(1))
    lab.do("T", page_to_nid(0))  # an oops
    lab.do("U", page_mapping(0))
    # A killed waiter leaves the queue, and those behind it are looked at again.
    lab = Lab("A", "B", "C", "S", processes={name: name for name in "ABCS"})
    lab.do("A", down_write(Mm(1)))
    lab.do("B", down_read_killable(Mm(1)))
    lab.do("C", down_read(Mm(1)))
    lab.do("S", send_signal(handle(lab, "B"), SIGKILL))
    lab.go_on("B")
    lab.do("A", up_write(Mm(1)))
    lab.do("A", down_write_killable(Mm(2)))


def pages_by_hand() -> None:
    """Frames: who uses them, and who waits for their lock."""
    lab = Lab("A", "B", "C", "D", "E", "S", processes={name: name for name in "ABCDES"})
    pfn = lab.do("A", alloc_page(3))
    lab.do("A", lock_page(pfn))
    lab.do("B", trylock_page(pfn))
    lab.do("B", wait_on_page_locked(pfn))
    lab.do("C", wait_on_page_locked_killable(pfn))
    lab.do("D", lock_page_killable(pfn))
    lab.do("E", lock_page(pfn))
    lab.do("S", send_signal(handle(lab, "D"), SIGKILL))
    lab.go_on("D")
    lab.do("A", unlock_page(pfn))
    for name in "BCE":
        lab.go_on(name)
    lab.do("E", unlock_page(pfn))
    lab.do("E", unlock_page(pfn))
    lab.do("A", trylock_page(pfn))
    lab.do("A", look_at_page(pfn))
    lab.do("A", get_page(pfn))
    lab.do("A", set_pte_if_none(Mm(1), V, pfn, True))
    old = lab.do("A", get_pte(Mm(1), V))
    other = lab.do("A", alloc_page(4))
    lab.do("A", set_pte_if_same(Mm(1), V, old, lab.do("A", mk_pte(other, 0x67))))
    lab.do("A", set_pte_if_same(Mm(1), V, old, 0))
    lab.do("A", zap_pte(Mm(1), V))
    lab.do("A", put_page(pfn))


def swap_by_hand() -> None:
    """Slots, and the ways in which a page leaves the swap cache."""
    lab = Lab("A", "B", area={"process": "P", "userfaultfd": False, "populated": [0], "swapped": [1, 2]})
    mm = Mm(1)
    lab.do("A", swap_count(1))
    for slot in (1, 1, 9):
        lab.do("A", add_to_swap_cache(slot, lab.do("A", alloc_page(0))))
    cached = lab.do("A", find_get_page(SWAP, 1))
    lab.do("B", zap_pte(mm, V1))  # the last entry goes, and the page is locked
    lab.do("A", delete_from_swap_cache(cached))
    lab.do("A", add_to_swap_cache(2, pfn := lab.do("A", alloc_page(0))))
    lab.do("A", unlock_page(pfn))
    lab.do("A", remove_mapping(pfn))
    lab.do("A", put_page(pfn))
    old = lab.do("A", get_pte(mm, V))
    pfn = lab.do("A", pte_pfn(old))
    lab.do("A", lock_page(pfn))
    lab.do("A", add_to_swap(pfn))
    lab.do("A", try_to_unmap(pfn, V))
    lab.do("B", migration_entry_wait(mm, V, 0))
    lab.do("A", unlock_page(pfn))
    lab.do("A", zap_pte(mm, V))  # and takes the cached page along
    lab.do("A", set_pte_if_same(mm, V, 0, lab.do("A", mk_pte(pfn := lab.do("A", alloc_page(0)), 0x67))))
    lab.do("A", get_page(pfn))
    lab.do("A", lock_page(pfn))
    lab.do("A", try_to_migrate(pfn, V))
    lab.do("B", migration_entry_wait(mm, V, lab.do("A", get_pte(mm, V))))
    lab.do("A", remove_migration_ptes(pfn, lab.do("A", alloc_page(0)), V))
    lab.do("A", unlock_page(pfn))
    lab.go_on("B")


def area_locks() -> None:
    """The lock of a single area, and a stack that grows."""
    lab = Lab("R", "S", "W", area={"process": "P", "userfaultfd": False}, tree=Tree.later("6.12"))
    mm = Mm(lab.task("R").mm)
    lab.do("R", lock_vma_under_rcu(mm, V))
    lab.do("R", lock_vma_under_rcu(mm, 0x1000))
    lab.do("W", down_write(mm))
    vma = lab.do("W", find_vma(mm, V))
    lab.do("W", vma_start_write(vma))
    lab.do("S", lock_vma_under_rcu(mm, V))
    lab.do("R", vma_end_read(mm))
    lab.do("R", vma_end_read(mm))
    lab.go_on("W")
    lab.do("W", vma_start_write(vma))
    lab.do("W", expand_stack(vma, V - 4096))
    lab.do("W", up_write(mm))


def kernel_mode() -> None:
    """Operations of kernel code that touches user memory."""
    lab = Lab("T", "U", area={"process": "P", "populated": [0, 1], "userfaultfd": False})
    lab.do("T", copy_user(V, "read", 100, 5, 8))
    lab.do("T", copy_user(V, "write", 8192, 5, 0))
    lab.do("T", copy_user(V + 8192, "read", 100, 5, 0))
    lab.do("T", access_user(V, "write", 3))
    lab.do("T", access_user(V + 8192, "read", 0))
    lab.do("T", pagefault_disable())
    lab.do("T", current.pagefault_disabled)
    lab.do("T", pagefault_enable())
    lab.do("T", resume_at(COPY_USER_END))
    lab.do("T", take_fixup())
    lab.do("T", out_of_memory())
    lab.do("U", die(PLAIN_ACCESS, V))


def handle(lab: Lab, name: str) -> TaskHandle:
    return TaskHandle(lab.task(name).id)


def runs(trees: list[Tree]) -> Iterator[None]:
    """Run everything, one piece after the other."""
    by_hand()
    pages_by_hand()
    swap_by_hand()
    kernel_mode()
    area_locks()
    yield
    for scenario in HUGE.values():
        for tree in (Tree.v5_7, Tree.later("6.1"), Tree.later("6.12")):
            Machine(scenario, tree).run()
    yield
    for tree in trees:
        for scenario in (*EXTRA.values(), *map(Scenario.load, Scenario.library())):
            Machine(scenario, tree).run()
            yield


def test_no_operation_touches_more_than_it_declares(tracker: Tracker) -> None:
    deque(runs(TREES), maxlen=0)
    assert tracker.excess == set()
    assert set(SEMANTICS) - tracker.seen - {"park"} == set(), "operations that this test never ran"


# ------------------------------------------------------------------------------------ the test itself

MUTANTS = [  # operation, and the kind of location that its footprint loses
    ("down_write", "mmap_sem"),
    ("down_read", "state"),
    ("up_write", "state"),
    ("rwsem_wait", "signal"),
    ("set_pte_if_none", "pte"),
    ("set_pte_if_same", "pte"),
    ("set_pte_if_same", "frame"),
    ("zap_pte", "tlb"),
    ("zap_pte", "free_frames"),
    ("alloc_page", "frame"),
    ("put_page", "free_frames"),
    ("lock_page", "state"),
    ("swap_count", "swap_map"),
    ("add_to_swap", "cache"),
    ("add_to_swap_cache", "swap_map"),
    ("delete_from_swap_cache", "cache"),
    ("remove_mapping", "cache"),
    ("try_to_unmap", "swap_map"),
    ("try_to_unmap", "vma"),
    ("try_to_migrate", "pte"),
    ("remove_migration_ptes", "frame"),
    ("migration_entry_wait", "state"),
    ("zap_pte", "swap_map"),
    ("zap_pte", "cache"),
    ("copy_pte", "swap_map"),
    ("set_pte_if_same", "swap_map"),
    ("unlock_page", "state"),
    ("page_wait", "signal"),
    ("find_get_page", "frame"),
    ("add_to_page_cache", "cache"),
    ("delete_from_page_cache", "cache"),
    ("map_cached_pages", "pte"),
    ("unmap_file_page", "vma"),
    ("clear_page_dirty_for_io", "pte"),
    ("copy_pte", "frame"),
    ("modify_pte", "tlb"),
    ("get_mapped_page", "pte"),
    ("submit_read", "disk"),
    ("end_request", "state"),
    ("request_wait", "disk"),
    ("dup_vma", "vmas"),
    ("has_anon_pages", "frame"),
    ("pagemap", "frame"),
    ("wake_up_new_task", "state"),
    ("send_signal", "siginfo"),
    ("force_sig_fault", "actions"),
    ("dequeue_signal", "shared_signal"),
    ("signal_pending", "sigpending"),
    ("set_current_blocked", "blocked"),
    ("dequeue_signal", "itimer"),
    ("deliver_signal", "timer"),
    ("itimer_rings", "timer"),
    ("send_signal", "curr_target"),
    ("send_signal_to_thread", "siginfo"),
    ("schedule", "signal"),
    ("timer_wait", "timer"),
    ("wake_userfault", "wait"),
    ("userfaultfd_queue", "context"),
    ("poll_queue", "fd_wqh"),
    ("wake_up_poll", "state"),
    ("post", "state"),
    ("post_dequeue", "posts"),
    ("free_vma", "vmas"),
    ("insert_vma", "vma"),
    ("read_vma", "vma"),
    ("spin_lock", "ptl"),
    ("zap_pte", "ptl"),
    ("count", "counter"),
    ("copy_user", "bytes"),
    ("access_user", "tlb"),
    ("resume_at", "fixup"),
    ("take_fixup", "fixup"),
    ("pagefault_disable", "pagefault_disabled"),
    ("read_task", "pagefault_disabled"),
    ("lock_vma_under_rcu", "vmas_written"),
    ("vma_end_read", "state"),
    ("vma_start_write", "vma_lock"),
    ("up_write", "vmas_written"),
    ("count_for", "counter"),
    ("follow_page_pte", "frame"),
    ("gup_fast_pte", "pte"),
    ("page_to_nid", "frame"),
    ("access", "pmd"),
    ("get_huge_pte", "pmd"),
    ("set_huge_pte_if_same", "pmd"),
    ("set_huge_pte_if_same", "frame"),
    ("zap_huge_pte", "huge_pool"),
    ("modify_huge_pte", "tlb"),
    ("copy_huge_pte", "frame"),
    ("follow_huge_pte", "frame"),
    ("copy_huge_page", "bytes"),
    ("dequeue_huge_page", "huge_pool"),
    ("dequeue_huge_page", "reserve"),
    ("hugetlb_vm_op_close", "reserve"),
    ("iput", "reserve"),
    ("iput", "cache"),
    ("iput", "vma"),
    ("i_mmap_lock_read", "file"),
    ("i_mmap_unlock_write", "file_lock"),
    ("hugetlb_fault_mutex_lock", "state"),
    ("hugetlb_fault_mutex_unlock", "state"),
    ("file_lock_wait", "file_lock"),
    ("inode_lock", "state"),
    ("hole_queue", "hole"),
    ("hole_queue", "state"),
    ("hole_dequeue", "state"),
    ("begin_hole", "hole"),
    ("end_hole", "state"),
    ("page_mapping", "frame"),
]


@pytest.mark.parametrize(("op", "lost"), MUTANTS)
def test_a_footprint_that_loses_a_location_is_noticed(
    op: str, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = SEMANTICS[op]

    def footprint(world: World, task: Task, *args: Any) -> tuple[list[Location], list[Location]]:
        reads, writes = sound.footprint(world, task, *args)
        return [one for one in reads if one[0] != lost], [one for one in writes if one[0] != lost]

    tracker = Tracker()
    for name, semantics in list(SEMANTICS.items()):
        one = replace(semantics, footprint=footprint) if name == op else semantics
        monkeypatch.setitem(SEMANTICS, name, tracker.watch(name, one))
    assert any(tracker.excess for _ in runs([Tree.before, Tree.after])), (op, lost)
    assert all(op in text for text in tracker.excess)


def test_the_observer_is_told_the_footprint_of_each_operation() -> None:
    kinds: dict[str, set[str]] = {}

    def observer(one: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        kinds[effect.op] = {place[0] for place in footprint.writes}

    Machine("S13", Tree.after, observer=observer).run()
    assert kinds["down_read"] == {"mmap_sem"}  # nobody is in the way: it can't come to a sleep
    assert kinds["userfaultfd_queue"] == {"context", "wait", "state"}
    assert kinds["read_vma"] == set()
    assert kinds["access"] == {"pte", "tlb", "bytes"}


def test_an_access_writes_no_byte_of_ram_but_its_entries_and_its_own() -> None:
    changed: list[int] = []
    ram = bytearray()

    def observer(one: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        nonlocal ram
        now = machine.world.state.ram
        if effect.op == "access" and len(ram):
            changed.append(sum(a != b for a, b in zip(ram, now, strict=True)))
        ram = bytearray(now)

    machine = Machine(scene(victim(WRITE, READ), area={"userfaultfd": False}), observer=observer)
    machine.run()
    assert max(changed) <= 5  # four entries get A (the last one D as well), one byte is written
