"""The misconceptions of exercise H3, as a run on the small memory shows them: who gets a signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from course.checks.call_case import CallRun
from course.checks.h03_scenarios import run_of
from course.checks.specification import Cause
from pyemu.flags import PageFaultError

if TYPE_CHECKING:
    from course.memory.small_run import SmallFault

__all__ = ["CAUSES", "faults_of", "one_fault", "signalled"]

ARCH = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault"
RIGHTS = "Linux v5.7, arch/x86/mm/fault.c, access_error"

Numbers = dict[str, int | str] | None
WRITE, PROT = PageFaultError.WRITE, PageFaultError.PROT


def faults_of(run: CallRun) -> list[SmallFault]:
    """Give all faults of a run."""
    return [fault for access in run_of(run).accesses for fault in access.faults]


def one_fault(shows: Callable[[SmallFault], bool]) -> Callable[[CallRun], Numbers]:
    """Say whether any fault of a run shows something."""

    def any_shows(run: CallRun) -> Numbers:
        return {} if any(shows(fault) for fault in faults_of(run)) else None

    return any_shows


def signalled(one: SmallFault) -> bool:
    """Say whether a fault ended in a signal."""
    return one.gives.startswith("SIG")


def no_return(one: SmallFault) -> bool:
    """A signal was sent, and the page was given something as well."""
    return signalled(one) and one.after not in (None, one.before)


def over_ro(one: SmallFault) -> bool:
    """A write was served where the area forbids writing."""
    served = not signalled(one) and one.gives != "nothing"
    return one.area == "r" and bool(one.error_code & WRITE) and served


def asked_only(where: Callable[[SmallFault], bool]) -> Callable[[CallRun], Numbers]:
    """Say whether forbidden writes got their signal in all places of a kind, and in no others."""

    def asked_there(run: CallRun) -> Numbers:
        writes = [one for one in faults_of(run) if one.area == "r" and one.error_code & WRITE]
        refused = [where(one) for one in writes if signalled(one)]
        served = [where(one) for one in writes if over_ro(one)]
        return {} if refused and served and all(refused) and not any(served) else None

    return asked_there


def no_entry(one: SmallFault) -> bool:
    """There was no entry."""
    return not one.error_code & PROT


def not_shared(one: SmallFault) -> bool:
    """There was no entry, or one of a frame that nobody else had."""
    return one.n_owners <= 1


def code_from_entry(run: CallRun) -> Numbers:
    """Where the area forbids writing, the code was one with an entry, and another without."""
    refused = [one for one in faults_of(run) if one.area == "r" and one.gives.startswith("SIGSEGV")]
    codes = {(no_entry(one), one.gives) for one in refused}
    return {} if codes == {(True, "SIGSEGV 1"), (False, "SIGSEGV 2")} else None


def read_refused(one: SmallFault) -> bool:
    """A read got a signal where the area allows it."""
    return one.area != "" and signalled(one) and not one.error_code & WRITE


def maperr_as_bus(one: SmallFault) -> bool:
    """Where there is no area, another signal was sent, or another code."""
    return not one.area and signalled(one) and one.gives != "SIGSEGV 1"


def segv_counted(one: SmallFault) -> bool:
    """A fault that ended in a signal was counted."""
    return signalled(one) and one.n_counted > 0


CAUSES = (
    Cause(
        "no-return",
        one_fault(no_return),
        "A signal ends the access: return after it. You go on, and give the page what a fault without an "
        "error gets.",
        ARCH,
    ),
    Cause(
        "missed-write",
        asked_only(no_entry),
        "You refuse a write where there is no entry (0x6), and serve it where there is one (0x7). Both have "
        "the bit X86_PF_WRITE, whatever other bits are set, and the area forbids both.",
        ARCH,
    ),
    Cause(
        "shared-over-ro",
        asked_only(not_shared),
        "You ask for the rights of the area where nobody else has the frame, and not where the write would "
        "be copied. A copy is a write as well: ask the area once, before you look at the entry.",
        RIGHTS,
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
        "code-from-entry",
        code_from_entry,
        "You take the code from the entry: SEGV_MAPERR where there is none. The area decides: where there is "
        "one that forbids the access, the code is SEGV_ACCERR, with an entry or without.",
        RIGHTS,
    ),
    Cause(
        "read-refused",
        one_fault(read_refused),
        "You refuse a read. The area forbids writing only, and X86_PF_WRITE says which of the two an access "
        "is.",
        RIGHTS,
    ),
    Cause(
        "segv-counted",
        one_fault(segv_counted),
        "You count before you know how the fault ends. min_flt counts faults that were served.",
        ARCH,
    ),
)
