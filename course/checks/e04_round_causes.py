"""What goes wrong in a round of the loop of exercise E4, and at its end, as a run shows it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from course.checks.call_case import CallRun
from course.checks.e04_areas import unasked
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import VM_FAULT_ERROR, VM_FAULT_RETRY, Signal, VmFault, names
from pyemu.trace import Event

__all__ = [
    "CALLEE",
    "END_CAUSES",
    "FIXUP",
    "LOOP",
    "ROUND_CAUSES",
    "SIGNALS",
    "in_kernel_mode",
    "of_loop",
    "signals_of",
]

LOOP = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault, from the label `retry`"
CALLEE = "Linux v5.7, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"
SIGNALS = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
FIXUP = "Linux v5.7, arch/x86/mm/fault.c, no_context"

Numbers = dict[str, int | str] | None


def of_loop(shows: Callable[[KernelRun], Numbers]) -> Callable[[KernelRun | CallRun], Numbers]:
    """Let a cause look at runs of the learner's loop only."""
    return lambda run: shows(run) if isinstance(run, KernelRun) else None


def signals_of(run: KernelRun) -> list[Event]:
    """Give the signals that the task was sent."""
    number = run.mine.trace.tasks.index(run.case.task) + 1
    return [event for event in run.mine.trace.select("signal_sent") if event.b == number]


def in_kernel_mode(run: KernelRun) -> bool:
    """Say whether it was a copy of the kernel that faulted."""
    return bool(run.kernel.trace.select("uaccess", task=run.case.task))


def last_major(run: KernelRun) -> Numbers:
    """A fault that waited was counted as minor."""
    mine, kernel = run.facts, run.wanted
    waited = mine.minor > kernel.minor and mine.major < kernel.major
    return {} if waited and mine.minor + mine.major == kernel.minor + kernel.major else None


def user_no_context(run: KernelRun) -> Numbers:
    """A program's fault was sent to a fixup, and there is none."""
    return {} if "oops" in run.rules and not in_kernel_mode(run) else None


def no_relock(run: KernelRun) -> Numbers:
    """The first rule that was broken asks for mmap_sem, right after an attempt that gave RETRY."""
    before = None
    for event in run.mine.trace.select("attempt_end", "violation", task=run.case.task):
        if event.kind == "violation":
            unlocked = event.a in ("I1", "vma without mmap_sem")
            return {} if unlocked and before and int(before.a) & VM_FAULT_RETRY else None
        before = event
    return None


def kernel_deaf(run: KernelRun) -> Numbers:
    """SIGKILL was sent, and the fault has no end."""
    killed = any(int(one.a) == Signal.SIGKILL for one in signals_of(run))
    return {} if killed and run.mine.end != "done" else None


def over_again(run: KernelRun) -> Numbers:
    """An attempt followed one that gave neither RETRY nor an error."""
    events = run.mine.trace.select("attempt", "attempt_end", task=run.case.task)
    for over, again in pairwise(events):
        bits = int(over.a)
        again_at_once = (over.kind, again.kind) == ("attempt_end", "attempt") and int(again.b) > 1
        if again_at_once and not bits & (VM_FAULT_RETRY | VM_FAULT_ERROR):
            return {"bits": names(bits, VmFault).replace("|", "_")}
    return None


def area_unasked(run: KernelRun) -> Numbers:
    """Something else came of accesses that no area allows."""
    return {} if unasked(run) else None


ROUND_CAUSES = (
    Cause(
        "user-no-context",
        of_loop(user_no_context),
        "You call no_context for a program, too. A program has no fixup: it is left by a bare return, and "
        "its signal is taken on the way to user mode.",
        FIXUP,
    ),
    Cause(
        "no-relock",
        of_loop(no_relock),
        "You take the lock once, before the loop. The attempt that gave VM_FAULT_RETRY has released it: each "
        "round begins with down_read.",
        CALLEE,
    ),
    Cause(
        "over-again",
        of_loop(over_again),
        "You go round again though VM_FAULT_RETRY is not set. LOCKED, MAJOR and others say how the fault was "
        "served, not that it wasn't; and the lock is still held.",
        LOOP,
    ),
    Cause(
        "last-major",
        of_loop(last_major),
        "You keep what the last attempt says. It finds the page that an earlier one has waited for: remember "
        "VM_FAULT_MAJOR of each attempt.",
        LOOP,
    ),
)
"""Recognised by events that no other mistake shows."""

END_CAUSES = (
    Cause(
        "kernel-deaf",
        of_loop(kernel_deaf),
        "You don't ask for signals, or in user mode only. A task that is killed can't sleep in this wait any "
        "more: ask fault_signal_pending after each attempt, in both modes.",
        SIGNALS,
    ),
    Cause(
        "area-unasked",
        of_loop(area_unasked),
        "Three questions follow each find_vma: is it None, does the area begin above the address, does it "
        "forbid the access? bad_area and bad_area_access_error release the lock: return after them.",
        LOOP,
    ),
)
"""Recognised where nothing more special is."""
