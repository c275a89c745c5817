"""Scenarios so small that every schedule can be tried: tasks of two to five operations each."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from pyemu import Scenario
from pyemu.effects.areas import find_vma
from pyemu.effects.entries import get_pte, set_pte_if_none, zap_pte
from pyemu.effects.handles import Context, Mm, Vma
from pyemu.effects.handles import Task as TaskHandle
from pyemu.effects.hardware import access
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
from pyemu.effects.machine import report
from pyemu.effects.pages import (
    alloc_page,
    lock_page,
    lock_page_killable,
    put_page,
    unlock_page,
    wait_on_page_locked,
)
from pyemu.effects.posts import post, post_dequeue, post_queue
from pyemu.effects.signals import (
    dequeue_signal,
    fatal_signal_pending,
    reset_signal_action,
    send_signal,
    set_current_blocked,
    signal_action,
    signal_pending,
)
from pyemu.effects.sleeping import schedule, schedule_timeout, set_current_state
from pyemu.effects.uffd import (
    userfaultfd_dequeue,
    userfaultfd_next_message,
    userfaultfd_queue,
    wake_up_poll,
    wake_userfault,
)
from pyemu.flags import (
    SIGKILL,
    SIGUSR1,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    VM_READ,
    VM_WRITE,
)
from tests.pyemu.scenes import V1, V, scene, task

Script = Callable[[], Coroutine[Any, Any, None]]
MM, CONTEXT = Mm(1), Context(1)
PAGE = 3  # the frame of V's first page


@dataclass(frozen=True)
class Tiny:
    """A tiny scenario.

    Attributes
    ----------
    scripts : dict of str to coroutine function
        What each task does, in order.
    queued_writer : bool
        Some schedule lets a writer wait for a lock.
    keys : dict
        More of the scenario: signals of each task, its process.
    """

    scripts: dict[str, Script]
    queued_writer: bool = False
    keys: Mapping[str, Any] = field(default_factory=dict)

    def scenario(self) -> Scenario:
        marks = [
            task(name, {"do": "mark", "label": name}, **{"process": "P", **self.keys})
            for name in self.scripts
        ]
        return scene(*marks, area={"populated": [0]}, machine={"ram_pages": 32})

    @contextmanager
    def installed(self) -> Iterator[Scenario]:
        """Let the tasks of machines that are built meanwhile run the scripts."""
        scripts = self.scripts

        async def scripted(steps: Any) -> None:
            await scripts[steps[0].label]()

        with patch("pyemu.build.run_program", scripted):
            yield self.scenario()


def number(name: str, names: str = "ABC") -> TaskHandle:
    return TaskHandle(names.index(name) + 1)


# ------------------------------------------------------------------------------------ scripts


async def reads() -> None:
    await down_read(MM)
    await up_read(MM)


async def writes() -> None:
    await down_write(MM)
    await up_write(MM)


async def reads_unless_killed() -> None:
    failed = await down_read_killable(MM)
    if failed:
        await report("lock", "killed")
    else:
        await up_read(MM)


async def writes_unless_killed() -> None:
    failed = await down_write_killable(MM)
    if failed:
        await report("lock", "killed")
    else:
        await up_write(MM)


async def tries() -> None:
    got = await down_read_trylock(MM)
    await report("lock", str(got))
    if got:
        await up_read(MM)


async def kills_a() -> None:
    await send_signal(number("A"), SIGKILL)


async def tells_a() -> None:
    await send_signal(number("A"), SIGUSR1)


async def finds() -> None:
    await down_read(MM)
    vma = await find_vma(MM, V)
    flags = await vma.vm_flags if vma is not None else 0
    await report("found", hex(int(flags)))
    await up_read(MM)


async def replaces() -> None:
    from pyemu.effects.areas import free_vma, insert_vma

    await down_write(MM)
    vma = await find_vma(MM, V)
    assert isinstance(vma, Vma)
    await free_vma(vma)
    await insert_vma(MM, V, V + 4 * 4096, int(VM_READ | VM_WRITE))
    await up_write(MM)


async def allocates() -> None:
    page = await alloc_page(7)
    await put_page(page)


async def maps() -> None:
    page = await alloc_page(7)
    mapped = await set_pte_if_none(MM, V1, page, True)
    if not mapped:
        await put_page(page)


async def unmaps() -> None:
    await zap_pte(MM, V1)


async def looks() -> None:
    done = await access(V1, "read", 0)
    await report("value", str(done.value))


async def stores() -> None:
    await access(V, "write", 9)


async def loads() -> None:
    done = await access(V, "read", 0)
    await report("value", str(done.value))


async def spins_for_table() -> None:
    await spin_lock(MM, V)
    pte = await get_pte(MM, V1)
    await report("pte", hex(pte))
    await spin_unlock(MM, V)


async def locks_page() -> None:
    await lock_page(PAGE)
    await unlock_page(PAGE)


async def locks_page_unless_killed() -> None:
    failed = await lock_page_killable(PAGE)
    if failed:
        await report("page", "killed")
    else:
        await unlock_page(PAGE)


async def waits_for_page() -> None:
    await wait_on_page_locked(PAGE)


async def posts_to_a() -> None:
    await post(number("A"))


async def waits_for_post() -> None:
    there = await post_queue()
    if not there:
        await schedule()
    got = await post_dequeue()
    await report("post", str(got))


async def sleeps() -> None:
    await set_current_state(TASK_INTERRUPTIBLE)
    pending = await signal_pending(TaskHandle(0))
    if not pending:
        await schedule()
    taken = await dequeue_signal()
    await report("signal", str(taken and taken.signal))


async def sleeps_killable() -> None:
    await set_current_state(TASK_KILLABLE)
    fatal = await fatal_signal_pending(TaskHandle(0))
    if not fatal:
        await schedule()


async def naps() -> None:
    await set_current_state(TASK_INTERRUPTIBLE)
    left = await schedule_timeout(10)
    await report("left", str(left))


async def blocks() -> None:
    await set_current_blocked(SIGUSR1, True)
    await set_current_blocked(SIGUSR1, False)


async def resets_then_reads() -> None:
    await down_read(MM)
    await reset_signal_action(SIGUSR1)
    await up_read(MM)


async def looks_what_a_signal_does() -> None:
    await down_read(MM)
    does = await signal_action(SIGUSR1)
    await report("outcome", does)
    await up_read(MM)


async def faults() -> None:
    wait = await userfaultfd_queue(CONTEXT, V1, 0, TASK_KILLABLE)
    pte = await get_pte(MM, V1)
    if not pte:
        await wake_up_poll(CONTEXT)
        await schedule()
    await userfaultfd_dequeue(wait)


async def looks_before_it_queues() -> None:
    pte = await get_pte(MM, V1)
    if not pte:
        wait = await userfaultfd_queue(CONTEXT, V1, 0, TASK_KILLABLE)
        await schedule()
        await userfaultfd_dequeue(wait)


async def fills() -> None:
    page = await alloc_page(5)
    await set_pte_if_none(MM, V1, page, True)
    await wake_userfault(CONTEXT, V1, 4096)


async def reads_message() -> None:
    message = await userfaultfd_next_message(CONTEXT)
    await report("message", str(message is not None))


HANDLES_USR1 = {"signals": {"SIGUSR1": "handler"}}
APART = {"process": None}

TINY: dict[str, Tiny] = {
    # three tasks, and a lock for which a writer queues
    "two readers, a writer": Tiny({"A": reads, "B": writes, "C": reads}, queued_writer=True),
    "two writers, a reader": Tiny({"A": writes, "B": writes, "C": reads}, queued_writer=True),
    "a killed reader behind a writer": Tiny(
        {"A": reads_unless_killed, "B": writes, "C": kills_a}, queued_writer=True
    ),
    "a killed writer behind a reader": Tiny(
        {"A": writes_unless_killed, "B": reads, "C": kills_a}, queued_writer=True
    ),
    "trylock beside a queued writer": Tiny({"A": reads, "B": writes, "C": tries}, queued_writer=True),
    "an area that is replaced": Tiny({"A": finds, "B": replaces}, queued_writer=True),
    # pages, entries, accesses
    "frames of one's own": Tiny({"A": allocates, "B": allocates, "C": allocates}),
    "two map one page": Tiny({"A": maps, "B": maps}),
    "mapped, unmapped, looked at": Tiny({"A": maps, "B": unmaps, "C": looks}),
    "a value": Tiny({"A": stores, "B": loads, "C": loads}),
    "the lock of a page table": Tiny({"A": spins_for_table, "B": spins_for_table, "C": unmaps}),
    "the lock of a page": Tiny({"A": locks_page, "B": locks_page, "C": waits_for_page}),
    "a killed waiter for a page": Tiny({"A": locks_page_unless_killed, "B": locks_page, "C": kills_a}),
    # sleeping and signals
    "a post": Tiny({"A": waits_for_post, "B": posts_to_a}),
    "a signal for a sleeper": Tiny({"A": sleeps, "B": tells_a, "C": blocks}, keys=HANDLES_USR1),
    "SIGKILL for a sleeper": Tiny({"A": sleeps_killable, "B": kills_a, "C": reads}),
    "an action that is reset": Tiny(
        {"A": resets_then_reads, "B": looks_what_a_signal_does}, keys=HANDLES_USR1
    ),
    "a nap": Tiny({"A": naps, "B": tells_a}, keys=HANDLES_USR1),
    # userfaultfd
    "a fault and its monitor": Tiny({"A": faults, "B": fills, "C": reads_message}),
    "a lost wake-up": Tiny({"A": looks_before_it_queues, "B": fills}),
}
