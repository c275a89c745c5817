"""handle_userfault, table 5.3 of the series row by row; then the one sleep of later kernels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.effects import Effect
from pyemu.effects.entries import set_pte_if_none
from pyemu.effects.handles import Mm, Task
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.pages import alloc_page
from pyemu.effects.signals import send_signal
from pyemu.effects.sleeping import schedule
from pyemu.effects.uffd import (
    poll_queue,
    set_released,
    userfaultfd_next_message,
    wake_userfault,
)
from pyemu.errors import ScenarioError
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_UFFD_WP,
    SIGKILL,
    SIGUSR1,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    UFFD_FEATURE_SIGBUS,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
)
from tests.pyemu.kernel.faulting import NEW, OLD, USER_NEW, Faulting, faulting
from tests.pyemu.scenes import COPY, PAGE, V1, WAIT, monitor, scene, victim

# --------------------------------------------------------------------------- first match wins


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_an_area_that_lost_its_userfaultfd_gives_sigbus_with_the_lock_held(tree: Tree) -> None:
    it = faulting(tree)
    vma = it.lab.world.state.data["vma", 1]
    it.lab.world.state.data["vma", 1] = replace(vma, context=None)
    assert it.run().outcome == (VM_FAULT_SIGBUS, "held")


@pytest.mark.parametrize(
    ("flags", "bits"),
    [(USER_NEW & ~FAULT_FLAG_USER, VM_FAULT_SIGBUS), (USER_NEW, None)],
    ids=["kernel", "user"],
)
def test_user_mode_only_refuses_faults_of_the_kernel(flags: int, bits: int | None) -> None:
    it = faulting(NEW, flags).context(user_mode_only=True).run()
    assert it.result == ([] if bits is None else [bits])
    assert it.messages() == (1 if bits is None else 0)


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
@pytest.mark.parametrize("retry", [FAULT_FLAG_ALLOW_RETRY, 0], ids=["retry", "no retry"])
def test_a_released_userfaultfd_gives_nopage_and_kills_nobody(tree: Tree, retry: int) -> None:
    flags = FAULT_FLAG_USER | FAULT_FLAG_KILLABLE | retry
    assert faulting(tree, flags).context(released=True).run().outcome == (VM_FAULT_NOPAGE, "held")


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_without_allow_retry_it_is_sigbus_with_the_lock_held(tree: Tree) -> None:
    it = faulting(tree, FAULT_FLAG_USER | FAULT_FLAG_KILLABLE).run()
    assert (it.outcome, it.messages()) == ((VM_FAULT_SIGBUS, "held"), 0)


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_nowait_gives_retry_with_the_lock_held_and_no_message(tree: Tree) -> None:
    it = faulting(tree, USER_NEW | FAULT_FLAG_RETRY_NOWAIT).run()
    assert (it.outcome, it.messages()) == ((VM_FAULT_RETRY, "held"), 0)


# Every row fulfils the conditions of the rows below it, too: the first one decides.
ORDER: list[tuple[str, tuple[int, str]]] = [
    ("the task exits", (VM_FAULT_SIGBUS, "held")),
    ("no userfaultfd", (VM_FAULT_SIGBUS, "held")),
    ("feature SIGBUS", (VM_FAULT_SIGBUS, "held")),
    ("user mode only", (VM_FAULT_SIGBUS, "held")),
    ("released", (VM_FAULT_NOPAGE, "held")),
    ("retry not allowed", (VM_FAULT_SIGBUS, "held")),
    ("nowait", (VM_FAULT_RETRY, "held")),
]


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
@pytest.mark.parametrize("first", range(len(ORDER)), ids=[name for name, _ in ORDER])
def test_the_first_reason_not_to_wait_decides(first: int, tree: Tree) -> None:
    holds = {name for name, _ in ORDER[first:]}
    retry = 0 if "retry not allowed" in holds else FAULT_FLAG_ALLOW_RETRY
    it = faulting(tree, FAULT_FLAG_KILLABLE | FAULT_FLAG_RETRY_NOWAIT | retry)
    it.lab.task("T").exiting = "the task exits" in holds
    if "no userfaultfd" in holds:
        it.lab.world.state.data["vma", 1] = replace(it.lab.world.state.data["vma", 1], context=None)
    it.context(
        features=int(UFFD_FEATURE_SIGBUS) if "feature SIGBUS" in holds else 0,
        user_mode_only="user mode only" in holds,
        released="released" in holds,
    )
    assert it.run().outcome == ORDER[first][1]
    assert it.messages() == 0


@pytest.mark.parametrize(
    ("flags", "outcome"),
    [
        (USER_NEW, (VM_FAULT_RETRY, "dropped")),
        (USER_NEW | FAULT_FLAG_RETRY_NOWAIT, (VM_FAULT_RETRY, "held")),
        (USER_NEW & ~FAULT_FLAG_ALLOW_RETRY, (VM_FAULT_SIGBUS, "held")),
    ],
    ids=["may drop the lock", "nowait", "may not"],
)
def test_later_kernels_give_retry_and_drop_the_lock_for_who_closes(
    flags: int, outcome: tuple[int, str]
) -> None:
    it = faulting(Tree.parse("v6_12"), flags).context(released=True)
    assert it.run().outcome == outcome
    assert it.lab.world.trace.select("message") == []
    assert it.lab.rules("T") == []


PRESENT = PAGE_PRESENT | 5 << 12
MUST_WAIT = [
    # entry, reason, still something to do for the monitor
    (0, VM_UFFD_MISSING, True),
    (0, VM_UFFD_WP, True),
    (PRESENT, VM_UFFD_MISSING, False),
    (PRESENT | PAGE_RW, VM_UFFD_MISSING, False),
    (PRESENT | PAGE_UFFD_WP, VM_UFFD_WP, True),
    (PRESENT, VM_UFFD_WP, True),
    (PRESENT | PAGE_RW, VM_UFFD_WP, False),
]


@pytest.mark.parametrize(("entry", "reason", "waits"), MUST_WAIT)
@pytest.mark.parametrize("tree", [OLD, NEW, Tree.parse("v5_10")], ids=str)
def test_the_entry_says_whether_there_is_something_to_wait_for(
    entry: int, reason: int, waits: bool, tree: Tree
) -> None:
    it = faulting(tree, reason=reason).entry(entry).run()
    assert it.lab.waits("T") is waits
    assert it.result == ([] if waits else [VM_FAULT_RETRY])


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_otherwise_a_message_is_queued_the_lock_dropped_and_the_task_sleeps(tree: Tree) -> None:
    it = faulting(tree).run()
    assert it.result == []
    assert it.lab.waits("T")
    assert not it.lab.task("T").holds
    entry = it.lab.world.state.data["wait", it.lab.world.state.data["context", it.mm].pending[0]]
    assert entry.address == V1  # of the page, not of the byte
    it.tell("M", wake_userfault(it.uffd, V1, PAGE))
    assert it.run().outcome == (VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped")


@pytest.mark.parametrize(
    ("write", "reason", "flag"),
    [
        (0, VM_UFFD_MISSING, 0),
        (FAULT_FLAG_WRITE, VM_UFFD_MISSING, 1),
        (FAULT_FLAG_WRITE, VM_UFFD_WP, 3),
        (0, VM_UFFD_WP, 2),
    ],
    ids=["read", "write", "write to a protected page", "odd"],
)
def test_the_message_says_what_the_access_was_and_why_it_stopped(write: int, reason: int, flag: int) -> None:
    it = faulting(NEW, USER_NEW | write, reason).run()
    message = it.lab.do("M", userfaultfd_next_message(it.uffd))
    assert (message.address, message.flags) == (V1, flag)


# --------------------------------------------------------------------------- the kind of sleep

ALLOW = FAULT_FLAG_ALLOW_RETRY
STATES = [
    # tree, flags, state
    (OLD, ALLOW | FAULT_FLAG_USER | FAULT_FLAG_KILLABLE, TASK_INTERRUPTIBLE),
    (OLD, ALLOW | FAULT_FLAG_KILLABLE, TASK_KILLABLE),
    (OLD, ALLOW | FAULT_FLAG_USER, TASK_KILLABLE),
    (OLD, ALLOW, TASK_KILLABLE),
    (OLD, ALLOW | FAULT_FLAG_INTERRUPTIBLE, TASK_KILLABLE),
    (Tree.upto(12), ALLOW | FAULT_FLAG_INTERRUPTIBLE, TASK_INTERRUPTIBLE),
    (Tree.upto(12), ALLOW | FAULT_FLAG_USER | FAULT_FLAG_KILLABLE, TASK_KILLABLE),
    (Tree.upto(12), ALLOW, TASK_KILLABLE),
    (Tree.upto(15), ALLOW, TASK_KILLABLE),
    (NEW, ALLOW, TASK_UNINTERRUPTIBLE),
    (NEW, ALLOW | FAULT_FLAG_USER, TASK_UNINTERRUPTIBLE),
    (NEW, ALLOW | FAULT_FLAG_KILLABLE, TASK_KILLABLE),
    (NEW, ALLOW | FAULT_FLAG_INTERRUPTIBLE, TASK_INTERRUPTIBLE),
    (NEW, USER_NEW, TASK_INTERRUPTIBLE),
]


@pytest.mark.parametrize(
    ("tree", "flags", "state"), STATES, ids=[f"{tree}-{int(flags):#x}" for tree, flags, _ in STATES]
)
def test_the_flags_choose_the_kind_of_sleep(tree: Tree, flags: int, state: int) -> None:
    it = faulting(tree, flags).run()
    assert it.lab.state("T") == state


@pytest.mark.parametrize(
    ("tree", "wakes"), [(Tree.after - 16, True), (Tree.after, False)], ids=["without 16", "with 16"]
)
def test_allow_retry_alone_is_deaf_to_sigkill_from_sixteen_on(tree: Tree, wakes: bool) -> None:
    it = faulting(tree, FAULT_FLAG_ALLOW_RETRY).run()
    it.tell("M", send_signal(Task(it.lab.task("T").id), SIGKILL))
    it.run()
    assert bool(it.result) is wakes
    if not wakes:
        assert it.lab.waits("T")
        it.tell("M", wake_userfault(it.uffd, V1, PAGE))
        assert it.run().outcome == (VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped")


# --------------------------------------------------------------------------- what ends the sleep (P10)

ENDS = [
    # tree, who wakes, bits, lock
    (OLD, "wake", VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped"),
    (OLD, "SIGKILL", VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped"),
    (OLD, "SIGUSR1", VM_FAULT_NOPAGE, "held"),
    (Tree.upto(9), "SIGUSR1", VM_FAULT_NOPAGE, "held"),
    (Tree.upto(10), "wake", VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped"),
    (Tree.upto(10), "SIGUSR1", VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped"),
    (Tree.upto(10), "SIGKILL", VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped"),
    (NEW, "SIGUSR1", VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped"),
]


@pytest.mark.parametrize(("tree", "how", "bits", "lock"), ENDS, ids=[f"{t}-{how}" for t, how, *_ in ENDS])
def test_what_wakes_a_user_fault_decides_bits_and_lock(tree: Tree, how: str, bits: int, lock: str) -> None:
    it = faulting(tree).run()
    t = Task(it.lab.task("T").id)
    wakes = {
        "wake": lambda: wake_userfault(it.uffd, V1, PAGE),
        "SIGKILL": lambda: send_signal(t, SIGKILL),
        "SIGUSR1": lambda: send_signal(t, SIGUSR1),
    }
    it.tell("M", wakes[how]())
    assert it.run().outcome == (bits, lock)
    assert it.lab.state("T") == 0
    assert it.lab.world.state.data["context", it.mm].pending == ()


def test_a_kernel_fault_is_not_woken_by_a_signal_before_twelve() -> None:
    it = faulting(OLD, FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE).run()
    it.tell("M", send_signal(Task(it.lab.task("T").id), SIGUSR1))
    assert it.run().result == []


def test_a_kernel_fault_gives_retry_after_a_signal_even_if_user_faults_give_nopage() -> None:
    # A copy of the kernel doesn't return to user mode, whatever flag chose its sleep.
    it = faulting(Tree.v5_7 - 10, USER_NEW & ~FAULT_FLAG_USER).run()
    it.tell("M", send_signal(Task(it.lab.task("T").id), SIGUSR1))
    assert it.run().outcome == (VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped")


def test_in_nopage_the_entry_stays_queued_until_the_lock_is_back() -> None:
    # 5.6 takes the lock first and leaves the queue afterwards: a monitor may still read the message.
    it = faulting(OLD).run()
    it.tell("U", down_write(Mm(it.mm)))
    it.tell("M", send_signal(Task(it.lab.task("T").id), SIGUSR1))
    it.run()
    assert it.lab.waits("T")
    assert it.messages() == 1
    assert it.lab.do("M", userfaultfd_next_message(it.uffd)) is not None
    it.tell("U", up_write(Mm(it.mm)))
    assert it.run().outcome == (VM_FAULT_NOPAGE, "held")
    assert it.lab.world.state.data["context", it.mm].read == ()


def test_a_wake_does_not_disturb_who_waits_for_the_lock_in_nopage() -> None:
    it = faulting(OLD).run()
    it.tell("U", down_write(Mm(it.mm)))
    it.tell("M", send_signal(Task(it.lab.task("T").id), SIGUSR1))
    it.run()
    it.tell("M", wake_userfault(it.uffd, V1, PAGE))
    assert it.lab.waits("T")
    assert it.lab.state("T") == TASK_UNINTERRUPTIBLE
    it.tell("U", up_write(Mm(it.mm)))
    assert it.run().outcome == (VM_FAULT_NOPAGE, "held")


# --------------------------------------------------------------------------- no wake-up is lost


def steps_before_sleep(tree: Tree) -> int:
    """How many turns T makes before it sleeps."""
    it, n = faulting(tree), 0
    while it.lab.turn("T"):
        n += 1
    return n


def copy_by_hand(it: Faulting) -> Iterable[Effect[Any]]:
    yield alloc_page(5)
    yield set_pte_if_none(Mm(it.mm), V1, 9, True)
    yield wake_userfault(it.uffd, V1, PAGE)


def wake(it: Faulting) -> Iterable[Effect[Any]]:
    yield wake_userfault(it.uffd, V1, PAGE)


def release(it: Faulting) -> Iterable[Effect[Any]]:
    yield set_released(it.uffd)
    yield wake_userfault(it.uffd, 0, 1 << 47)


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
@pytest.mark.parametrize("answer", [copy_by_hand, wake, release], ids=lambda one: one.__name__)
def test_an_answer_at_any_moment_after_the_message_ends_the_sleep(tree: Tree, answer: Any) -> None:
    for delay in range(steps_before_sleep(tree) + 2):
        it = faulting(tree)
        for _ in range(delay):
            it.lab.turn("T")
        asked = it.messages() > 0
        it.tell("U", *answer(it))
        it.run()
        # A wake that comes before the message wakes nobody; everything else must end the wait.
        assert it.result or (answer is wake and not asked), delay
        it.lab.close()


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_a_false_wake_up_sends_the_task_back_to_sleep(tree: Tree) -> None:
    it = faulting(tree).run()
    it.lab.world.wake(it.lab.task("T"), "by mistake")
    assert not it.lab.waits("T")
    it.run()
    assert it.result == []
    assert it.lab.state("T") == TASK_INTERRUPTIBLE
    assert it.lab.waits("T")


def test_a_task_looks_for_signals_once_before_its_sleep_and_announces_no_other_when_woken() -> None:
    it = faulting(NEW).run()
    it.tell("M", wake_userfault(it.uffd, V1, PAGE))
    states = set()
    while not it.result and it.lab.turn("T"):
        states.add(it.lab.state("T"))
    assert it.outcome == (VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped")
    assert len(it.lab.world.trace.select("signal_seen", task="T")) == 1
    assert states == {0}


def test_who_finds_that_the_monitor_has_left_asks_for_no_signals() -> None:
    # waken || released || signal pending: the first that is so ends the sleep.
    it = faulting(NEW).run()
    asked = len(it.lab.world.trace.select("signal_seen", task="T"))
    it.tell("U", set_released(it.uffd))
    it.lab.world.wake(it.lab.task("T"), "by mistake")
    assert it.run().outcome == (VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped")
    assert len(it.lab.world.trace.select("signal_seen", task="T")) == asked


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_a_page_that_came_first_needs_no_sleep_and_counts_no_major(tree: Tree) -> None:
    it = faulting(tree)
    it.tell("U", *copy_by_hand(it))
    assert it.run().outcome == (VM_FAULT_RETRY, "dropped")
    assert it.messages() == 0


# --------------------------------------------------------------------------- Linux v5.9: one sleep

LATER = Tree.parse("v5_10")


@pytest.mark.parametrize("how", ["wake", "SIGUSR1", "SIGKILL", "false alarm"])
def test_whatever_ends_the_one_sleep_gives_retry_and_no_major(how: str) -> None:
    it = faulting(LATER).run()
    assert it.lab.waits("T")
    t = Task(it.lab.task("T").id)
    match how:
        case "wake":
            it.tell("M", wake_userfault(it.uffd, V1, PAGE))
        case "false alarm":
            it.lab.world.wake(it.lab.task("T"), "by mistake")
        case _:
            it.tell("M", send_signal(t, SIGUSR1 if how == "SIGUSR1" else SIGKILL))
    assert it.run().outcome == (VM_FAULT_RETRY, "dropped")
    assert it.lab.state("T") == 0
    assert it.lab.world.state.data["context", it.mm].pending == ()


@pytest.mark.parametrize(("tree", "woken"), [(NEW, False), (LATER, True)], ids=str)
def test_only_later_kernels_wake_a_monitor_when_a_signal_forbids_the_sleep(tree: Tree, woken: bool) -> None:
    # S12b, and its end in v5.9: nobody asks for signals, so the monitor in poll() is told.
    it = faulting(tree)
    it.tell("M", poll_queue(it.uffd), schedule())
    assert it.lab.waits("M")
    it.tell("U", send_signal(Task(it.lab.task("T").id), SIGUSR1))
    assert it.run().outcome == (VM_FAULT_RETRY, "dropped")
    assert bool(it.lab.world.trace.select("poll_wake")) is woken
    assert it.lab.waits("M") is not woken
    assert it.lab.task("T").stats["sleeps"] == 0


def test_later_kernels_do_not_sleep_for_a_monitor_that_left_meanwhile() -> None:
    it = faulting(LATER)
    while it.messages() == 0:
        it.lab.turn("T")
    it.tell("U", set_released(it.uffd))
    assert it.run().outcome == (VM_FAULT_RETRY, "dropped")
    assert it.lab.task("T").stats["sleeps"] == 0


def test_user_mode_only_is_refused_where_linux_does_not_know_it() -> None:
    # UFFD_USER_MODE_ONLY came with v5.11: before, userfaultfd(2) refuses the flag.
    only = scene(victim(), monitor(WAIT, COPY), area={"user_mode_only": True})
    for tree in (OLD, NEW, Tree.v5_7, LATER):
        with pytest.raises(ScenarioError, match=r"area V has user_mode_only, which came with Linux v5.11"):
            run(only, tree)
    assert run(only, Tree.parse("v6_1"), strict=True).tasks["T"].outcome == "ret=5"
