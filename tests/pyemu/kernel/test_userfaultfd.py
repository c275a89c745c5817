"""handle_userfault, table 5.3 of the series row by row; then what a monitor can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.userfaultfd import handle_userfault, userfaultfd_copy, userfaultfd_unregister
from pyemu.effects import Effect
from pyemu.effects.areas import find_vma, set_vma_context
from pyemu.effects.entries import get_pte, set_pte_if_none
from pyemu.effects.handles import Context, Mm, Task, current
from pyemu.effects.locks import down_read, down_write, up_write
from pyemu.effects.pages import alloc_page
from pyemu.effects.signals import send_signal
from pyemu.effects.sleeping import schedule
from pyemu.effects.uffd import (
    poll_dequeue,
    poll_queue,
    userfaultfd_next_message,
    userfaultfd_release,
    userfaultfd_wake,
)
from pyemu.flags import (
    EEXIST,
    ENOENT,
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    PAGE_PRESENT,
    PAGE_RW,
    SIGKILL,
    SIGUSR1,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    VM_UFFD_MISSING,
)
from tests.pyemu.scenes import (
    COPY,
    PAGE,
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

OLD, NEW = Tree.before, Tree.after
UFFD, MM = Context(1), Mm(1)
USER_OLD = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER
USER_NEW = USER_OLD | FAULT_FLAG_INTERRUPTIBLE


@dataclass
class Faulting:
    """T in handle_userfault, a monitor M that obeys, and a thread U of T's process that obeys."""

    tree: Tree
    flags: int
    result: list[int] = field(default_factory=list)
    lab: Lab = field(init=False)

    def __post_init__(self) -> None:
        self.lab = Lab(
            "M",
            "U",
            programs={"T": self.fault},
            tree=self.tree,
            signals={"SIGUSR1": "handler"},
            processes={"M": "Q", "U": "P", "T": "P"},
            area={"process": "P"},
        )

    async def fault(self) -> None:
        await down_read(mm := await current.mm)
        vma = await find_vma(mm, V1)
        assert vma is not None
        self.result.append(await handle_userfault(vma, V1 + 123, self.flags, VM_UFFD_MISSING))
        await get_pte(mm, V1)  # a turn, so that the task stands still here

    def run(self, *names: str) -> Faulting:
        """T runs until it waits or has its result."""
        while not self.result and self.lab.turn("T"):
            pass
        return self

    @property
    def outcome(self) -> tuple[int, str]:
        """Bits, and whether mmap_sem is held."""
        (bits,) = self.result
        return bits, "held" if self.lab.task("T").holds_lock(self.mm) else "dropped"

    @property
    def mm(self) -> int:
        return self.lab.task("T").mm

    @property
    def uffd(self) -> Context:
        return Context(self.mm)

    def context(self, **changes: Any) -> Faulting:
        place = ("context", self.mm)
        self.lab.world.state.data[place] = replace(self.lab.world.state.data[place], **changes)
        return self

    def messages(self) -> int:
        return len(self.lab.world.state.data["context", self.mm].pending)

    def tell(self, name: str, *effects: Any) -> None:
        for one in effects:
            self.lab.do(name, one)


def faulting(tree: Tree = NEW, flags: int | None = None) -> Faulting:
    return Faulting(tree, flags if flags is not None else USER_NEW if 12 in tree else USER_OLD)


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


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_otherwise_a_message_is_queued_the_lock_dropped_and_the_task_sleeps(tree: Tree) -> None:
    it = faulting(tree).run()
    assert it.result == []
    assert it.lab.waits("T")
    assert not it.lab.task("T").holds
    entry = it.lab.world.state.data["wait", it.lab.world.state.data["context", it.mm].pending[0]]
    assert entry.address == V1  # of the page, not of the byte
    it.tell("M", userfaultfd_wake(it.uffd, V1, PAGE))
    assert it.run().outcome == (VM_FAULT_RETRY | VM_FAULT_MAJOR, "dropped")


@pytest.mark.parametrize(("write", "flag"), [(FAULT_FLAG_WRITE, 1), (0, 0)], ids=["write", "read"])
def test_the_message_says_whether_it_was_a_write(write: int, flag: int) -> None:
    it = faulting(NEW, USER_NEW | write).run()
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
        it.tell("M", userfaultfd_wake(it.uffd, V1, PAGE))
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
        "wake": lambda: userfaultfd_wake(it.uffd, V1, PAGE),
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
    it.tell("M", userfaultfd_wake(it.uffd, V1, PAGE))
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
    yield userfaultfd_wake(it.uffd, V1, PAGE)


def wake(it: Faulting) -> Iterable[Effect[Any]]:
    yield userfaultfd_wake(it.uffd, V1, PAGE)


def release(it: Faulting) -> Iterable[Effect[Any]]:
    yield userfaultfd_release(it.uffd)
    yield userfaultfd_wake(it.uffd, 0, 1 << 47)


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


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_a_page_that_came_first_needs_no_sleep_and_counts_no_major(tree: Tree) -> None:
    it = faulting(tree)
    it.tell("U", *copy_by_hand(it))
    assert it.run().outcome == (VM_FAULT_RETRY, "dropped")
    assert it.messages() == 0


# --------------------------------------------------------------------------- the monitor's side


def test_a_message_that_nobody_read_vanishes_with_its_entry() -> None:
    unread = scene(
        victim(),
        monitor(pause(100), send("SIGUSR1"), pause(100), poll(10), COPY),
    )
    result = run(unread, strict=True)
    # Two exceptions, two messages queued, but the first was gone before the monitor looked.
    assert result.tasks["T"].stats["messages_queued"] == 2
    assert result.tasks["M"].stats["messages"] == 1


def test_a_woken_entrys_unread_message_vanishes() -> None:
    it = faulting().run()
    assert it.messages() == 1
    it.tell("M", userfaultfd_wake(it.uffd, V1, PAGE))
    assert it.messages() == 0
    assert it.lab.do("M", userfaultfd_next_message(it.uffd)) is None


@pytest.mark.parametrize(
    ("start", "length", "woken"),
    [
        (V1, PAGE, True),
        (V, 4 * PAGE, True),
        (V, PAGE, False),
        (V1 + PAGE, PAGE, False),
        (V, 2 * PAGE, True),
    ],
    ids=["page", "area", "page before", "page after", "two pages"],
)
def test_a_wake_means_a_range(start: int, length: int, woken: bool) -> None:
    it = faulting().run()
    it.tell("M", userfaultfd_wake(it.uffd, start, length))
    assert it.lab.waits("T") is not woken


def test_copy_without_wake_fills_the_page_and_wakes_nobody() -> None:
    silent = scene(
        victim(),
        monitor(WAIT, {**COPY, "wake": False}, pause(100), sample("later"), WAKE, pause(5)),
    )
    result = run(silent, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "ret=5"


@pytest.mark.parametrize(
    ("area", "address", "result"),
    [
        ({}, V1, 0),
        ({"populated": [1]}, V1, -EEXIST),
        ({}, V + 64 * PAGE, -ENOENT),
        ({"address": V + 16 * PAGE}, V1, -ENOENT),
    ],
    ids=["missing", "present", "no area", "before the area"],
)
def test_copy_says_what_is_wrong(area: dict[str, Any], address: int, result: int) -> None:
    async def program() -> None:
        results.append(await userfaultfd_copy(UFFD, address, 9, True))

    results: list[int] = []
    lab = Lab(programs={"T": program}, area=area)
    lab.settle()
    assert results == [result]
    assert not lab.task("T").holds


def test_copy_into_a_read_only_area_maps_a_read_only_page() -> None:
    it = scene(victim(READ, WRITE), monitor(WAIT, COPY), area={"prot": "r"})
    result = run(it, strict=True)
    assert result.tasks["T"].outcomes == ("ret=5", "SIGSEGV(code=2)")
    entry = int(result.trace.select("pte")[0].b)
    assert (bool(entry & PAGE_PRESENT), bool(entry & PAGE_RW)) == (True, False)


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_unregister_wakes_the_waiter_which_finds_plain_memory(tree: Tree) -> None:
    result = run(scene(victim(), monitor(WAIT, {"do": "unregister", "area": "V"})), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=0"
    assert result.tasks["T"].counters["maj_flt"] == 1


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_unregister_of_another_part_leaves_the_waiter_asleep(tree: Tree) -> None:
    other = {"do": "unregister", "area": "V", "page": 2, "pages": 2}
    result = run(scene(victim(), monitor(WAIT, other, pause(100), sample("later"), COPY)), tree, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "ret=5"


def test_a_part_that_was_unregistered_is_plain_and_the_rest_is_served() -> None:
    middle = {"do": "unregister", "area": "V", "page": 1, "pages": 2}
    served = scene(
        victim(pause(100), *[{"do": "read", "area": "V", "page": page} for page in range(4)]),
        monitor(middle, *[step for page in (0, 3) for step in (WAIT, {**COPY, "page": page})]),
    )
    result = run(served, strict=True)
    assert result.tasks["T"].outcomes == ("ret=5", "ret=0", "ret=0", "ret=5")


def test_unregister_wakes_under_the_lock_before_it_detaches() -> None:
    result = run(scene(victim(), monitor(WAIT, {"do": "unregister", "area": "V"})), strict=True)
    events = result.trace.select("lock_taken", "lock_dropped", "uffd", task="M")
    assert [event.kind for event in events] == ["lock_taken", "uffd", "lock_dropped"]


def test_unregister_of_an_area_without_userfaultfd_wakes_nobody() -> None:
    async def program() -> None:
        mm = await current.mm
        await down_write(mm)
        vma = await find_vma(mm, V)
        assert vma is not None
        await set_vma_context(vma, None)
        await up_write(mm)
        await userfaultfd_unregister(UFFD, V, 4 * PAGE)

    lab = Lab(programs={"T": program})
    lab.settle()
    assert not lab.world.trace.select("uffd")


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_close_wakes_everybody_and_leaves_plain_memory(tree: Tree) -> None:
    two = scene(
        task("T", READ, process="P"),
        task("U", {**READ, "page": 3}, process="P"),
        monitor(WAIT, pause(10), {"do": "close"}),
    )
    result = run(two, tree, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == ("ret=0", "ret=0")


def test_a_sleeping_poll_is_woken_by_a_fault_that_sleeps() -> None:
    result = run(scene(victim(), monitor(poll(10_000), COPY)), strict=True)
    assert result.trace.select("wake", task="M")[0].a == "message"


def test_a_sleeping_poll_is_not_woken_when_the_fault_does_not_sleep() -> None:
    # S12b: a pending signal skips the branch that holds the wake-up; the message is there all the same.
    it = faulting()
    context = it.uffd
    it.tell("M", poll_queue(context), schedule())
    assert it.lab.waits("M")
    it.tell("U", send_signal(Task(it.lab.task("T").id), SIGUSR1))
    assert it.run().outcome == (VM_FAULT_RETRY, "dropped")
    assert it.lab.waits("M")
    assert not it.lab.world.trace.select("poll_wake")


def test_leaving_poll_takes_the_monitor_out_of_its_queue() -> None:
    it = faulting()
    it.tell("M", poll_queue(it.uffd), poll_dequeue(it.uffd))
    assert it.lab.state("M") == 0
    assert it.lab.world.state.data["fd_wqh", it.mm] == ()


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_unmapping_the_area_wakes_nobody_in_its_fault(tree: Tree) -> None:
    gone = scene(
        task("T", READ, process="P", signals={"SIGSEGV": "escape"}),
        task("U", pause(50), {"do": "munmap", "area": "V", "pages": 4}, process="P"),
        monitor(WAIT, pause(1_000), sample("later"), WAKE),
    )
    result = run(gone, tree, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "SIGSEGV(code=1)"


@pytest.mark.parametrize("access", [READ, WRITE], ids=["read", "write"])
def test_two_threads_at_one_page_send_two_messages_and_one_copy_serves_both(access: dict[str, Any]) -> None:
    two = scene(
        task("T", access, process="P"),
        task("U", access, process="P"),
        monitor(WAIT, WAIT, pause(10), COPY),
    )
    result = run(two, strict=True)
    assert result.tasks["T"].outcome == result.tasks["U"].outcome
    assert result.tasks["M"].stats["messages"] == 2
    assert [one.a for one in result.trace.select("wake", task="U")] == ["userfaultfd"]
