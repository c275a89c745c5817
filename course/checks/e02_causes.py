"""The misconceptions of exercise E2, as the calls of lock_page_or_retry in a run show them."""

from __future__ import annotations

from collections.abc import Callable

from course.checks.e02_calls import PageLockCall, calls_of
from course.checks.e02_scenarios import MS, ended, waited
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
)

__all__ = ["CAUSES", "LOCK"]

LOCK = "Linux v5.7, mm/filemap.c, __lock_page_or_retry"
FIRST = "Linux v5.7, include/linux/mm.h, fault_flag_allow_retry_first"
SWAP = "Linux v5.7, mm/memory.c, do_swap_page, where it calls lock_page_or_retry"
USERFAULT = "Linux v5.7, fs/userfaultfd.c, userfaultfd_get_blocking_state"

Numbers = dict[str, int | str] | None


def any_call(shows: Callable[[PageLockCall], bool]) -> Callable[[KernelRun], Numbers]:
    """Make a cause's test of a test of one call."""
    return lambda run: {} if found(run, shows) else None


def found(run: KernelRun, shows: Callable[[PageLockCall], bool]) -> PageLockCall | None:
    """Give the first call of the task that shows something."""
    return next((one for one in calls_of(run.mine, run.case.task) if shows(one)), None)


def is_first(call: PageLockCall) -> bool:
    """Say whether the flags let the call drop mmap_sem and wait."""
    return bool(call.flags & FAULT_FLAG_ALLOW_RETRY) and not call.flags & (
        FAULT_FLAG_RETRY_NOWAIT | FAULT_FLAG_TRIED
    )


def nowait_waits(run: KernelRun) -> Numbers:
    """It slept, though the flags say NOWAIT."""
    call = found(run, lambda one: bool(one.flags & FAULT_FLAG_RETRY_NOWAIT) and one.waited)
    return None if call is None else {"ms": (call.ended - call.began) // 1_000}


def keep_on_first(run: KernelRun) -> Numbers:
    """It slept at a first attempt and had not released the lock; a writer waited for that."""
    ticks = waited(run.mine, "W") if "W" in run.mine.tasks else 0
    if ticks and found(run, lambda one: is_first(one) and one.waited_holding and one.ended >= 0):
        return {"waited": ticks}
    return None


def drop_always(run: KernelRun) -> Numbers:
    """It released the lock and slept at an attempt that was not the first."""
    call = found(run, lambda one: bool(one.flags & FAULT_FLAG_TRIED) and one.dropped and not one.killed)
    return None if call is None else {"attempt": call.attempt}


def never_killable(run: KernelRun) -> Numbers:
    """SIGKILL came during a killable wait, and the task ended later than it might have."""
    late = ended(run.mine, run.case.task)
    if "killed" not in run.case.numbers or late <= ended(run.kernel, run.case.task):
        return None
    call = found(run, lambda one: bool(one.flags & FAULT_FLAG_KILLABLE) and one.waited and not one.killed)
    return None if call is None else {"killed": run.case.numbers["killed"], "gone": late // MS}


def interruptible(run: KernelRun) -> Numbers:
    """It slept so that any signal ends the sleep, and one came."""
    return {} if "signal" in run.case.numbers and found(run, lambda one: one.interruptible) else None


def no_trylock(run: KernelRun) -> Numbers:
    """It says RETRY, though it may wait and did not have to: nobody had the lock."""
    shows = found(run, lambda one: not (one.gave or one.waited or one.flags & FAULT_FLAG_RETRY_NOWAIT))
    return {} if shows else None


CAUSES = (
    Cause(
        "nowait-waits",
        nowait_waits,
        "You don't look at FAULT_FLAG_RETRY_NOWAIT. Its caller wants an answer at once: a driver with other "
        "work, or a guest whose CPU can do something else.",
        LOCK,
    ),
    Cause(
        "nowait-drops",
        any_call(lambda one: bool(one.flags & FAULT_FLAG_RETRY_NOWAIT) and one.dropped),
        "You release mmap_sem with RETRY_NOWAIT as well. There RETRY means that nobody waited, and that the "
        "lock is held.",
        LOCK,
    ),
    Cause(
        "always-killable",
        any_call(lambda one: not one.flags & FAULT_FLAG_KILLABLE and one.killed),
        "You wait killably whatever the flags say. A caller without KILLABLE has no way to cope with a wait "
        "that was cut.",
        LOCK,
    ),
    Cause(
        "killed-one",
        any_call(lambda one: one.killed and one.gave == 1 and not one.dropped),
        "You don't look at what the wait gave: -EINTR means that SIGKILL ended it, and the page lock belongs "
        "to somebody else.",
        LOCK,
    ),
    Cause(
        "killed-keeps",
        any_call(lambda one: one.killed and one.gave == 0 and not one.dropped),
        "A wait with mmap_sem that SIGKILL cuts ends in RETRY, too. The caller takes the lock for gone, "
        "whichever wait it was: release it before you return.",
        LOCK,
    ),
    Cause(
        "retakes",
        any_call(lambda one: one.retook),
        "You take mmap_sem again after the wait. The caller could not tell that its area may be gone: it "
        "takes the lock itself after RETRY, and looks the area up again.",
        SWAP,
    ),
    Cause(
        "one-after-drop",
        any_call(lambda one: one.gave == 1 and one.dropped),
        "You waited without mmap_sem and say that all is well. The caller would go on with an area that may "
        "be gone, and with a page whose lock you don't have.",
        SWAP,
    ),
    Cause(
        "owns-page",
        any_call(lambda one: one.gave == 0 and one.owns),
        "At the first attempt you take the page lock, and then say RETRY. Wait for the unlock only: "
        "wait_on_page_locked takes nothing.",
        LOCK,
    ),
    Cause(
        "interruptible",
        interruptible,
        "Your sleep is TASK_INTERRUPTIBLE. A wait for a page lock listens to SIGKILL at most: the I/O that "
        "has the lock is on its way, and shortens for nobody.",
        USERFAULT,
    ),
    Cause(
        "drop-always",
        drop_always,
        "In 5.7 ALLOW_RETRY stays set for the whole fault. It alone does not say that this is the first "
        "attempt: TRIED must be clear, too.",
        FIRST,
    ),
    Cause(
        "keep-on-first",
        keep_on_first,
        "You sleep before you release mmap_sem, or without releasing it. Who maps memory meanwhile waits for "
        "a disk that it has no business with.",
        LOCK,
    ),
    Cause(
        "never-killable",
        never_killable,
        "You don't look at FAULT_FLAG_KILLABLE. Where it is set, a task that is being killed need not wait "
        "for its page: there is a killable form of each wait.",
        LOCK,
    ),
    Cause(
        "no-trylock",
        no_trylock,
        "You don't try to take the page lock first. Nobody had it, and the fault could have been done.",
        LOCK,
    ),
)
