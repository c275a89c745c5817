"""Where the emulator has a decision of its own, it decides as the table does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from course.series.decisions import p01_locked, p03_helper, p04_x86, p08_sh, p16_blocking
from course.series.decisions.attempt import Attempt
from course.series.decisions.p01_locked import Page, Pinned
from course.series.decisions.p11_default import First, after, before
from course.series.decisions.p16_blocking import Fault
from course.series.decisions.records import Action, Mode, Pending
from course.series.emulated import agreement, reachable, sides
from course.series.pairs import PAIRS
from pyemu import Tree
from pyemu.arches import arch_of
from pyemu.calls.fault import mm_fault_error, no_context
from pyemu.calls.gup import __get_user_pages
from pyemu.effects import Effect
from pyemu.effects.counters import count
from pyemu.effects.entries import my_zero_pfn, set_pte_if_none
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import GupResult
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    FOLL_NOWAIT,
    FOLL_TRIED,
    VM_FAULT_RETRY,
)
from pyemu.kernel import arch_fault
from pyemu.kernel.userfaultfd import blocking_state
from tests.pyemu.scenes import Lab, V

arch_fault_ends_early = arch_fault.ends_early
CASES = reachable(PAIRS[4])


def test_there_are_cases_of_every_action() -> None:
    assert len(CASES) > 120
    assert {case.mode for case in CASES} == set(Mode)
    assert {p04_x86.after(case).action for case in CASES} == {
        *(Action.DONE, Action.ERROR, Action.FIXUP, Action.RETRY, Action.RETURN)
    }
    actions = {p03_helper.after(case).action for case in reachable(PAIRS[3])}
    assert actions == {*(Action.DONE, Action.ERROR, Action.FIXUP, Action.PFAULT, Action.RETRY, Action.RETURN)}
    assert {p08_sh.after(case).sends for case in reachable(PAIRS[8])} >= {("SIGBUS",), ("SIGSEGV",), ()}


@pytest.mark.parametrize(("number", "arch"), [(4, "x86"), (7, "powerpc")])
@pytest.mark.parametrize("mode", Mode)
def test_the_dead_row_is_decided_alike_too(number: int, arch: str, mode: Mode) -> None:
    dead = Attempt(arch_of(arch), mode, Pending.NONE, int(VM_FAULT_RETRY), int(FAULT_FLAG_TRIED))
    for tree, side in sides(number, PAIRS[number]):
        assert agreement(tree, side, [dead], exact=False).wrong == ()
    before, after = (side(dead) for _, side in sides(number, PAIRS[number]))
    assert (before.unlocks, after.unlocks) == (0, 1)


# What a handler could do wrong: what stands in the place of a function of the driver.
async def no_fixup(policy: Any, regs: Any, error_code: int, address: int) -> None:
    return


async def always_fixup(policy: Any, regs: Any, error_code: int, address: int) -> None:
    if not regs.user:
        await no_context(regs, error_code, address, 0, 0)


async def one_release(policy: Any, mm: Any, regs: Any, error_code: int, address: int, fault: int) -> None:
    await up_read(mm)
    await mm_fault_error(regs, error_code, address, fault)


async def count_minor(policy: Any, major: int) -> None:
    await count("min_flt")


async def count_nothing(policy: Any, flags: int, fault: int, major: int) -> None:
    return


async def never_early(policy: Any, *args: Any) -> bool:
    return await arch_fault_ends_early(replace(policy, swallows_errors_when_killed=False), *args)


async def pfault_without_release(mm: Any) -> None:
    return


ALLOW, TRIED = int(FAULT_FLAG_ALLOW_RETRY), int(FAULT_FLAG_TRIED)
PLANTED: list[tuple[int, str, str, Any]] = [
    (3, "riscv", "next_flags", lambda policy, flags: flags | TRIED),
    (3, "alpha", "next_flags", lambda policy, flags: flags & ~ALLOW | TRIED),
    (3, "riscv", "leave", always_fixup),
    (3, "sparc64", "leave", always_fixup),
    (3, "arm", "leave", no_fixup),
    (3, "riscv", "count_fault", count_minor),
    (3, "xtensa", "count_at_end", count_nothing),
    (3, "s390", "up_read", pfault_without_release),
    (5, "arc", "count_at_end", count_nothing),
    (5, "arc", "leave", no_fixup),
    (6, "arm64", "count_fault", count_minor),
    (7, "powerpc", "leave", no_fixup),
    (8, "sh", "end_in_error", one_release),
    (8, "sh", "ends_early", never_early),
]


@pytest.mark.parametrize(
    ("number", "arch", "name", "faulty"), PLANTED, ids=[f"P{one[0]}-{one[1]}-{one[2]}" for one in PLANTED]
)
def test_a_fault_planted_in_the_driver_is_noticed(
    number: int, arch: str, name: str, faulty: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [case for case in reachable(PAIRS[number]) if case.arch.name == arch]

    def differences() -> list[str]:
        both = sides(number, PAIRS[number])
        return [text for tree, side in both for text in agreement(tree, side, cases, number == 8).wrong]

    assert differences() == []
    monkeypatch.setattr(arch_fault, name, faulty)
    assert differences()


@pytest.mark.parametrize(
    ("tree", "side"),
    [(Tree.upto(15), p16_blocking.before), (Tree.upto(16), p16_blocking.after)],
    ids=["upto15", "upto16"],
)
def test_the_sleep_in_handle_userfault_is_chosen_as_patch_16_says(tree: Tree, side: Any) -> None:
    policy = tree.policies
    for flags in range(1 << 10):
        assert blocking_state(policy, flags) == side(Fault(flags, Pending.NONE)).state, hex(flags)


def pinned(page: Page, tree: Tree) -> tuple[Pinned, bool]:
    """What the emulator's get_user_pages gives for a page, and whether it still holds mmap_sem."""
    words: list[int] = []
    answers = [page.fault]
    found: list[GupResult] = []
    foll = FOLL_NOWAIT * page.nowait | FOLL_TRIED * page.tried

    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        words.append(flags)
        mm = await vma.vm_mm
        fault = answers.pop()
        if fault & VM_FAULT_RETRY and not page.nowait:
            await up_read(mm)
        if not fault:
            zero = await my_zero_pfn()
            await set_pte_if_none(mm, address, zero, False)
        return fault

    async def program() -> None:
        mm = await current.mm
        await down_read(mm)
        found.append(await __get_user_pages(None, mm, V, page.pinned + 1, foll, page.given))
        await Effect("park")  # so that nothing is undone at its end

    lab = Lab(
        programs={"T": program},
        tree=tree,
        area={"userfaultfd": False, "populated": list(range(page.pinned))},
        override={"handle_mm_fault": handle_mm_fault},
    )
    lab.settle()
    (got,) = found
    assert lab.rules("T") == []
    goes_on = got.n > page.pinned
    return Pinned(words[0], None if goes_on else got.n, got.locked), bool(lab.task("T").holds)


@pytest.mark.parametrize("tree", [Tree.before, Tree.upto(1)], ids=["before", "upto1"])
def test_get_user_pages_does_with_locked_what_patch_1_says(tree: Tree) -> None:
    pages = [page for page in p01_locked.cases() if not p01_locked.unreachable(page)]
    assert len(pages) > 50
    for page in pages:
        got, held = pinned(page, tree)
        assert got == p01_locked.before(page) == p01_locked.after(page), str(page)
        assert held is (got.locked != 0), str(page)


def test_a_fault_starts_with_the_word_of_patch_11() -> None:
    word = First("x86", user=False, write=False)
    assert Tree.upto(10).policies.default_flags == before(word).flags
    assert Tree.upto(11).policies.default_flags == after(word).flags
