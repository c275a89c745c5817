"""Who counts a page fault, how often, and as what: minor or major.

Up to Linux v5.8 whoever calls `handle_mm_fault` counts: x86 once, at success [fact:count-x86-own];
get_user_pages at each attempt [fact:count-gup-own]; other architectures by rules of their own. From v5.9 on
there is one rule, in `mm_account_fault` [fact:count-once]; Linux calls it at the end of `handle_mm_fault`,
this model right after it.

The rules of whole faults, as plain functions of their attempts, are for comparing them: `COUNTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pyemu.effects.counters import count, count_for, count_vm_event, perf_sw_event
from pyemu.effects.handles import Task, current
from pyemu.effects.machine import policies
from pyemu.effects.records import Regs
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
)


async def count_served(major: int) -> None:
    """Count a fault that was served, as x86 did itself: `major` holds MAJOR if any attempt said so."""
    if major:
        await count("maj_flt")
        await perf_sw_event("major-faults")
    else:
        await count("min_flt")
        await perf_sw_event("minor-faults")


async def mm_account_fault(regs: Regs | None, flags: int, fault: int) -> None:
    """Count an attempt by the one rule of v5.9; without `regs`, perf hears nothing of it.

    An attempt that ended in RETRY or in an error counts nothing; another is major if it said MAJOR, or if it
    was not the first. vmstat's pgfault follows from v6.4 on: one for each fault that came to an end
    [fact:count-once] [fact:count-pgfault-fault].
    """
    policy = await policies()
    if not policy.account_in_handle_mm_fault or fault & VM_FAULT_RETRY:
        return
    if policy.pgfault_counts_faults:
        await count_vm_event("pgfault")
    if fault & VM_FAULT_ERROR:
        return
    major = fault & VM_FAULT_MAJOR or flags & FAULT_FLAG_TRIED
    if regs is not None:
        await count_served(major)
    else:
        await count_for(current, "maj_flt" if major else "min_flt")


async def count_gup_attempt(tsk: Task | None, flags: int, fault: int) -> None:
    """Count an attempt of get_user_pages: for the task alone, perf never hears of it.

    Up to v5.8 each attempt counts that is no error, RETRY as well, for the task that the caller names; since
    then the one rule holds, for the running task [fact:count-gup-5-9].
    """
    policy = await policies()
    if policy.account_in_handle_mm_fault:
        await mm_account_fault(None, flags, fault)
    elif tsk is not None and not fault & VM_FAULT_ERROR:
        await count_for(tsk, "maj_flt" if fault & VM_FAULT_MAJOR else "min_flt")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of handle_mm_fault: the flags that went in, the ``VM_FAULT_*`` bits that came out."""

    flags: int
    bits: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a fault adds to maj_flt and min_flt."""

    maj: int = 0
    min: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.maj + self.min


def counts(majors: Iterable[bool]) -> Counts:
    """Add up what was counted, each as major or not."""
    each = list(majors)
    return Counts(sum(each), len(each) - sum(each))


def served(attempts: Sequence[Attempt]) -> bool:
    """Say whether the last attempt brought the page: RETRY there means that a signal ended the fault."""
    return not attempts[-1].bits & (VM_FAULT_RETRY | VM_FAULT_ERROR)


def count_x86(attempts: Sequence[Attempt]) -> Counts:
    """Count as x86, arm64 and powerpc did: once, at success; major if any attempt was."""
    return counts([any(one.bits & VM_FAULT_MAJOR for one in attempts)] if served(attempts) else [])


def count_arc(attempts: Sequence[Attempt]) -> Counts:
    """Count as arc did: once, at success; the last attempt decides alone [fact:count-arc]."""
    return counts([bool(attempts[-1].bits & VM_FAULT_MAJOR)] if served(attempts) else [])


def count_gated(attempts: Sequence[Attempt]) -> Counts:
    """Count as riscv and seventeen others did: each attempt that had ALLOW_RETRY, by its own result.

    Before the series the second attempt has it no more, after it every attempt has it [fact:count-gated].
    """
    done = attempts if served(attempts) else attempts[:-1]
    return counts(bool(one.bits & VM_FAULT_MAJOR) for one in done if one.flags & FAULT_FLAG_ALLOW_RETRY)


def count_gup(attempts: Sequence[Attempt]) -> Counts:
    """Count as get_user_pages did: every attempt that was no error, RETRY as well."""
    return counts(bool(one.bits & VM_FAULT_MAJOR) for one in attempts if not one.bits & VM_FAULT_ERROR)


def count_once(attempts: Sequence[Attempt]) -> Counts:
    """Count as every architecture does from v5.9 on: once; major if it said so or was not the first.

    [fact:count-once]
    """
    last = attempts[-1]
    major = bool(last.bits & VM_FAULT_MAJOR or last.flags & FAULT_FLAG_TRIED)
    return counts([major] if served(attempts) else [])


COUNTS: dict[str, Callable[[Sequence[Attempt]], Counts]] = {
    "x86": count_x86,
    "arc": count_arc,
    "gated": count_gated,
    "gup": count_gup,
    "5.9": count_once,
}
"""The rules by name."""
