"""Faults on huge pages: the pool and its reservations, copies, the monitor, locks that are taken again."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.calls.gup import get_user_pages
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.mmap import sys_munmap
from pyemu.calls.pins import sys_pin
from pyemu.calls.userfaultfd import (
    userfaultfd_continue,
    userfaultfd_copy,
    userfaultfd_register,
    userfaultfd_zeropage,
)
from pyemu.effects import Effect
from pyemu.effects.areas import find_vma
from pyemu.effects.handles import Context, Mm
from pyemu.effects.handles import Task as TaskHandle
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.pages import lock_page, put_page, unlock_page
from pyemu.effects.signals import send_signal
from pyemu.errors import ScenarioError
from pyemu.flags import (
    EAGAIN,
    EEXIST,
    EFAULT,
    EINVAL,
    ENOENT,
    ENOMEM,
    FAULT_FLAG_WRITE,
    FOLL_WRITE,
    HPAGE_SIZE,
    SIGKILL,
    UFFDIO_REGISTER_MODE_MINOR,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
)
from pyemu.hugepages import POOL, POOL_PFN
from pyemu.sched.semantics import Footprint
from pyemu.sched.tasks import Task
from tests.pyemu.scenes import CATCH, PAGE, Lab, V, monitor, pause, scene, send, task, victim

TREES = [Tree.before, Tree.after, Tree.v5_7, Tree.later("6.1"), Tree.later("6.12")]
FAMILY: dict[str, Any] = {"process": "P"}
H = V + (1 << 30)  # where the second area begins
READ = {"do": "read", "area": "H"}
WRITE = {"do": "write", "area": "H"}
COPY = {"do": "copy", "area": "H"}
WAIT = {"do": "wait_message"}


def huge(*tasks: dict[str, Any], pages: int = 2, pool: int = 4, more: Any = (), **area: Any) -> Scenario:
    """A scenario with an area H of huge pages."""
    one = {"name": "H", "kind": "hugetlb", "pages": pages, "process": "P", **area}
    machine = {"huge_pages": pool}
    return scene(*tasks, area={"userfaultfd": False, "process": "P"}, more=[one, *more], machine=machine)


def outcomes(scenario: Scenario, tree: Tree = Tree.after, name: str = "T") -> tuple[str, ...]:
    result = run(scenario, tree)
    assert result.violations == ()
    return tuple(result.tasks[name].outcomes)


def on(page: int, step: dict[str, Any] = READ, **keys: Any) -> dict[str, Any]:
    return {**step, "page": page, **keys}


# ------------------------------------------------------------------------------------ pages of one's own


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("shared", [False, True])
def test_a_missing_page_is_zeros_and_keeps_what_is_written(tree: Tree, shared: bool) -> None:
    steps = [READ, on(1, WRITE, offset=4000, byte=8), on(1, offset=4000), on(1), on(0, WRITE, byte=3), READ]
    scenario = huge(victim(*steps, **FAMILY), shared=shared)
    assert outcomes(scenario, tree) == ("ret=0", "ret=8", "ret=8", "ret=0", "ret=3", "ret=3")


def test_a_private_page_that_was_read_costs_a_second_fault_to_write_and_a_shared_one_does_not() -> None:
    for shared, faults in ((False, 2), (True, 1)):
        result = run(huge(victim(READ, WRITE, **FAMILY), shared=shared))
        assert result.tasks["T"].counters["min_flt"] == faults


def test_a_private_page_that_is_written_first_costs_one_fault() -> None:
    assert run(huge(victim(WRITE, READ, **FAMILY))).tasks["T"].counters["min_flt"] == 1


def test_threads_that_fault_on_one_page_take_one_from_the_pool() -> None:
    scenario = huge(victim(READ, **FAMILY), task("U", READ, **FAMILY), task("W", READ, **FAMILY), shared=True)
    for tree in TREES:
        assert len(run(scenario, tree).trace.select("huge_page")) == 1


def test_a_fault_beyond_the_end_of_the_file_gets_sigbus() -> None:
    scenario = Scenario.from_dict(
        {
            "version": 1,
            "name": "x",
            "title": "x",
            "files": [{"name": "f", "kind": "hugetlbfs", "byte": 6, "cached": True}],
            "areas": [{"name": "H", "file": "f", "shared": True, "pages": 2}],
            "tasks": [task("T", READ, on(1), signals=CATCH)],
        }
    )
    assert outcomes(scenario) == ("ret=6", "SIGBUS(code=2)")


# ------------------------------------------------------------------------------------ the pool


def test_an_empty_pool_gives_sigbus() -> None:
    scenario = huge(victim(READ, on(1), **FAMILY), pool=1, reserve=False)
    assert outcomes(scenario) == ("ret=0", "SIGBUS(code=2)")


@pytest.mark.parametrize("shared", [False, True])
def test_who_has_no_reservation_can_not_take_what_was_promised(shared: bool) -> None:
    other = {"name": "N", "kind": "hugetlb", "process": "P", "reserve": False}
    steps = [{"do": "read", "area": "N"}, READ]
    scenario = huge(victim(*steps, **FAMILY), pages=1, pool=1, more=[other], shared=shared)
    assert outcomes(scenario) == ("SIGBUS(code=2)", "ret=0")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("touched", [False, True])
def test_an_area_that_is_unmapped_gives_back_its_pages_and_what_it_reserved(
    shared: bool, touched: bool
) -> None:
    other = {"name": "N", "kind": "hugetlb", "process": "P", "reserve": False}
    steps: list[dict[str, Any]] = [
        *[WRITE] * touched,
        {"do": "munmap", "area": "H"},
        {"do": "read", "area": "N"},
    ]
    scenario = huge(victim(*steps, **FAMILY), pages=1, pool=1, more=[other], shared=shared)
    assert outcomes(scenario)[-1] == "ret=0"


def test_a_part_that_is_unmapped_gives_back_its_part() -> None:
    other = {"name": "N", "kind": "hugetlb", "process": "P", "pages": 2, "reserve": False}
    unmap: dict[str, Any] = {"do": "munmap", "area": "H", "page": 1}
    steps = [unmap, {"do": "read", "area": "N"}, READ, on(1, area="N")]
    scenario = huge(victim(*steps, **FAMILY), pool=2, more=[other])
    assert outcomes(scenario) == ("ret=0", "ret=0", "SIGBUS(code=2)")


def test_a_mapping_that_reserves_more_than_there_is_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"area H reserves 2 huge pages, and 1 of the pool are left"):
        run(huge(victim(READ, **FAMILY), pool=1))


def test_a_pool_that_is_too_small_for_what_is_there_at_the_start_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"the pool of huge pages is empty before the first task runs"):
        run(huge(victim(READ, **FAMILY), pages=1, pool=0, populated=[0], reserve=False))


# ------------------------------------------------------------------------------------ fork


def family(*child: dict[str, Any], pool: int = 4, **area: Any) -> Scenario:
    steps = [on(0, WRITE, byte=5), {"do": "fork", "child": "C"}, pause(100), READ]
    return huge(victim(*steps, **FAMILY), task("C", *child, forked=True, signals=CATCH), pool=pool, **area)


def test_a_private_page_is_copied_for_the_child_that_writes() -> None:
    result = run(family(READ, on(0, WRITE, byte=9), READ))
    assert tuple(result.tasks["C"].outcomes) == ("ret=5", "ret=9", "ret=9")
    assert tuple(result.tasks["T"].outcomes) == ("ret=5", "ret=5")


def test_what_is_mapped_is_up_to_date() -> None:
    mapped = set()

    def look(_task: Task, effect: Effect[Any], _footprint: Footprint, _result: Any) -> None:
        if effect.op == "set_huge_pte_if_same":
            pfn = effect.args[-1] >> 12
            mapped.add(pfn)
            assert machine.world.state.data["frame", pfn].uptodate

    machine = Machine(family(on(0, WRITE, byte=9), on(1)), observer=look)
    machine.run(strict=True)
    assert len(mapped) == 3  # the parent's, the child's copy of it, and a fresh one


def test_a_shared_page_is_one_for_both() -> None:
    result = run(family(on(0, WRITE, byte=9), shared=True))
    assert tuple(result.tasks["T"].outcomes) == ("ret=5", "ret=9")


def test_a_child_has_no_reservation() -> None:
    result = run(family(on(1), on(0, WRITE), pool=2))
    assert tuple(result.tasks["C"].outcomes) == ("SIGBUS(code=2)", "SIGBUS(code=2)")
    assert tuple(result.tasks["T"].outcomes) == ("ret=5", "ret=5")


def test_the_owner_spares_its_reservation_for_what_it_has_not_touched() -> None:
    steps = [WRITE, {"do": "fork", "child": "C"}, on(0, WRITE, byte=6), READ, on(1)]
    child = task("C", pause(50), READ, forked=True)
    scenario = huge(victim(*steps, **FAMILY), child, pool=3)
    assert outcomes(scenario) == ("ret=7", "ret=6", "ret=6", "ret=0")


def test_an_owner_that_would_take_the_page_from_its_child_is_not_modelled() -> None:
    steps = [WRITE, {"do": "fork", "child": "C"}, WRITE]
    scenario = huge(victim(*steps, **FAMILY), task("C", pause(50), forked=True), pages=1, pool=1)
    with pytest.raises(ScenarioError, match=r"Linux would take the page away from the child.*huge_pages = 1"):
        run(scenario)


def test_pages_of_a_child_go_back_when_it_ends() -> None:
    steps = [{"do": "fork", "child": "C"}, pause(100), on(0, WRITE), on(1, WRITE)]
    child = task("C", on(0, WRITE), on(1, WRITE), forked=True)
    result = run(huge(victim(*steps, **FAMILY), child, pool=2, reserve=False))
    assert tuple(result.tasks["C"].outcomes) == tuple(result.tasks["T"].outcomes) == ("ret=7", "ret=7")


# ------------------------------------------------------------------------------------ mprotect


def protect(prot: str) -> dict[str, Any]:
    return {"do": "mprotect", "area": "H", "pages": 2, "prot": prot}


@pytest.mark.parametrize(("shared", "faults"), [(False, 1), (True, 0)])
def test_a_right_that_comes_back_costs_a_private_page_a_fault(shared: bool, faults: int) -> None:
    steps = [WRITE, on(1, WRITE), protect("r"), READ, WRITE, protect("rw"), WRITE]
    result = run(huge(victim(*steps, **FAMILY), shared=shared))
    access = "SIGSEGV(code=2)"
    assert tuple(result.tasks["T"].outcomes) == ("ret=7", "ret=7", "ret=7", access, "ret=7")
    assert result.tasks["T"].counters["min_flt"] == 2 + faults


def test_prot_none_hides_the_page_and_keeps_it() -> None:
    steps = [on(0, WRITE, byte=4), protect("none"), READ, protect("r"), READ]
    assert outcomes(huge(victim(*steps, **FAMILY))) == ("ret=4", "SIGSEGV(code=2)", "ret=4")


# ------------------------------------------------------------------------------------ the monitor


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("shared", [False, True])
def test_a_missing_page_is_the_monitors(tree: Tree, shared: bool) -> None:
    scenario = huge(
        victim({**READ, "offset": 77}, on(1), **FAMILY),
        monitor(WAIT, {**COPY, "byte": 5}, WAIT, on(1, COPY, byte=6, answer=True)),
        userfaultfd=True,
        shared=shared,
    )
    result = run(scenario, tree)
    assert result.violations == ()
    assert tuple(result.tasks["T"].outcomes) == ("ret=5", "ret=6")
    assert [event.a for event in result.trace.select("message")] == [H, H + HPAGE_SIZE]


def lab_of(tree: Tree = Tree.v5_7, **area: Any) -> Lab:
    scenario = huge(task("T", **FAMILY), task("M", process="Q"), userfaultfd=True, **area)
    return Lab("T", "M", scenario=scenario, tree=tree)


def ask(lab: Lab, effect: Effect[Any], name: str = "M") -> Any:
    """Let a task make a call, up to its end."""
    lab.do(name, effect)
    lab.settle(name)
    return lab.results[name][-1]


UFFD = Context(1)


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7, Tree.later("6.1")], ids=str)
@pytest.mark.parametrize("shared", [False, True])
def test_copy_fills_whole_huge_pages_once(tree: Tree, shared: bool) -> None:
    lab = lab_of(tree, shared=shared)
    assert ask(lab, userfaultfd_copy(UFFD, H, 4096, 5, 0)) == -EINVAL
    assert ask(lab, userfaultfd_copy(UFFD, H + 4096, HPAGE_SIZE, 5, 0)) == -EINVAL
    assert ask(lab, userfaultfd_copy(UFFD, H + HPAGE_SIZE, HPAGE_SIZE, 5, 0)) == 0
    assert ask(lab, userfaultfd_copy(UFFD, H + HPAGE_SIZE, HPAGE_SIZE, 5, 0)) == -EEXIST
    assert ask(lab, userfaultfd_copy(UFFD, H, 2 * HPAGE_SIZE, 5, 0)) == -EAGAIN  # the first of two
    assert ask(lab, userfaultfd_zeropage(UFFD, H, HPAGE_SIZE, 0)) == -EINVAL
    assert ask(lab, userfaultfd_copy(UFFD, V, HPAGE_SIZE, 5, 0)) == -ENOENT
    pte = lab.world.state.get_huge_pte(1, H)
    assert (pte & 0xFFF, lab.world.state.load(pte & ~0xFFF, 1)) == (0xE7, b"\x05")
    assert lab.world.violations == []


def test_copy_of_a_page_that_the_cache_has_got_through_another_mapping_says_so() -> None:
    lab = lab_of(shared=True)
    assert ask(lab, userfaultfd_copy(UFFD, H, HPAGE_SIZE, 5, 0)) == 0
    lab.world.state.set_huge_pte(1, H, 0)  # the page stays in the cache
    assert ask(lab, userfaultfd_copy(UFFD, H, HPAGE_SIZE, 6, 0)) == -EEXIST
    assert lab.world.state.get_huge_pte(1, H) == 0


def test_sigkill_ends_a_copy_after_a_page() -> None:
    lab = lab_of()
    lab.do("T", send_signal(TaskHandle(lab.task("M").id), SIGKILL))
    lab.do("M", userfaultfd_copy(UFFD, H, 2 * HPAGE_SIZE, 5, 0))
    lab.settle("M")
    assert lab.world.state.get_huge_pte(1, H)
    assert not lab.world.state.get_huge_pte(1, H + HPAGE_SIZE)


def test_copy_without_a_page_in_the_pool_says_so() -> None:
    lab = lab_of(pool=1, reserve=False)
    assert ask(lab, userfaultfd_copy(UFFD, H, HPAGE_SIZE, 5, 0)) == 0
    assert ask(lab, userfaultfd_copy(UFFD, H + HPAGE_SIZE, HPAGE_SIZE, 5, 0)) == -ENOMEM


def test_a_range_that_cuts_a_huge_page_can_not_be_registered() -> None:
    lab = lab_of()
    missing = UFFDIO_REGISTER_MODE_MISSING
    assert ask(lab, userfaultfd_register(UFFD, H, 4096, missing)) == -EINVAL
    assert ask(lab, userfaultfd_register(UFFD, H + 4096, HPAGE_SIZE - 4096, missing)) == -EINVAL
    assert ask(lab, userfaultfd_register(UFFD, H, HPAGE_SIZE, missing)) == 0
    assert ask(lab, userfaultfd_register(UFFD, H, HPAGE_SIZE, UFFDIO_REGISTER_MODE_WP)) == -EINVAL


def test_a_page_that_somebody_else_has_locked_is_waited_for_without_the_locks_of_the_fault() -> None:
    lab = Lab("T", "U", scenario=huge(task("T", **FAMILY), task("U", **FAMILY)), tree=Tree.v5_7)
    lab.do("T", down_read(Mm(1)))
    vma = lab.do("T", find_vma(Mm(1), H))
    assert ask(lab, handle_mm_fault(vma, H, 0), "T") == 0
    pfn = lab.world.state.get_huge_pte(1, H) >> 12
    assert pfn == POOL_PFN
    lab.do("U", lock_page(pfn))
    lab.do("T", handle_mm_fault(vma, H, FAULT_FLAG_WRITE))
    lab.settle("T")
    assert lab.waits("T")
    assert lab.task("T").locks == []
    lab.do("U", unlock_page(pfn))
    lab.settle("T")
    assert lab.results["T"][-1] == 0
    assert not lab.world.state.get_huge_pte(1, H) & 2  # nothing was changed: the access is made again
    assert ask(lab, handle_mm_fault(vma, H, FAULT_FLAG_WRITE), "T") == 0
    assert lab.world.state.get_huge_pte(1, H) & 2
    assert lab.task("T").locks == []
    assert lab.world.state.data["frame", pfn].refcount == 1
    assert lab.world.state.data[POOL].reserved == 1


# ------------------------------------------------------------------------------------ minor faults


CACHED = [{"name": "huge", "kind": "hugetlbfs", "pages": 2, "byte": 6, "cached": [0]}]


LATER = Tree.later("6.1")


def minor(tree: Tree = LATER) -> Lab:
    scenario = Scenario.from_dict(
        {
            "version": 1,
            "name": "x",
            "title": "x",
            "files": [*CACHED, {"name": "small", "kind": "tmpfs", "pages": 2, "byte": 4, "cached": [0]}],
            "areas": [
                {"name": "H", "process": "P", "file": "huge", "shared": True, "pages": 2},
                {"name": "S", "process": "P", "file": "small", "shared": True, "pages": 2},
                {"name": "A", "process": "P", "userfaultfd": True},
            ],
            "tasks": [task("T", **FAMILY), task("M", process="Q")],
        }
    )
    return Lab("T", "M", scenario=scenario, tree=tree)


@pytest.mark.parametrize(("start", "size"), [(V, HPAGE_SIZE), (H, 4096)])
def test_continue_maps_what_is_in_the_cache(start: int, size: int) -> None:
    lab = minor()
    assert ask(lab, userfaultfd_continue(UFFD, start, size, 0)) == -ENOENT  # nobody registered it
    assert ask(lab, userfaultfd_register(UFFD, start, 2 * size, UFFDIO_REGISTER_MODE_MINOR)) == 0
    assert ask(lab, userfaultfd_continue(UFFD, start + size, size, 0)) == -EFAULT
    assert ask(lab, userfaultfd_continue(UFFD, start, 2 * size, 0)) == -EAGAIN
    assert ask(lab, userfaultfd_continue(UFFD, start, size, 0)) == -EEXIST
    assert ask(lab, userfaultfd_continue(UFFD, start, size, 2)) == -EINVAL
    assert ask(lab, userfaultfd_continue(UFFD, start + 1, size, 0)) == -EINVAL
    state = lab.world.state
    pte = state.get_huge_pte(1, start) if size == HPAGE_SIZE else state.get_pte(1, start)
    assert pte & 0x47 == 0x47
    assert state.data["frame", pte >> 12].refcount == 2  # the cache's and the entry's
    assert state.load(pte & ~0xFFF, 1) == (b"\x06" if size == HPAGE_SIZE else b"\x04")
    assert lab.world.violations == []


def test_anonymous_memory_has_no_minor_faults() -> None:
    lab = minor()
    area = V + (2 << 30)
    assert ask(lab, userfaultfd_register(UFFD, area, 4096, UFFDIO_REGISTER_MODE_MINOR)) == -EINVAL
    assert ask(lab, userfaultfd_continue(UFFD, area, 4096, 0)) == -EINVAL


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7, Tree.later("5.10")], ids=str)
def test_older_kernels_know_neither_the_mode_nor_the_ioctl(tree: Tree) -> None:
    lab = minor(tree)
    assert ask(lab, userfaultfd_register(UFFD, V, HPAGE_SIZE, UFFDIO_REGISTER_MODE_MINOR)) == -EINVAL
    assert ask(lab, userfaultfd_continue(UFFD, V, HPAGE_SIZE, 0)) == -EINVAL


@pytest.mark.parametrize(("kind", "version"), [("hugetlb", "v5.13"), ("shmem", "v5.14")])
def test_an_area_that_needs_a_later_kernel_says_so(kind: str, version: str) -> None:
    scenario = scene(victim(), area={"kind": kind, "userfaultfd": "minor"})
    with pytest.raises(ScenarioError, match=rf"userfaultfd = 'minor', which came with Linux {version}"):
        run(scenario, Tree.v5_7)


# ------------------------------------------------------------------------------------ get_user_pages


def pin(pages: int = 1, **keys: Any) -> dict[str, Any]:
    return {"do": "pin", "area": "H", "pages": pages, "entry": "get_user_pages_unlocked", **keys}


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("write", [0, FOLL_WRITE])
def test_pages_are_counted_in_small_ones_across_huge_ones(tree: Tree, write: int) -> None:
    lab = Lab("T", "U", scenario=huge(task("T", **FAMILY), task("U", **FAMILY)), tree=tree)
    start = H + HPAGE_SIZE - PAGE
    assert ask(lab, sys_pin("get_user_pages_unlocked", start, 3, write), "T") == 3
    assert ask(lab, sys_pin("get_user_pages_unlocked", start, 600, write), "T") == 513  # the area ends
    lab.do("U", down_read(Mm(1)))
    got = ask(lab, get_user_pages(start, 3, write), "U")
    first = lab.world.state.get_huge_pte(1, H) >> 12
    second = lab.world.state.get_huge_pte(1, H + HPAGE_SIZE) >> 12
    assert got.pages == (first + 511, second, second + 1)
    assert [lab.world.state.data["frame", pfn].refcount for pfn in (first, second)] == [2, 3]
    assert lab.world.state.data["frame", first].dirty is False
    assert lab.world.violations == []


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_page_that_is_pinned_outlives_its_area(tree: Tree) -> None:
    lab = Lab("T", "U", scenario=huge(task("T", **FAMILY), task("U", **FAMILY)), tree=tree)
    lab.do("U", down_read(Mm(1)))
    got = ask(lab, get_user_pages(H + 3 * PAGE, 1, FOLL_WRITE), "U")
    lab.do("U", up_read(Mm(1)))
    ask(lab, sys_munmap(H, 2 * HPAGE_SIZE), "T")
    assert len(lab.world.state.data[POOL].free) == 3
    lab.do("U", put_page(got.pages[0]))
    assert len(lab.world.state.data[POOL].free) == 4
    assert lab.world.state.data[POOL].reserved == 0


def test_faults_of_the_walk_are_counted_for_nobody() -> None:
    for tree, counted in ((Tree.before, 0), (Tree.v5_7, 0), (Tree.later("6.12"), 1)):
        assert run(huge(victim(pin(), **FAMILY)), tree).tasks["T"].counters["min_flt"] == counted


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_copy_reads_a_huge_page_by_way_of_the_walk(tree: Tree) -> None:
    buffer = {"name": "B", "process": "P", "pages": 2}
    copy = {"do": "process_vm_readv", "area": "H", "pages": 2, "buffer": "B"}
    look = {"do": "read", "area": "B", "page": 1}
    steps = [on(0, WRITE, byte=3), copy, {"do": "read", "area": "B"}, look]
    result = run(huge(victim(*steps, **FAMILY), more=[buffer]), tree)
    assert tuple(result.tasks["T"].outcomes) == ("ret=3", "ret=8192", "ret=3", "ret=0")


def test_sigkill_in_the_walk_gives_efault() -> None:
    for tree, error in ((Tree.before, -EFAULT), (Tree.v5_7, -EFAULT)):
        scenario = huge(
            victim(pin(entry="get_user_pages_remote"), **FAMILY),
            monitor(WAIT, send("SIGKILL"), pause(50)),
            userfaultfd=True,
        )
        result = run(scenario, tree)
        assert result.tasks["T"].outcome == "killed:9"
        gave = [event.a for event in result.trace.select("gup")]
        assert gave[0] == 0
        assert error in gave or tree == Tree.v5_7


def test_an_error_of_the_walk_comes_without_pages_only() -> None:
    lab = Lab("T", scenario=huge(task("T", **FAMILY), pool=1, reserve=False))
    start = H + HPAGE_SIZE - PAGE
    assert ask(lab, sys_pin("get_user_pages_unlocked", start, 3, 0), "T") == 1
    assert ask(lab, sys_pin("get_user_pages_unlocked", start + PAGE, 3, 0), "T") == -EFAULT
    scenario = huge(victim(READ, pin(page=1), **FAMILY), pool=1, reserve=False)
    assert outcomes(scenario) == ("ret=0", "EFAULT")


def test_foll_nowait_gives_no_page_and_keeps_the_lock() -> None:
    steps = [pin(entry="get_user_pages_remote", nowait=True)]
    result = run(huge(victim(*steps, **FAMILY), userfaultfd=True))
    assert (result.tasks["T"].outcome, result.violations) == ("ret=0", ())
    assert [(event.a, event.b) for event in result.trace.select("gup")] == [(0, 1), (0, 1)]


def test_the_flags_of_the_walk_are_those_of_the_tree() -> None:
    steps = [pin(entry="get_user_pages_remote")]
    for tree, flags in ((Tree.before, [0x05, 0x21]), (Tree.after, [0x15, 0x35])):
        scenario = huge(
            victim(*steps, **FAMILY), monitor(WAIT, {"do": "wake", "area": "H"}, WAIT, COPY), userfaultfd=True
        )
        assert [event.a for event in run(scenario, tree).trace.select("walk_attempt")] == flags


# ------------------------------------------------------------------------------------ locks taken again


@pytest.mark.parametrize(
    ("tree", "taken"), [(Tree.before, 2), (Tree.after, 2), (Tree.v5_7, 4), (Tree.later("6.1"), 1)], ids=str
)
def test_which_locks_a_fault_takes_before_and_after_its_wait(tree: Tree, taken: int) -> None:
    result = run(huge(victim(READ, **FAMILY), monitor(WAIT, send("SIGKILL")), userfaultfd=True), tree)
    events = [event for event in result.trace.select("file_lock", task="T") if event.b == "taken"]
    assert len(events) == taken


def test_a_file_that_somebody_else_maps_is_not_freed() -> None:
    files = [{"name": "f", "kind": "hugetlbfs", "pages": 1}]
    scenario = scene(
        victim(READ, **FAMILY),
        task("U", {"do": "wait_post"}, {"do": "munmap", "area": "H"}, {"do": "post", "task": "M"}, **FAMILY),
        monitor(WAIT, {"do": "post", "task": "U"}, {"do": "wait_post"}, {"do": "wake", "area": "H"}),
        area={"userfaultfd": False, **FAMILY},
        more=[{"name": "H", "file": "f", "shared": True, "userfaultfd": True, **FAMILY}],
        files=files,
    )
    result = run(scenario, Tree.v5_7)
    assert result.tasks["T"].outcome == "SIGSEGV(code=1)"
    assert result.violations == ()  # the file has a name, and keeps its locks
