"""The misconceptions of exercise H3, as a run on the small memory shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course.checks.call_case import CallRun
from course.checks.h03_scenarios import run_of
from course.checks.specification import Cause
from pyemu.flags import PageFaultError

if TYPE_CHECKING:
    from course.memory.own_kernel import SmallFault

__all__ = ["CAUSES", "FAULT"]

FAULT = "Linux v5.7, mm/memory.c, handle_pte_fault, and what it calls"
ANONYMOUS = "Linux v5.7, mm/memory.c, do_anonymous_page"
COPY = "Linux v5.7, mm/memory.c, wp_page_copy"
REUSE = "Linux v5.7, mm/memory.c, do_wp_page"
FORK = "Linux v5.7, mm/memory.c, copy_one_pte"
ZAP = "Linux v5.7, mm/memory.c, zap_pte_range"
ARCH = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault"

Numbers = dict[str, int | str] | None
WRITE, PROT = PageFaultError.WRITE, PageFaultError.PROT


def faults(run: CallRun) -> list[SmallFault]:
    """Give all faults of a run."""
    return [fault for access in run_of(run).accesses for fault in access.faults]


def rules(run: CallRun) -> set[str]:
    """Give the rules that a run broke."""
    return {rule for rule, _ in run_of(run).broken}


def writes_old(run: CallRun) -> Numbers:
    """A frame was copied, and the entry still names the one that it was copied from."""
    return {} if any(one.kept_source for one in faults(run)) else None


def no_flush(run: CallRun) -> Numbers:
    """A processor used a translation that the entries no longer have."""
    step = run_of(run).stale_after
    return {"step": step} if step else None


def early_put(run: CallRun) -> Numbers:
    """A frame was freed, and then the entry was changed that named it."""
    return {} if run_of(run).early_put else None


def put_before_flush(run: CallRun) -> Numbers:
    """A frame was freed while a processor still knew it."""
    return {} if "freed while known" in rules(run) else None


def lost_frame(run: CallRun) -> Numbers:
    """A frame has an owner by count, and none by name."""
    return {} if "lost frame" in rules(run) else None


def drops_parents(run: CallRun) -> Numbers:
    """The child gave its page back, and the parent lost its entry."""
    return {} if any(one.took for one in run_of(run).accesses) else None


def copy_swapped(run: CallRun) -> Numbers:
    """The fresh frame was copied over the old one."""
    return {} if any(one.overwrote for one in faults(run)) else None


def copies_at_fork(run: CallRun) -> Numbers:
    """A fork copied frames."""
    return {} if any(one.copied for one in run_of(run).accesses) else None


def no_refcount(run: CallRun) -> Numbers:
    """The last counted owner of a frame gave it back, and an entry still named it."""
    return {} if "freed while mapped" in rules(run) else None


def cow_over_ro(run: CallRun) -> Numbers:
    """A write was served where the area forbids writing."""
    served = (one for one in faults(run) if not one.gives.startswith(("SIG", "nothing")))
    return {} if any(one.had_area == "r" and one.error_code & WRITE for one in served) else None


def maperr_as_bus(run: CallRun) -> Numbers:
    """Where there is no area, another signal was sent, or another code."""
    lost = (one.gives for one in faults(run) if not one.had_area)
    return {} if any(gives.startswith("SIG") and gives != "SIGSEGV 1" for gives in lost) else None


def segv_counted(run: CallRun) -> Numbers:
    """A fault that ended in a signal was counted."""
    return {} if any(one.gives.startswith("SIG") and one.n_counted for one in faults(run)) else None


def child_read_faults(run: CallRun) -> Numbers:
    """The child found no entry where its parent had one."""
    accesses = (one for one in run_of(run).accesses if one.parent_had and one.faults)
    return {} if any(not one.faults[0].error_code & PROT for one in accesses) else None


def parent_writable(run: CallRun) -> Numbers:
    """A frame of two processes was written through an entry that allowed it."""
    for writer in run_of(run).shared_writes:
        return {"writer": writer.title(), "reader": "child" if writer == "parent" else "parent"}
    return None


def zero_writable(run: CallRun) -> Numbers:
    """A byte went into the frame that everybody shares."""
    return {} if "zero page written" in rules(run) else None


def read_allocates(run: CallRun) -> Numbers:
    """A read of a missing page was given a frame."""
    reads = (one for one in faults(run) if not one.error_code & (WRITE | PROT))
    return {} if any(one.gives == "fresh frame" for one in reads) else None


def always_copy(run: CallRun) -> Numbers:
    """A frame of one owner was copied."""
    last = (one for one in faults(run) if one.n_owners == 1)
    return {} if any(one.gives == "fresh frame" for one in last) else None


def dontneed_keeps(run: CallRun) -> Numbers:
    """A page was given back, and its entry is still there."""
    return {} if any(one.kept for one in run_of(run).accesses) else None


CAUSES = (
    Cause(
        "copies-at-fork",
        copies_at_fork,
        "You copy pages when the process forks. Most are never written again: fork copies entries, and the "
        "first write after it copies the page.",
        FORK,
    ),
    Cause(
        "writes-old",
        writes_old,
        "You copy the frame, and then let the entry name the old one: the write goes to the others' bytes.",
        COPY,
    ),
    Cause(
        "no-flush",
        no_flush,
        "You change an entry that a processor may still know, and do not flush it for its process. The "
        "processor that faulted has forgotten it, but another thread runs on a processor of its own.",
        COPY,
    ),
    Cause(
        "drops-parents",
        drops_parents,
        "You empty an entry of the parent, whoever gave the page back. dontneed is told the process.",
        ZAP,
    ),
    Cause(
        "early-put",
        early_put,
        "You put the frame while an entry still names it. First the entry, then the flush, and the frame "
        "last: once it is free, somebody else may get it.",
        ZAP,
    ),
    Cause(
        "no-refcount",
        no_refcount,
        "An entry names a frame whose owner you have not counted: put finds no owner left while the frame "
        "is in use. Each new entry needs a get, and each one that goes a put.",
        FORK,
    ),
    Cause(
        "cow-over-ro",
        cow_over_ro,
        "You look at the entry before you look at the area. Error code 0x7 is copy on write or an error: "
        "only the area knows.",
        ARCH,
    ),
    Cause(
        "maperr-as-bus",
        maperr_as_bus,
        "Nothing is mapped there, so the address is wrong: SIGSEGV with SEGV_MAPERR. SEGV_ACCERR says that "
        "there is an area, and that it forbids the access.",
        "Linux v5.7, arch/x86/mm/fault.c, bad_area",
    ),
    Cause(
        "segv-counted",
        segv_counted,
        "You count before you know how the fault ends. min_flt counts faults that were served.",
        ARCH,
    ),
    Cause(
        "child-read-faults",
        child_read_faults,
        "You give the child its areas and no entries. Then each page that the parent has costs the child a "
        "fault, and its contents are lost.",
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
        "zero-writable",
        zero_writable,
        "You map the zero page with the right to write. It belongs to everybody: a write has to fault, and "
        "gets a frame of its own.",
        ANONYMOUS,
    ),
    Cause(
        "read-allocates",
        read_allocates,
        "You allocate a frame for a read. Nothing was written yet, so the shared frame of zeros is enough.",
        ANONYMOUS,
    ),
    Cause(
        "always-copy",
        always_copy,
        "You copy whenever the entry forbids the write. When nobody else has the frame, give the right back.",
        REUSE,
    ),
    Cause(
        "dontneed-keeps",
        dontneed_keeps,
        "You leave the entry in place. The promise of MADV_DONTNEED is that the page is as if it was never "
        "touched.",
        ZAP,
    ),
    Cause(
        "copy-swapped",
        copy_swapped,
        "copy(to, source): the frame that is written comes first. You copied zeros over the old one.",
        COPY,
    ),
    Cause(
        "put-before-flush",
        put_before_flush,
        "You put the frame before the flush. Another processor can still read and write it, when somebody "
        "else may have it: flush, then put.",
        ZAP,
    ),
    Cause(
        "lost-frame",
        lost_frame,
        "Who takes a frame out of an entry puts it, once: after a copy the old frame, in dontneed the one "
        "that the entry named, whoever else has it.",
        ZAP,
    ),
)
