"""The misconceptions of exercise E6, as a run shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from course.checks.call_case import CallRun
from course.checks.e06_facts import SPINS, of_copy
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import SLEEPS_WITH_LOCK, Attempt, attempts
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_USER,
    TASK_INTERRUPTIBLE,
    TASK_UNINTERRUPTIBLE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    Signal,
)

__all__ = ["CAUSES", "DOORS"]

DOORS = "Linux v5.7, fs/userfaultfd.c, userfaultfd_get_blocking_state; include/linux/sched/signal.h"
LOOP = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault"
SIGNALS = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"
SLEEP = "Linux v5.7, fs/userfaultfd.c, handle_userfault"

Numbers = Mapping[str, int | str] | None


def of_kernel(shows: Callable[[KernelRun], Numbers]) -> Callable[[Any], Numbers]:
    """Make a cause that looks at runs of the kernel only."""
    return lambda run: shows(run) if isinstance(run, KernelRun) else None


def copy(run: KernelRun) -> list[Attempt]:
    """Give the attempts of the learner's kernel copy."""
    return of_copy(run.mine, run.case.task)


def efault(run: KernelRun) -> bool:
    """Say whether the copy failed."""
    return run.facts.outcome == "EFAULT"


def signal_of(run: KernelRun) -> str:
    """Name the first signal that was sent."""
    return Signal(int(run.mine.trace.select("signal_sent")[0].a)).name


def blames_13(run: Any) -> Numbers:
    """Patch 13 is given as the one that takes the sleep away."""
    return {} if isinstance(run, CallRun) and run.mine.get("patch") == 13 else None


def clear_signal(run: KernelRun) -> Numbers:
    """A signal was thrown away."""
    return {} if "lost signal" in run.rules else None


def sleep_locked(run: KernelRun) -> Numbers:
    """The task slept with the lock held."""
    return {} if SLEEPS_WITH_LOCK.of(run.mine, run.case.task) else None


def no_fault_copy(run: KernelRun) -> Numbers:
    """The copy failed without an attempt."""
    return {} if efault(run) and not copy(run) else None


def drop_p13(run: KernelRun) -> Numbers:
    """An attempt after a sleep might not wait."""
    every = attempts(run.mine, run.case.task)
    for tried in (copy(run), [one for one in every if one.flags & FAULT_FLAG_USER]):
        for number, (before, one) in enumerate(pairwise(tried), 2):
            refused = one.bits & VM_FAULT_SIGBUS and not one.flags & FAULT_FLAG_ALLOW_RETRY
            if refused and before.sleeps:
                return {"attempt": number}
    return None


def re_add_limit(run: KernelRun) -> Numbers:
    """The second attempt of the copy might not wait, and the first did not."""
    tried = copy(run)
    return {} if efault(run) and len(tried) == 2 and tried[1].bits & VM_FAULT_SIGBUS else None


def helper_all_modes(run: KernelRun) -> Numbers:
    """The copy was left for a harmless signal after one attempt."""
    tried = copy(run)
    left = efault(run) and len(tried) == 1 and tried[0].bits & VM_FAULT_RETRY
    return {"signal": signal_of(run)} if left else None


def cap_1000(run: KernelRun) -> Numbers:
    """The copy was given up after many attempts, each of which asked for another."""
    tried = copy(run)
    given_up = efault(run) and len(tried) > 2 and tried[-1].bits & VM_FAULT_RETRY
    return {"attempts": len(tried)} if given_up else None


def deaf_in_user_mode(run: KernelRun) -> bool:
    """Say whether a fault from user mode slept in another state than interruptibly."""
    every = attempts(run.mine, run.case.task)
    return any(one.flags & FAULT_FLAG_USER and {*one.sleeps} - {TASK_INTERRUPTIBLE} for one in every)


def inverted(run: KernelRun) -> Numbers:
    """User mode is deaf, and the copy spins."""
    return {} if deaf_in_user_mode(run) and SPINS.of(run.mine, run.case.task) else None


def no_interruptible_at_all(run: KernelRun) -> Numbers:
    """User mode is deaf."""
    return (
        {"signal": signal_of(run)}
        if deaf_in_user_mode(run) and run.mine.trace.select("signal_sent")
        else None
    )


def timeout_unint(run: KernelRun) -> Numbers:
    """A timer ended a sleep of the copy, or would have."""
    timed = any(event.a == "time" for one in copy(run) for event in one.events if event.kind == "wake")
    return {} if timed else None


def kernel_unint(run: KernelRun) -> Numbers:
    """The copy slept uninterruptibly."""
    return {} if any(TASK_UNINTERRUPTIBLE in one.sleeps for one in copy(run)) else None


def nopage_kernel(run: KernelRun) -> Numbers:
    """The same instruction faulted again and again."""
    more = run.facts.exceptions > run.wanted.exceptions + 1
    return {"exceptions": run.facts.exceptions} if more and SPINS.of(run.mine, run.case.task) else None


def yield_only(run: KernelRun) -> Numbers:
    """The copy went round in circles without a wait."""
    return {"attempts": run.facts.attempts} if SPINS.of(run.mine, run.case.task) else None


CAUSES = (
    Cause(
        "blames-13",
        blames_13,
        "You look at the spin. Patch 13 turns an error into a loop; that T does not sleep came with the "
        "patch before it: compare the sleeps of the trees with 11 and 12 patches.",
        DOORS,
    ),
    Cause(
        "clear-signal",
        of_kernel(clear_signal),
        "You throw the signal away so that T can sleep. It belongs to the program: its handler must run "
        "after the system call.",
        "Linux v5.7, kernel/signal.c, get_signal: the one place that takes a signal from the queue",
    ),
    Cause(
        "sleep-locked",
        of_kernel(sleep_locked),
        "You sleep before you release mmap_sem. M takes it for reading to bring the page; a writer that "
        "queues in between keeps M out, and T asleep.",
        SLEEP,
    ),
    Cause(
        "no-fault-copy",
        of_kernel(no_fault_copy),
        "You send every fault from kernel mode to its fixup. The page could have been had: the copy must "
        "wait for it.",
        LOOP,
    ),
    Cause(
        "drop-P13",
        of_kernel(drop_p13),
        "You clear FAULT_FLAG_ALLOW_RETRY after the first attempt. A monitor may wake without a page, "
        "and then the fault must wait once more.",
        LOOP,
    ),
    Cause(
        "re-add-limit",
        of_kernel(re_add_limit),
        "You let a kernel copy try twice only. With the signal pending, the first attempt does not sleep and "
        "the second may not: write() fails for a page that was on its way.",
        LOOP,
    ),
    Cause(
        "helper-all-modes",
        of_kernel(helper_all_modes),
        "You leave a fault from kernel mode for any signal. There is no user state to return to: the "
        "copy ends at its fixup, and the program sees a bad address.",
        SIGNALS,
    ),
    Cause(
        "cap-1000",
        of_kernel(cap_1000),
        "You count the rounds. The CPU burns up to the limit, and then the copy fails though nothing is "
        "wrong with the page.",
        LOOP,
    ),
    Cause(
        "inverted",
        of_kernel(inverted),
        "Faults of user mode have lost FAULT_FLAG_INTERRUPTIBLE, those of kernel mode have kept it. It "
        "must be the other way round: only user mode can be left for any signal.",
        LOOP,
    ),
    Cause(
        "no-interruptible-at-all",
        of_kernel(no_interruptible_at_all),
        "You took FAULT_FLAG_INTERRUPTIBLE from all faults. In user mode it did no harm: there the "
        "signal ends the fault as well as the sleep.",
        SLEEP,
    ),
    Cause(
        "timeout-UNINT",
        of_kernel(timeout_unint),
        "You let a timer end a sleep that nothing else can end. It keeps the CPU cool, but each round "
        "costs a message, and a killed task stays until the timer rings.",
        SLEEP,
    ),
    Cause(
        "kernel-UNINT",
        of_kernel(kernel_unint),
        "You took KILLABLE away as well, so the copy sleeps uninterruptibly. SIGKILL can end a fault from "
        "kernel mode, through the fixup: let it end the sleep, too.",
        SLEEP,
    ),
    Cause(
        "nopage-kernel",
        of_kernel(nopage_kernel),
        "You return from the exception, and the processor makes the same access again. The signal is still "
        "pending, and nobody has slept: the circle is only wider.",
        LOOP,
    ),
    Cause(
        "yield-only",
        of_kernel(yield_only),
        "The signal stays pending and may still end the sleep, but not the fault. To give the CPU to "
        "others in each round is no wait: T is runnable all the time.",
        DOORS,
    ),
)
