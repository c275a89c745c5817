"""What goes wrong in a round of the loop of exercise E4, and at its end, as a run shows it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from course.checks.call_case import CallRun
from course.checks.e03_area_causes import before_violation
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
    FaultFlag,
    Signal,
    VmFault,
    names,
)
from pyemu.trace import Event

__all__ = [
    "CALLEE",
    "END_CAUSES",
    "FIXUP",
    "FLAG_CAUSES",
    "HELD",
    "LATE_CAUSES",
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
HELD = "mmap_sem held on return"

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
    said = any(
        int(one.a) & VM_FAULT_MAJOR for one in run.mine.trace.select("attempt_end", task=run.case.task)
    )
    return {} if waited and said and mine.minor + mine.major == kernel.minor + kernel.major else None


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


def waiting_is_major(run: KernelRun) -> Numbers:
    """A fault that was minor was counted as major."""
    mine, kernel = run.facts, run.wanted
    return {} if mine.major > kernel.major and mine.minor < kernel.minor else None


def tried_at_once(run: KernelRun) -> Numbers:
    """The first attempt says that it isn't the first."""
    first = run.facts.flags[:1]
    return {"flags": hex(first[0])} if first and first[0] & FAULT_FLAG_TRIED else None


def lost_flags(run: KernelRun) -> Numbers:
    """An attempt lacks a flag that the one before it had."""
    for n, (before, word) in enumerate(pairwise(run.facts.flags), 2):
        if lost := before & ~word:
            return {"attempt": n, "word": hex(word), "lost": names(lost, FaultFlag).split("|")[0]}
    return None


def late_signal(run: KernelRun) -> Numbers:
    """A signal ended the wait, and one attempt more was made before the fault was left."""
    mine, kernel = run.facts, run.wanted
    late = mine.before_handler == kernel.before_handler + 1 and mine.exceptions == kernel.exceptions
    return {"attempt": mine.before_handler} if late and signals_of(run) else None


def served_and_left(run: KernelRun) -> Numbers:
    """The task went back with the lock after an attempt that gave no RETRY, and nothing was counted."""
    done, rule = before_violation(run)
    if not done or done.kind != "attempt_end" or rule != HELD or int(done.a) & VM_FAULT_RETRY:
        return None
    return {} if signals_of(run) and not run.facts.minor + run.facts.major else None


def looks_before_lock(run: KernelRun) -> Numbers:
    """The first thing that a fault did was to look for the area, without mmap_sem."""
    done, rule = before_violation(run)
    return {} if done and done.kind == "exception" and rule == "vma without mmap_sem" else None


def fixup_goes_on(run: KernelRun) -> Numbers:
    """The same fault made an attempt after it had gone to a fixup."""
    events = run.mine.trace.select("exception", "fixup", "attempt", task=run.case.task)
    return {} if any((one.kind, two.kind) == ("fixup", "attempt") for one, two in pairwise(events)) else None


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
        "Remember VM_FAULT_MAJOR of each attempt, the first, the last and those between: often the last one "
        "finds the page that an earlier one has waited for.",
        LOOP,
    ),
    Cause(
        "waiting-is-major",
        of_loop(waiting_is_major),
        "Not each wait makes a fault major. Who waits for the lock of a page that is in memory gets RETRY "
        "without MAJOR: only VM_FAULT_MAJOR itself counts.",
        LOOP,
    ),
    Cause(
        "looks-before-lock",
        of_loop(looks_before_lock),
        "Areas may change as long as you don't hold mmap_sem: each round begins with down_read, and what you "
        "ask about an area comes after it.",
        LOOP,
    ),
    Cause(
        "served-and-left",
        of_loop(served_and_left),
        "You leave for any signal that is pending. Without VM_FAULT_RETRY the fault is over, and the lock is "
        "held: release it and count. fault_signal_pending says yes only for VM_FAULT_RETRY, if it is given "
        "what the attempt gave.",
        SIGNALS,
    ),
    Cause(
        "fixup-goes-on",
        of_loop(fixup_goes_on),
        "no_context only notes where kernel code is to go on. It gets there when your function ends: return "
        "after no_context.",
        FIXUP,
    ),
)
"""Recognised by events that no other mistake shows."""

FLAG_CAUSES = (
    Cause(
        "tried-at-once",
        of_loop(tried_at_once),
        "FAULT_FLAG_TRIED says that an attempt before this one gave VM_FAULT_RETRY: set it when you go round "
        "again.",
        LOOP,
    ),
    Cause(
        "lost-flags",
        of_loop(lost_flags),
        "Flags say what the access is and what the callee may do. Between two attempts none of them goes: "
        "add FAULT_FLAG_TRIED to what you have.",
        LOOP,
    ),
)
"""Recognised where ALLOW_RETRY was not lost, or was lost without harm."""

LATE_CAUSES = (
    Cause(
        "late-signal",
        of_loop(late_signal),
        "The signal had ended the wait. Ask fault_signal_pending after every attempt, also after the first, "
        "and leave before the next.",
        SIGNALS,
    ),
)
"""Recognised where a signal ended a wait."""

END_CAUSES = (
    Cause(
        "kernel-deaf",
        of_loop(kernel_deaf),
        "There is an attempt after which you don't ask for signals, or you ask in user mode only. A task "
        "that is killed can't sleep in this wait any more: ask fault_signal_pending after each attempt, in "
        "both modes.",
        SIGNALS,
    ),
)
"""Recognised where nothing more special is."""
