"""The misconceptions of exercise H3, as a run on the small memory shows them: what a fault is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from course.checks import h03_call_causes, h03_owner_causes
from course.checks.call_case import CallRun
from course.checks.h03_scenarios import run_of
from course.checks.specification import Cause
from pyemu.flags import PageFaultError

if TYPE_CHECKING:
    from course.memory.small_run import SmallFault

__all__ = ["CAUSES", "FAULT"]

FAULT = "Linux v5.7, mm/memory.c, handle_pte_fault, and what it calls"
ANONYMOUS = "Linux v5.7, mm/memory.c, do_anonymous_page"
COPY = "Linux v5.7, mm/memory.c, wp_page_copy"
REUSE = "Linux v5.7, mm/memory.c, do_wp_page"
ARCH = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault"

Numbers = dict[str, int | str] | None
WRITE, PROT = PageFaultError.WRITE, PageFaultError.PROT


def one_fault(shows: Callable[[SmallFault], bool]) -> Callable[[CallRun], Numbers]:
    """Say whether any fault of a run shows something."""

    def any_shows(run: CallRun) -> Numbers:
        faults = (fault for access in run_of(run).accesses for fault in access.faults)
        return {} if any(shows(fault) for fault in faults) else None

    return any_shows


def signalled(one: SmallFault) -> bool:
    """Say whether a fault ended in a signal."""
    return one.gives.startswith("SIG")


def writes_old(one: SmallFault) -> bool:
    """A frame was copied, and the entry still names the one that it was copied from."""
    names = one.before and one.after and one.before[0] == one.after[0]
    return bool(names) and any(source == one.before[0] for _, source in one.copied if one.before)


def copy_swapped(one: SmallFault) -> bool:
    """The fresh frame was copied over the old one."""
    return one.before is not None and any(to == one.before[0] for to, _ in one.copied)


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


def no_return(one: SmallFault) -> bool:
    """A signal was sent, and the page was given something as well."""
    return signalled(one) and one.after not in (None, one.before)


def over_ro(one: SmallFault) -> bool:
    """A write was served where the area forbids writing."""
    served = not signalled(one) and one.gives != "nothing"
    return one.area == "r" and bool(one.error_code & WRITE) and served


def missed_write(run: CallRun) -> Numbers:
    """Where the area forbids writing, a write got its signal if there was no entry, and else not."""
    faults = [one for access in run_of(run).accesses for one in access.faults if one.area == "r"]
    refused = any(signalled(one) and not one.error_code & PROT for one in faults)
    served = [one for one in faults if over_ro(one)]
    return {} if refused and served and all(one.error_code & PROT for one in served) else None


def maperr_as_bus(one: SmallFault) -> bool:
    """Where there is no area, another signal was sent, or another code."""
    return not one.area and signalled(one) and one.gives != "SIGSEGV 1"


def segv_counted(one: SmallFault) -> bool:
    """A fault that ended in a signal was counted."""
    return signalled(one) and one.n_counted > 0


def zero_writable(run: CallRun) -> Numbers:
    """A byte went into the frame that everybody shares."""
    return {} if any(rule == "zero page written" for rule, _ in run_of(run).broken) else None


def read_allocates(one: SmallFault) -> bool:
    """A read of a missing page was given a frame."""
    return one.gives == "fresh frame" and not one.error_code & (WRITE | PROT)


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
        "You copy whenever the entry forbids the write. When nobody else has the frame, give the right back.",
        REUSE,
    ),
    Cause(
        "no-return",
        one_fault(no_return),
        "A signal ends the access: return after it. You go on, and give the page what a fault without an "
        "error gets.",
        ARCH,
    ),
    Cause(
        "missed-write",
        missed_write,
        "You refuse a write where there is no entry (0x6), and serve it where there is one (0x7). Both have "
        "the bit X86_PF_WRITE, whatever other bits are set, and the area forbids both.",
        ARCH,
    ),
    Cause(
        "cow-over-ro",
        one_fault(over_ro),
        "You serve a write that the area forbids. Error code 0x7 is copy on write or an error: only the area "
        "knows, so it is asked before the entry.",
        ARCH,
    ),
    Cause(
        "maperr-as-bus",
        one_fault(maperr_as_bus),
        "Nothing is mapped there, so the address is wrong, for a read and for a write: SIGSEGV with "
        "SEGV_MAPERR. SEGV_ACCERR says that there is an area, and that it forbids the access.",
        "Linux v5.7, arch/x86/mm/fault.c, bad_area",
    ),
    Cause(
        "segv-counted",
        one_fault(segv_counted),
        "You count before you know how the fault ends. min_flt counts faults that were served.",
        ARCH,
    ),
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
)
