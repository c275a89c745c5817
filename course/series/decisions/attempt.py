"""One attempt that has just ended: what an architecture's fault handler has to decide about.

All these decisions belong to trees before patch 13: ALLOW_RETRY is cleared after the first attempt. The
numbers are plain ints, since a proof asks tens of thousands of times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from course.series.decisions.records import Action, Decision, Mode, Pending
from pyemu.arches import Accounting, Arch, arch_of
from pyemu.flags import FaultFlag, VmFault
from pyemu.flags import names as flag_names

__all__ = [
    *("DEAD_ROW_TOLD", "FAULT_FLAG_ALLOW_RETRY", "FAULT_FLAG_RETRY_NOWAIT", "FAULT_FLAG_TRIED"),
    *("VM_FAULT_ERROR", "VM_FAULT_MAJOR", "VM_FAULT_OOM", "VM_FAULT_RETRY", "VM_FAULT_SIGBUS"),
    *("VM_FAULT_SIGSEGV", "Attempt", "attempts", "dead_row", "fault_signal_pending", "lock_trouble"),
    *("retries_shown", "unreachable"),
]

FAULT_FLAG_ALLOW_RETRY = int(FaultFlag.ALLOW_RETRY)
FAULT_FLAG_RETRY_NOWAIT = int(FaultFlag.RETRY_NOWAIT)
FAULT_FLAG_TRIED = int(FaultFlag.TRIED)
VM_FAULT_MAJOR = int(VmFault.MAJOR)
VM_FAULT_OOM = int(VmFault.OOM)
VM_FAULT_RETRY = int(VmFault.RETRY)
VM_FAULT_SIGBUS = int(VmFault.SIGBUS)
VM_FAULT_SIGSEGV = int(VmFault.SIGSEGV)
VM_FAULT_ERROR = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV  # of those that the cases use

DEAD_ROW = "RETRY, not allowed, without SIGKILL"

_FAULT_BITS = (VM_FAULT_RETRY, VM_FAULT_MAJOR, VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has ended.

    Attributes
    ----------
    arch : Arch
        Whose fault handler decides.
    mode : Mode
        Where the fault came from.
    pending : Pending
        What is pending now.
    fault : int
        What handle_mm_fault gave.
    flags : int
        What it was called with: ALLOW_RETRY, TRIED, RETRY_NOWAIT; other flags play no part.
    major : bool
        An earlier attempt of this fault was MAJOR.
    """

    arch: Arch
    mode: Mode
    pending: Pending
    fault: int
    flags: int
    major: bool = False

    def __str__(self) -> str:
        parts = [
            self.arch.name,
            f"gave {flag_names(self.fault, VmFault)}",
            f"flags {flag_names(self.flags, FaultFlag)}",
            f"{self.mode} mode",
            str(self.pending),
        ]
        return ", ".join([*parts, "MAJOR before"] if self.major else parts)


def attempts(*arches: Arch) -> Iterator[Attempt]:
    """Give every attempt: all fault words, all flag words, both modes, each signal.

    Parameters
    ----------
    *arches : Arch
        Whose. RETRY_NOWAIT occurs where the handler asks with it, an earlier MAJOR where it remembers it.

    Returns
    -------
    iterator of Attempt
        Reachable or not: `unreachable` tells.
    """
    words = [sum(chosen) for chosen in product(*((0, bit) for bit in _FAULT_BITS))]
    for arch in arches:
        flags = product((FAULT_FLAG_ALLOW_RETRY, 0), (0, FAULT_FLAG_TRIED), _nowait(arch))
        majors = (False, True) if arch.accounting is Accounting.ORED else (False,)
        for mode, pending, fault, chosen, major in product(Mode, Pending, words, list(flags), majors):
            yield Attempt(arch, mode, pending, fault, sum(chosen), major)


def _nowait(arch: Arch) -> tuple[int, ...]:
    return (0, FAULT_FLAG_RETRY_NOWAIT) if arch.nowait else (0,)


def unreachable(case: Attempt) -> str:
    """Name the rule that keeps a case from happening; empty when it may happen."""
    retry, allowed = case.fault & VM_FAULT_RETRY, case.flags & FAULT_FLAG_ALLOW_RETRY
    if retry and case.fault & VM_FAULT_ERROR:
        return "I4: RETRY never comes with an error"
    if case.flags & FAULT_FLAG_RETRY_NOWAIT and not allowed:
        return "RETRY_NOWAIT is asked for together with ALLOW_RETRY"
    tried = case.flags & FAULT_FLAG_TRIED
    if allowed and tried:
        return "the handler clears ALLOW_RETRY when it sets TRIED"
    if not allowed and bool(tried) is not case.arch.sets_tried:
        return "the handler sets TRIED when it clears ALLOW_RETRY, or never does"
    if allowed and case.major:
        return "an earlier MAJOR needs an earlier attempt"
    if retry and not allowed and case.pending is not Pending.KILL:
        return "I2: RETRY without ALLOW_RETRY comes only with SIGKILL"
    return ""


def fault_signal_pending(fault: int, pending: Pending) -> bool:
    """Say whether a signal must end the fault: the helper as patch 3 made it, for SIGKILL alone."""
    return bool(fault & VM_FAULT_RETRY) and pending is Pending.KILL


def dead_row(case: Attempt) -> str:
    """Name the row of patches 4 and 7 that no callee gives: RETRY, not allowed, without SIGKILL."""
    retry, allowed = case.fault & VM_FAULT_RETRY, case.flags & FAULT_FLAG_ALLOW_RETRY
    return DEAD_ROW if retry and not allowed and case.pending is not Pending.KILL else ""


DEAD_ROW_TOLD = {
    DEAD_ROW: frozenset(
        product(
            ("return", "fixup"),
            ("error, unlocks", "done, unlocks, counts maj_flt", "done, unlocks, counts min_flt"),
        )
    )
}
"""What x86 and powerpc decide in that row: before, they leave; after, they release a lock not held."""


def retries_shown(arch: str) -> tuple[tuple[str, Attempt], ...]:
    """Give the rows that tell what a handler does after RETRY."""
    row = arch_of(arch)

    def case(mode: Mode, pending: Pending, flags: int) -> Attempt:
        return Attempt(row, mode, pending, VM_FAULT_RETRY, flags)

    return (
        ("RETRY, first attempt, no SIGKILL", case(Mode.USER, Pending.NONE, FAULT_FLAG_ALLOW_RETRY)),
        ("RETRY, SIGKILL, user mode", case(Mode.USER, Pending.KILL, FAULT_FLAG_ALLOW_RETRY)),
        ("RETRY, SIGKILL, kernel mode", case(Mode.KERNEL, Pending.KILL, FAULT_FLAG_ALLOW_RETRY)),
        ("RETRY, second attempt, no SIGKILL", case(Mode.USER, Pending.NONE, FAULT_FLAG_TRIED)),
    )


def lock_trouble(case: Attempt, decision: Decision) -> str:
    """Say what is wrong with the lock after a decision; empty when it was released once (I1)."""
    held = not case.fault & VM_FAULT_RETRY or bool(case.flags & FAULT_FLAG_RETRY_NOWAIT)
    if decision.unlocks > held:
        return "bad unlock balance: a lock that is not held is released"
    if decision.unlocks < held and decision.action is not Action.BUG:
        return "mmap_sem stays held"
    return ""
