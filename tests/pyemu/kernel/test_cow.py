"""Copy on write: who gets the page, who gets a copy, and what fork and mprotect leave behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.calls.fault import do_page_fault
from pyemu.calls.mmap import sys_mprotect
from pyemu.effects import Effect
from pyemu.effects.pages import get_page, lock_page, unlock_page
from pyemu.effects.records import Regs
from pyemu.flags import (
    ENOMEM,
    PAGE_DIRTY,
    PAGE_PRESENT,
    PAGE_PROTNONE,
    PAGE_RW,
    PAGE_UFFD_WP,
    VM_READ,
    X86_PF_PROT,
    X86_PF_WRITE,
)
from pyemu.machine import Result
from pyemu.sched.semantics import Footprint
from pyemu.sched.tasks import Task
from pyemu.state import ZERO_PFN, State
from tests.pyemu.scenes import V1, Lab, V, monitor, pause, plain, scene, send, task, victim

OLD, NEW = Tree.before, Tree.v5_7
TREES = [OLD, NEW, Tree.later("6.1")]
PLAIN = {"userfaultfd": False}
FORK = {"do": "fork", "child": "C"}
LATER = [{"do": "post", "task": "T"}]
WAIT = {"do": "wait_post"}


def read(page: int = 1, area: str = "V") -> dict[str, Any]:
    return {"do": "read", "area": area, "page": page}


def write(byte: int = 7, page: int = 1) -> dict[str, Any]:
    return {"do": "write", "area": "V", "page": page, "byte": byte}


def protect(prot: str, page: int = 1, pages: int = 1) -> dict[str, Any]:
    return {"do": "mprotect", "area": "V", "page": page, "pages": pages, "prot": prot}


def family(
    parent: list[dict[str, Any]], child: list[dict[str, Any]], *others: Any, area: Any = None, **keys: Any
) -> Scenario:
    """T and its child C."""
    return Scenario.from_dict(
        plain(
            victim(*parent),
            task("C", *child, forked=True, **keys.pop("own", {})),
            *others,
            area={**PLAIN, **(area or {})},
            **keys,
        )
    )


def ran(scenario: Scenario, tree: Tree = NEW) -> tuple[Result, State]:
    machine = Machine(scenario, tree)
    return machine.run(strict=True), machine.world.state


def minor(result: Result, name: str) -> int:
    return result.tasks[name].counters["min_flt"]


def pages_of(result: Result) -> set[int]:
    """The frames that T had at page 1."""
    found = result.trace.select("pte", task="T")
    return {int(event.b) >> 12 for event in found if event.a == V1 and event.b}


# ------------------------------------------------------------------------------------ fork


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_each_sees_its_own_writes_and_what_was_there_before_the_fork(tree: Tree) -> None:
    parent = [write(1), FORK, write(2), *[{"do": "post", "task": "C"}], WAIT, read()]
    child = [read(), WAIT, read(), write(3), read(), *LATER]
    result, _ = ran(family(parent, child), tree)
    assert result.tasks["T"].outcomes == ("ret=1", "ret=2", "ret=2")
    assert result.tasks["C"].outcomes == ("ret=1", "ret=1", "ret=3", "ret=3")


def test_a_fork_releases_the_childs_lock_before_the_parents() -> None:
    result, _ = ran(family([FORK, WAIT], LATER))
    events = result.trace.select("lock_taken", "lock_dropped", task="T")[:4]
    assert [event.a for event in events] == [1, 2, 2, 1]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_childs_read_costs_nothing_and_its_first_write_a_copy(tree: Tree) -> None:
    parent, child = [write(1), FORK, WAIT], [read(), write(2), write(3), *LATER]
    result, _ = ran(family(parent, child), tree)
    assert minor(result, "C") == 1
    assert minor(result, "T") == 1  # that before the fork


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_the_last_owner_reuses_the_page(tree: Tree) -> None:
    parent, child = [write(1), FORK, WAIT, pause(10), write(2), write(3)], [write(9), *LATER]
    result, _ = ran(family(parent, child), tree)
    pages = pages_of(result)
    assert len(pages) == 1
    assert minor(result, "T") == 2


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_while_the_other_one_lives_the_writer_gets_a_copy(tree: Tree) -> None:
    parent, child = [write(1), FORK, write(2), {"do": "post", "task": "C"}], [WAIT, read()]
    result, _ = ran(family(parent, child), tree)
    pages = pages_of(result)
    assert len(pages) == 2
    assert result.tasks["C"].outcome == "ret=1"


def test_pages_of_a_child_that_ended_are_free_again() -> None:
    parent = [write(1, page) for page in range(4)] + [FORK, WAIT, pause(10)]
    child = [*[write(2, page) for page in range(4)], *LATER]
    _, state = ran(family(parent, child))
    used = [place[1] for place, frame in state.data.items() if place[0] == "frame" and frame is not None]
    # The last one to end takes everything along.
    assert used == []
    assert len(state.data["free_frames", 0]) == 8


def test_a_killed_child_gives_its_pages_back() -> None:
    parent = [write(1), FORK, pause(10), send("SIGKILL", "C"), pause(10), write(2)]
    result, _ = ran(family(parent, [pause(10_000)]))
    pages = pages_of(result)
    assert result.tasks["C"].outcome == "killed:9"
    assert len(pages) == 1


def test_the_zero_page_is_copied_by_fork_and_broken_by_each_for_itself() -> None:
    parent, child = [write(1, 0), read(1), FORK, WAIT, read(1)], [read(1), write(5, 1), *LATER]
    result, _ = ran(family(parent, child))
    assert minor(result, "C") == 1
    assert result.tasks["T"].outcomes == ("ret=1", "ret=0", "ret=0")


def test_an_area_without_pages_of_its_own_is_left_out_and_the_child_faults_for_itself() -> None:
    files = [{"name": "F", "pages": 4, "cached": True}]
    area = {"file": "F", "shared": True}
    result, _ = ran(family([read(), FORK, WAIT], [read(), *LATER], area=area, files=files))
    assert minor(result, "C") == 1


def test_a_private_mapping_with_a_page_of_its_own_is_copied_as_a_whole() -> None:
    files = [{"name": "F", "pages": 4, "cached": True}]
    result, _ = ran(
        family([read(), write(9, 2), FORK, WAIT], [read(1), read(2), *LATER], area={"file": "F"}, files=files)
    )
    assert minor(result, "C") == 0
    assert result.tasks["C"].outcomes == ("ret=1", "ret=9")


def test_shared_memory_stays_shared() -> None:
    parent, child = [write(1), FORK, WAIT, read()], [read(), write(2), *LATER]
    result, _ = ran(family(parent, child, area={"kind": "shmem"}))
    assert result.tasks["T"].outcomes == ("ret=1", "ret=2")
    assert result.tasks["C"].outcomes == ("ret=1", "ret=2")


def test_a_child_is_served_by_no_userfaultfd() -> None:
    parent = [FORK, WAIT]
    child = [read(), *LATER]
    scenario = family(parent, child, monitor({"do": "wait_message"}), area={"userfaultfd": True})
    result, _ = ran(scenario)
    assert result.tasks["C"].outcome == "ret=0"
    assert result.tasks["C"].stats["messages_queued"] == 0


def test_what_a_userfaultfd_write_protects_is_plain_memory_for_the_child() -> None:
    guard = {"do": "writeprotect", "area": "V", "page": 1, "protect": True}
    parent = [write(1), {"do": "post", "task": "M"}, WAIT, FORK, WAIT]
    child = [write(2), *LATER]
    other = monitor(WAIT, guard, *LATER)
    result, _ = ran(family(parent, child, other, area={"userfaultfd": "missing+wp", "populated": [1]}))
    assert result.tasks["C"].outcome == "ret=2"
    assert result.tasks["C"].stats["messages_queued"] == 0


def test_a_childs_signals_are_its_parents_unless_it_says_otherwise() -> None:
    parent = [FORK, pause(10), send("SIGUSR1", "C"), pause(100)]
    for own, n_runs, outcome in (({}, 1, "none"), ({"signals": {"SIGUSR1": "default"}}, 0, "killed:10")):
        result = run(family(parent, [pause(50)], own=own), NEW)
        assert result.tasks["C"].stats["handler_runs"] == n_runs
        assert result.tasks["C"].outcome == outcome


def test_a_child_that_nobody_came_to_fork_keeps_no_run_alive() -> None:
    parent = [{"do": "munmap", "area": "V", "pages": 4}, read(), FORK]
    result = run(
        Scenario.from_dict(
            plain(task("T", *parent), task("C", read(), forked=True), area=PLAIN),
        ),
        NEW,
    )
    assert result.end == "done"
    assert result.tasks["T"].outcome == "killed:11"
    assert result.tasks["C"].outcomes == ()


# ------------------------------------------------------------------------------------ who has the page


class Written:
    """A page that is mapped read-only in a writable area; T writes to it."""

    def __init__(
        self,
        tree: Tree,
        prepare: Callable[[Lab, int], None] = lambda lab, page: None,
        observer: Callable[..., None] | None = None,
    ) -> None:
        async def program() -> None:
            await do_page_fault(Regs(user=True), int(X86_PF_WRITE | X86_PF_PROT), V1)

        scenario = scene(victim(), task("H", process="Q"), area={**PLAIN, "populated": [1]})
        self.lab = Lab("H", programs={"T": program}, scenario=scenario, tree=tree, observer=observer)
        self.state = self.lab.world.state
        self.state.set_pte(1, V1, self.state.get_pte(1, V1) & ~PAGE_RW)
        self.page = self.state.get_pte(1, V1) >> 12
        prepare(self.lab, self.page)
        if observer is None:
            self.lab.settle("T")

    @property
    def reused(self) -> bool:
        entry = self.state.get_pte(1, V1)
        assert entry & PAGE_RW
        assert entry & PAGE_DIRTY
        return entry >> 12 == self.page

    def done(self) -> bool:
        return self.lab.task("T").ended


@pytest.mark.parametrize("tree", [OLD, NEW, Tree.later("5.10"), Tree.later("6.1")], ids=str)
def test_a_page_that_nobody_else_has_is_reused(tree: Tree) -> None:
    written = Written(tree)
    assert written.reused
    frame = written.state.data["frame", written.page]
    assert (frame.mapcount, frame.refcount, frame.locked_by) == (1, 1, None)


@pytest.mark.parametrize(
    ("tree", "reused"),
    [(OLD, True), (NEW, True), (Tree.later("5.10"), False), (Tree.later("6.1"), False)],
    ids=str,
)
def test_a_reference_makes_a_copy_only_where_references_count(tree: Tree, reused: bool) -> None:
    written = Written(tree, lambda lab, page: lab.do("H", get_page(page)))
    assert written.reused is reused
    frame = written.state.data["frame", written.page]
    assert (frame.mapcount, frame.refcount) == ((1, 2) if reused else (0, 1))


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_a_locked_page_is_waited_for(tree: Tree) -> None:
    written = Written(tree, lambda lab, page: lab.do("H", lock_page(page)))
    assert not written.done()
    written.lab.do("H", unlock_page(written.page))
    written.lab.settle("T")
    assert written.done()
    assert written.reused


def test_a_locked_page_is_copied_where_references_count() -> None:
    written = Written(Tree.later("5.10"), lambda lab, page: lab.do("H", lock_page(page)))
    assert written.done()
    assert not written.reused


def test_an_entry_that_changed_meanwhile_is_left_to_the_next_access() -> None:
    def zap(one: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        if effect.op == "get_pte":
            machine.world.state.set_pte(1, V1, 0)

    written = Written(NEW, observer=zap)
    machine = written.lab.machine
    written.lab.settle("T")
    assert written.done()
    assert written.state.get_pte(1, V1) == 0
    assert written.lab.world.violations == []


def test_the_zero_page_is_never_reused() -> None:
    _, state = ran(scene(victim(read(), write()), area=PLAIN))
    assert state.get_pte(1, V1) >> 12 != ZERO_PFN
    assert ("frame", ZERO_PFN) not in state.data


# ------------------------------------------------------------------------------------ mprotect

PROT = {  # steps, outcomes after the first write, minor faults of 5.x, of 6.x
    "read-only and back": ([protect("r"), read(), protect("rw"), write(2)], ["ret=1", "ret=2"], 2, 1),
    "none and back": ([protect("none"), protect("rw"), read(), write(2)], ["ret=1", "ret=2"], 2, 1),
    "none, then read-only": ([protect("none"), protect("r"), read()], ["ret=1"], 1, 1),
    "a write to read-only": ([protect("r"), write(2), read()], ["SIGSEGV(code=2)", "ret=1"], 1, 1),
    "a read of none": ([protect("none"), read(), protect("r"), read()], ["SIGSEGV(code=2)", "ret=1"], 1, 1),
    "a write to none": ([protect("none"), write(2)], ["SIGSEGV(code=2)"], 1, 1),
    "the same again": ([protect("rw"), write(2)], ["ret=2"], 1, 1),
    "beside": ([protect("r", 2, 2), write(2)], ["ret=2"], 1, 1),
}


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize(("steps", "outcomes", "old", "new"), PROT.values(), ids=PROT)
def test_mprotect(tree: Tree, steps: list[dict[str, Any]], outcomes: list[str], old: int, new: int) -> None:
    result, _ = ran(scene(victim(write(1), *steps), area=PLAIN), tree)
    assert list(result.tasks["T"].outcomes[1:]) == outcomes
    assert minor(result, "T") == (new if tree.policies.mprotect_maps_writable else old)


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_mprotect_keeps_no_reference(tree: Tree) -> None:
    _, state = ran(scene(victim(write(1), protect("r"), protect("rw")), area=PLAIN), tree)
    assert state.data["frame", state.get_pte(1, V1) >> 12].refcount == 1


def test_prot_none_hides_the_page_but_keeps_it() -> None:
    _, state = ran(scene(victim(write(1), protect("none")), area=PLAIN))
    entry = state.get_pte(1, V1)
    assert entry & (PAGE_PRESENT | PAGE_PROTNONE) == PAGE_PROTNONE
    assert state.data["frame", entry >> 12].mapcount == 1


def test_a_page_that_was_never_touched_changes_nothing() -> None:
    _, state = ran(scene(victim(protect("none", 0, 4)), area=PLAIN))
    assert not any(state.get_pte(1, V + page * 4096) for page in range(4))


def test_mprotect_where_no_area_is_says_so_and_releases_the_lock() -> None:
    async def protect() -> None:
        given.append(await sys_mprotect(V + 64 * 4096, 4096, VM_READ))
        held.append(lab.task("T").holds_lock(1))

    given: list[int] = []
    held: list[bool] = []
    lab = Lab(programs={"T": protect})
    lab.settle()
    assert (given, held) == ([-ENOMEM], [False])


def test_mprotect_splits_the_area() -> None:
    _, state = ran(scene(victim(protect("r", 1, 2)), area=PLAIN))
    areas = [state.data["vma", one] for one in state.data["vmas", 1]]
    assert [(one.start - V, one.end - V, bool(one.flags & 2)) for one in areas] == [
        (0, 4096, True),
        (4096, 3 * 4096, False),
        (3 * 4096, 4 * 4096, True),
    ]


def test_the_zero_page_stays_read_only() -> None:
    for tree in TREES:
        result, _ = ran(scene(victim(read(), protect("r"), protect("rw"), write()), area=PLAIN), tree)
        assert minor(result, "T") == 2


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_page_shared_with_a_child_stays_read_only(tree: Tree) -> None:
    parent = [write(1), FORK, protect("r"), protect("rw"), write(2), {"do": "post", "task": "C"}]
    result, _ = ran(family(parent, [WAIT, read()]), tree)
    assert result.tasks["C"].outcome == "ret=1"
    assert minor(result, "T") == 2


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_shared_memory_is_writable_at_once(tree: Tree) -> None:
    result, _ = ran(
        scene(victim(write(1), protect("r"), protect("rw"), write(2)), area={**PLAIN, "kind": "shmem"}), tree
    )
    assert minor(result, "T") == 1


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize(("first", "n_faults"), [(write(1), 1), (read(), 2)], ids=["dirty", "clean"])
def test_a_shared_page_of_a_file_is_writable_at_once_if_it_is_dirty(
    tree: Tree, first: dict[str, Any], n_faults: int
) -> None:
    scenario = Scenario.from_dict(
        plain(
            victim(first, protect("r"), protect("rw"), write(2)),
            area={**PLAIN, "file": "F", "shared": True},
            files=[{"name": "F", "pages": 4, "cached": True}],
        )
    )
    result, _ = ran(scenario, tree)
    assert minor(result, "T") == n_faults


def test_what_a_userfaultfd_write_protects_stays_so() -> None:
    machine = Machine(scene(victim(protect("r"), protect("rw")), area={"populated": [1]}), Tree.later("6.1"))
    state = machine.world.state
    state.set_pte(1, V1, state.get_pte(1, V1) & ~PAGE_RW | PAGE_UFFD_WP | PAGE_DIRTY)
    machine.run(strict=True)
    entry = state.get_pte(1, V1)
    assert entry & PAGE_UFFD_WP
    assert not entry & PAGE_RW


def test_a_hole_is_enomem_and_nothing_is_held() -> None:
    steps = [{"do": "munmap", "area": "V", "page": 0, "pages": 4}, protect("r", 0, 4)]
    result, _ = ran(scene(victim(*steps), area=PLAIN))
    assert result.violations == ()


def test_a_machine_built_twice_is_the_same() -> None:
    one = family([write(1), FORK, WAIT], [write(2), *LATER])
    assert run(one, NEW).trace.to_jsonl() == run(replace(one), NEW).trace.to_jsonl()


def test_an_area_that_is_read_only_from_the_start_refuses_a_write_after_fork() -> None:
    result, _ = ran(family([read(), FORK, WAIT], [write(2), *LATER], area={"prot": "r"}))
    assert result.tasks["C"].outcome == "SIGSEGV(code=2)"
