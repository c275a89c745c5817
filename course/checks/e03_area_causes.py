"""What goes wrong with areas in the loop of exercise E3: not asked about, or told off and gone on with."""

from __future__ import annotations

from course.checks.e04_areas import ACCESSES, unasked
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause
from pyemu.flags import Signal
from pyemu.trace import Event

__all__ = [
    "AREA_CAUSES",
    "LOOP",
    "SEGV",
    "SIGNAL_CAUSES",
    "bad_area_code",
    "before_violation",
    "goes_on",
]

LOOP = "Linux v5.6, arch/x86/mm/fault.c, do_user_addr_fault, from the label `retry`"
SEGV = "SIGSEGV(code="

Numbers = dict[str, int | str] | None


def before_violation(run: KernelRun) -> tuple[Event | None, str]:
    """Give what the task did right before it first broke a rule, and the rule."""
    done = None
    kinds = ("exception", "attempt_end", "lock_taken", "lock_dropped", "fault_signal", "violation")
    for event in run.mine.trace.select(*kinds, task=run.case.task):
        if event.kind == "violation":
            return done, str(event.a)
        done = event
    return None, ""


def unlock_twice(run: KernelRun) -> Numbers:
    """The lock was released right after it was released."""
    done, rule = before_violation(run)
    return {} if done and done.kind == "lock_dropped" and rule == "bad unlock balance" else None


def goes_on(run: KernelRun) -> Numbers:
    """A rule was broken right after the fault had come to a signal."""
    done, rule = before_violation(run)
    if done is None or done.kind != "fault_signal" or rule.startswith("mmap_sem held"):
        return None
    return {"signal": Signal(int(done.a)).name}


def first_address(run: KernelRun) -> Numbers:
    """The access was refused, at the first address of an area."""
    refused = run.facts.outcome.startswith("SIGSEGV") and run.wanted.outcome.startswith("ret=")
    return {} if refused and run.facts.attempts and "first" in run.case.numbers else None


def bad_area_code(run: KernelRun) -> Numbers:
    """SIGSEGV was sent, and right so, but with another code."""
    for mine, right in zip(run.value(ACCESSES), run.right(ACCESSES), strict=False):
        if mine != right and mine.startswith(SEGV) and right.startswith(SEGV):
            return {
                "mine": mine.removeprefix(SEGV).rstrip(")"),
                "right": right.removeprefix(SEGV).rstrip(")"),
            }
    return None


def area_unasked(run: KernelRun) -> Numbers:
    """An access that no area allows came to something else, or later."""
    if "driver" in run.case.numbers:
        return None
    return {} if unasked(run) or "refused" in run.case.numbers else None


SIGNAL_CAUSES = (
    Cause(
        "goes-on",
        goes_on,
        "bad_area and bad_area_access_error release the lock and send the signal. Then the fault is over: "
        "return.",
        LOOP,
    ),
    Cause(
        "unlock-twice",
        unlock_twice,
        "You release mmap_sem, and call what releases it once more: bad_area and bad_area_access_error are "
        "called with the lock held.",
        LOOP,
    ),
)
"""What follows bad_area: recognised by events that no other mistake shows."""

AREA_CAUSES = (
    Cause(
        "first-address",
        first_address,
        "You refuse an address that equals vm_start. An area reaches from vm_start, which is in it, to "
        "vm_end, which is not.",
        LOOP,
    ),
    Cause(
        "bad-area-code",
        bad_area_code,
        "Code 1 says that there is no area, code 2 that the area forbids the access: bad_area sends the "
        "first, bad_area_access_error the second.",
        LOOP,
    ),
    Cause(
        "area-unasked",
        area_unasked,
        "Three questions follow each find_vma, also the second: is it None, does the area begin above the "
        "address, does it forbid the access? Another thread may change areas while you wait.",
        LOOP,
    ),
)
"""Recognised where nothing more special is."""
