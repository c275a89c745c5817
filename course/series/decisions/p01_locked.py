"""Patch 1: a parameter called "nonblocking" is called "locked". Names only.

Under its old name it promised that nothing would be waited for, and that was never so. What it says: with no
value, mmap_sem must not be dropped; with the value 1, it may be dropped, and 0 tells afterwards that it was.

The two functions differ in this one name: the proof compares their text as well.

References
----------
Linux v5.6.4 and v5.7.14, mm/gup.c, faultin_page and __get_user_pages [fact:p01-rename]
[fact:gup-locked-contract].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from course.series.decisions.pair import Pair
from pyemu.flags import FaultFlag, VmFault
from pyemu.flags import names as flag_names

__all__ = ["PAIR", "RENAMED", "after", "before"]

RENAMED = {"nonblocking": "locked"}

FAULT_FLAG_ALLOW_RETRY = int(FaultFlag.ALLOW_RETRY)
FAULT_FLAG_RETRY_NOWAIT = int(FaultFlag.RETRY_NOWAIT)
FAULT_FLAG_TRIED = int(FaultFlag.TRIED)
VM_FAULT_OOM = int(VmFault.OOM)
VM_FAULT_SIGBUS = int(VmFault.SIGBUS)
VM_FAULT_RETRY = int(VmFault.RETRY)
EFAULT, ENOMEM = 14, 12


@dataclass(frozen=True, slots=True)
class Page:
    """One page that get_user_pages has to fault in.

    Attributes
    ----------
    given : int or None
        What the caller handed over: no value, or 1.
    nowait, tried : bool
        FOLL_NOWAIT, FOLL_TRIED.
    pinned : int
        Pages that this call has already.
    fault : int
        What handle_mm_fault gives.
    """

    given: int | None
    nowait: bool
    tried: bool
    pinned: int
    fault: int

    def __str__(self) -> str:
        nowait, tried = ", FOLL_NOWAIT" * self.nowait, ", FOLL_TRIED" * self.tried
        gave = flag_names(self.fault, VmFault)
        return f"locked {self.given}{nowait}{tried}, {self.pinned} pinned, handle_mm_fault gives {gave}"


@dataclass(frozen=True, slots=True)
class Pinned:
    """What the call gives.

    Attributes
    ----------
    flags : int
        What handle_mm_fault was called with.
    count : int or None
        Pages, or a negative errno; None when the walk goes on with this page.
    locked : int or None
        What the caller finds in its variable.
    """

    flags: int
    count: int | None
    locked: int | None

    def __str__(self) -> str:
        gives = "goes on" if self.count is None else f"gives {self.count}"
        return f"{gives}, locked {self.locked}, flags {self.flags:#x}"


def before(page: Page) -> Pinned:
    """Fault one page in; the variable is called nonblocking."""
    nonblocking = page.given
    flags = 0
    if nonblocking is not None:
        flags |= FAULT_FLAG_ALLOW_RETRY
    if page.nowait:
        flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT
    if page.tried:
        flags |= FAULT_FLAG_TRIED
    if page.fault & VM_FAULT_OOM:
        return Pinned(flags, page.pinned or -ENOMEM, nonblocking)
    if page.fault & VM_FAULT_SIGBUS:
        return Pinned(flags, page.pinned or -EFAULT, nonblocking)
    if page.fault & VM_FAULT_RETRY:
        if nonblocking is not None and not page.nowait:
            nonblocking = 0
        return Pinned(flags, page.pinned, nonblocking)
    return Pinned(flags, None, nonblocking)


def after(page: Page) -> Pinned:
    """Fault one page in; the variable is called locked."""
    locked = page.given
    flags = 0
    if locked is not None:
        flags |= FAULT_FLAG_ALLOW_RETRY
    if page.nowait:
        flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT
    if page.tried:
        flags |= FAULT_FLAG_TRIED
    if page.fault & VM_FAULT_OOM:
        return Pinned(flags, page.pinned or -ENOMEM, locked)
    if page.fault & VM_FAULT_SIGBUS:
        return Pinned(flags, page.pinned or -EFAULT, locked)
    if page.fault & VM_FAULT_RETRY:
        if locked is not None and not page.nowait:
            locked = 0
        return Pinned(flags, page.pinned, locked)
    return Pinned(flags, None, locked)


def cases() -> Iterator[Page]:
    """Give every page: with and without each flag, for each result."""
    faults = (0, VM_FAULT_RETRY, VM_FAULT_OOM, VM_FAULT_SIGBUS)
    for given, nowait, tried, pinned, fault in product(
        (None, 1), (False, True), (False, True), (0, 1, 2), faults
    ):
        yield Page(given, nowait, tried, pinned, fault)


def unreachable(page: Page) -> str:
    """Name the rule that keeps a case from happening."""
    if page.fault & VM_FAULT_RETRY and page.given is None and not page.nowait:
        return "I2: without ALLOW_RETRY and without KILLABLE no callee gives RETRY"
    if page.tried and (page.given is not None or page.nowait):
        return "the second pass is made without a variable (before patch 14)"
    return ""


PAIR = Pair(
    "what faultin_page and __get_user_pages do with the parameter",
    cases,
    before,
    after,
    unreachable,
    shown=(
        ("RETRY after a wait", Page(1, False, False, 0, VM_FAULT_RETRY)),
        ("RETRY, FOLL_NOWAIT", Page(1, True, False, 0, VM_FAULT_RETRY)),
        ("RETRY after a wait, 2 pages pinned", Page(1, False, False, 2, VM_FAULT_RETRY)),
        ("SIGBUS, no variable", Page(None, False, False, 0, VM_FAULT_SIGBUS)),
    ),
)
