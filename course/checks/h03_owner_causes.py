"""The misconceptions of exercise H3, as a run on the small memory shows them: who has, or knows, a frame."""

from __future__ import annotations

from course.checks.call_case import CallRun
from course.checks.h03_scenarios import run_of
from course.checks.specification import Cause

__all__ = ["CAUSES"]

COPY = "Linux v5.7, mm/memory.c, wp_page_copy"
FORK = "Linux v5.7, mm/memory.c, copy_one_pte"
ZAP = "Linux v5.7, mm/memory.c, zap_pte_range"
TAKEN = "Linux v5.7, mm/memory.c, wp_page_copy and zap_pte_range"

Numbers = dict[str, int | str] | None


def rules(run: CallRun) -> set[str]:
    """Give the rules that a run broke."""
    return {rule for rule, _ in run_of(run).broken}


def no_flush(run: CallRun) -> Numbers:
    """A processor knew what an entry no longer said, and nothing was flushed."""
    return {"step": run_of(run).stale_after} if "stale translation" in rules(run) else None


def flush_first(run: CallRun) -> Numbers:
    """A processor knew what an entry no longer said, and it was flushed before the entry changed."""
    return {} if "flushed too early" in rules(run) else None


def early_put(run: CallRun) -> Numbers:
    """A frame was put, and then the entry was changed that named it."""
    return {} if "early put" in run_of(run).slips else None


def fresh_put(run: CallRun) -> Numbers:
    """A frame was put in the step that allocated it, and an entry names it."""
    return {} if "fresh put" in run_of(run).slips else None


def put_too_often(run: CallRun) -> Numbers:
    """A frame was put oftener than entries lost it."""
    return {} if "put too often" in run_of(run).slips else None


def no_refcount(run: CallRun) -> Numbers:
    """The last counted owner of a frame gave it back, and an entry still named it."""
    return {} if "freed while mapped" in rules(run) else None


def put_before_flush(run: CallRun) -> Numbers:
    """A frame was put while a processor still knew it."""
    return {} if rules(run) & {"freed while known", "put while known"} else None


def parent_writable(run: CallRun) -> Numbers:
    """A frame of two processes was written through an entry that allowed it."""
    for writer in run_of(run).shared_writes:
        return {"writer": writer.title(), "reader": "child" if writer == "parent" else "parent"}
    return None


def owner_too_many(run: CallRun) -> Numbers:
    """A frame got an owner by count that no entry stands for."""
    return {} if "owner too many" in run_of(run).slips else None


def lost_frame(run: CallRun) -> Numbers:
    """A frame has an owner by count, and none by name."""
    return {} if "lost frame" in rules(run) else None


CAUSES = (
    Cause(
        "no-flush",
        no_flush,
        "You change an entry that a processor may still know, and do not flush this page for this process. A "
        "processor that faults has forgotten its translation. Those of other threads have not, and in fork "
        "and dontneed nobody has.",
        "Linux v5.7, mm/memory.c, wp_page_copy, copy_page_range and zap_pte_range",
    ),
    Cause(
        "flush-first",
        flush_first,
        "You flush, and change the entry afterwards. In between another thread uses the page: its processor "
        "looks the old entry up, and keeps it. First the entry, then the flush.",
        "Linux v5.7, mm/pgtable-generic.c, ptep_clear_flush",
    ),
    Cause(
        "early-put",
        early_put,
        "You put the frame while an entry still names it. First the entry, then the flush, and the frame "
        "last. Once it has no owner, somebody else may get it; once it has one, that one may write to it "
        "without a copy.",
        TAKEN,
    ),
    Cause(
        "fresh-put",
        fresh_put,
        "You put the frame that you have just allocated, and the entry names it. alloc counted this entry "
        "already; the owner that goes is one of the old frame.",
        COPY,
    ),
    Cause(
        "put-too-often",
        put_too_often,
        "You put a frame oftener than entries lose it. Who empties or replaces an entry puts its frame once. "
        "Who lets the entry name the same frame, with a right more or less, keeps it.",
        TAKEN,
    ),
    Cause(
        "no-refcount",
        no_refcount,
        "An entry names a frame whose owner you have not counted: put finds no owner left while the frame "
        "is in use. Each new entry needs a get, and each one that goes a put.",
        FORK,
    ),
    Cause(
        "parent-writable",
        parent_writable,
        "You leave an entry writable although another process has the same frame. fork takes the right to "
        "write from both.",
        FORK,
    ),
    Cause(
        "put-before-flush",
        put_before_flush,
        "You put the frame before the flush. Another processor can still read and write it, when somebody "
        "else may have it: flush, then put.",
        ZAP,
    ),
    Cause(
        "owner-too-many",
        owner_too_many,
        "You count an owner that names the frame in no entry. alloc has counted one already, and fork adds "
        "one for each entry of the child. A frame that nobody needs is not allocated.",
        FORK,
    ),
    Cause(
        "lost-frame",
        lost_frame,
        "Who takes a frame out of an entry puts it, once: after a copy the old frame, in dontneed the one "
        "that the entry named, whoever else has it.",
        ZAP,
    ),
)
