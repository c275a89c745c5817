"""The misconceptions of exercise E5 about the kind of sleep, as a run shows them."""

from __future__ import annotations

from course.checks.e05_early_causes import Numbers, mine
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_USER,
    TASK_INTERRUPTIBLE,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    Signal,
)

__all__ = ["STATES"]

SLEEP = "Linux v5.7, fs/userfaultfd.c, userfaultfd_get_blocking_state"


def deaf(run: KernelRun) -> Numbers:
    """A signal came and did not end a sleep that it may end."""
    for one in mine(run):
        slept = next((event for event in one.events if event.kind == "sleep"), None)
        if slept is None or slept.a != TASK_UNINTERRUPTIBLE or not one.flags & FAULT_FLAG_KILLABLE:
            continue
        for sent in run.mine.trace.select("signal_sent"):
            if sent.step > slept.step:
                return {"signal": Signal(int(sent.a)).name, "ticks": sent.t - slept.t}
    return None


def state_twice(run: KernelRun) -> Numbers:
    """One attempt slept interruptibly first, and killably afterwards."""
    for one in mine(run):
        if TASK_INTERRUPTIBLE in one.sleeps[:1] and TASK_KILLABLE in one.sleeps:
            return {"flags": hex(one.flags)}
    return None


def user_test(run: KernelRun) -> Numbers:
    """A fault from kernel mode slept killably, though its flags ask for an interruptible sleep."""
    for one in mine(run):
        asked = one.flags & FAULT_FLAG_INTERRUPTIBLE and not one.flags & FAULT_FLAG_USER
        if asked and TASK_KILLABLE in one.sleeps:
            return {"flags": hex(one.flags)}
    return None


def killable_first(run: KernelRun) -> Numbers:
    """A fault from user mode slept killably, though its flags ask for an interruptible sleep."""
    for one in mine(run):
        asked = one.flags & FAULT_FLAG_INTERRUPTIBLE and one.flags & FAULT_FLAG_USER
        if asked and TASK_KILLABLE in one.sleeps:
            return {"flags": hex(one.flags)}
    return None


def killable_anyway(run: KernelRun) -> Numbers:
    """A sleep that no flag lets a signal end was not uninterruptible."""
    for one in mine(run):
        asked = one.flags & (FAULT_FLAG_INTERRUPTIBLE | FAULT_FLAG_KILLABLE)
        if not asked and {TASK_KILLABLE, TASK_INTERRUPTIBLE} & set(one.sleeps):
            return {"flags": hex(one.flags)}
    return None


def interruptible_anyway(run: KernelRun) -> Numbers:
    """A sleep that only SIGKILL may end was interruptible."""
    for one in mine(run):
        asked = one.flags & FAULT_FLAG_INTERRUPTIBLE or not one.flags & FAULT_FLAG_KILLABLE
        if not asked and TASK_INTERRUPTIBLE in one.sleeps:
            return {"flags": hex(one.flags)}
    return None


def any_signal(run: KernelRun) -> Numbers:
    """A caller that only SIGKILL may wake did not sleep, because of another signal."""
    killable = [one for one in mine(run) if not one.flags & FAULT_FLAG_INTERRUPTIBLE and one.kinds("message")]
    sent = [int(event.a) for event in run.mine.trace.select("signal_sent")]
    if not killable or killable[0].sleeps or not sent or sent[0] == Signal.SIGKILL:
        return None
    return {"signal": Signal(sent[0]).name}


STATES = (
    Cause(
        "deaf",
        deaf,
        "You sleep uninterruptibly, though the flags allow signals to end that. INTERRUPTIBLE lets every "
        "signal end it, KILLABLE lets SIGKILL.",
        SLEEP,
    ),
    Cause(
        "state-twice",
        state_twice,
        "The state that your message announced is not the one of your loop. It is chosen once, before "
        "userfaultfd_queue; lines behind it that choose it anew must go.",
        SLEEP,
    ),
    Cause(
        "killable-first",
        killable_first,
        "You ask for FAULT_FLAG_KILLABLE first. These flags have both; then FAULT_FLAG_INTERRUPTIBLE "
        "decides.",
        SLEEP,
    ),
    Cause(
        "user-test",
        user_test,
        "You ask for FAULT_FLAG_USER. A kernel copy has FAULT_FLAG_INTERRUPTIBLE without it, and in v5.7 "
        "FAULT_FLAG_INTERRUPTIBLE decides alone.",
        SLEEP,
    ),
    Cause(
        "killable-anyway",
        killable_anyway,
        "You have no uninterruptible sleep. A caller that sets neither FAULT_FLAG_INTERRUPTIBLE nor "
        "FAULT_FLAG_KILLABLE does not expect a signal to end the wait.",
        SLEEP,
    ),
    Cause(
        "interruptible-anyway",
        interruptible_anyway,
        "You sleep interruptibly without FAULT_FLAG_INTERRUPTIBLE. In v5.7 this flag decides alone, also for "
        "a fault from user mode.",
        SLEEP,
    ),
    Cause(
        "any-signal",
        any_signal,
        "You ask signal_pending whatever the state. A killable sleep ends by SIGKILL alone, and "
        "get_user_pages asks again at once: T would go round until the page comes.",
        SLEEP,
    ),
)
"""The most special first."""
