"""get_user_pages: table 5.6 of the series, the protocol of `locked`, and what each caller's entry allows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pyemu import Tree
from pyemu.calls.gup import (
    __get_user_pages,
    __get_user_pages_locked,
    check_vma_flags,
    faultin_page,
    get_user_pages,
    get_user_pages_fast,
    get_user_pages_locked,
    get_user_pages_remote,
    get_user_pages_unlocked,
)
from pyemu.effects import Effect
from pyemu.effects.areas import find_vma, insert_vma
from pyemu.effects.entries import get_pte, mk_pte, my_zero_pfn, set_pte_if_none, set_pte_if_same
from pyemu.effects.handles import Mm, Task, Vma, current
from pyemu.effects.locks import down_read, down_write, up_read, up_write
from pyemu.effects.pages import alloc_page, look_at_page
from pyemu.effects.records import FaultinResult, GupResult
from pyemu.effects.signals import send_signal
from pyemu.flags import (
    EAGAIN,
    EBUSY,
    EFAULT,
    EHWPOISON,
    EINTR,
    ENOENT,
    ENOMEM,
    ERESTARTSYS,
    FOLL_FORCE,
    FOLL_GET,
    FOLL_HWPOISON,
    FOLL_MLOCK,
    FOLL_NOWAIT,
    FOLL_POPULATE,
    FOLL_REMOTE,
    FOLL_TRIED,
    FOLL_WRITE,
    PAGE_RW,
    SIGKILL,
    VM_FAULT_COMPLETED,
    VM_FAULT_HWPOISON,
    VM_FAULT_MAJOR,
    VM_FAULT_OOM,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_FAULT_SIGSEGV,
    VM_FAULT_WRITE,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from tests.pyemu.scenes import PAGE, V1, Lab, V

OLD, NEW, FIXED = Tree.before, Tree.after, Tree.v5_7
PLAIN = {"userfaultfd": False}
Handler = Callable[..., Coroutine[Any, Any, int]]


def answered(*bits: int) -> tuple[Handler, list[int]]:
    """A handle_mm_fault that gives these bits in turn, then maps a page; and the flags that it was given."""
    left, flags_seen = list(bits), []

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        flags_seen.append(flags)
        mm = await vma.vm_mm
        if left and left[0] != 0:
            fault = left.pop(0)
            if fault & (VM_FAULT_RETRY | VM_FAULT_COMPLETED) and not flags & 0x8:
                await up_read(mm)
            return fault
        if left:
            left.pop(0)
        await set_pte_if_none(mm, address & -PAGE, await alloc_page(3), True)
        return 0

    return handle_mm_fault, flags_seen


def made(
    make: Callable[[], Coroutine[Any, Any, Any]],
    *bits: int,
    tree: Tree = FIXED,
    area: dict[str, Any] | None = None,
    kill: bool = False,
) -> tuple[Any, list[int], Lab]:
    """Run a piece of kernel code as a task whose faults give these bits."""
    handler, flags = answered(*bits)
    found: list[Any] = []

    async def program() -> None:
        if kill:
            await send_signal(current, SIGKILL)
        found.append(await make())
        await Effect("park")  # so that nothing is undone at its end

    lab = Lab(
        programs={"T": program},
        tree=tree,
        area={**PLAIN, **(area or {})},
        override={"handle_mm_fault": handler},
    )
    lab.settle()
    assert found, "the call never came back"
    return found[0], flags, lab


def held(lab: Lab) -> int:
    return len(lab.task("T").holds)


def rules(lab: Lab) -> list[str]:
    return lab.rules("T")


# ------------------------------------------------------------------------------------- faultin_page


def fault_in(foll_flags: int, locked: int | None) -> Callable[[], Coroutine[Any, Any, FaultinResult]]:
    async def make() -> FaultinResult:
        mm = await current.mm
        await down_read(mm)
        vma = await find_vma(mm, V1)
        assert vma is not None
        return await faultin_page(current, vma, V1, foll_flags, locked)

    return make


@pytest.mark.parametrize(
    ("bits", "flags", "error"),
    [
        (VM_FAULT_OOM, 0, -ENOMEM),
        (VM_FAULT_HWPOISON, 0, -EFAULT),
        (VM_FAULT_HWPOISON, FOLL_HWPOISON, -EHWPOISON),
        (VM_FAULT_SIGBUS, 0, -EFAULT),
        (VM_FAULT_SIGSEGV, 0, -EFAULT),
        (VM_FAULT_RETRY, 0, -EBUSY),
        (0, 0, 0),
    ],
)
def test_faultin_page_gives_the_error_of_the_table(bits: int, flags: int, error: int) -> None:
    got, _, lab = made(fault_in(flags, 1), bits)
    retry = bits == VM_FAULT_RETRY
    assert got == FaultinResult(error, 0 if retry else 1, flags)
    assert held(lab) == (0 if retry else 1)


def test_a_fault_that_was_served_without_the_lock_is_looked_for_again() -> None:
    assert made(fault_in(0, 1), VM_FAULT_COMPLETED)[0] == FaultinResult(-EAGAIN, 0, 0)
    got, flags, lab = made(locked_call(1), VM_FAULT_COMPLETED)
    assert (got.n, got.locked, flags, held(lab)) == (1, 0, [0x15, 0x35], 0)


def test_retry_without_a_wait_leaves_locked_one() -> None:
    got, flags, lab = made(fault_in(FOLL_NOWAIT, 1), VM_FAULT_RETRY)
    assert (got.error, got.locked, held(lab)) == (-EBUSY, 1, 1)
    assert flags == [0x1C]
    assert rules(lab) == []


@pytest.mark.parametrize(
    ("foll", "locked", "before", "after"),
    [
        (0, 1, 0x04, 0x14),
        (FOLL_WRITE, 1, 0x05, 0x15),
        (FOLL_REMOTE | FOLL_WRITE, 1, 0x85, 0x95),
        (FOLL_REMOTE | FOLL_WRITE | FOLL_TRIED, None, 0xA1, 0xA1),
        (FOLL_WRITE | FOLL_TRIED, 1, 0x25, 0x35),
        (0, None, 0, 0),
        (FOLL_NOWAIT, None, 0x0C, 0x0C),
    ],
)
def test_fault_flags_follow_from_what_the_caller_asks_for(
    foll: int, locked: int | None, before: int, after: int
) -> None:
    for tree, expected in ((OLD, before), (Tree.upto(14), before), (Tree.upto(15), after), (FIXED, after)):
        assert made(fault_in(foll, locked), tree=tree)[1] == [expected], tree


@pytest.mark.parametrize("bits", [0, VM_FAULT_MAJOR, VM_FAULT_RETRY, VM_FAULT_RETRY | VM_FAULT_MAJOR])
def test_each_attempt_counts_for_the_task_and_perf_hears_nothing(bits: int) -> None:
    _, _, lab = made(fault_in(0, 1), bits)
    counted = {key: n for key, n in lab.task("T").stats.items() if "flt" in key or "faults" in key}
    assert counted == {"maj_flt" if bits & VM_FAULT_MAJOR else "min_flt": 1}


def test_an_error_is_counted_nowhere() -> None:
    _, _, lab = made(fault_in(0, 1), VM_FAULT_SIGBUS)
    assert not {"maj_flt", "min_flt"} & set(lab.task("T").stats)


@pytest.mark.parametrize(("release", "n"), [("6.1", 0), ("6.12", 1)])
def test_vmstat_counts_an_attempt_with_an_error_from_six_four_on(release: str, n: int) -> None:
    # The faulty callee does not count: up to 6.3 it is handle_mm_fault's first line that does.
    _, _, lab = made(fault_in(0, 1), VM_FAULT_SIGBUS, tree=Tree.later(release))
    assert lab.world.state.data.get(("vmstat", "pgfault"), 0) == n


def test_locking_without_populating_brings_in_nothing() -> None:
    got, flags, _ = made(fault_in(FOLL_MLOCK, 1))
    assert (got.error, flags) == (-ENOENT, [])
    assert made(fault_in(FOLL_MLOCK | FOLL_POPULATE, 1))[1] == [0x14]


# ------------------------------------------------------------------------------------- areas


@pytest.mark.parametrize(
    ("vm_flags", "gup_flags", "allowed"),
    [
        (VM_READ, 0, True),
        (VM_READ, FOLL_WRITE, False),
        (VM_READ, FOLL_WRITE | FOLL_FORCE, True),
        (VM_READ | VM_SHARED, FOLL_WRITE | FOLL_FORCE, False),
        (VM_READ | VM_WRITE, FOLL_WRITE, True),
        (0, 0, False),
        (0, FOLL_FORCE, True),
        (VM_WRITE, 0, False),
    ],
)
def test_an_area_allows_what_its_permissions_say_and_force_looks_past_them(
    vm_flags: int, gup_flags: int, allowed: bool
) -> None:
    async def make() -> int:
        mm = await current.mm
        await down_write(mm)
        vma = await insert_vma(mm, V + (1 << 20), V + (2 << 20), vm_flags)
        return await check_vma_flags(vma, gup_flags)

    assert made(make)[0] == (0 if allowed else -EFAULT)


# ------------------------------------------------------------------------------------- __get_user_pages


def pages_of(
    n: int, flags: int = FOLL_WRITE, locked: int | None = 1, start: int = V
) -> Callable[[], Coroutine[Any, Any, GupResult]]:
    async def make() -> GupResult:
        mm = await current.mm
        await down_read(mm)
        return await __get_user_pages(current, mm, start, n, flags | FOLL_GET, locked)

    return make


def test_pages_come_with_a_reference_each() -> None:
    async def make() -> list[int]:
        got = await pages_of(3)()
        assert (got.n, got.locked, len(got.pages)) == (3, 1, 3)
        return [(await look_at_page(page)).refcount for page in got.pages]

    assert made(make)[0] == [2, 2, 2]  # the entry's and ours


def test_without_foll_get_pages_are_faulted_in_and_kept_from_the_caller() -> None:
    async def make() -> GupResult:
        mm = await current.mm
        await down_read(mm)
        return await __get_user_pages(current, mm, V, 2, FOLL_WRITE, 1)

    assert made(make)[0] == GupResult(2, 1, ())


@pytest.mark.parametrize("bits", [VM_FAULT_SIGBUS, VM_FAULT_OOM, VM_FAULT_RETRY])
def test_a_positive_count_wins_over_an_error_and_over_retry(bits: int) -> None:
    got, _, _ = made(pages_of(3), 0, 0, bits)
    assert (got.n, len(got.pages), got.locked) == (2, 2, 0 if bits == VM_FAULT_RETRY else 1)


@pytest.mark.parametrize(
    ("bits", "n", "locked"),
    [(VM_FAULT_SIGBUS, -EFAULT, 1), (VM_FAULT_OOM, -ENOMEM, 1), (VM_FAULT_RETRY, 0, 0)],
)
def test_with_no_page_an_error_is_told_and_retry_is_none(bits: int, n: int, locked: int) -> None:
    assert made(pages_of(3), bits)[0] == GupResult(n, locked, ())


@pytest.mark.parametrize("done", [0, 1])
@pytest.mark.parametrize(
    ("tree", "error"),
    [(OLD, -ERESTARTSYS), (NEW, -ERESTARTSYS), (FIXED - "B4", -ERESTARTSYS), (FIXED, -EINTR)],
)
def test_a_killed_task_gets_no_page_more(tree: Tree, error: int, done: int) -> None:
    async def make() -> GupResult:
        mm = await current.mm
        await down_read(mm)
        if done:
            await set_pte_if_none(mm, V, await alloc_page(1), True)
        return await __get_user_pages(current, mm, V, 2, FOLL_GET | FOLL_WRITE, 1)

    got, flags, lab = made(make, tree=tree, kill=True)
    assert (got.n, got.locked, flags, held(lab)) == (error, 1, [], 1)


def test_a_range_that_leaves_its_area_is_short_and_one_outside_every_area_fails() -> None:
    assert made(pages_of(4, start=V + 2 * PAGE))[0].n == 2
    assert made(pages_of(1, start=V + 100 * PAGE))[0] == GupResult(-EFAULT, 1, ())
    assert made(pages_of(1, start=V - PAGE))[0].n == -EFAULT  # below the area, though find_vma gives it


def test_no_pages_asked_for_are_no_pages_and_no_error() -> None:
    assert made(pages_of(0))[0] == GupResult(0, 1, ())


def test_a_read_faults_as_a_write_up_to_five_seven_where_a_copy_could_be_wrong() -> None:
    for tree, flags in ((OLD, 0x05), (FIXED, 0x15), (Tree.later("5.10"), 0x14)):
        assert made(pages_of(1, flags=0), tree=tree)[1] == [flags], tree


def test_a_read_of_the_zero_page_gets_it_where_reads_are_reads() -> None:
    async def make() -> GupResult:
        mm = await current.mm
        await set_pte_if_none(mm, V, await my_zero_pfn(), False)
        return await pages_of(1, flags=0)()

    got, flags, _ = made(make, tree=Tree.later("5.10"))
    assert (got.n, flags) == (1, [])


def test_a_forced_write_is_served_by_a_copy_whose_entry_stays_read_only() -> None:
    seen: list[int] = []

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        seen.append(flags)
        mm = await vma.vm_mm
        if len(seen) == 1:
            await set_pte_if_none(mm, address, await my_zero_pfn(), False)
            return 0
        copy = await mk_pte(await alloc_page(0), 0x65)  # present, user, accessed, dirty: all but writable
        assert not copy & PAGE_RW
        await set_pte_if_same(mm, address, await get_pte(mm, address), copy)
        return VM_FAULT_WRITE

    found: list[GupResult] = []

    async def program() -> None:
        found.append(await pages_of(1, flags=FOLL_WRITE | FOLL_FORCE)())

    lab = Lab(
        programs={"T": program}, area={**PLAIN, "prot": "r"}, override={"handle_mm_fault": handle_mm_fault}
    )
    lab.settle()
    assert (found[0].n, len(seen)) == (1, 2)


# ------------------------------------------------------------------------------------- after RETRY


def locked_call(
    n: int, locked: int | None = 1, flags: int = FOLL_WRITE
) -> Callable[[], Coroutine[Any, Any, GupResult]]:
    async def make() -> GupResult:
        mm = await current.mm
        await down_read(mm)
        return await __get_user_pages_locked(current, mm, V, n, locked, flags | FOLL_GET)

    return make


RETRY = VM_FAULT_RETRY


@pytest.mark.parametrize(
    ("tree", "n", "bits", "expected", "flags"),
    [
        # One wait a page up to 13; the second attempt is not allowed to wait.
        (OLD, 1, [RETRY], (1, 0), [0x05, 0x21]),
        (OLD, 1, [RETRY, VM_FAULT_SIGBUS], (-EFAULT, 0), [0x05, 0x21]),
        (OLD, 3, [RETRY, 0, RETRY, 0], (3, 0), [0x05, 0x21, 0x05, 0x21, 0x05]),
        (OLD, 3, [0, RETRY, VM_FAULT_SIGBUS], (1, 0), [0x05, 0x05, 0x21]),
        # What came before the wait counts with what came after it, and an error behind both is not told.
        (OLD, 3, [RETRY, 0, VM_FAULT_SIGBUS], (1, 0), [0x05, 0x21, 0x05]),
        (FIXED, 4, [RETRY, 0, 0, VM_FAULT_SIGBUS], (2, 0), [0x15, 0x35, 0x15, 0x15]),
        # From 14 on any number.
        (Tree.upto(14), 1, [RETRY, RETRY, RETRY], (1, 0), [0x05, 0x25, 0x25, 0x25]),
        (FIXED, 1, [RETRY, RETRY, RETRY], (1, 0), [0x15, 0x35, 0x35, 0x35]),
        (FIXED, 2, [RETRY, RETRY, 0, RETRY], (2, 0), [0x15, 0x35, 0x35, 0x15, 0x35]),
        (FIXED, 2, [0, RETRY, VM_FAULT_OOM], (1, 0), [0x15, 0x15, 0x35]),
        # Nothing was dropped: nothing is released either.
        (FIXED, 2, [0, 0], (2, 1), [0x15, 0x15]),
        (FIXED, 2, [VM_FAULT_SIGBUS], (-EFAULT, 1), [0x15]),
    ],
)
def test_the_retry_loop_counts_pages_and_says_what_became_of_the_lock(
    tree: Tree, n: int, bits: list[int], expected: tuple[int, int], flags: list[int]
) -> None:
    got, seen, lab = made(locked_call(n), *bits, tree=tree)
    assert ((got.n, got.locked), seen) == (expected, flags)
    assert held(lab) == got.locked
    assert len(got.pages) == max(got.n, 0)
    assert {"bad unlock balance", "I1", "I5"} & set(rules(lab)) == set()


@pytest.mark.parametrize("tree", [OLD, FIXED], ids=str)
def test_nowait_gives_no_page_and_keeps_the_lock(tree: Tree) -> None:
    got, seen, lab = made(locked_call(2, flags=FOLL_NOWAIT | FOLL_WRITE), 0, RETRY, tree=tree)
    assert (got.n, got.locked, held(lab), len(seen)) == (1, 1, 1, 2)
    got, _, lab = made(locked_call(1, flags=FOLL_NOWAIT | FOLL_WRITE), RETRY, tree=tree)
    assert (got.n, got.locked, held(lab)) == (0, 1, 1)


def test_without_locked_nothing_is_dropped_and_retry_not_allowed() -> None:
    got, seen, lab = made(locked_call(1, None), VM_FAULT_SIGBUS)
    assert (got, seen, held(lab)) == (GupResult(-EFAULT, None, ()), [0x01], 1)


def killed_after(*bits: int, n: int = 1, tree: Tree = FIXED) -> tuple[GupResult, Lab]:
    """Pages of a task that gets SIGKILL while its last fault waits."""
    left = list(bits)

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await vma.vm_mm
        fault = left.pop(0)
        if not left:
            await send_signal(current, SIGKILL)
        if fault & RETRY:
            await up_read(mm)
            return fault
        await set_pte_if_none(mm, address, await alloc_page(0), True)
        return 0

    found: list[GupResult] = []

    async def program() -> None:
        found.append(await locked_call(n)())

    lab = Lab(programs={"T": program}, tree=tree, area=PLAIN, override={"handle_mm_fault": handle_mm_fault})
    lab.settle()
    return found[0], lab


@pytest.mark.parametrize(
    ("tree", "n", "taken"),
    [
        (OLD, -ERESTARTSYS, 2),  # takes the lock again, and is told by __get_user_pages
        (Tree.upto(13), -ERESTARTSYS, 2),
        (Tree.upto(14), 0, 1),  # B2: no page, and no error
        (NEW, 0, 1),
        (NEW + "B2", -EINTR, 1),
        (FIXED, -EINTR, 1),
        (FIXED - "B2", 0, 1),
    ],
    ids=str,
)
def test_a_task_killed_in_its_wait(tree: Tree, n: int, taken: int) -> None:
    got, lab = killed_after(RETRY, tree=tree)
    assert (got.n, got.locked, held(lab)) == (n, 0, 0)
    assert lab.task("T").stats["acquisitions"] == taken
    assert rules(lab) == []


@pytest.mark.parametrize("tree", [OLD, NEW, FIXED], ids=str)
def test_pages_that_a_killed_task_has_are_given_to_it(tree: Tree) -> None:
    got, lab = killed_after(0, RETRY, n=3, tree=tree)
    assert (got.n, got.locked, len(got.pages), held(lab)) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("tree", "n", "broken"),
    [
        (NEW, -EINTR, ["bad unlock balance"]),
        (FIXED - "B1", -EINTR, ["bad unlock balance"]),
        (NEW + "B1", -EINTR, []),
        (FIXED, -EINTR, []),
    ],
    ids=str,
)
def test_a_wait_for_the_lock_that_is_killed(tree: Tree, n: int, broken: list[str]) -> None:
    handler, _ = answered(RETRY)
    found: list[GupResult] = []

    async def program() -> None:
        found.append(await locked_call(1)())

    lab = Lab("W", programs={"T": program}, tree=tree, area=PLAIN, override={"handle_mm_fault": handler})
    lab.turn("T")  # it holds the lock now, and the writer queues
    lab.do("W", down_write(Mm(1)))
    lab.settle("T")
    assert lab.waits("T")
    lab.go_on("W")
    lab.do("W", send_signal(handle(lab, "T"), SIGKILL))
    lab.settle("T")
    assert (found[0].n, found[0].locked) == (n, 0)
    assert rules(lab) == broken
    lab.do("W", up_write(Mm(1)))


def handle(lab: Lab, name: str) -> Task:
    return Task(lab.task(name).id)


# ------------------------------------------------------------------------------------- entries


def test_get_user_pages_never_lets_a_fault_wait() -> None:
    async def make() -> GupResult:
        await down_read(await current.mm)
        return await get_user_pages(V, 2, FOLL_WRITE)

    got, flags, lab = made(make)
    assert (got.n, got.locked, flags, held(lab)) == (2, None, [0x01, 0x01], 1)


def test_get_user_pages_locked_passes_locked_on() -> None:
    async def make() -> GupResult:
        await down_read(await current.mm)
        return await get_user_pages_locked(V, 1, FOLL_WRITE, 1)

    got, flags, lab = made(make, RETRY)
    assert (got.n, got.locked, flags, held(lab)) == (1, 0, [0x15, 0x35], 0)


@pytest.mark.parametrize("bits", [[], [RETRY], [VM_FAULT_SIGBUS], [RETRY, VM_FAULT_SIGBUS]])
def test_get_user_pages_unlocked_takes_and_releases_the_lock(bits: list[int]) -> None:
    async def make() -> GupResult:
        return await get_user_pages_unlocked(V, 1, FOLL_WRITE)

    got, _, lab = made(make, *bits)
    assert (got.n, got.locked, held(lab)) == (-EFAULT if VM_FAULT_SIGBUS in bits else 1, None, 0)
    assert rules(lab) == []


def test_get_user_pages_remote_says_remote_and_counts_for_the_owner() -> None:
    handler, flags = answered(RETRY)
    found: list[GupResult] = []

    async def program() -> None:
        await down_read(Mm(1))
        found.append(await get_user_pages_remote(handle(lab, "O"), Mm(1), V, 1, 0, 1))

    lab = Lab(
        "O",
        programs={"T": program},
        tree=FIXED,
        area={**PLAIN, "process": "O"},
        processes={"O": "O", "T": "T"},
        override={"handle_mm_fault": handler},
    )
    lab.settle("T")
    assert (found[0].n, found[0].locked, flags) == (1, 0, [0x95, 0xB5])
    assert rules(lab) == []
    assert lab.task("T").stats["min_flt"] == 0
    assert lab.task("O").stats["min_flt"] == 2


def fast(n: int, flags: int = FOLL_WRITE) -> Callable[[], Coroutine[Any, Any, GupResult]]:
    async def make() -> GupResult:
        mm = await current.mm
        await set_pte_if_none(mm, V, await alloc_page(1), True)
        return await get_user_pages_fast(V, n, flags)

    return make


def test_get_user_pages_fast_takes_no_lock_for_what_the_page_table_has() -> None:
    got, flags, lab = made(fast(1))
    assert (got.n, got.locked, len(got.pages), flags) == (1, None, 1, [])
    assert lab.task("T").stats["acquisitions"] == 0


def test_get_user_pages_fast_goes_the_slow_way_for_the_rest() -> None:
    got, flags, lab = made(fast(3), RETRY)
    assert (got.n, len(got.pages), flags) == (3, 3, [0x15, 0x35, 0x15])
    assert lab.task("T").stats["acquisitions"] == 2
    assert made(fast(3), VM_FAULT_SIGBUS)[0].n == 1  # the error is lost
    assert made(fast(3, flags=0), 0, VM_FAULT_SIGBUS)[0].n == 2


def test_get_user_pages_fast_gives_the_error_if_it_has_no_page() -> None:
    async def make() -> GupResult:
        return await get_user_pages_fast(V, 1, FOLL_WRITE)

    assert made(make, VM_FAULT_SIGBUS)[0] == GupResult(-EFAULT, None, ())


@pytest.mark.parametrize(("tree", "flags"), [(FIXED, [0x15]), (Tree.later("5.10"), [])], ids=str)
def test_a_fast_read_of_a_read_only_entry_breaks_it_first_up_to_five_seven(
    tree: Tree, flags: list[int]
) -> None:
    async def make() -> GupResult:
        mm = await current.mm
        await set_pte_if_none(mm, V, await alloc_page(1), False)
        return await get_user_pages_fast(V, 1, 0)

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        seen.append(flags)
        mm = await vma.vm_mm
        old = await get_pte(mm, address)
        await set_pte_if_same(mm, address, old, old | PAGE_RW)
        return 0

    seen: list[int] = []
    found: list[GupResult] = []

    async def program() -> None:
        found.append(await make())

    lab = Lab(programs={"T": program}, tree=tree, area=PLAIN, override={"handle_mm_fault": handle_mm_fault})
    lab.settle()
    assert (found[0].n, seen) == (1, flags)


# ------------------------------------------------------------------------------------- what is seen


def test_the_trace_tells_how_many_pages_came_and_what_locked_says() -> None:
    _, _, lab = made(locked_call(1), RETRY)
    told = [event.text for event in lab.world.trace.select("gup")]
    assert told == [
        "GUP gives 0 pages, *locked 0",
        "GUP gives 1 page, *locked 1",
        "GUP gives 1 page, *locked 0",
    ]
    _, _, lab = made(locked_call(1, None), VM_FAULT_SIGBUS)
    assert lab.world.trace.select("gup")[0].text == "GUP gives EFAULT"


def test_a_second_attempt_without_tried_breaks_i5_in_get_user_pages_too() -> None:
    async def __get_user_pages_locked(
        tsk: Any, mm: Any, start: int, nr_pages: int, locked: int | None, flags: int
    ) -> GupResult:
        got = GupResult(0, 0)
        while not got.locked:
            got = await __get_user_pages(tsk, mm, start, nr_pages, flags, locked)
            if not got.locked:
                await down_read(mm)
        return got

    handler, _ = answered(RETRY)

    async def program() -> None:
        await get_user_pages_unlocked(V, 1, FOLL_WRITE)

    lab = Lab(
        programs={"T": program},
        area=PLAIN,
        override={"handle_mm_fault": handler, "__get_user_pages_locked": __get_user_pages_locked},
    )
    lab.settle()
    assert rules(lab) == ["I5"]


@pytest.mark.parametrize(("release", "n"), [("6.1", None), ("6.12", -EAGAIN)])
def test_the_first_wait_for_the_lock_can_be_killed_from_six_three_on(release: str, n: int | None) -> None:
    found: list[GupResult] = []

    async def program() -> None:
        found.append(await get_user_pages_unlocked(V, 1, FOLL_WRITE))

    lab = Lab("W", programs={"T": program}, tree=Tree.later(release), area=PLAIN)
    lab.do("W", down_write(Mm(1)))
    lab.settle("T")
    lab.do("W", send_signal(handle(lab, "T"), SIGKILL))
    lab.settle("T")
    assert [one.n for one in found] == ([] if n is None else [n])
    lab.do("W", up_write(Mm(1)))
    lab.settle("T")
    assert found[0].n == (n or -EINTR)
    assert rules(lab) == []
