"""The twelve cells: the kernel's own code decides, and a wrong cell is told with its cause."""

from __future__ import annotations

import pytest

from course.decide import own_cells, try_rule
from course.decide.cells import CELLS, kernel_decides
from pyemu import Tree
from pyemu.effects.handles import current
from pyemu.effects.records import Regs, user_mode
from pyemu.effects.signals import fatal_signal_pending, signal_pending
from pyemu.errors import FaultlabError
from pyemu.flags import VM_FAULT_RETRY


def test_the_kernel_leaves_in_two_cells_before_patch_9_and_in_three_from_it_on() -> None:
    left = {
        n: [str(cell) for cell, leaves in zip(CELLS, kernel_decides(Tree.upto(n)), strict=True) if leaves]
        for n in (0, 3, 8, 9, 16)
    }
    killed = ["RETRY set, user mode, SIGKILL pending", "RETRY set, kernel mode, SIGKILL pending"]
    assert left[0] == left[3] == left[8] == killed
    assert left[9] == left[16] == ["RETRY set, user mode, SIGUSR1 pending", *killed]


def test_cells_that_are_filled_right_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    own_cells("nnnnnn nnynny", "NNNNNN NYYNNY")
    assert capsys.readouterr().out.endswith("All 24 are what the kernel does.\n")


@pytest.mark.parametrize(
    ("upto8", "from9", "said"),
    [
        ("ynnnnn nnynny", "nnnnnn nyynny", "who would release it?"),
        ("nnnnnn nyynny", "nnnnnn nyynny", "That is what patch 9 will change."),
        ("nnnnnn nnynny", "nnnnnn nnynny", "It is safe to go back to user mode"),
        ("nnnnnn nnynny", "nnnnnn nyynyy", "a harmless signal would be an error"),
        ("nnnnnn nnynnn", "nnnnnn nyynny", "there is nothing to go on for"),
        ("nnnnnn ynynny", "nnnnnn nyynny", "for what would the kernel leave?"),
    ],
)
def test_a_wrong_cell_is_told_with_its_cause(
    upto8: str, from9: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own_cells(upto8, from9)
    out = " ".join(capsys.readouterr().out.split())
    assert said in out
    assert out.endswith("23 of 24 are what the kernel does.")


def test_open_cells_are_counted_and_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    own_cells("nnnnnn ??????", "nnnnnn ??????")
    out = capsys.readouterr().out
    assert out.endswith("12 of 24 are what the kernel does, 12 are open.\n")
    assert "is not what" not in out


@pytest.mark.parametrize("text", ["nnn", "nnnnnn nnynnx"])
def test_a_column_is_twelve_letters(text: str) -> None:
    with pytest.raises(FaultlabError, match="a column is 12 of them"):
        own_cells(text, text)


async def patch_9(fault: int, regs: Regs) -> bool:
    if not fault & VM_FAULT_RETRY:
        return False
    if await fatal_signal_pending(current):
        return True
    return user_mode(regs) and await signal_pending(current)


async def patch_3(fault: int, regs: Regs) -> bool:
    return bool(fault & VM_FAULT_RETRY) and await fatal_signal_pending(current)


async def no_retry(fault: int, regs: Regs) -> bool:
    return user_mode(regs) and await signal_pending(current)


async def kill_in_user_mode_only(fault: int, regs: Regs) -> bool:
    return bool(fault & VM_FAULT_RETRY) and user_mode(regs) and await signal_pending(current)


async def forgets_await(fault: int, regs: Regs) -> bool:
    return signal_pending(current)  # type: ignore[return-value]  # the mistake that is tested


def plain(fault: int, regs: Regs) -> bool:
    return False


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (patch_9, "Your rule and that of patch 9 decide alike in all 12 cells."),
        (patch_3, "Yours is the rule before patch 9"),
        (no_retry, "RETRY clear, user mode, SIGUSR1 pending: your rule leaves the fault."),
        (kill_in_user_mode_only, "RETRY set, kernel mode, SIGKILL pending: your rule stays."),
        (forgets_await, "await it"),
        (plain, "is a plain function"),
    ],
)
def test_a_rule_is_compared_cell_by_cell(rule: object, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try_rule(rule)  # type: ignore[arg-type]  # one of them is no coroutine function
    assert said in " ".join(capsys.readouterr().out.split())
