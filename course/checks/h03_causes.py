"""The misconceptions of exercise H3, as a run on the small memory shows them: what a fault is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.checks import h03_call_causes, h03_owner_causes, h03_signal_causes
from course.checks.call_case import CallRun
from course.checks.h03_scenarios import run_of
from course.checks.h03_signal_causes import faults_of, one_fault, signalled
from course.checks.specification import Cause
from pyemu.flags import PageFaultError

if TYPE_CHECKING:
    from course.memory.small_run import SmallFault

__all__ = ["CAUSES", "FAULT"]

FAULT = "Linux v5.7, mm/memory.c, handle_pte_fault, and what it calls"
ANONYMOUS = "Linux v5.7, mm/memory.c, do_anonymous_page"
COPY = "Linux v5.7, mm/memory.c, wp_page_copy"
REUSE = "Linux v5.7, mm/memory.c, do_wp_page"

Numbers = dict[str, int | str] | None
WRITE, PROT = PageFaultError.WRITE, PageFaultError.PROT


def writes_old(one: SmallFault) -> bool:
    """A frame was copied, and the entry still names the one that it was copied from."""
    names = one.before and one.after and one.before[0] == one.after[0]
    return bool(names) and any(source == one.before[0] for _, source in one.copied if one.before)


def copy_swapped(one: SmallFault) -> bool:
    """The fresh frame was copied over the old one."""
    return one.before is not None and any(to == one.before[0] for to, _ in one.copied)


def copies_others(one: SmallFault) -> bool:
    """The fresh frame got the contents of one that the entry did not name."""
    if one.before is None or one.after is None:
        return False
    return any(to == one.after[0] and source != one.before[0] for to, source in one.copied)


def no_copy(one: SmallFault) -> bool:
    """A frame with contents was replaced, and nothing was copied from it to the one in its place."""
    from course.memory.small import MANY

    if one.before is None or one.after is None or one.n_owners >= MANY:
        return False
    return one.before[0] != one.after[0] and (one.after[0], one.before[0]) not in one.copied


def copy_late(run: CallRun) -> Numbers:
    """A frame was copied to while an entry named it."""
    return {} if any(rule == "seen half done" for rule, _ in run_of(run).broken) else None


def still_readonly(one: SmallFault) -> bool:
    """A write was served, and its entry forbids it."""
    return bool(one.error_code & WRITE and one.after and not one.after[1]) and not signalled(one)


def reuses_shared(one: SmallFault) -> bool:
    """A frame of more than one owner was made writable."""
    return one.gives == "same frame" and one.n_owners > 1


def always_copy(one: SmallFault) -> bool:
    """A frame of one owner was copied."""
    return one.gives == "fresh frame" and one.n_owners == 1


def zero_writable(run: CallRun) -> Numbers:
    """A byte went into the frame that everybody shares."""
    return {} if any(rule == "zero page written" for rule, _ in run_of(run).broken) else None


def read_allocates(one: SmallFault) -> bool:
    """A read of a missing page was given a frame."""
    return one.gives == "fresh frame" and not one.error_code & (WRITE | PROT)


def uncounted(run: CallRun) -> Numbers:
    """Some faults were counted that were served, and some were not."""
    served = [one for one in faults_of(run) if not signalled(one) and one.gives != "nothing"]
    return {} if len({one.n_counted > 0 for one in served}) > 1 else None


CAUSES = (
    *h03_call_causes.CAUSES,
    Cause(
        "writes-old",
        one_fault(writes_old),
        "You copy the frame, and then let the entry name the old one: the write goes to the others' bytes.",
        COPY,
    ),
    Cause(
        "copy-swapped",
        one_fault(copy_swapped),
        "copy(to, source): the frame that is written comes first. You copied zeros over the old one.",
        COPY,
    ),
    Cause(
        "copies-others",
        one_fault(copies_others),
        "You copy a frame that the entry of this page does not name. Either process may have written since "
        "the fork: what belongs to the writer is in the frame of its own entry.",
        COPY,
    ),
    Cause(
        "copy-late",
        copy_late,
        "You let the entry name the frame, and then copy to it. In between another thread reads zeros there: "
        "first the copy, then the entry.",
        COPY,
    ),
    Cause(
        "no-copy",
        one_fault(no_copy),
        "You give the writer a frame of its own, and do not copy the old one to it: it writes one byte, and "
        "the others of the page have to be there as well.",
        COPY,
    ),
    Cause(
        "still-readonly",
        one_fault(still_readonly),
        "A write faults until its entry gives the right to write. You leave the entry without it, so the "
        "same access faults again.",
        REUSE,
    ),
    Cause(
        "reuses-shared",
        one_fault(reuses_shared),
        "You give back the right to write although another process has the same frame. Only the last owner "
        "gets it back; while there are more, the writer gets a copy.",
        REUSE,
    ),
    Cause(
        "always-copy",
        one_fault(always_copy),
        "You copy a frame that nobody else has. Whichever process is its last owner, and however many had it "
        "before: it gets the right to write back.",
        REUSE,
    ),
    *h03_signal_causes.CAUSES,
    Cause(
        "zero-writable",
        zero_writable,
        "An entry of the zero page gives the right to write. It belongs to everybody: a write has to fault, "
        "and gets a frame of its own.",
        ANONYMOUS,
    ),
    Cause(
        "read-allocates",
        one_fault(read_allocates),
        "You allocate a frame for a read. Nothing was written yet, so the shared frame of zeros is enough.",
        ANONYMOUS,
    ),
    *h03_owner_causes.CAUSES,
    Cause(
        "uncounted",
        uncounted,
        "You count some of the faults that were served. Each one counts: the zero page, a fresh frame, a "
        "copy, and a right that is given back.",
        FAULT,
    ),
)
