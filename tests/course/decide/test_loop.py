"""A learner's loop beside the kernel's: right ones agree, and of a wrong one the likely cause is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from course.decide import handler_of, relocked, try_loop, wakes
from pyemu import Tree, run, stubs
from pyemu.errors import FaultlabError

RIGHT = """
async def loop(mm, regs, address, flags):
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        fault = await handle_mm_fault(vma, address, flags)
        if await fault_signal_pending(fault, regs):
            return None
        if not fault & VM_FAULT_RETRY:
            return fault
        flags |= FAULT_FLAG_TRIED
"""
RECURSIVE = """
async def loop(mm, regs, address, flags):
    await down_read(mm)
    fault = await handle_mm_fault(await find_vma(mm, address), address, flags)
    if not fault & VM_FAULT_RETRY:
        return fault
    if await fault_signal_pending(fault, regs):
        return
    return await loop(mm, regs, address, flags | FAULT_FLAG_TRIED)
"""
SIGNAL = """        if await fault_signal_pending(fault, regs):
            return None
"""
LOCK = """        await down_read(mm)
        vma = await find_vma(mm, address)
"""


def made(source: str) -> Callable[..., Any]:
    names = {name: getattr(stubs, name) for name in stubs.__all__ if hasattr(stubs, name)}
    exec(source, names)
    function: Callable[..., Any] = names["loop"]
    return function


def said(source: str, capsys: pytest.CaptureFixture[str]) -> str:
    try_loop(made(source))
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("source", [RIGHT, RECURSIVE])
def test_a_right_loop_agrees(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(source, capsys).endswith("Your loop does what the kernel's does, and breaks no rule.")


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (
            "flags |= FAULT_FLAG_TRIED",
            "flags = flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED",
            "ALLOW_RETRY is gone",
        ),
        ("flags |= FAULT_FLAG_TRIED", "pass", "Set TRIED in the flags before you try again"),
        ("flags |=", "await up_read(mm)\n        flags |=", "after RETRY the callee has released it already"),
        (SIGNAL, "", "your loop does not leave for it"),
        ("while True", "for _ in range(3)", "left the fault when nothing called it away"),
        (
            f"    while True:\n{LOCK}",
            f"{LOCK.replace('        ', '    ')}    while True:\n",
            "take it in each round",
        ),
        ("await fault_signal", "fault_signal", "put `await` before fault_signal_pending"),
    ],
)
def test_of_a_wrong_loop_the_cause_is_told(
    old: str, new: str, cause: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert old in RIGHT
    assert cause in said(RIGHT.replace(old, new), capsys)


def test_a_page_that_is_locked_n_times_costs_two_attempts() -> None:
    for n in (1, 7):
        assert run(relocked(n), Tree.after, handler_of(made(RIGHT))).tasks["T"].stats["attempts"] == 2
    broken = handler_of(made(RIGHT.replace("flags |= FAULT_FLAG_TRIED", "pass")))
    assert run(relocked(7), Tree.after, broken).tasks["T"].stats["attempts"] == 8


@pytest.mark.parametrize("n", [0, 1001, "3", True])
def test_a_number_out_of_range_is_refused(n: Any) -> None:
    for scenario in (wakes, relocked):
        with pytest.raises(FaultlabError, match="from 1 to 1000"):
            scenario(n)
