"""The misconceptions of exercise E5, as a run shows them."""

from __future__ import annotations

from course.checks.facts import facts_of
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import ACQUISITIONS, BARE_LOOKS, READ, Attempt, attempts
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_INTERRUPTIBLE,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    FAULT_FLAG_USER,
    TASK_KILLABLE,
    TASK_UNINTERRUPTIBLE,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
    Signal,
)

__all__ = ["CAUSES", "FUNCTION"]

FUNCTION = "Linux v5.7, fs/userfaultfd.c, handle_userfault"
SLEEP = "Linux v5.7, fs/userfaultfd.c, userfaultfd_get_blocking_state"
LOOK = "Linux v5.7, fs/userfaultfd.c, userfaultfd_must_wait"
QUEUE = "Linux v5.7, fs/userfaultfd.c, handle_userfault, the comment after __add_wait_queue"
CALLEE = "Linux v5.7, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"

DROPPED, RETAKEN = ["lock_dropped"], ["lock_dropped", "lock_taken"]
Numbers = dict[str, int | str] | None


def mine(run: KernelRun) -> list[Attempt]:
    """Give the attempts of the learner's run."""
    return attempts(run.mine, run.case.task)


def lock_of(one: Attempt) -> list[str]:
    """Give what an attempt did with mmap_sem."""
    return one.kinds("lock_dropped", "lock_taken")


def since_close(run: KernelRun, *kinds: str) -> bool:
    """Say whether the task did one of these things after the userfaultfd was closed."""
    closed = [event.step for event in run.mine.trace.select("uffd") if event.b == "close"]
    return any(
        event.step > closed[0] for event in run.mine.trace.select(*kinds, task=run.case.task) if closed
    )


def exiting_waits(run: KernelRun) -> Numbers:
    """A task that exits sent a message."""
    return {} if "exiting" in run.case.numbers and run.facts.messages else None


def nowait_drops(run: KernelRun) -> Numbers:
    """The lock was dropped in an attempt that must not wait."""
    return {} if any(one.flags & FAULT_FLAG_RETRY_NOWAIT and lock_of(one) for one in mine(run)) else None


def released_sigbus(run: KernelRun) -> Numbers:
    """An attempt gave SIGBUS because the userfaultfd was closed."""
    sigbus = any(one.bits & VM_FAULT_SIGBUS for one in mine(run))
    return {} if sigbus and since_close(run, "attempt_end") else None


def no_released_test(run: KernelRun) -> Numbers:
    """A message was queued after the close."""
    return {} if since_close(run, "message") else None


def emulated(run: KernelRun) -> bool:
    """Say whether an attempt gave NOPAGE, with a lock that was dropped and taken again."""
    return any(one.bits == VM_FAULT_NOPAGE and lock_of(one) == RETAKEN for one in mine(run))


def closed_nopage(run: KernelRun) -> Numbers:
    """NOPAGE was emulated after a close."""
    return {} if emulated(run) and since_close(run, "attempt_end") else None


def old_hack(run: KernelRun) -> Numbers:
    """NOPAGE, with a lock that was dropped and taken again."""
    if not emulated(run) or not run.mine.trace.select("signal_sent"):
        return None
    return {"acquisitions": ACQUISITIONS.of(run.mine, run.case.task), "minor": run.facts.minor}


def nopage_unlocked(run: KernelRun) -> Numbers:
    """NOPAGE, with a lock that was dropped."""
    return {} if any(one.bits & VM_FAULT_NOPAGE and lock_of(one) == DROPPED for one in mine(run)) else None


def retake_and_retry(run: KernelRun) -> Numbers:
    """RETRY, with a lock that was dropped and taken again."""
    return {} if any(one.bits & VM_FAULT_RETRY and lock_of(one) == RETAKEN for one in mine(run)) else None


def first_only(run: KernelRun) -> Numbers:
    """A later attempt was not allowed to wait, though its flags say that it may."""
    again = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED
    for number, one in enumerate(mine(run), 1):
        if one.flags & again == again and one.bits & VM_FAULT_SIGBUS:
            return {"attempt": number}
    return None


def deaf(run: KernelRun) -> Numbers:
    """A signal came and did not end a sleep that it may end."""
    deaf_sleep = any(
        one.flags & FAULT_FLAG_KILLABLE and TASK_UNINTERRUPTIBLE in one.sleeps for one in mine(run)
    )
    sent = run.mine.trace.select("signal_sent")
    if not deaf_sleep or not sent:
        return None
    slept = run.mine.trace.select("sleep", task=run.case.task)[0]
    return {"signal": Signal(int(sent[0].a)).name, "ticks": sent[0].t - slept.t}


def user_test(run: KernelRun) -> Numbers:
    """A fault from kernel mode slept killably, though its flags ask for an interruptible sleep."""
    for one in mine(run):
        asked = one.flags & FAULT_FLAG_INTERRUPTIBLE and not one.flags & FAULT_FLAG_USER
        if asked and TASK_KILLABLE in one.sleeps:
            return {"flags": hex(one.flags)}
    return None


def check_then_queue(run: KernelRun) -> Numbers:
    """A wake-up was lost, and the page was looked at before the message was queued."""
    told = [
        event.kind
        for event in run.mine.trace.select("message", "call", task=run.case.task)
        if event.kind == "message" or event.a == "userfaultfd_must_wait"
    ]
    return {"task": run.case.task} if "lost wake-up" in run.rules and told[:1] == ["call"] else None


def drop_then_check(run: KernelRun) -> Numbers:
    """The page was looked at without the lock."""
    return {} if BARE_LOOKS.of(run.mine, run.case.task) else None


def major_always(run: KernelRun) -> Numbers:
    """MAJOR without a sleep."""
    counted = facts_of(run.mine, run.case.task).major
    without = any(one.bits & VM_FAULT_MAJOR and not one.sleeps for one in mine(run))
    return {} if without and counted else None


def no_dequeue(run: KernelRun) -> Numbers:
    """M read more messages than there were faults that waited."""
    more = READ.of(run.mine, run.case.task) > READ.of(run.kernel, run.case.task)
    return {} if more and run.facts.messages == run.wanted.messages else None


CAUSES = (
    Cause(
        "exiting-waits",
        exiting_waits,
        "You don't ask whether the task exits. Its memory is about to go, and a monitor that never answers "
        "would keep it from ending.",
        FUNCTION,
    ),
    Cause(
        "nowait-drops",
        nowait_drops,
        "You drop mmap_sem for a caller with FAULT_FLAG_RETRY_NOWAIT. This is the one RETRY that keeps the "
        "lock: the caller goes on with it, and releases it.",
        FUNCTION,
    ),
    Cause(
        "released-sigbus",
        released_sigbus,
        "You treat a closed userfaultfd as an error. The area is about to be plain memory: with NOPAGE the "
        "access is made again, and finds it so.",
        FUNCTION,
    ),
    Cause(
        "no-released-test",
        no_released_test,
        "You don't ask whether the userfaultfd is closed before you queue. Nobody will read a message any "
        "more: give NOPAGE, and keep the lock.",
        FUNCTION,
    ),
    Cause(
        "closed-NOPAGE",
        closed_nopage,
        "You ask once more whether the userfaultfd is closed, when T has slept, and emulate NOPAGE. Whatever "
        "woke T, the lock was dropped: RETRY.",
        FUNCTION,
    ),
    Cause(
        "old-hack",
        old_hack,
        "After a signal you take mmap_sem again and give NOPAGE, as 5.6 does. Patch 10 removes these lines: "
        "RETRY with the lock dropped lets the caller see the signal, and leave.",
        "Linux v5.7, fs/userfaultfd.c, handle_userfault: the end, beside that of v5.6",
    ),
    Cause(
        "NOPAGE-unlocked",
        nopage_unlocked,
        "You give NOPAGE after you have dropped mmap_sem. Every value but RETRY promises that the lock was "
        "held all the time.",
        CALLEE,
    ),
    Cause(
        "retake+RETRY",
        retake_and_retry,
        "You take mmap_sem again and give RETRY. Who gets RETRY holds nothing, and takes the lock itself.",
        CALLEE,
    ),
    Cause(
        "first-only",
        first_only,
        "You let only the first attempt wait, as for a page lock. A monitor may wake without a page, so a "
        "later attempt must be able to ask again: look at FAULT_FLAG_ALLOW_RETRY alone.",
        FUNCTION,
    ),
    Cause(
        "deaf",
        deaf,
        "You sleep uninterruptibly, though the flags allow signals to end that. INTERRUPTIBLE lets every "
        "signal end it, KILLABLE lets SIGKILL.",
        SLEEP,
    ),
    Cause(
        "user-test",
        user_test,
        "You look at FAULT_FLAG_USER to choose the sleep, as 5.6 does. A kernel copy has "
        "FAULT_FLAG_INTERRUPTIBLE as well, and 5.7 asks for this flag alone.",
        SLEEP,
    ),
    Cause(
        "check-then-queue",
        check_then_queue,
        "You look at the page before your message is queued. A page that comes in between finds nobody to "
        "wake. Queue first, then look.",
        QUEUE,
    ),
    Cause(
        "drop-then-check",
        drop_then_check,
        "You look at the page after up_read. Without mmap_sem another thread may unmap the area and free its "
        "page tables while you walk them.",
        LOOK,
    ),
    Cause(
        "major-always",
        major_always,
        "You add VM_FAULT_MAJOR to every RETRY. It says that the fault had to wait; here the page was there "
        "already.",
        FUNCTION,
    ),
    Cause(
        "no-dequeue",
        no_dequeue,
        "You leave without userfaultfd_dequeue. Your entry stays in the queue, and M answers a fault that is "
        "gone.",
        FUNCTION,
    ),
)
