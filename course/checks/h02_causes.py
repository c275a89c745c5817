"""The misconceptions of exercise H2: which mistake explains every answer of a run."""

from __future__ import annotations

from functools import partial

from course.checks.call_case import CallRun
from course.checks.h02_model import SLIPS
from course.checks.h02_scenarios import answers_of
from course.checks.specification import Cause

__all__ = ["CAUSES", "TLB"]

TLB = "Intel SDM volume 3A, section 4.10.2, Translation Lookaside Buffers (TLBs)"
TAGS = "Intel SDM volume 3A, section 4.10.1, Process-Context Identifiers (PCIDs)"
FORGET = "Intel SDM volume 3A, section 4.10.4.1, Operations that Invalidate TLBs and Paging-Structure Caches"
NEED_NOT = "Intel SDM volume 3A, section 4.10.4.3, Optional Invalidation"
GLOBAL = "Intel SDM volume 3A, section 4.10.2.4, Global Pages"
DIRTY = "Intel SDM volume 3A, section 4.8, Accessed and Dirty Flags"


def slip_of(run: CallRun) -> str:
    """Name the mistake that explains a run; empty when none does, or several do.

    All answers that it gives are those of a TLB with that mistake; or, where no mistake explains them all,
    those up to the first wrong one are, with this mistake alone.
    """
    numbers = run.case.numbers
    names = list(run.wanted)
    mine = tuple(run.mine.get(name) for name in names)
    upto = names.index(run.wrong[0]) + 1
    found = {
        slip: answers_of(numbers["operations"], numbers["sets"], numbers["ways"], slip) for slip in SLIPS
    }
    whole = [slip for slip, answers in found.items() if answers == mine]
    begun = [slip for slip, answers in found.items() if answers[:upto] == mine[:upto]]
    likely = whole or begun
    return likely[0] if len(likely) == 1 else ""


def shows(slip: str, run: CallRun) -> dict[str, int | str] | None:
    """Say whether a run shows a mistake."""
    return {} if run.wrong and slip_of(run) == slip else None


_BECAUSE: dict[str, tuple[str, str]] = {
    "no-tag": (
        (
            "Your look-up does not compare the PCID. An address means something else in each address "
            "space; only a global entry serves all of them."
        ),
        TAGS,
    ),
    "global-flushed": (
        (
            "You forget global entries with the others. They are there for what is the same in every "
            "address space, as the kernel's own pages, and only INVLPG forgets them."
        ),
        GLOBAL,
    ),
    "noflush-flushes": (
        (
            "You forget whatever bit 63 says. A kernel that comes back to an address space sets the "
            "bit, to find its entries as it left them."
        ),
        FORGET,
    ),
    "fifo": (
        (
            "You put an entry in front when it comes, and leave it there when it is used. Who is used "
            "again and again has to leave last."
        ),
        "Lesson 02, rule 5; Intel SDM volume 3A, section 4.10.2, leaves the order open",
    ),
    "caches-absent": (
        (
            "You keep that a page was missing. Nobody flushes when a page is added, so the fault would "
            "stay for ever."
        ),
        TLB,
    ),
    "rewalk-on-hit": (
        (
            "You walk although you have an entry. A hit reads no table, so it does not see what the "
            "kernel has changed there; that is why kernels flush."
        ),
        TLB,
    ),
    "power-of-2-mask": (
        (
            "You cut bits out of the page number, which is modulo for powers of two only. Other numbers "
            "leave sets empty, and crowd the rest."
        ),
        "Intel SDM volume 2A, CPUID leaf 18H: sets and ways of a TLB, any numbers",
    ),
    "one-size": (
        ("You look for the page of 4 KiB around the address. An entry of 2 MiB serves all its 512 parts."),
        "Intel SDM volume 3A, section 4.10.2.1, Page Numbers, Page Offsets, and Page Frames",
    ),
    "D-skip": (
        (
            "You let a write use an entry that never wrote. D is in the table, so the processor has to "
            "walk once more, and keeps the entry that it finds."
        ),
        DIRTY,
    ),
    "invlpg-all": (
        ("You forget every page of the address space. The others have to walk again for nothing."),
        FORGET,
    ),
    "invlpg-4K-part": (
        (
            "You compare the address with where a page begins, in steps of 4 KiB. INVLPG may name any "
            "address of a page."
        ),
        FORGET,
    ),
    "upgrade-stale": (
        (
            "You refuse because the entry does. The kernel may have added the right since, and nobody "
            "has to flush then: forget the entry, and walk."
        ),
        NEED_NOT,
    ),
}
CAUSES = tuple(Cause(slip, partial(shows, slip), *_BECAUSE[slip]) for slip in SLIPS)
