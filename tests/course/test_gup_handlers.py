"""The loops of get_user_pages as a learner writes them, in a child process: its records cross the wire."""

from __future__ import annotations

import pytest

from course.handlers import ChildHandler
from pyemu import Tree, run

LOOP = """
async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):
    pages, done, dropped = (), 0, False
    while done < nr_pages:
        got = await __get_user_pages(tsk, mm, start + done * PAGE_SIZE, nr_pages - done, flags, locked)
        if locked is None:
            return got
        pages, locked = pages + got.pages, got.locked
        done += max(got.n, 0)
        if locked:
            if not done:
                done = got.n
            break
        dropped = True
        while not locked and done < nr_pages:
            if await fatal_signal_pending(current):
                return GupResult(done or -EINTR, 0, pages)
            if await down_read_killable(mm):
                return GupResult(done or -EINTR, 0, pages)
            got = await __get_user_pages(tsk, mm, start + done * PAGE_SIZE, 1, flags | FOLL_TRIED, 1)
            locked = got.locked
            if locked and got.n != 1:
                await up_read(mm)
                return GupResult(done or got.n, 0, pages)
            pages += got.pages
            done += got.n
    if dropped and locked:
        await up_read(mm)
        locked = 0
    return GupResult(done, locked, pages)
"""
FIXUP = """
async def fixup_user_fault(tsk, mm, address, fault_flags, unlocked):
    if unlocked is not None:
        fault_flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE
    major = 0
    while True:
        vma = await find_vma(mm, address)
        if vma is None or await vma.vm_start > address:
            return FixupResult(-EFAULT, unlocked)
        if not await vma.vm_flags & (VM_WRITE if fault_flags & FAULT_FLAG_WRITE else VM_READ):
            return FixupResult(-EFAULT, unlocked)
        if fault_flags & FAULT_FLAG_KILLABLE and await fatal_signal_pending(current):
            return FixupResult(-EINTR, unlocked)
        fault = await handle_mm_fault(vma, address, fault_flags)
        major |= fault & VM_FAULT_MAJOR
        if fault & VM_FAULT_ERROR:
            return FixupResult(-EFAULT, unlocked)
        if not fault & VM_FAULT_RETRY:
            break
        await down_read(mm)
        unlocked = True
        fault_flags |= FAULT_FLAG_TRIED
    if tsk is not None:
        await count_for(tsk, "maj_flt" if major else "min_flt")
    return FixupResult(0, unlocked)
"""


@pytest.mark.parametrize(
    ("name", "source", "scenario"),
    [
        *(
            ("__get_user_pages_locked", LOOP, one)
            for one in ("S14", "S14-kill", "S15", "S15b", "B1", "B2", "X1")
        ),
        ("fixup_user_fault", FIXUP, "B3"),
    ],
)
def test_a_right_loop_in_a_child_gives_what_the_kernel_s_own_gives(
    name: str, source: str, scenario: str
) -> None:
    own = run(scenario, Tree.v5_7)
    with ChildHandler("from pyemu.stubs import *\n" + source, name) as handler:
        remote = run(scenario, Tree.v5_7, {name: handler})
    assert remote.findings == ()
    assert remote.violations == own.violations == ()
    assert remote.tasks == own.tasks
    told = ["attempt", "attempt_end", "gup", "lock_taken", "lock_granted", "lock_dropped", "message", "sleep"]
    assert [(e.t, e.task, e.text) for e in remote.trace.select(*told)] == [
        (e.t, e.task, e.text) for e in own.trace.select(*told)
    ]


def test_a_number_instead_of_a_record_is_explained() -> None:
    head = "async def __get_user_pages_locked(tsk, mm, start, nr_pages, locked, flags):"
    wrong = f"from pyemu.stubs import *\n{head}\n    return 0\n"
    with ChildHandler(wrong, "__get_user_pages_locked") as handler:
        result = run("S14", Tree.v5_7, {"__get_user_pages_locked": handler})
    assert [one.rule for one in result.findings] == ["bad result"]
    assert "it must return GupResult" in result.findings[0].text
