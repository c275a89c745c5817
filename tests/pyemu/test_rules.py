"""The table of rules: complete, used by every text, and each rule broken by a function that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import pyemu.sched
from pyemu import Scenario, Tree, run
from pyemu.calls.fault import do_page_fault
from pyemu.calls.memory import handle_mm_fault
from pyemu.effects.areas import find_vma, free_vma
from pyemu.effects.entries import set_pte_if_none
from pyemu.effects.exceptions import bug_on
from pyemu.effects.file_locks import i_mmap_lock_read
from pyemu.effects.gup import page_to_nid
from pyemu.effects.handles import Mm, Vma, current
from pyemu.effects.locks import down_read, down_write, spin_lock, up_read, up_write
from pyemu.effects.pages import alloc_page, lock_page, unlock_page
from pyemu.effects.records import Regs
from pyemu.effects.signals import flush_signals
from pyemu.effects.sleeping import schedule
from pyemu.effects.uffd import userfaultfd_dequeue, userfaultfd_queue, wake_up_poll
from pyemu.flags import (
    FAULT_FLAG_DEFAULT,
    FAULT_FLAG_USER,
    PAGE_MASK,
    TASK_INTERRUPTIBLE,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
)
from pyemu.machine import InvariantViolation, Result
from pyemu.rules import RULES, explained
from tests.pyemu.scenes import COPY, V1, WAIT, monitor, pause, scene, send, victim

PLAIN = scene(victim(), area={"userfaultfd": False}, machine={"max_ticks": 1_000})
SHARED = scene(victim(), area={"userfaultfd": False, "kind": "shmem"}, machine={"max_ticks": 1_000})
SERVED = scene(victim(), monitor(WAIT, COPY, pause(100)), machine={"max_ticks": 1_000})
SIGNALLED = scene(victim(), monitor(WAIT, send("SIGUSR1"), pause(10), COPY), machine={"max_ticks": 1_000})

Body = Callable[[Mm, Vma, int, int], Any]


def faults(body: Body) -> Callable[..., Any]:
    """A handle_mm_fault that does something wrong once, and maps a page from then on."""
    wrong = [body]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if wrong:
            bits: int = await wrong.pop()(mm, vma, address, flags)
            return bits
        await set_pte_if_none(mm, address, await alloc_page(0), True)
        return 0

    return handle_mm_fault


def handler(body: Callable[[Mm, int], Any]) -> Callable[..., Any]:
    """A do_page_fault that does something wrong, and then maps the page."""

    async def do_page_fault(regs: Regs, error_code: int, address: int) -> None:
        mm = await current.mm
        await body(mm, address)

    return do_page_fault


async def keeps_the_lock(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    return VM_FAULT_RETRY


async def retries(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await up_read(mm)
    return VM_FAULT_RETRY


async def errs_and_retries(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await up_read(mm)
    return VM_FAULT_RETRY | VM_FAULT_SIGBUS


async def unlocks_twice(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await up_read(mm)
    await up_read(mm)
    return VM_FAULT_RETRY


async def locks_twice(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await down_read(mm)
    await up_read(mm)
    return 0


async def locks_in_the_wrong_order(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await up_read(mm)
    pfn = await alloc_page(0)
    await lock_page(pfn)
    await down_read(mm)
    await unlock_page(pfn)
    return 0


async def keeps_a_file_lock(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    file = await vma.vm_file
    await i_mmap_lock_read(file)
    await set_pte_if_none(mm, address, await alloc_page(0), True)
    return 0


async def meets_a_bug(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await bug_on(bool(flags & FAULT_FLAG_USER), "a fault from user mode")
    return 0


async def keeps_a_page_lock(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    pfn = await alloc_page(0)
    await lock_page(pfn)
    await set_pte_if_none(mm, address, pfn, True)
    return 0


async def keeps_a_spinlock(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await spin_lock(mm, address)
    return 0


async def asks_for_memory(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await spin_lock(mm, address)
    await alloc_page(0)
    return 0


async def unlocks_a_page(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    pfn = await alloc_page(0)
    await unlock_page(pfn)
    return 0


async def sleeps_too_late(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    context = await vma.vm_userfaultfd_ctx
    assert context is not None
    await set_pte_if_none(mm, address, await alloc_page(0), True)
    await userfaultfd_queue(context, V1, 0, TASK_INTERRUPTIBLE)
    await schedule()
    return 0


async def uses_a_page_that_is_none(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await page_to_nid(77)
    return 0


async def faults_in_the_kernel(mm: Mm, vma: Vma, address: int, flags: int) -> int:
    await up_read(mm)
    await do_page_fault(Regs(user=False, ip=1), 0, 0)
    return VM_FAULT_RETRY


async def forgets_tried(mm: Mm, address: int) -> None:
    for _ in "12":
        await down_read(mm)
        vma = await find_vma(mm, address)
        assert vma is not None
        bits = await handle_mm_fault(vma, address, FAULT_FLAG_DEFAULT | FAULT_FLAG_USER)
    if not bits & VM_FAULT_RETRY:
        await up_read(mm)


async def keeps_mmap_sem(mm: Mm, address: int) -> None:
    await down_read(mm)
    await set_pte_if_none(mm, address, await alloc_page(0), True)


async def looks_without_a_lock(mm: Mm, address: int) -> None:
    await find_vma(mm, address)
    await set_pte_if_none(mm, address, await alloc_page(0), True)


async def looks_too_late(mm: Mm, address: int) -> None:
    await down_read(mm)
    vma = await find_vma(mm, address)
    assert vma is not None
    await up_read(mm)
    await down_read(mm)
    await vma.vm_flags
    await up_read(mm)
    await set_pte_if_none(mm, address, await alloc_page(0), True)


async def looks_after_it_is_gone(mm: Mm, address: int) -> None:
    await down_write(mm)
    vma = await find_vma(mm, address)
    assert vma is not None
    await free_vma(vma)
    await vma.vm_flags
    await up_write(mm)
    await set_pte_if_none(mm, address, await alloc_page(0), True)


async def takes_the_lock_again(vma: Vma, address: int, flags: int, reason: int) -> int:
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    wait = await userfaultfd_queue(context, address & PAGE_MASK, 0, TASK_INTERRUPTIBLE)
    await up_read(mm)
    await wake_up_poll(context)
    await schedule()
    await userfaultfd_dequeue(wait)
    await down_read(mm)
    return VM_FAULT_NOPAGE


async def throws_signals_away(fault: int, regs: Regs) -> bool:
    await flush_signals(current)
    return False


@dataclass(frozen=True)
class Broken:
    """A function that breaks a rule, and where."""

    name: str
    function: Callable[[], Callable[..., Any]]
    scenario: Scenario = PLAIN
    tree: Tree = Tree.after

    def run(self) -> Result:
        return run(self.scenario, self.tree, {self.name: self.function()})


def callee(body: Body, scenario: Scenario = PLAIN, tree: Tree = Tree.after) -> Broken:
    return Broken("handle_mm_fault", lambda: faults(body), scenario, tree)


def caller(body: Callable[[Mm, int], Any], scenario: Scenario = PLAIN) -> Broken:
    return Broken("do_page_fault", lambda: handler(body), scenario)


WRONG: dict[str, Broken] = {
    "I1": callee(keeps_the_lock),
    "I2": Broken("handle_mm_fault", lambda: twice(retries), PLAIN, Tree.before),
    "I4": callee(errs_and_retries),
    "I5": caller(forgets_tried, SERVED),
    "I6": Broken("handle_mm_fault", lambda: twice(retries)),
    "bad unlock balance": callee(unlocks_twice),
    "recursive lock": callee(locks_twice),
    "lock order": callee(locks_in_the_wrong_order),
    "mmap_sem held on return": caller(keeps_mmap_sem),
    "mmap_sem held on exit": caller(keeps_mmap_sem),
    "file lock held on return": callee(keeps_a_file_lock, SHARED),
    "file lock held on exit": callee(keeps_a_file_lock, SHARED),
    "page lock held on return": callee(keeps_a_page_lock),
    "page lock held on exit": callee(keeps_a_page_lock),
    "spinlock held on return": callee(keeps_a_spinlock),
    "spinlock held on exit": callee(keeps_a_spinlock),
    "page unlock without lock": callee(unlocks_a_page),
    "sleeping with a spinlock": callee(asks_for_memory),
    "vma without mmap_sem": caller(looks_without_a_lock),
    "stale vma": caller(looks_too_late),
    "use after free": caller(looks_after_it_is_gone),
    "dangling vma": Broken("handle_userfault", lambda: takes_the_lock_again, Scenario.load("S10b")),
    "lost wake-up": callee(sleeps_too_late, SERVED),
    "lost signal": Broken("fault_signal_pending", lambda: throws_signals_away, SIGNALLED),
    "oops": callee(faults_in_the_kernel),
    "BUG_ON": callee(meets_a_bug),
    "page never got": callee(uses_a_page_that_is_none),
}


def twice(body: Body) -> Callable[..., Any]:
    """A handle_mm_fault that does something wrong at its first two attempts."""
    left = [body, body]

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        mm = await current.mm
        if left:
            bits: int = await left.pop()(mm, vma, address, flags)
            return bits
        await set_pte_if_none(mm, address, await alloc_page(0), True)
        return 0

    return handle_mm_fault


@pytest.mark.parametrize("rule", WRONG)
def test_who_breaks_a_rule_is_told_what_happened_and_how_to_mend_it(rule: str) -> None:
    result = WRONG[rule].run()
    found = [one for one in result.violations if one.rule == rule]
    assert found, [one.rule for one in result.violations]
    assert found[0].text.endswith(f". {RULES[rule].mend}")
    events = [event for event in result.trace.select("violation") if event.a == rule]
    assert events[0].text == f"{rule}: {found[0].text}"


def test_a_spin_is_told_by_a_strict_run() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        await up_read(await current.mm)
        return VM_FAULT_RETRY

    with pytest.raises(InvariantViolation, match=r"I6|I3"):
        run(PLAIN, Tree.after, {"handle_mm_fault": handle_mm_fault}, strict=True)


def test_the_table_holds_every_rule_that_is_asserted_and_no_other() -> None:
    files = sorted(Path(str(pyemu.sched.__file__)).parent.glob("*.py"))
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r'violation\(\s*[a-z_]+,\s*"([^"]+)"', source))
    constants = dict(re.findall(r'^([A-Z_]+) = "(.+)"$', source, re.MULTILINE))
    named |= {constants[one] for one in re.findall(r"violation\(\s*[a-z_]+,\s*([A-Z_]+),", source)}
    named |= {rule for rule in RULES if " held on " in rule}  # put together
    named |= {"I3", "SIGKILL waits"}  # told by a strict run, and by the explorer
    assert named == set(RULES)
    assert set(WRONG) | {"I3", "SIGKILL waits"} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_explained_in_sentences(rule: str) -> None:
    for text in (RULES[rule].means, RULES[rule].mend):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text


def test_a_rule_that_is_not_in_the_table_keeps_its_text() -> None:
    assert explained("something new", "It happened.") == "It happened."
