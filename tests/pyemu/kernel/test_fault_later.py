"""The x86 fault entry of later kernels: a first pass under the lock of the area, one rule for counting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pyemu import Machine, Tree, run
from pyemu.effects.entries import set_pte_if_none
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import up_read
from pyemu.effects.pages import alloc_page
from pyemu.effects.signals import send_signal
from pyemu.effects.vma_locks import vma_end_read
from pyemu.flags import (
    FAULT_FLAG_VMA_LOCK,
    PAGE_SIZE,
    SIGUSR1,
    VM_FAULT_COMPLETED,
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VmFlag,
)
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, WAKE, WRITE, Lab, V, monitor, pause, scene, task, victim

LATER = [Tree.later("6.12"), Tree.later("6.18"), Tree.later("7.2")]
EARLIER = [Tree.v5_7, Tree.later("5.10"), Tree.later("6.1"), Tree.later("6.3")]
FIRST = [Tree.later("6.4"), Tree.later("6.5")]  # with the locks of areas
ZERO: dict[str, Any] = {"do": "read_zero", "area": "V", "page": 1}
LONE = scene(victim(READ), area={"userfaultfd": False}, machine={"max_ticks": 1000})


def flags(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("attempt", task="T")]


def counters(result: Result) -> tuple[int, int, int]:
    found = result.tasks["T"].counters
    return found["min_flt"], found["maj_flt"], found["page-faults"]


def answered(*bits: int, signal: int = 0) -> Any:
    """A handle_mm_fault that gives these bits one after the other and then the page, by the locks' rules."""
    left = list(bits)
    first = [signal] if signal else []

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if first:
            await send_signal(current, first.pop())
        if not left:
            await set_pte_if_none(mm, address, await alloc_page(0), True)
            return 0
        fault = left.pop(0)
        if fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED):
            await (vma_end_read(mm) if flags & FAULT_FLAG_VMA_LOCK else up_read(mm))
            if fault & VM_FAULT_COMPLETED:
                await set_pte_if_none(mm, address, await alloc_page(0), True)
        return fault

    return handle_mm_fault


# ------------------------------------------------------------------------------------ the first pass


@pytest.mark.parametrize("tree", LATER, ids=str)
def test_a_page_that_needs_no_wait_never_takes_mmap_sem(tree: Tree) -> None:
    result = run(LONE, tree, strict=True)
    assert flags(result) == [0x1254]
    assert result.tasks["T"].stats["acquisitions"] == 0
    assert counters(result) == (1, 0, 1)


@pytest.mark.parametrize("tree", EARLIER, ids=str)
def test_earlier_kernels_take_mmap_sem_at_once(tree: Tree) -> None:
    assert flags(run(LONE, tree, strict=True)) == [0x254]


@pytest.mark.parametrize("tree", [*FIRST, Tree.later("6.8")], ids=str)
def test_fresh_anonymous_memory_needs_its_own_lock_alone_from_the_start(tree: Tree) -> None:
    result = run(LONE, tree, strict=True)
    assert (flags(result), result.tasks["T"].stats["acquisitions"]) == ([0x1254], 0)
    assert result.vmstat["vma_lock_success"] == 1


@pytest.mark.parametrize("tree", FIRST, ids=str)
@pytest.mark.parametrize(
    "area", [{"userfaultfd": True}, {"userfaultfd": False, "kind": "shmem"}], ids=["userfaultfd", "shmem"]
)
def test_the_first_kernels_with_such_locks_leave_all_other_memory_to_mmap_sem(
    tree: Tree, area: dict[str, Any]
) -> None:
    answers = [monitor(WAIT, COPY)] if area["userfaultfd"] else []
    result = run(scene(victim(), *answers, area=area), tree, strict=True)
    assert flags(result)[0] == 0x254
    assert (result.vmstat["vma_lock_abort"], result.vmstat.get("vma_lock_success", 0)) == (1, 0)
    assert not result.violations


@pytest.mark.parametrize(
    ("tree", "acquired"), [*((one, 1) for one in FIRST), (Tree.later("6.8"), 1), (LATER[0], 0)]
)
def test_a_forbidden_access_is_looked_at_again_under_mmap_sem_before_6_12(tree: Tree, acquired: int) -> None:
    result = run(scene(victim(WRITE), area={"userfaultfd": False, "prot": "r"}), tree, strict=True)
    assert result.tasks["T"].outcome == "SIGSEGV(code=2)"
    assert result.tasks["T"].stats["acquisitions"] == acquired
    assert flags(result) == []


@pytest.mark.parametrize("tree", FIRST, ids=str)
def test_the_first_kernels_never_call_a_fault_tried_after_the_pass_under_the_areas_lock(tree: Tree) -> None:
    slow = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY | VM_FAULT_MAJOR)}, strict=True)
    assert flags(slow) == [0x1254, 0x254]


@pytest.mark.parametrize("tree", LATER, ids=str)
@pytest.mark.parametrize(
    ("wakes", "attempts", "counted"),
    [(0, [0x1254, 0x254], (1, 0, 1)), (1, [0x1254, 0x254, 0x274], (0, 1, 1))],
)
def test_a_userfault_is_minor_at_its_first_wait_and_major_later(
    tree: Tree, wakes: int, attempts: list[int], counted: tuple[int, int, int]
) -> None:
    answers = [*[WAIT, pause(100), WAKE] * wakes, WAIT, pause(100), COPY]
    result = run(scene(victim(), monitor(*answers)), tree, strict=True)
    assert flags(result) == attempts
    assert counters(result) == counted


@pytest.mark.parametrize("tree", LATER, ids=str)
def test_kernel_code_goes_straight_to_mmap_sem_and_counts_major(tree: Tree) -> None:
    result = run(scene(victim(ZERO), monitor(WAIT, pause(100), COPY)), tree, strict=True)
    assert flags(result) == [0x215, 0x235]
    assert counters(result) == (0, 1, 1)


@pytest.mark.parametrize("tree", LATER, ids=str)
def test_tried_follows_the_first_pass_only_if_that_said_major(tree: Tree) -> None:
    slow = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY | VM_FAULT_MAJOR)}, strict=True)
    assert (flags(slow), counters(slow)) == ([0x1254, 0x274], (0, 1, 1))
    quick = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY)}, strict=True)
    assert (flags(quick), counters(quick)) == ([0x1254, 0x254], (1, 0, 1))
    both = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY, VM_FAULT_RETRY)})
    assert flags(both) == [0x1254, 0x254, 0x274]
    assert "I5" not in [one.rule for one in both.violations]


@pytest.mark.parametrize("tree", LATER, ids=str)
def test_a_signal_after_the_first_pass_leaves_without_mmap_sem(tree: Tree) -> None:
    callee = {"handle_mm_fault": answered(VM_FAULT_RETRY, signal=SIGUSR1)}
    result = run(LONE, tree, callee, strict=True)
    assert flags(result) == [0x1254, 0x1254]
    assert counters(result) == (1, 0, 2)
    assert result.tasks["T"].stats["acquisitions"] == 0
    order = [event.kind for event in result.trace.select("attempt", "signal_taken")]
    assert order == ["attempt", "signal_taken", "attempt"]
    assert (result.vmstat["vma_lock_retry"], result.vmstat["vma_lock_success"]) == (1, 1)


@pytest.mark.parametrize(
    ("bits", "outcome", "ooms"),
    [(VM_FAULT_SIGBUS, "SIGBUS(code=2)", 0), (VM_FAULT_OOM, "ret=0", 1)],
    ids=["SIGBUS", "OOM"],
)
def test_an_error_in_the_first_pass_releases_the_area_and_is_told(bits: int, outcome: str, ooms: int) -> None:
    result = run(LONE, LATER[0], {"handle_mm_fault": answered(bits)}, strict=True)
    assert result.tasks["T"].outcome == outcome
    assert len(result.trace.select("oom")) == ooms
    released = [event.b for event in result.trace.select("vma_lock")]
    assert released.count("taken") == released.count("released")


def test_an_access_that_the_area_forbids_is_refused_under_its_lock() -> None:
    result = run(scene(victim(WRITE), area={"userfaultfd": False, "prot": "r"}), LATER[0], strict=True)
    assert result.tasks["T"].outcome == "SIGSEGV(code=2)"
    assert result.tasks["T"].stats["acquisitions"] == 0
    assert result.vmstat["vma_lock_success"] == 1


def test_where_there_is_no_area_mmap_sem_is_taken_to_say_so() -> None:
    gone = {"do": "munmap", "area": "V", "page": 1}
    result = run(scene(victim(gone, READ), area={"userfaultfd": False}), LATER[0], strict=True)
    assert result.tasks["T"].outcome == "SIGSEGV(code=1)"
    assert [event.b for event in result.trace.select("vma_lock_missed")] == ["there is no area"]


@pytest.mark.parametrize("tree", LATER, ids=str)
def test_vmstat_tells_how_first_passes_went(tree: Tree) -> None:
    gone = {"do": "munmap", "area": "V", "page": 3}
    steps = [READ, {"do": "read", "area": "V", "page": 2}, gone, {"do": "read", "area": "V", "page": 3}]
    answers = [WAIT, pause(100), COPY, WAIT, {**COPY, "page": 2}]
    result = run(scene(victim(*steps), monitor(*answers)), tree, strict=True)
    # Both pages take a second pass, and the read of what is unmapped can't be locked at all.
    assert (result.vmstat["vma_lock_retry"], result.vmstat["vma_lock_abort"]) == (2, 1)
    plain = run(LONE, tree, strict=True).vmstat
    assert plain == {"pgfault": 1, "pgmajfault": 0, "vma_lock_success": 1}


@pytest.mark.parametrize("tree", [*LATER, Tree.later("6.1")], ids=str)
def test_completed_ends_the_fault_with_its_lock_dropped(tree: Tree) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_COMPLETED)}, strict=True)
    assert result.tasks["T"].outcome == "ret=0"
    assert counters(result) == (1, 0, 1)
    assert len(flags(result)) == 1


# ------------------------------------------------------------------------------------ others change areas


@pytest.mark.parametrize(
    "change",
    [
        {"do": "mmap_fixed", "area": "V", "page": 1},
        {"do": "munmap", "area": "V", "page": 1},
        {"do": "unregister", "area": "V"},
        {"do": "mprotect", "area": "V", "page": 1, "prot": "r"},
    ],
    ids=lambda step: str(step["do"]),
)
@pytest.mark.parametrize("tree", LATER, ids=str)
def test_who_changes_an_area_meets_no_fault_in_it(tree: Tree, change: dict[str, Any]) -> None:
    here = {"process": "P"}
    reads = [{"do": "read", "area": "V", "page": page} for page in (0, 1, 2, 3)]
    result = run(
        scene(
            victim(*reads, **here, signals={"SIGSEGV": "escape", "SIGBUS": "escape"}),
            task("U", change, {"do": "read", "area": "V", "page": 2}, **here),
            monitor(*[{"do": "wait_message", "ticks": 50}, {**COPY, "answer": True}] * 6),
            area={"process": "P"},
        ),
        tree,
        strict=True,
    )
    assert len(result.tasks["T"].outcomes) == 4


@pytest.mark.parametrize("tree", LATER, ids=str)
def test_a_writer_waits_for_a_fault_that_holds_the_area(tree: Tree) -> None:
    lab = Lab.__new__(Lab)
    lab.machine = Machine(
        scene(
            victim(READ, process="P"),
            task("U", {"do": "munmap", "area": "V"}, process="P"),
            area={"process": "P", "userfaultfd": False},
        ),
        tree,
    )
    lab.world, lab.executor = lab.machine.world, lab.machine.executor
    lab.orders, lab.results = {}, {}
    for one in lab.world.tasks.values():
        one.cpu = one.id - 1
    while not lab.task("T").locks:
        lab.turn("T")
    lab.settle("U")
    assert lab.state("U") == 2
    lab.settle()
    assert all(one.ended for one in lab.world.tasks.values())
    assert not lab.world.violations


# ------------------------------------------------------------------------------------ waits and counters


@pytest.mark.parametrize("tree", [Tree.v5_7, *LATER], ids=str)
def test_pgfault_counts_attempts_and_later_faults(tree: Tree) -> None:
    answers = [WAIT, pause(100), WAKE, WAIT, pause(100), COPY]
    result = run(scene(victim(ZERO), monitor(*answers)), tree, strict=True)
    assert len(flags(result)) == 3
    assert result.vmstat["pgfault"] == (1 if tree in LATER else 3)


@pytest.mark.parametrize(
    ("tree", "ended"),
    [(Tree.v5_7, False), (Tree.later("5.10"), False), (Tree.later("6.1"), True), (LATER[0], True)],
)
def test_sigkill_ends_the_wait_of_a_fault_for_mmap_sem_in_later_kernels(tree: Tree, ended: bool) -> None:
    from pyemu.calls.fault import do_page_fault
    from pyemu.effects.handles import Mm
    from pyemu.effects.handles import Task as TaskHandle
    from pyemu.effects.locks import down_write
    from pyemu.effects.records import Regs
    from pyemu.flags import SIGKILL

    async def faults() -> None:
        await do_page_fault(Regs(user=False, ip=0x8100_1200), 0, V)

    lab = Lab("W", programs={"T": faults}, tree=tree, area={"process": "P", "userfaultfd": False})
    lab.do("W", down_write(Mm(lab.task("T").mm)))
    lab.settle("T")
    assert lab.state("T") == (0x102 if ended else 2)
    lab.do("W", send_signal(TaskHandle(lab.task("T").id), SIGKILL))
    lab.settle("T")
    assert lab.task("T").ended == ended
    assert not lab.world.violations
    assert not lab.world.trace.select("find_vma", task="T")
    lab.close()


# ------------------------------------------------------------------------------------ stacks


@pytest.mark.parametrize(("gap", "outcome"), [(256, "ret=0"), (1000, "ret=0"), (255, "SIGSEGV(code=1)")])
@pytest.mark.parametrize("tree", [Tree.before, Tree.after, LATER[0]], ids=str)
def test_a_stack_grows_to_the_page_of_the_fault_if_256_pages_below_stay_free(
    tree: Tree, gap: int, outcome: str
) -> None:
    below, stack = V, V + (1 + gap) * PAGE_SIZE
    data = scene(
        victim({"do": "read", "area": "S"}),
        area={"address": below, "pages": 1, "userfaultfd": False},
        more=[{"name": "S", "address": stack, "pages": 4}],
    )
    machine = Machine(data, tree)
    state = machine.world.state
    area = state.data["vma", 2]
    state.data["vma", 2] = replace(area, start=stack + 3 * PAGE_SIZE, flags=area.flags | VmFlag.GROWSDOWN)
    result = machine.run(strict=True)
    assert result.tasks["T"].outcome == outcome
    assert (state.data["vma", 2].start == stack) == (outcome == "ret=0")
