"""Patch 2: __get_user_pages() stops by itself when the walk of a hugetlb area lost mmap_sem.

Before, it went on to its loop's end and stopped there because follow_hugetlb_page() had emptied the count of
wanted pages. After, it looks at ``locked``. As long as the callee empties the count, nothing can be seen
(**S2**). A callee that forgot it would make the old caller use an area without the lock. Another assertion of
the patch fires when the lock was dropped although FOLL_NOWAIT forbids it.

References
----------
Linux v5.6.4 and v5.7.14, mm/gup.c, __get_user_pages, and mm/hugetlb.c, follow_hugetlb_page
[fact:p02-hugetlb-stop].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from course.series.decisions.pair import Pair
from course.series.decisions.records import Action

__all__ = ["PAIR", "after", "before"]

EFAULT = 14
RIGHT = "as the kernel's"
FORGETFUL = "the callee leaves the count"
DROPPING = "the callee drops the lock under FOLL_NOWAIT"


@dataclass(frozen=True, slots=True)
class Walk:
    """A call of __get_user_pages that reaches a hugetlb area.

    Attributes
    ----------
    pinned : int
        Normal pages that it has already.
    wanted : int
        Pages wanted from here on.
    area : int
        Pages that the hugetlb area still has.
    ready : int
        Pages of it that are there before the one that ends the walk.
    end : str
        What that one gives: ``RETRY``, ``error``, ``SIGKILL``, or nothing: all are there.
    locked : bool
        The caller allows the lock to be dropped.
    nowait : bool
        FOLL_NOWAIT: a RETRY keeps the lock.
    callee : str
        What follow_hugetlb_page does after RETRY: as the kernel's, or with a fault.
    """

    pinned: int
    wanted: int
    area: int
    ready: int
    end: str
    locked: bool
    nowait: bool
    callee: str = RIGHT

    def __str__(self) -> str:
        words = [
            f"{self.pinned} pinned, {self.wanted} wanted, {self.area} in the area",
            f"{self.end} at page {self.ready}" if self.end else "all there",
            "locked" if self.locked else "no variable",
        ]
        return ", ".join([*words, *["FOLL_NOWAIT"] * self.nowait, *[self.callee] * (self.callee != RIGHT)])


@dataclass(frozen=True, slots=True)
class Followed:
    """What the walk of the hugetlb area gives: the count so far or an error, pages left, the lock dropped."""

    count: int
    left: int
    dropped: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the caller goes on.

    Attributes
    ----------
    action : Action
        ``stop`` or ``continue``.
    count : int
        What it gives when it stops.
    locked : int or None
        What its caller finds in the variable.
    dead_area : bool
        It goes on without the lock: the area that it holds may be gone.
    """

    action: Action
    count: int
    locked: int | None
    dead_area: bool = False

    def __str__(self) -> str:
        gives = f", gives {self.count}" if self.action is Action.STOP else ""
        return f"{self.action}{gives}, locked {self.locked}" + ", uses a dead area" * self.dead_area


def before(walk: Walk) -> Outcome:
    """Go on while pages are wanted."""
    found = follow_hugetlb_page(walk)
    if not found.left:
        return Outcome(Action.STOP, found.count, variable(walk, found))
    return Outcome(Action.CONTINUE, found.count, variable(walk, found), found.dropped)


def after(walk: Walk) -> Outcome:
    """Stop at once when the lock was lost."""
    found = follow_hugetlb_page(walk)
    if variable(walk, found) == 0:
        if walk.nowait:
            return Outcome(Action.BUG, found.count, 0)
        return Outcome(Action.STOP, found.count, 0)
    if not found.left:
        return Outcome(Action.STOP, found.count, variable(walk, found))
    return Outcome(Action.CONTINUE, found.count, variable(walk, found), found.dropped)


def follow_hugetlb_page(walk: Walk) -> Followed:
    """Walk the area: a RETRY gives a count and never an error; an error gives the count when there is one."""
    reach = min(walk.area, walk.wanted)
    if not walk.end or walk.ready >= reach:
        return Followed(walk.pinned + reach, walk.wanted - reach, dropped=False)
    count = walk.pinned + walk.ready
    if walk.end == "RETRY":
        left = walk.wanted - walk.ready if walk.callee == FORGETFUL else 0
        return Followed(count, left, walk.locked and (not walk.nowait or walk.callee == DROPPING))
    return Followed(count or -EFAULT, 0, dropped=False)


def variable(walk: Walk, found: Followed) -> int | None:
    """Say what the caller's variable holds: 0 after the lock was dropped."""
    if not walk.locked:
        return None
    return 0 if found.dropped else 1


def cases() -> Iterator[Walk]:
    """Give every call with up to two pages pinned, three wanted and two in the area."""
    for chosen in product(
        (0, 1, 2),
        (1, 2, 3),
        (1, 2),
        (0, 1),
        ("", "RETRY", "error", "SIGKILL"),
        (False, True),
        (False, True),
        (RIGHT, FORGETFUL, DROPPING),
    ):
        yield Walk(*chosen)


def unreachable(walk: Walk) -> str:
    """Name the rule that keeps a case from happening."""
    if walk.callee == FORGETFUL:
        return "follow_hugetlb_page empties the count after RETRY"
    if walk.callee == DROPPING:
        return "with FOLL_NOWAIT it keeps the lock"
    if walk.end == "RETRY" and not walk.locked and not walk.nowait:
        return "I2: without ALLOW_RETRY and without KILLABLE no callee gives RETRY"
    return ""


def faulty_callee(walk: Walk) -> str:
    """Name the row in which the sides differ: each needs a callee with a fault, and a RETRY."""
    if walk.end != "RETRY" or walk.ready >= min(walk.area, walk.wanted) or not walk.locked:
        return ""
    if walk.callee == FORGETFUL and not walk.nowait:
        return FORGETFUL
    return DROPPING if walk.callee == DROPPING and walk.nowait else ""


_S2 = Walk(1, 1, 1, 0, "RETRY", locked=True, nowait=False)

_COUNTS = range(4)
_TOLD = {
    FORGETFUL: frozenset(
        ("continue, locked 0, uses a dead area", f"stop, gives {count}, locked 0") for count in _COUNTS
    ),
    DROPPING: frozenset((f"stop, gives {count}, locked 0", "BUG, locked 0") for count in _COUNTS),
}

PAIR = Pair(
    "how __get_user_pages goes on after a hugetlb area",
    cases,
    before,
    after,
    unreachable,
    faulty_callee,
    _TOLD,
    shown=(
        ("S2: one normal page, then RETRY", _S2),
        ("RETRY, nothing pinned", Walk(0, 1, 1, 0, "RETRY", locked=True, nowait=False)),
        ("RETRY, FOLL_NOWAIT", Walk(1, 1, 1, 0, "RETRY", locked=True, nowait=True)),
        ("SIGKILL, nothing pinned", Walk(0, 1, 1, 0, "SIGKILL", locked=True, nowait=False)),
        (f"S2, and {FORGETFUL}", Walk(1, 1, 1, 0, "RETRY", locked=True, nowait=False, callee=FORGETFUL)),
    ),
)
