"""The misconceptions of exercise H3, as a run on the small memory shows them: fork, and pages given back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from course.checks.call_case import CallRun
from course.checks.h03_scenarios import run_of
from course.checks.specification import Cause
from pyemu.flags import PAGE_MASK

if TYPE_CHECKING:
    from course.memory.small_run import SmallAccess

__all__ = ["CAUSES"]

FORK = "Linux v5.7, mm/memory.c, copy_one_pte"
ZAP = "Linux v5.7, mm/memory.c, zap_pte_range"

Numbers = dict[str, int | str] | None
FUNCTIONS = {"fork": "fork", "drop": "dontneed"}


def steps(run: CallRun, do: str) -> list[SmallAccess]:
    """Give the steps of a run that do something."""
    return [one for one in run_of(run).accesses if one.step.do == do]


def pages(entries: Iterable[tuple[str, int]], process: str) -> set[int]:
    """Give the pages of a process that have an entry."""
    return {page for who, page in entries if who == process}


def copies_at_fork(run: CallRun) -> Numbers:
    """A fork copied frames."""
    return {} if any(one.copied for one in steps(run, "fork")) else None


def fork_empties(run: CallRun) -> Numbers:
    """A fork emptied entries of the parent."""
    forks = steps(run, "fork")
    return {} if any(pages(one.before, "parent") - pages(one.after, "parent") for one in forks) else None


def fork_invents(run: CallRun) -> Numbers:
    """A fork gave the child entries where the parent has none."""
    forks = steps(run, "fork")
    return {} if any(pages(one.after, "child") - pages(one.before, "parent") for one in forks) else None


def some_entries(run: CallRun) -> Numbers:
    """A fork gave the child some of the parent's entries."""
    forks = ((pages(one.before, "parent"), pages(one.after, "child")) for one in steps(run, "fork"))
    return {} if any(given and had - given for had, given in forks) else None


def child_read_faults(run: CallRun) -> Numbers:
    """A fork gave the child none of the parent's entries."""
    forks = ((pages(one.before, "parent"), pages(one.after, "child")) for one in steps(run, "fork"))
    return {} if any(had and not given for had, given in forks) else None


def drops_parents(run: CallRun) -> Numbers:
    """The child gave its page back, and the parent lost its entry."""
    drops = (one for one in steps(run, "drop") if one.process == "child")
    return {} if any(pages(one.before, "parent") - pages(one.after, "parent") for one in drops) else None


def dontneed_keeps(run: CallRun) -> Numbers:
    """A page was given back, and its entry is still there."""
    return (
        {} if any((one.process, one.step.va & PAGE_MASK) in one.after for one in steps(run, "drop")) else None
    )


def keeps_shared(run: CallRun) -> Numbers:
    """Of the pages that were given back, those kept their entries whose frame another process had, too."""
    kept, emptied = [], False
    for one in steps(run, "drop"):
        place = one.process, one.step.va & PAGE_MASK
        frames = [entry[0] for entry in one.before.values()]
        if place in one.before and place in one.after:
            kept.append(frames.count(one.before[place][0]) > 1)
        emptied |= place in one.before and place not in one.after
    return {} if emptied and kept and all(kept) else None


def signal_without_fault(run: CallRun) -> Numbers:
    """A signal was sent where nothing was accessed."""
    for one in run_of(run).accesses:
        if one.signalled:
            return {"function": FUNCTIONS[one.step.do]}
    return None


def counts_no_fault(run: CallRun) -> Numbers:
    """A fault was counted where there was none."""
    for one in run_of(run).accesses:
        if one.n_counted:
            return {"function": FUNCTIONS[one.step.do]}
    return None


CAUSES = (
    Cause(
        "copies-at-fork",
        copies_at_fork,
        "You copy pages when the process forks. Most are never written again: fork copies entries, and the "
        "first write after it copies the page.",
        FORK,
    ),
    Cause(
        "fork-empties",
        fork_empties,
        "You empty entries of the parent. It keeps each of them, and loses the right to write only.",
        FORK,
    ),
    Cause(
        "fork-invents",
        fork_invents,
        "You give the child an entry where the parent has none. Nobody has touched that page: who does it "
        "first faults, after the fork as before.",
        FORK,
    ),
    Cause(
        "some-entries",
        some_entries,
        "You give the child some of its parent's entries. It gets every one: of pages above a gap too, of "
        "the zero page, and of areas that may be read only.",
        FORK,
    ),
    Cause(
        "child-read-faults",
        child_read_faults,
        "You give the child its areas and no entries. Then each page that the parent has costs the child a "
        "fault, and nothing keeps the contents that it had at the fork.",
        FORK,
    ),
    Cause(
        "drops-parents",
        drops_parents,
        "You empty an entry of the parent, whoever gave the page back. dontneed is told the process.",
        ZAP,
    ),
    Cause(
        "keeps-shared",
        keeps_shared,
        "You leave the entry in place when another process has the frame, too. That one has an entry of its "
        "own, and keeps it: here an entry goes, and with it one owner.",
        ZAP,
    ),
    Cause(
        "dontneed-keeps",
        dontneed_keeps,
        "You leave an entry in place. The promise of MADV_DONTNEED is that the page is as if it was never "
        "touched, so the next access finds none.",
        ZAP,
    ),
    Cause(
        "signal-without-fault",
        signal_without_fault,
        "A signal tells of an access that can't be made, and here nothing was accessed. To give back a page "
        "that nobody touched is no error: nothing is left to do.",
        ZAP,
    ),
    Cause(
        "counts-no-fault",
        counts_no_fault,
        "min_flt counts page faults that were served. fork and dontneed are system calls: they serve none.",
        "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault",
    ),
)
