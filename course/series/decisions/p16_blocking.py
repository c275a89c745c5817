"""Patch 16: without FAULT_FLAG_KILLABLE, a fault sleeps in handle_userfault deaf to SIGKILL.

Before, what was not interruptible was killable. No caller in the kernel differs, once patch 15 has given
get_user_pages the flag: hence 15 before 16. Synthetic flags show it.

References
----------
Linux v5.7.14, fs/userfaultfd.c, userfaultfd_get_blocking_state and userfaultfd_signal_pending
[fact:p16-honour-killable] [fact:p15-before-p16].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from course.series.decisions.pair import Pair
from course.series.decisions.records import Pending
from pyemu.flags import FaultFlag, TaskState, state_letter
from pyemu.flags import names as flag_names

__all__ = ["DEAF", "PAIR", "WITHOUT_15", "Fault", "after", "before"]

FAULT_FLAG_ALLOW_RETRY = int(FaultFlag.ALLOW_RETRY)
FAULT_FLAG_RETRY_NOWAIT = int(FaultFlag.RETRY_NOWAIT)
FAULT_FLAG_KILLABLE = int(FaultFlag.KILLABLE)
FAULT_FLAG_INTERRUPTIBLE = int(FaultFlag.INTERRUPTIBLE)
TASK_INTERRUPTIBLE = int(TaskState.INTERRUPTIBLE)
TASK_UNINTERRUPTIBLE = int(TaskState.UNINTERRUPTIBLE)
TASK_KILLABLE = int(TaskState.WAKEKILL | TaskState.UNINTERRUPTIBLE)
DEAF = "flags without INTERRUPTIBLE and KILLABLE"

# Callers that may come to this sleep: what they start with, what they may add.
_ADDED = FaultFlag.WRITE | FaultFlag.TRIED
HANDLER = (0x214, int(_ADDED | FaultFlag.USER))
PINNING = (FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE, int(_ADDED | FaultFlag.REMOTE))
PINNING_BEFORE_15 = (FAULT_FLAG_ALLOW_RETRY, int(_ADDED | FaultFlag.REMOTE))


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that is about to sleep for a monitor.

    Attributes
    ----------
    flags : int
        Its flag word.
    pending : Pending
        What is pending.
    """

    flags: int
    pending: Pending

    def __str__(self) -> str:
        return f"flags {self.flags:#x} {flag_names(self.flags, FaultFlag)}, {self.pending}"


@dataclass(frozen=True, slots=True)
class Sleep:
    """What kind of sleep it is, and whether what is pending ends it."""

    state: int
    ended: bool

    def __str__(self) -> str:
        ends = "ends at once" if self.ended else "sleeps on"
        return f"state {self.state:#x} ({state_letter(self.state)}), {ends}"


def before(fault: Fault) -> Sleep:
    """Choose between interruptible and killable."""
    if fault.flags & FAULT_FLAG_INTERRUPTIBLE:
        return Sleep(TASK_INTERRUPTIBLE, fault.pending is not Pending.NONE)
    return Sleep(TASK_KILLABLE, fault.pending is Pending.KILL)


def after(fault: Fault) -> Sleep:
    """Read both flags; with neither, nothing but the monitor ends the sleep."""
    if fault.flags & FAULT_FLAG_INTERRUPTIBLE:
        return Sleep(TASK_INTERRUPTIBLE, fault.pending is not Pending.NONE)
    if fault.flags & FAULT_FLAG_KILLABLE:
        return Sleep(TASK_KILLABLE, fault.pending is Pending.KILL)
    return Sleep(TASK_UNINTERRUPTIBLE, ended=False)


def cases() -> Iterator[Fault]:
    """Give every word of the ten flags that there are from patch 12 on, with each signal."""
    for flags, pending in product(range(2 * FAULT_FLAG_INTERRUPTIBLE), Pending):
        yield Fault(flags, pending)


def comes_from(caller: tuple[int, int], flags: int) -> bool:
    """Say whether a caller may come with a flag word."""
    start, added = caller
    return flags & start == start and not flags & ~(start | added)


def unreachable(fault: Fault) -> str:
    """Name the rule that keeps a case from happening, in the order of the series."""
    if not fault.flags & FAULT_FLAG_ALLOW_RETRY:
        return "without ALLOW_RETRY handle_userfault gives SIGBUS"
    if fault.flags & FAULT_FLAG_RETRY_NOWAIT:
        return "with RETRY_NOWAIT it does not sleep"
    if not any(comes_from(caller, fault.flags) for caller in (HANDLER, PINNING)):
        return "no caller has these flags (khugepaged's swap-in does not come to userfaultfd)"
    return ""


def unreachable_without_15(fault: Fault) -> str:
    """The same where patch 15 is taken out: get_user_pages comes without KILLABLE."""
    if comes_from(PINNING_BEFORE_15, fault.flags):
        return ""
    return "" if comes_from(HANDLER, fault.flags) else unreachable(fault) or "no caller has these flags"


def deaf(fault: Fault) -> str:
    """Name the row in which the sides differ."""
    return "" if fault.flags & (FAULT_FLAG_INTERRUPTIBLE | FAULT_FLAG_KILLABLE) else DEAF


_TOLD = {
    DEAF: frozenset(
        {
            ("state 0x102 (D), sleeps on", "state 0x2 (D), sleeps on"),
            ("state 0x102 (D), ends at once", "state 0x2 (D), sleeps on"),
        }
    )
}
_SHOWN = (
    ("fault handler, user mode, a signal", Fault(0x254, Pending.SIGNAL)),
    ("get_user_pages (with 15), SIGKILL", Fault(0x14, Pending.KILL)),
    ("ALLOW_RETRY alone, SIGKILL", Fault(0x4, Pending.KILL)),
)

PAIR = Pair(
    "how handle_userfault sleeps, and what ends it",
    cases,
    before,
    after,
    unreachable,
    deaf,
    _TOLD,
    shown=_SHOWN,
)
WITHOUT_15 = Pair(
    "in a tree without patch 15",
    cases,
    before,
    after,
    unreachable_without_15,
    deaf,
    _TOLD,
    frozenset({DEAF}),
    shown=_SHOWN,
)
