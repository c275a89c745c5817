"""The misconceptions of exercise E5 about the wait, as a run shows them."""

from __future__ import annotations

from course.checks.e05_early_causes import EARLY, FUNCTION, Numbers, lock_of, mine, since_close
from course.checks.e05_state_causes import STATES
from course.checks.facts import facts_of
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import ACQUISITIONS, BARE_LOOKS, READ, SLEEPS_WITH_LOCK, Attempt
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    PAGE_MASK,
    VM_FAULT_MAJOR,
    VM_FAULT_NOPAGE,
    VM_FAULT_RETRY,
    VM_FAULT_SIGBUS,
)

__all__ = ["CAUSES", "FUNCTION"]

LOOK = "Linux v5.7, fs/userfaultfd.c, userfaultfd_must_wait"
QUEUE = "Linux v5.7, fs/userfaultfd.c, handle_userfault, the comment after __add_wait_queue"
CALLEE = "Linux v5.7, mm/memory.c, the comment above __handle_mm_fault on who drops mmap_sem"

DROPPED, RETAKEN = ["lock_dropped"], ["lock_dropped", "lock_taken"]


def looks(one: Attempt) -> list[str]:
    """Give the order of an attempt's looks and messages; a look that found the page is ``there``."""
    order = []
    for event in one.events:
        if event.kind == "message":
            order.append("message")
        elif event.kind == "return" and event.a == "userfaultfd_must_wait":
            order.append("look" if event.b else "there")
    return order


def closed_asleep(run: KernelRun) -> Numbers:
    """A close ended a sleep, and that was not told by RETRY."""
    told = any(one.sleeps and one.bits and not one.bits & VM_FAULT_RETRY for one in mine(run))
    return {} if told and since_close(run, "attempt_end") else None


def drops_late(run: KernelRun) -> Numbers:
    """The task slept with the lock."""
    return {} if SLEEPS_WITH_LOCK.of(run.mine, run.case.task) else None


def unheeded(run: KernelRun) -> Numbers:
    """Who queued looked at nothing afterwards, or found the page, and would sleep all the same."""
    for one in mine(run):
        order = looks(one)
        blind = order == ["message"] or order[-2:] == ["message", "there"]
        if blind and one.kinds("poll_wake"):
            return {"task": run.case.task}
    return None


def wakes_nobody(run: KernelRun) -> Numbers:
    """The task slept before it had woken who sleeps in poll()."""
    return {} if any(one.kinds("sleep", "poll_wake")[:1] == ["sleep"] for one in mine(run)) else None


def no_major(run: KernelRun) -> Numbers:
    """RETRY after a sleep, without MAJOR."""
    slept = [one.bits for one in mine(run) if one.sleeps and one.bits & VM_FAULT_RETRY]
    return {} if any(not bits & VM_FAULT_MAJOR for bits in slept) else None


def unmasked(run: KernelRun) -> Numbers:
    """A message names a byte."""
    for event in run.mine.trace.select("message", task=run.case.task):
        if int(event.a) & ~PAGE_MASK:
            return {"address": hex(int(event.a))}
    return None


def old_hack(run: KernelRun) -> Numbers:
    """NOPAGE, with a lock that was dropped and taken again."""
    emulated = [one for one in mine(run) if one.bits == VM_FAULT_NOPAGE and lock_of(one) == RETAKEN]
    if not emulated:
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


def check_then_queue(run: KernelRun) -> Numbers:
    """A wake-up was lost by who looked before it queued."""
    early = any(looks(one)[:1] == ["look"] for one in mine(run))
    return {"task": run.case.task} if "lost wake-up" in run.rules and early else None


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
    *EARLY,
    Cause(
        "closed-asleep",
        closed_asleep,
        "You slept, so mmap_sem was dropped. Every value but RETRY promises that it was held all the "
        "time, whatever ended the sleep; the line of the table is for who has not waited yet.",
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
        "drops-late",
        drops_late,
        "You sleep before up_read. Until the monitor answers, nobody can map, unmap, or close: drop "
        "mmap_sem as soon as you have looked.",
        FUNCTION,
    ),
    Cause(
        "wakes-nobody",
        wakes_nobody,
        "You sleep without wake_up_poll before. A monitor that sleeps in poll() learns of your message "
        "only by that.",
        FUNCTION,
    ),
    *STATES,
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
        "unheeded",
        unheeded,
        "You don't look once your message is queued, or don't heed what you see. Who brought the page "
        "before that found nobody to wake: sleep only if userfaultfd_must_wait said so.",
        QUEUE,
    ),
    Cause(
        "major-always",
        major_always,
        "You add VM_FAULT_MAJOR where there was no sleep. It says that the fault had to wait; add it only "
        "where you slept.",
        FUNCTION,
    ),
    Cause(
        "no-major",
        no_major,
        "You don't add VM_FAULT_MAJOR after the sleep. The caller counts a major fault by it.",
        FUNCTION,
    ),
    Cause(
        "no-dequeue",
        no_dequeue,
        "You leave without userfaultfd_dequeue. Your entry stays in the queue, and M answers a fault that is "
        "gone.",
        FUNCTION,
    ),
    Cause(
        "unmasked",
        unmasked,
        "You queue `address` as it is. M may find any byte of the page there, and asks for whole pages: "
        "`address & PAGE_MASK`.",
        FUNCTION,
    ),
)
