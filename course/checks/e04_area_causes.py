"""What goes wrong with areas in the loop of exercise E4: not asked about, or told off and gone on with."""

from __future__ import annotations

from course.checks.e03_area_causes import SEGV, bad_area_code, before_violation, goes_on
from course.checks.e04_areas import ACCESSES, unasked
from course.checks.e04_round_causes import FIXUP, HELD, LOOP, of_loop
from course.checks.kernel_case import KernelRun
from course.checks.specification import Cause

__all__ = ["AREA_CAUSES", "REFUSAL_CAUSES"]

Numbers = dict[str, int | str] | None


def unlock_twice(run: KernelRun) -> Numbers:
    """The lock was taken, released, and released once more, without an attempt."""
    kinds = ("exception", "lock_taken", "attempt", "lock_dropped", "fault_signal", "violation")
    done: list[str] = []
    for event in run.mine.trace.select(*kinds, task=run.case.task):
        if event.kind == "violation":
            twice = done[-2:] == ["lock_taken", "lock_dropped"] and event.a == "bad unlock balance"
            return {} if twice else None
        done.append(event.kind)
    return None


def fixup_with_lock(run: KernelRun) -> Numbers:
    """Kernel code went to its fixup with the lock, and the last thing that the fault did was to take it."""
    done, rule = before_violation(run)
    locked = done is not None and done.kind == "lock_taken" and rule == HELD
    return {} if locked and run.mine.trace.select("fixup", task=run.case.task) else None


def first_address(run: KernelRun) -> Numbers:
    """An access was refused that is served."""
    pairs = zip(run.value(ACCESSES), run.right(ACCESSES), strict=False)
    refused = (SEGV, "killed:11")
    return {} if any(mine.startswith(refused) and right.startswith("ret=") for mine, right in pairs) else None


def area_unasked(run: KernelRun) -> Numbers:
    """Something else came of accesses that no area allows."""
    return {} if unasked(run) else None


REFUSAL_CAUSES = (
    Cause(
        "goes-on",
        of_loop(goes_on),
        "bad_area and bad_area_access_error release the lock and send the signal. Then the fault is over: "
        "return.",
        LOOP,
    ),
    Cause(
        "unlock-twice",
        of_loop(unlock_twice),
        "You release mmap_sem, and call what releases it once more: bad_area and bad_area_access_error are "
        "called with the lock held.",
        LOOP,
    ),
    Cause(
        "fixup-with-lock",
        of_loop(fixup_with_lock),
        "no_context is called without the lock. Where there is no area, or one that forbids the access, "
        "bad_area and bad_area_access_error do for both modes: they release the lock, and send kernel code "
        "to its fixup themselves.",
        FIXUP,
    ),
)
"""What follows a refusal: recognised by events that no other mistake shows."""

AREA_CAUSES = (
    Cause(
        "first-address",
        of_loop(first_address),
        "You refuse an address that equals vm_start, or an access that the area allows. An area reaches from "
        "vm_start, which is in it, to vm_end, which is not.",
        LOOP,
    ),
    Cause(
        "bad-area-code",
        of_loop(bad_area_code),
        "Code 1 says that there is no area, code 2 that the area forbids the access: bad_area sends the "
        "first, bad_area_access_error the second. And find_vma may give an area above the address: what that "
        "one forbids is no matter.",
        LOOP,
    ),
    Cause(
        "area-unasked",
        of_loop(area_unasked),
        "Three questions follow each find_vma, in both modes: is it None, does the area begin above the "
        "address, does it forbid the access? bad_area and bad_area_access_error release the lock: return "
        "after them.",
        LOOP,
    ),
)
"""Recognised where nothing more special is."""
