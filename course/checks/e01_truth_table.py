"""The checks of exercise E1: may a fault be left for a signal? By the rule of patch 3, and of patch 9."""

from __future__ import annotations

from course.checks.call_case import CallCase
from course.checks.draw import Draw
from course.checks.e01_causes import CAUSES, RULE
from course.checks.e01_cells import Cell, asks, control, leaves, over, retry, said
from course.checks.specification import Check, Checks, Commit

__all__ = ["CHECKS"]


def _case(name: str, happens: str, cells: tuple[Cell, ...]) -> CallCase:
    """Ask the learner's rules about some cells."""
    wanted = {cell.name: leaves(cell) for cell in cells}
    return CallCase(name, happens, asks(cells), wanted, {"cells": cells}, said)


def _over(draw: Draw) -> tuple[CallCase, ...]:
    cells = over(draw)
    happens = (
        "Most attempts came back without VM_FAULT_RETRY: those faults are over, and mmap_sem is held. Four "
        "for each rule came back with it."
    )
    return (_case("without RETRY", happens, cells),)


def _retry(patch: int, draw: Draw) -> tuple[CallCase, ...]:
    happens = (
        f"The attempt gave VM_FAULT_RETRY, alone or with another bit, and none, one or two signals were "
        f"sent. The kernel has the first {patch} patches."
    )
    return (_case(f"patch {patch}", happens, retry(patch, draw)),)


def _control(draw: Draw) -> tuple[CallCase, ...]:
    happens = (
        "The attempt gave VM_FAULT_RETRY, alone or with another bit, and up to three signals were sent, "
        "which T handles, blocks or ignores, or which have their default."
    )
    return (_case("what is pending", happens, control(draw)),)


CHECKS = Checks(
    answers=("patch_3", "patch_9"),
    checks={
        "retry": Check(
            _over,
            (),
            "Only after VM_FAULT_RETRY the lock is gone. A fault that is over goes on to the line that "
            "releases it, whatever is pending.",
        ),
        "p3": Check(
            lambda draw: _retry(3, draw),
            (),
            "Patch 3 gave a name to the test that each architecture had: RETRY, and SIGKILL is pending.",
        ),
        "p9": Check(
            lambda draw: _retry(9, draw),
            (),
            "User mode can always be left for a signal: the handler runs, and the access is made again. "
            "Kernel code could only break its copy off, and does so for SIGKILL alone.",
        ),
        "control": Check(
            _control,
            (),
            "Pending is what the task would take on its way to user mode: not what it blocks, nor what it "
            "ignores, but SIGSTOP as well as a signal with a handler.",
        ),
    },
    causes=CAUSES,
    read=RULE,
    commit=Commit(
        "4ef873226ceb",
        'patch 3 of the series, "mm: introduce fault_signal_pending()", and patch 9, "mm: return faster for '
        'non-fatal signals in user mode faults"',
    ),
)
