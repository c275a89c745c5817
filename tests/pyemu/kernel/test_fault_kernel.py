"""The x86 retry loop for faults of kernel code: table 5.2 of the series, the exception table, the oops."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.fault import do_page_fault, no_context
from pyemu.calls.uaccess import copy_from_user, get_user
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
from pyemu.effects.exceptions import pagefault_disable, pagefault_enable, take_fixup
from pyemu.effects.extable import (
    COPY_USER_END,
    EXCEPTION_TABLE,
    GET_USER,
    GET_USER_BAD,
    PLAIN_ACCESS,
    search_exception_tables,
)
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import down_write, up_read, up_write
from pyemu.effects.machine import report
from pyemu.effects.pages import alloc_page
from pyemu.effects.records import Regs
from pyemu.effects.signals import send_signal
from pyemu.flags import (
    BUS_ADRERR,
    EFAULT,
    SEGV_MAPERR,
    SIGBUS,
    SIGKILL,
    SIGSEGV,
    SIGUSR1,
    VM_FAULT_HWPOISON,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_SIGSEGV,
)
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, PAGE, READ, V1, WAIT, Lab, monitor, pause, scene, send, victim

OLD, P9, P12, P13, NEW = Tree.before, Tree.upto(9), Tree.upto(12), Tree.upto(13), Tree.after
TREES = [OLD, Tree.upto(4), Tree.upto(8), P9, Tree.upto(10), P12, P13, NEW, Tree.v5_7]
ZERO: dict[str, Any] = {"do": "read_zero", "area": "V", "page": 1}
LONE = scene(victim(ZERO), area={"userfaultfd": False}, machine={"max_ticks": 1000})
USER_LONE = scene(victim(READ), area={"userfaultfd": False}, machine={"max_ticks": 1000})


def answered(*bits: int, signal: int = 0) -> Any:
    """A handle_mm_fault that gives these bits one after the other and then the page.

    It keeps the rule of the lock; with `signal` the first answer comes with a signal pending.
    """
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
        if fault & VM_FAULT_RETRY:
            await up_read(mm)
        return fault

    return handle_mm_fault


def went(result: Result) -> tuple[str, int, int]:
    """Outcome, exceptions and attempts."""
    numbers = result.tasks["T"]
    return numbers.outcome, numbers.stats["exceptions"], numbers.stats["attempts"]


# ------------------------------------------------------------------------------------ 5.2, row by row


@pytest.mark.parametrize("signal", [0, SIGUSR1])
@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_first_retry_of_kernel_code_is_tried_again_whatever_non_fatal_signal_there_is(
    tree: Tree, signal: int
) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY, signal=signal)})
    assert went(result) == ("ret=4096", 1, 2)
    assert not result.violations


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_first_retry_in_user_mode_leaves_for_a_non_fatal_signal_from_nine_on(tree: Tree) -> None:
    result = run(USER_LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY, signal=SIGUSR1)})
    assert went(result) == ("ret=0", 2 if 9 in tree else 1, 2)
    order = [one.kind for one in result.trace.select("attempt", "signal_taken", task="T")]
    assert (order.index("signal_taken") == 1) == (9 in tree)


@pytest.mark.parametrize(
    ("tree", "tries"), [*((tree, 1) for tree in TREES), *((tree, 2) for tree in TREES if 13 in tree)], ids=str
)
def test_sigkill_after_any_retry_of_kernel_code_ends_at_the_fixup(tree: Tree, tries: int) -> None:
    callee = answered(VM_FAULT_RETRY, signal=SIGKILL) if tries == 1 else killed_at_the_second()
    result = run(LONE, tree, {"handle_mm_fault": callee})
    assert went(result) == ("killed:9", 1, tries)
    assert result.trace.select("fixup")  # clear_user reports, the call ends, then the task
    numbers = result.tasks["T"].counters
    assert (numbers["min_flt"], numbers["maj_flt"]) == (0, 0)


def killed_at_the_second() -> Any:
    n = 0

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        nonlocal n
        n += 1
        mm = await current.mm
        if n == 2:
            await send_signal(current, SIGKILL)
        await up_read(mm)
        return VM_FAULT_RETRY

    return handle_mm_fault


def test_a_second_retry_of_kernel_code_before_patch_four_ends_at_the_fixup() -> None:
    # No callee of the kernel gives one: the row is unreachable, and a faulty callee shows it.
    result = run(LONE, OLD, {"handle_mm_fault": answered(VM_FAULT_RETRY, VM_FAULT_RETRY)})
    assert went(result) == ("EFAULT", 1, 2)
    assert "bad unlock balance" not in [one.rule for one in result.violations]


@pytest.mark.parametrize("tree", [Tree.upto(4), P12], ids=str)
def test_a_second_retry_of_kernel_code_releases_a_lock_not_held_from_four_to_twelve(tree: Tree) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY, VM_FAULT_RETRY)})
    assert "bad unlock balance" in [one.rule for one in result.violations]


@pytest.mark.parametrize("tree", [P13, NEW], ids=str)
def test_a_second_retry_of_kernel_code_is_tried_again_from_thirteen_on(tree: Tree) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY, VM_FAULT_RETRY)})
    assert went(result) == ("ret=4096", 1, 3)


# ------------------------------------------------------------------------------------ flags


@pytest.mark.parametrize(
    ("tree", "flags"),
    [
        (OLD, [0x15, 0x31]),
        (Tree.upto(11), [0x15, 0x31]),
        (P12, [0x215, 0x231]),
        (P13, [0x215, 0x235]),
        (NEW, [0x215, 0x235]),
        (Tree.v5_7 + "B5", [0x15, 0x35]),
    ],
    ids=str,
)
def test_kernel_code_faults_without_the_user_flag_and_with_five_without_interruptible(
    tree: Tree, flags: list[int]
) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(VM_FAULT_RETRY)})
    assert [one.a for one in result.trace.select("attempt")] == flags


@pytest.mark.parametrize(
    ("user", "code", "flags"),
    [(True, 0, 0x254), (True, 2, 0x255), (True, 0x10, 0x354), (False, 0x10, 0x314), (False, 2, 0x215)],
)
def test_the_error_code_says_what_for_and_the_registers_say_who(user: bool, code: int, flags: int) -> None:
    async def faults() -> None:
        await do_page_fault(Regs(user=user, ip=GET_USER), code, V1)

    lab = lab_of(faults)
    lab.settle()
    assert [one.a for one in lab.world.trace.select("attempt")] == [flags]


def test_b5_leaves_user_mode_as_it_is() -> None:
    result = run(USER_LONE, Tree.v5_7 + "B5", {"handle_mm_fault": answered(VM_FAULT_RETRY)})
    assert [one.a for one in result.trace.select("attempt")] == [0x254, 0x274]


# ------------------------------------------------------------------------------------ not RETRY


@pytest.mark.parametrize(
    "bits", [VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV, VM_FAULT_HWPOISON, VM_FAULT_OOM], ids=hex
)
@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_error_bits_in_kernel_mode_end_at_the_fixup_and_send_no_signal(tree: Tree, bits: int) -> None:
    result = run(LONE, tree, {"handle_mm_fault": answered(bits)}, strict=True)
    assert went(result) == ("EFAULT", 1, 1)
    assert not result.trace.select("fault_signal", "oom")
    assert result.tasks["T"].counters["page-faults"] == 1
    assert result.tasks["T"].counters["min_flt"] == 0


@pytest.mark.parametrize("bits", [VM_FAULT_SIGBUS, VM_FAULT_OOM], ids=hex)
def test_an_error_of_a_task_that_is_being_killed_ends_at_the_fixup_as_well(bits: int) -> None:
    result = run(LONE, NEW, {"handle_mm_fault": answered(bits, signal=SIGKILL)}, strict=True)
    assert went(result) == ("killed:9", 1, 1)
    assert not result.trace.select("fault_signal", "oom")


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_no_memory_in_user_mode_is_told_and_the_access_made_again(tree: Tree) -> None:
    result = run(USER_LONE, tree, {"handle_mm_fault": answered(VM_FAULT_OOM)}, strict=True)
    assert went(result) == ("ret=0", 2, 2)
    assert len(result.trace.select("oom")) == 1


@pytest.mark.parametrize(("prot", "page"), [("rw", None), ("r", 1)])
def test_no_area_and_an_area_that_forbids_end_at_the_fixup(prot: str, page: int | None) -> None:
    gone = [{"do": "munmap", "area": "V", "page": 1}] if page is None else []
    result = run(scene(victim(*gone, ZERO), area={"userfaultfd": False, "prot": prot}), NEW, strict=True)
    assert went(result) == ("EFAULT", 1, 0)
    assert result.tasks["T"].counters["page-faults"] == 1  # counted before the area is looked for
    assert not result.trace.select("fault_signal")


NOWHERE = {"far below": 0x1000, "below": V1 - 2 * PAGE, "above": V1 + 3 * PAGE, "far above": V1 + 500 * PAGE}


@pytest.mark.parametrize("user", [True, False])
@pytest.mark.parametrize("address", NOWHERE.values(), ids=NOWHERE)
def test_below_and_above_all_areas_there_is_none(user: bool, address: int) -> None:
    async def faults() -> None:
        await do_page_fault(Regs(user=user, ip=GET_USER), 2, address)
        fixup = await take_fixup()
        await report("fixup", f"{fixup:#x}")

    lab = lab_of(faults, prot="r")  # the area beside it would forbid this write: that is not what is told
    lab.settle()
    assert lab.world.reports[0][3] == ("0x0" if user else f"{GET_USER_BAD:#x}")
    infos = [one for place, queue in lab.world.state.data.items() if place[0] == "siginfo" for one in queue]
    assert [(one.signal, one.code, one.address) for one in infos] == (
        [(SIGSEGV, SEGV_MAPERR, address)] if user else []
    )
    assert not lab.world.trace.select("attempt")
    assert not lab.world.violations


# ------------------------------------------------------------------------------------ the exception table


def test_every_entry_leads_to_an_instruction_that_is_no_access_or_is_the_tail() -> None:
    assert all(search_exception_tables(ip) == fixup for ip, fixup in EXCEPTION_TABLE.items())
    ends = {fixup for fixup in EXCEPTION_TABLE.values() if not search_exception_tables(fixup)}
    assert ends >= {COPY_USER_END, GET_USER_BAD}
    assert search_exception_tables(PLAIN_ACCESS) == 0


def lab_of(program: Any, tree: Tree = NEW, **area: Any) -> Lab:
    return Lab(programs={"T": program}, tree=tree, area={"process": "P", "userfaultfd": False, **area})


async def touches_without_an_entry() -> None:
    await down_write(await current.mm)  # the code that faults may hold the lock itself
    await do_page_fault(Regs(user=False, ip=PLAIN_ACCESS), 0, V1)
    await report("outcome", "went on")


def test_kernel_code_without_an_entry_oopses_instead_of_waiting_for_the_lock() -> None:
    lab = lab_of(touches_without_an_entry)
    lab.settle()
    one = lab.task("T")
    assert one.ended
    assert one.killed_by == SIGKILL
    assert lab.rules("T")[0] == "oops"
    text = dict(one.violations)["oops"]
    assert "no entry in the exception table" in text
    assert "copy_from_user" in text
    assert lab.world.trace.select("oops")
    assert not lab.world.reports


async def touches_a_missing_page() -> None:
    await do_page_fault(Regs(user=False, ip=PLAIN_ACCESS), 0, V1)
    await report("outcome", "went on")


def test_kernel_code_without_an_entry_is_served_while_nothing_is_in_the_way() -> None:
    # The table is asked only when the lock is not free, or the page can't be had.
    lab = lab_of(touches_a_missing_page)
    lab.settle()
    assert [value for *_, value in lab.world.reports] == ["went on"]
    assert lab.world.state.get_pte(lab.task("T").mm, V1)
    assert not lab.world.violations


async def touches_with_an_entry() -> None:
    mm = await current.mm
    await down_write(mm)
    await do_page_fault(Regs(user=False, ip=GET_USER), 0, V1)
    await up_write(mm)


def test_kernel_code_with_an_entry_waits_for_the_lock_as_user_mode_does() -> None:
    lab = lab_of(touches_with_an_entry)
    lab.settle()
    assert not lab.task("T").ended  # it waits for itself: that it holds the lock is its own mistake
    assert lab.state("T") == 2
    lab.close()


async def unmapped_without_an_entry() -> None:
    await do_page_fault(Regs(user=False, ip=PLAIN_ACCESS), 0, 0x1000)


def test_kernel_code_without_an_entry_oopses_where_there_is_no_area() -> None:
    lab = lab_of(unmapped_without_an_entry)
    lab.settle()
    assert lab.rules("T") == ["oops"]


@pytest.mark.parametrize("bits", [VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV])
def test_kernel_code_of_a_killed_task_is_sent_to_its_fixup_whatever_the_bits_say(bits: int) -> None:
    result = run(LONE, NEW, {"handle_mm_fault": answered(bits, signal=SIGKILL)})
    calls = [event.text for event in result.trace.select("call", task="T")]
    after = calls[calls.index("mm_fault_error") + 1 :]
    assert after[0] == "no_context"
    assert not {"no_context", "do_sigbus", "bad_area_nosemaphore"} & set(after[1:])


async def asks_for_the_fixup() -> None:
    await no_context(Regs(user=False, ip=GET_USER), 0, V1, int(SIGBUS), BUS_ADRERR)
    first = await take_fixup()
    second = await take_fixup()
    await report("outcome", f"{first:#x} {second:#x}")


def test_a_fixup_is_taken_once() -> None:
    lab = lab_of(asks_for_the_fixup)
    lab.settle()
    assert [value for *_, value in lab.world.reports] == [f"{GET_USER_BAD:#x} 0x0"]


# ------------------------------------------------------------------------------------ page faults off


async def reads_atomically() -> None:
    page = await alloc_page(0)
    await pagefault_disable()
    await pagefault_disable()
    left = await copy_from_user(V1, 100, page, 0)
    await report("outcome", f"{left} left")
    await pagefault_enable()
    byte = await get_user(V1)
    await report("outcome", f"byte {byte}")
    await pagefault_enable()
    byte = await get_user(V1)
    await report("outcome", f"byte {byte}")


def test_with_page_faults_off_a_fault_goes_straight_to_the_fixup_and_is_not_counted() -> None:
    lab = lab_of(reads_atomically)
    lab.settle()
    assert [value for *_, value in lab.world.reports] == ["100 left", f"byte {-EFAULT}", "byte 0"]
    assert (
        len(lab.world.trace.select("exception")) == 4
    )  # the copy and its tail, get_user, and at last get_user
    assert len(lab.world.trace.select("attempt")) == 1
    assert lab.world.state.data["counter", 1, "page-faults"] == 1


# ------------------------------------------------------------------------------------ signals and userfaultfd


@pytest.mark.parametrize("tree", [*TREES, Tree.v5_7 + "B5"], ids=str)
def test_sigkill_ends_the_wait_of_a_kernel_copy_at_once(tree: Tree) -> None:
    result = run(scene(victim(ZERO), monitor(WAIT, pause(1000), send("SIGKILL"), pause(5000))), tree)
    assert went(result) == ("killed:9", 1, 1)
    assert result.ticks < 1100
    assert not result.violations


@pytest.mark.parametrize(
    ("tree", "sleeps_in"),
    [(OLD, 0x102), (Tree.upto(11), 0x102), (P12, 1), (NEW, 1), (Tree.v5_7 + "B5", 0x102)],
)
def test_a_kernel_copy_sleeps_in_state_d_up_to_eleven_and_in_state_s_from_twelve_on(
    tree: Tree, sleeps_in: int
) -> None:
    result = run(scene(victim(ZERO), monitor(WAIT, pause(1000), COPY)), tree, strict=True)
    assert [one.a for one in result.trace.select("sleep", task="T")] == [sleeps_in]


async def zero_page(vma: Vma, address: int, flags: int) -> int:
    mm = await current.mm
    await set_pte_if_none(mm, address, await my_zero_pfn(), False)
    return 0


def test_a_page_that_came_read_only_faults_again_for_the_write() -> None:
    # The callee mapped a page that can't be written: the same instruction makes a second exception.
    result = run(LONE, NEW, {"do_anonymous_page": zero_page}, strict=True)
    assert went(result) == ("ret=4096", 2, 2)
