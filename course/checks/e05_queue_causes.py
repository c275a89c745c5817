"""The misconceptions of exercise E5 about the queue: wake-ups and entries, as a run shows them."""

from __future__ import annotations

from collections import Counter

from course.checks.e05_early_causes import FUNCTION, Numbers, mine, since_close
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from course.checks.userfaults import BARE_LOOKS, Attempt
from pyemu.flags import PAGE_MASK, UFFD_PAGEFAULT_FLAG_WRITE

__all__ = ["ENTRIES", "WAKES"]

LOOK = "Linux v5.7, fs/userfaultfd.c, userfaultfd_must_wait"
QUEUE = "Linux v5.7, fs/userfaultfd.c, handle_userfault, the comment after __add_wait_queue"


def looks(one: Attempt) -> list[str]:
    """Give the order of an attempt's looks and messages; a look that found the page is ``there``."""
    order = []
    for event in one.events:
        if event.kind == "message":
            order.append("message")
        elif event.kind == "return" and event.a == "userfaultfd_must_wait":
            order.append("look" if event.b else "there")
    return order


def wakes_nobody(run: KernelRun) -> Numbers:
    """The task slept before it had woken who sleeps in poll()."""
    return {} if any(one.kinds("sleep", "poll_wake")[:1] == ["sleep"] for one in mine(run)) else None


def poll_first(run: KernelRun) -> Numbers:
    """Who sleeps in poll() was woken before the message was queued."""
    first = ["poll_wake", "message"]
    return {} if any(one.kinds(*first)[:2] == first for one in mine(run)) else None


def closed_unheeded(run: KernelRun) -> Numbers:
    """The task slept for a monitor that had closed before its message was queued."""
    return {} if "lost wake-up" in run.rules and since_close(run, "sleep") else None


def check_then_queue(run: KernelRun) -> Numbers:
    """A wake-up was lost by who looked before it queued."""
    early = any(looks(one)[:1] == ["look"] for one in mine(run))
    return {"task": run.case.task} if "lost wake-up" in run.rules and early else None


def drop_then_check(run: KernelRun) -> Numbers:
    """The page was looked at without the lock."""
    return {} if BARE_LOOKS.of(run.mine, run.case.task) else None


def unheeded(run: KernelRun) -> Numbers:
    """Who queued looked at nothing afterwards, or found the page, and would sleep all the same."""
    for one in mine(run):
        order = looks(one)
        blind = order == ["message"] or order[-2:] == ["message", "there"]
        if blind and one.kinds("poll_wake"):
            return {"task": run.case.task}
    return None


def announces_late(run: KernelRun) -> Numbers:
    """A wake came between message and sleep, and the task slept all the same."""
    wakes = [event.step for event in run.mine.trace.select("uffd") if str(event.b).startswith("wakes")]
    for one in mine(run):
        first = next((event.step for event in one.events if event.kind == "message"), one.end)
        slept = next((event.step for event in one.events if event.kind == "sleep"), 0)
        if any(first < wake < slept for wake in wakes):
            return {"task": run.case.task}
    return None


def announces_twice(run: KernelRun) -> Numbers:
    """A wake came between message and look, the page was missing, and the task slept all the same."""
    wakes = [event.step for event in run.mine.trace.select("uffd") if str(event.b).startswith("wakes")]
    for one in mine(run):
        steps = {"message": 0, "look": 0, "sleep": 0}
        for event in one.events:
            look = event.kind == "return" and event.a == "userfaultfd_must_wait" and event.b
            kind = "look" if look else event.kind
            if kind in steps and not steps[kind]:
                steps[kind] = event.step
        if any(0 < steps["message"] < wake < steps["look"] < steps["sleep"] for wake in wakes):
            return {"task": run.case.task}
    return None


def stale(run: KernelRun) -> Counter[int]:
    """Give the messages, by their pages, that M read only because an entry was left behind."""
    if run.facts.messages != run.wanted.messages:
        return Counter()
    read, right = (
        Counter(int(event.a) & PAGE_MASK for event in result.trace.select("message_read"))
        for result in (run.mine, run.kernel)
    )
    return read - right


def kept_entry(run: KernelRun) -> Numbers:
    """The entries left behind are those of attempts without a sleep."""
    left = stale(run)
    slept = [event for one in mine(run) if one.sleeps for event in one.events if event.kind == "message"]
    return None if not left or any(int(event.a) & PAGE_MASK in left for event in slept) else {}


def no_dequeue(run: KernelRun) -> Numbers:
    """M read more messages than there were faults that waited."""
    return {} if stale(run) else None


def unmasked(run: KernelRun) -> Numbers:
    """A message names a byte."""
    for event in run.mine.trace.select("message", task=run.case.task):
        if int(event.a) & ~PAGE_MASK:
            return {"address": hex(int(event.a))}
    return None


def message_bits(run: KernelRun) -> Numbers:
    """A message has bits that mean nothing."""
    for event in run.mine.trace.select("message", task=run.case.task):
        if int(event.b) & ~UFFD_PAGEFAULT_FLAG_WRITE:
            return {"bits": hex(int(event.b))}
    return None


WAKES = (
    Cause(
        "wakes-nobody",
        wakes_nobody,
        "You sleep without wake_up_poll before. A monitor that sleeps in poll() learns of your message "
        "only by that.",
        FUNCTION,
    ),
    Cause(
        "poll-first",
        poll_first,
        "You call wake_up_poll before userfaultfd_queue. A monitor that sleeps in poll() looks at once, "
        "finds nothing, and goes back to sleep.",
        FUNCTION,
    ),
    Cause(
        "closed-unheeded",
        closed_unheeded,
        "Between your table and your message M may close, and nobody reads the message any more: ask for "
        "context.released once again before you sleep.",
        FUNCTION,
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
        "unheeded",
        unheeded,
        "You don't look once your message is queued, or don't heed what you see. Who brought the page "
        "before that found nobody to wake: sleep only if userfaultfd_must_wait said so.",
        QUEUE,
    ),
    Cause(
        "announces-twice",
        announces_twice,
        "You set the state after userfaultfd_queue, which has announced the sleep with the message. A wake "
        "in between had set it back to running, and nobody wakes T again.",
        QUEUE,
    ),
    Cause(
        "announces-late",
        announces_late,
        "You announce the sleep after the look. A wake sets the state back to running; who sets it after "
        "that sleeps, and nobody wakes it again. userfaultfd_queue announces it together with the message.",
        QUEUE,
    ),
)
ENTRIES = (
    Cause(
        "kept-entry",
        kept_entry,
        "Your way out without a sleep leaves out userfaultfd_dequeue. The entry is in the queue from the "
        "moment of the message on, whether you sleep or not.",
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
    Cause(
        "message-bits",
        message_bits,
        "You hand userfaultfd_queue another word in place of `message`. In a message only "
        "UFFD_PAGEFAULT_FLAG_WRITE has a meaning here.",
        FUNCTION,
    ),
)
"""Each the most special first."""
