"""A learner's loop is compared with that of Linux v5.6, and the first symptom is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from course.decide import try_twice
from pyemu.calls.fault import mm_fault_error
from pyemu.calls.memory import handle_mm_fault
from pyemu.effects.areas import find_vma
from pyemu.effects.counters import count
from pyemu.effects.handles import current
from pyemu.effects.locks import down_read, up_read
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    FAULT_FLAG_WRITE,
    VM_FAULT_ERROR,
    VM_FAULT_RETRY,
    X86_PF_WRITE,
)


async def once(mm: Any, address: int, flags: int) -> int:
    await down_read(mm)
    vma = await find_vma(mm, address)
    assert vma is not None
    fault: int = await handle_mm_fault(vma, address, flags)
    return fault


async def twice(regs: Any, error_code: int, address: int) -> None:
    """What Linux v5.6 does."""
    mm = await current.mm
    flags = int(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER)
    if error_code & X86_PF_WRITE:
        flags |= FAULT_FLAG_WRITE
    fault = await once(mm, address, flags)
    if fault & VM_FAULT_RETRY:
        fault = await once(mm, address, flags & ~FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)
    await up_read(mm)
    if fault & VM_FAULT_ERROR:
        await mm_fault_error(regs, error_code, address, fault)


async def leaves(regs: Any, error_code: int, address: int) -> None:
    """Gives up after the first attempt, whatever it gave."""
    mm = await current.mm
    if await once(mm, address, FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_USER) == 0:
        await up_read(mm)


async def raises(regs: Any, error_code: int, address: int) -> None:
    """Is no handler at all."""
    await count("min_flt")
    raise ValueError("no")


async def too_few(regs: Any) -> None:
    """Takes other arguments."""


def test_a_right_loop_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    try_twice(twice)
    said = capsys.readouterr().out
    assert said.count("as Linux 5.6") == 4
    assert said.endswith("Your loop does what that of Linux 5.6 does, in all four.\n")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (leaves, "Yours makes fewer attempts: RETRY means that the fault is not served yet."),
        (raises, "ValueError"),
        (too_few, "do_user_addr_fault takes (regs)"),
    ],
)
def test_what_parts_is_named(
    function: Callable[..., Any], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_twice(function)
    said = " ".join(capsys.readouterr().out.split())
    assert says in said
    assert "in all four" not in said
