"""Patch 11: twenty-two fault handlers write FAULT_FLAG_DEFAULT for ALLOW_RETRY and KILLABLE. Names only.

Who does not start with these two flags does not use the name: csky, khugepaged, and get_user_pages, which
puts its own word together.

References
----------
Linux v5.6.4 and v5.7.14, include/linux/mm.h, mm/gup.c, mm/khugepaged.c and the files named in
`pyemu.arches` [fact:p11-default] [fact:khugepaged].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from course.series.decisions.pair import Pair
from pyemu.arches import ARCHES, Reaction
from pyemu.flags import FaultFlag
from pyemu.flags import names as flag_names

__all__ = ["CALLERS", "PAIR", "Word", "after", "before"]

FAULT_FLAG_WRITE = int(FaultFlag.WRITE)
FAULT_FLAG_ALLOW_RETRY = int(FaultFlag.ALLOW_RETRY)
FAULT_FLAG_RETRY_NOWAIT = int(FaultFlag.RETRY_NOWAIT)
FAULT_FLAG_KILLABLE = int(FaultFlag.KILLABLE)
FAULT_FLAG_USER = int(FaultFlag.USER)
FAULT_FLAG_REMOTE = int(FaultFlag.REMOTE)
FAULT_FLAG_DEFAULT = 0x14  # as patch 11 defines it; patch 12 makes it 0x214

HANDLERS = tuple(arch.name for arch in ARCHES if arch.reaction is not Reaction.NONE)
PLAIN = "csky"
CALLERS = (*HANDLERS, PLAIN, "khugepaged", "get_user_pages")


@dataclass(frozen=True, slots=True)
class First:
    """The first call of handle_mm_fault for a fault.

    Attributes
    ----------
    caller : str
        An architecture, ``khugepaged`` or ``get_user_pages``.
    user, write : bool
        A user-mode fault, a write.
    locked, nowait, remote : bool
        For get_user_pages: a variable was handed over, FOLL_NOWAIT, FOLL_REMOTE.
    """

    caller: str
    user: bool
    write: bool
    locked: bool = False
    nowait: bool = False
    remote: bool = False

    def __str__(self) -> str:
        said = [name for name in ("user", "write", "locked", "nowait", "remote") if getattr(self, name)]
        return ", ".join([self.caller, *said])


@dataclass(frozen=True, slots=True)
class Word:
    """A flag word."""

    flags: int

    def __str__(self) -> str:
        return f"{self.flags:#x} {flag_names(self.flags, FaultFlag)}" if self.flags else "0"


def before(first: First) -> Word:
    """Start with the two flags."""
    if first.caller in HANDLERS:
        return Word(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | mode_of(first))
    return others(first)


def after(first: First) -> Word:
    """Start with the name."""
    if first.caller in HANDLERS:
        return Word(FAULT_FLAG_DEFAULT | mode_of(first))
    return others(first)


def mode_of(first: First) -> int:
    """Give what a fault handler adds."""
    return (FAULT_FLAG_USER if first.user else 0) | (FAULT_FLAG_WRITE if first.write else 0)


def others(first: First) -> Word:
    """Give the word of those that never had the two flags."""
    flags = FAULT_FLAG_WRITE if first.write else 0
    if first.caller == "khugepaged":
        flags = FAULT_FLAG_ALLOW_RETRY
    if first.caller == "get_user_pages":
        if first.locked:
            flags |= FAULT_FLAG_ALLOW_RETRY
        if first.nowait:
            flags |= FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT
        if first.remote:
            flags |= FAULT_FLAG_REMOTE
    return Word(flags)


def cases() -> Iterator[First]:
    """Give the first call of every caller."""
    for caller in CALLERS:
        for choices in product((False, True), repeat=2):
            if caller != "get_user_pages":
                yield First(caller, *choices)
            else:
                for more in product((False, True), repeat=3):
                    yield First(caller, *choices, *more)


def unreachable(first: First) -> str:
    """Name the rule that keeps a case from happening."""
    if first.user and first.caller in ("khugepaged", "get_user_pages"):
        return "it faults on behalf of others: there is no user mode"
    return ""


PAIR = Pair(
    "the flag word of a fault's first attempt, by caller",
    cases,
    before,
    after,
    unreachable,
    shown=(
        ("x86, read in user mode", First("x86", user=True, write=False)),
        ("x86, write in kernel mode", First("x86", user=False, write=True)),
        ("csky, write", First("csky", user=True, write=True)),
        ("khugepaged, swap-in", First("khugepaged", user=False, write=False)),
        ("get_user_pages, locked", First("get_user_pages", user=False, write=False, locked=True)),
    ),
    equivalent={
        "before, before: 'FAULT_FLAG_ALLOW_RETRY' becomes 'FAULT_FLAG_DEFAULT'": "DEFAULT is both flags, and "
        "KILLABLE is added anyway: the same word"
    },
)
