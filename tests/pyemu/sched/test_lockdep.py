"""Lockdep: the order of locks, sleeping with a spinlock, locks that are taken along, lost wake-ups."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pyemu.sched
from pyemu import Scenario, Tree, run
from pyemu.calls.userfaultfd import userfaultfd_must_wait
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none, zap_pte
from pyemu.effects.handles import Context, Mm, Vma, current
from pyemu.effects.locks import down_read, down_read_trylock, down_write, spin_lock, spin_unlock, up_read
from pyemu.effects.pages import alloc_page, lock_page, trylock_page, unlock_page
from pyemu.effects.sleeping import schedule, schedule_timeout, set_current_state
from pyemu.effects.uffd import (
    poll_dequeue,
    poll_queue,
    set_released,
    userfaultfd_dequeue,
    userfaultfd_queue,
    wake_up_poll,
)
from pyemu.flags import (
    TASK_INTERRUPTIBLE,
    TASK_UNINTERRUPTIBLE,
    UFFD_PAGEFAULT_FLAG_WP,
    VM_FAULT_RETRY,
)
from pyemu.machine import Result
from pyemu.sched.executor import SLEEPERS
from pyemu.sched.semantics import SEMANTICS
from tests.pyemu.scenes import (
    COPY,
    PAGE,
    READ,
    V1,
    WAIT,
    WAKE,
    Lab,
    V,
    monitor,
    pause,
    scene,
    victim,
)

PLAIN = scene(victim(), area={"userfaultfd": False}, machine={"max_ticks": 1_000})
MM = Mm(1)


def broken(result: Result) -> list[str]:
    return [one.rule for one in result.violations]


# ------------------------------------------------------------------------------------ order


async def locks_the_page_first(vma: Vma, address: int, flags: int) -> int:
    mm = await current.mm
    pfn = await alloc_page(0)
    await lock_page(pfn)
    await up_read(mm)
    await down_read(mm)
    await unlock_page(pfn)
    await set_pte_if_none(mm, address, pfn, True)
    return 0


async def locks_the_page_last(vma: Vma, address: int, flags: int) -> int:
    mm = await current.mm
    pfn = await alloc_page(0)
    await lock_page(pfn)
    await unlock_page(pfn)
    await set_pte_if_none(mm, address, pfn, True)
    return 0


def test_mmap_sem_is_not_taken_with_a_page_lock_held() -> None:
    result = run(PLAIN, Tree.after, {"do_anonymous_page": locks_the_page_first})
    assert broken(result) == ["lock order"]
    assert result.violations[0].text == (
        "T takes mmap_sem and holds the lock of page 3 already. Take the outer lock first, or release the "
        "inner one before."
    )


def test_the_right_order_breaks_nothing() -> None:
    run(PLAIN, Tree.after, {"do_anonymous_page": locks_the_page_last}, strict=True)


@pytest.mark.parametrize(
    ("take", "wrong"),
    [(down_read, True), (down_write, True), (down_read_trylock, False)],
    ids=["read", "write", "trylock"],
)
def test_what_cannot_wait_is_free_of_the_order(take: Callable[[Mm], Any], wrong: bool) -> None:
    lab = Lab("T")
    pfn = lab.do("T", alloc_page(0))
    assert lab.do("T", trylock_page(pfn)) is True
    lab.do("T", take(MM))
    assert lab.rules("T") == (["lock order"] if wrong else [])


def test_a_lock_that_was_handed_on_is_booked_to_its_new_owner() -> None:
    lab = Lab("T", "U")
    pfn = lab.do("T", alloc_page(0))
    lab.do("T", lock_page(pfn))
    lab.do("U", lock_page(pfn))
    lab.do("T", unlock_page(pfn))
    lab.go_on("U")
    lab.do("T", down_read(MM))
    assert lab.rules("T") == []
    lab.do("U", down_read(MM))
    assert lab.rules("U") == ["lock order"]


# ------------------------------------------------------------------------------------ spinlocks and sleep


async def asks_for_memory(vma: Vma, address: int, flags: int) -> int:
    mm = await current.mm
    await spin_lock(mm, address)
    pfn = await alloc_page(0)
    await set_pte_if_none(mm, address, pfn, True)
    await spin_unlock(mm, address)
    return 0


async def sleeps(vma: Vma, address: int, flags: int) -> int:
    mm = await current.mm
    await spin_lock(mm, address)
    await set_current_state(TASK_UNINTERRUPTIBLE)
    await schedule_timeout(5)
    await set_pte_if_none(mm, address, await my_zero_pfn(), False)
    await spin_unlock(mm, address)
    return 0


async def asks_before(vma: Vma, address: int, flags: int) -> int:
    mm = await current.mm
    pfn = await alloc_page(0)
    await spin_lock(mm, address)
    await set_pte_if_none(mm, address, pfn, True)
    await spin_unlock(mm, address)
    return 0


@pytest.mark.parametrize(("handler", "what"), [(asks_for_memory, "alloc_page"), (sleeps, "schedule_timeout")])
def test_who_holds_a_spinlock_does_nothing_that_may_sleep(handler: Any, what: str) -> None:
    result = run(PLAIN, Tree.after, {"do_anonymous_page": handler})
    assert set(broken(result)) == {"sleeping with a spinlock"}
    start = f"T calls {what}(...), which may sleep, and holds the page-table lock of {V:#x}, a spinlock."
    assert result.violations[0].text.startswith(start)


def test_what_was_asked_for_before_breaks_nothing() -> None:
    run(PLAIN, Tree.after, {"do_anonymous_page": asks_before}, strict=True)


def test_every_operation_that_can_wait_is_known_to_sleep() -> None:
    # An operation that waits says so by its result `Again`; the list is read off the code.
    source = "".join(
        path.read_text(encoding="utf-8") for path in Path(str(pyemu.sched.__file__)).parent.glob("*.py")
    )
    assert {"down_read", "down_write", "down_read_killable", "lock_page", "lock_page_killable"} <= SLEEPERS
    assert {"wait_on_page_locked", "wait_on_page_locked_killable", "schedule_timeout"} <= SLEEPERS
    assert {"schedule", "alloc_page"} <= SLEEPERS
    assert not {"spin_lock", "get_pte", "set_pte_if_same", "trylock_page", "up_read"} & SLEEPERS
    assert set(SEMANTICS) >= SLEEPERS
    assert source.count("Again(Effect(") <= len(SLEEPERS) + 2  # of spin_lock, twice


# ------------------------------------------------------------------------------------ taken along


def forgets(lock: str) -> Callable[..., Any]:
    async def do_anonymous_page(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        pfn = await alloc_page(0)
        await set_pte_if_none(mm, address, pfn, True)
        if lock == "page lock":
            await lock_page(pfn)
        else:
            await spin_lock(mm, address)
        return 0

    return do_anonymous_page


@pytest.mark.parametrize("lock", ["page lock", "spinlock"])
def test_a_lock_that_is_taken_along_to_user_mode_is_named(lock: str) -> None:
    result = run(PLAIN, Tree.after, {"do_anonymous_page": forgets(lock)})
    assert broken(result)[0] == f"{lock} held on return"
    assert broken(result)[-1] == f"{lock} held on exit"


# ------------------------------------------------------------------------------------ lost wake-ups


def waiting(*, queue_first: bool, look: bool = True) -> Callable[..., Any]:
    """A handle_userfault that looks first, is slow, and queues then; or one that queues first."""

    async def handle_userfault(vma: Vma, address: int, flags: int, reason: int) -> int:
        mm = await vma.vm_mm
        context = await vma.vm_userfaultfd_ctx
        assert context is not None
        page = address & ~(PAGE - 1)
        must_wait = True
        if queue_first:
            wait = await userfaultfd_queue(context, page, 0, TASK_INTERRUPTIBLE)
        if look:
            must_wait = await userfaultfd_must_wait(mm, page, reason)
        if not queue_first:
            await set_current_state(TASK_UNINTERRUPTIBLE)
            await schedule_timeout(100)
            wait = await userfaultfd_queue(context, page, 0, TASK_INTERRUPTIBLE)
        await up_read(mm)
        if must_wait:
            await wake_up_poll(context)
            await schedule()
        await userfaultfd_dequeue(wait)
        return VM_FAULT_RETRY

    return handle_userfault


EARLY = scene(victim(), monitor(pause(50), COPY, pause(1_000)), machine={"max_ticks": 10_000})


def test_who_looks_before_it_queues_loses_the_wake() -> None:
    result = run(EARLY, Tree.after, {"handle_userfault": waiting(queue_first=False)})
    assert broken(result) == ["lost wake-up"]
    assert "for something that was there before it stood in that queue" in result.violations[0].text
    assert "Queue first, then look" in result.violations[0].text
    assert result.end == "hang"


def test_who_does_not_look_at_all_loses_it_too() -> None:
    result = run(EARLY, Tree.after, {"handle_userfault": waiting(queue_first=False, look=False)})
    assert broken(result) == ["lost wake-up"]


@pytest.mark.parametrize("ticks", [1, 50, 99, 101, 200])
def test_who_queues_first_loses_nothing(ticks: int) -> None:
    served = scene(victim(), monitor(pause(ticks), COPY, pause(1_000)))
    run(served, Tree.after, {"handle_userfault": waiting(queue_first=True)}, strict=True)


def test_a_write_that_was_allowed_before_the_queue_is_lost_as_well() -> None:
    lab = Lab("T", area={"userfaultfd": "missing+wp", "populated": [1]})
    lab.do("T", userfaultfd_queue(Context(1), V1, 1 | UFFD_PAGEFAULT_FLAG_WP, TASK_INTERRUPTIBLE))
    asleep(lab, "T")
    assert lab.rules("T") == ["lost wake-up"]


def asleep(lab: Lab, name: str) -> None:
    """Let a task call schedule(), and the scheduler note it."""
    lab.do(name, schedule())
    assert lab.waits(name)
    lab.executor.note_asleep(lab.task(name))


def test_a_userfaultfd_that_was_closed_before_wakes_nobody_any_more() -> None:
    lab = Lab("T", "M")
    lab.do("M", set_released(Context(1)))
    lab.do("T", userfaultfd_queue(Context(1), V1, 0, TASK_INTERRUPTIBLE))
    asleep(lab, "T")
    assert lab.rules("T") == ["lost wake-up"]


def test_a_page_that_comes_while_the_task_stands_in_the_queue_is_no_loss() -> None:
    # Its bringer finds the task in the queue: the wake is still to come.
    lab = Lab("T", "M")
    lab.do("T", userfaultfd_queue(Context(1), V1, 0, TASK_INTERRUPTIBLE))
    lab.do("M", set_pte_if_none(MM, V1, lab.do("M", alloc_page(0)), True))
    asleep(lab, "T")
    assert lab.rules("T") == []


def test_a_page_that_was_there_and_is_gone_again_is_no_loss() -> None:
    lab = Lab("T", "M")
    lab.do("M", set_pte_if_none(MM, V1, lab.do("M", alloc_page(0)), True))
    lab.do("T", userfaultfd_queue(Context(1), V1, 0, TASK_INTERRUPTIBLE))
    lab.do("M", zap_pte(MM, V1))
    asleep(lab, "T")
    assert lab.rules("T") == []


def test_a_monitor_that_looks_before_it_queues_sleeps_beside_a_message() -> None:
    async def sys_poll(context: Context, ticks: int) -> bool:
        pending = await context.pending
        await set_current_state(TASK_INTERRUPTIBLE)
        await schedule_timeout(50)
        await poll_queue(context)
        if not pending:
            await schedule()
        await poll_dequeue(context)
        return True

    asks = scene(victim(pause(10), READ), monitor(WAIT, COPY), machine={"max_ticks": 10_000})
    result = run(asks, Tree.after, {"sys_poll": sys_poll})
    assert broken(result) == ["lost wake-up"]
    assert "M sleeps in poll() though a message is there to be read." in result.violations[0].text


@pytest.mark.parametrize("tree", [Tree.before, Tree.after, Tree.parse("v5_10")], ids=str)
@pytest.mark.parametrize("name", Scenario.library())
def test_the_kernels_own_code_loses_no_wake(name: str, tree: Tree) -> None:
    assert "lost wake-up" not in broken(run(name, tree))


def test_a_copy_that_wakes_nobody_is_no_loss_of_the_kernel() -> None:
    silent = scene(victim(), monitor(WAIT, {**COPY, "wake": False}, pause(50), WAKE))
    run(silent, strict=True)
