"""The sixteen patches of "mm: Page fault enhancements" v6, as merged for Linux v5.7.

Order and titles are those of the cover letter. Commit ids stand where they were seen in a record; the others
are not known here. What is said of architectures and of code was read in Linux v5.6.4 and v5.7.14
[fact:series-goal].
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pyemu.errors import FaultlabError

__all__ = ["N_PATCHES", "PATCHES", "Kind", "Patch", "patch_named", "patch_of"]

N_PATCHES = 16


class Kind(StrEnum):
    """What a patch really is."""

    RENAME = "rename"
    REFACTOR = "refactor"
    BEHAVIOUR = "behaviour"
    ACCIDENT = "behaviour by accident"


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch.

    Attributes
    ----------
    number : int
        1 to 16.
    title : str
        As in the cover letter.
    kind : Kind
        What it really is; its own text may say something else.
    file, function : str
        Where it changes the kernel.
    what : str
        What it does, in a sentence or two.
    shown : str
        What shows it, or why nothing can.
    commit : str
        Beginning of its commit id; empty where it is not known.
    rows : tuple of (str, str, str)
        For a patch that changes behaviour: a situation, what happens before, what happens after.
    note : str
        What is easily got wrong about it.
    facts : tuple of str
        Ids of the facts that all this rests on (`course.linuxfacts`).
    """

    number: int
    title: str
    kind: Kind
    file: str
    function: str
    what: str
    shown: str
    commit: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    note: str = ""
    facts: tuple[str, ...] = ()


def patch_of(number: int) -> Patch:
    """Give a patch by its number.

    Raises
    ------
    FaultlabError
        When there is no such patch.
    """
    return patch_named(str(number))


def patch_named(text: str) -> Patch:
    """Give a patch by its number as it is written on a command line; raises as `patch_of` does."""
    found = [patch for patch in PATCHES if str(patch.number) == text]
    if not found:
        raise FaultlabError(f"patch {text} does not exist: the series has patches 1 to {N_PATCHES}.")
    return found[0]


PATCHES = (
    Patch(
        number=1,
        title='mm/gup: rename "nonblocking" to "locked" where proper',
        kind=Kind.RENAME,
        file="mm/gup.c",
        function="faultin_page, __get_user_pages, populate_vma_page_range",
        what="A parameter gets another name. It never meant that a call does not wait: it says that mmap_sem "
        "may be dropped, and tells afterwards that it was.",
        shown="names only",
        note="With FOLL_NOWAIT, 0 pages come back with locked still 1; after a wait, with locked 0.",
        facts=("p01-rename", "gup-locked-contract", "gup-nowait"),
    ),
    Patch(
        number=2,
        title="mm/gup: fix __get_user_pages() on fault retry of hugetlb",
        kind=Kind.REFACTOR,
        file="mm/gup.c",
        function="__get_user_pages",
        what="The caller stops by itself when the walk of a hugetlb area has lost mmap_sem, and asserts what "
        "must be true then. The walk had emptied the count of wanted pages, so it stopped before as well.",
        shown="proof; S2, S2-mutant, S2-nowait",
        note="BUG_ON(x) fires when x is true. RETRY yields a count, 0 or more, and never an error.",
        facts=("p02-hugetlb-stop", "gup-retry-is-no-error"),
    ),
    Patch(
        number=3,
        title="mm: introduce fault_signal_pending()",
        kind=Kind.REFACTOR,
        file="include/linux/sched/signal.h",
        function="fault_signal_pending",
        what="The test for RETRY and SIGKILL gets a name, and 17 fault handlers of 16 architectures use it. "
        "um keeps its own test; csky has no retry at all.",
        shown="proof; B7",
        commit="4ef873226ceb",
        note="What follows a yes differs: 14 handlers run the same kernel instruction again.",
        facts=("p03-helper", "b7-livelock"),
    ),
    Patch(
        number=4,
        title="x86/mm: use helper fault_signal_pending()",
        kind=Kind.REFACTOR,
        file="arch/x86/mm/fault.c",
        function="do_user_addr_fault",
        what="The signal is asked about first. A branch for a RETRY that was not allowed is gone.",
        shown="proof; S4",
        note="A faulty callee shows the gone branch: before 4 the access faults again, from 4 on a lock is "
        "released that is not held, from 13 on it is one more attempt.",
        facts=("p04-x86", "invariant-killed", "x86-retry-5-6"),
    ),
    Patch(
        number=5,
        title="arc/mm: use helper fault_signal_pending()",
        kind=Kind.REFACTOR,
        file="arch/arc/mm/fault.c",
        function="do_page_fault",
        what="The signal is asked about before the branch for RETRY instead of inside it.",
        shown="proof; B7, count-arc",
        note="arc counts what the last attempt gave: a fault that waited for the disk counts as minor.",
        facts=("p05-arc", "count-arc"),
    ),
    Patch(
        number=6,
        title="arm64/mm: use helper fault_signal_pending()",
        kind=Kind.REFACTOR,
        file="arch/arm64/mm/fault.c",
        function="do_page_fault",
        what="The signal is asked about before the branch for RETRY instead of inside it.",
        shown="proof; B7",
        note="Judged from the difference of the two source trees alone.",
        facts=("p06-arm64",),
    ),
    Patch(
        number=7,
        title="powerpc/mm: use helper fault_signal_pending()",
        kind=Kind.REFACTOR,
        file="arch/powerpc/mm/fault.c",
        function="__do_page_fault",
        what="The signal is asked about first; the same dead branch as on x86 is gone.",
        shown="proof; B7, S4",
        note="For a fault of the kernel it gives SIGBUS to its caller, which runs the exception table.",
        facts=("p07-powerpc", "invariant-killed"),
    ),
    Patch(
        number=8,
        title="sh/mm: use helper fault_signal_pending()",
        kind=Kind.ACCIDENT,
        file="arch/sh/mm/fault.c",
        function="mm_fault_error",
        what="Meant as a refactor. Errors of a task that is being killed are no longer swallowed (S8a), and "
        "mmap_sem is released twice on SIGBUS and SIGSEGV (S8b).",
        shown="proof; S8a, S8b",
        note="S8b was found by reading; it is in every later source that was read, to 6.12. B6 is our fix.",
        facts=("p08-sh", "b6-sh-double-unlock"),
    ),
    Patch(
        number=9,
        title="mm: return faster for non-fatal signals in user mode faults",
        kind=Kind.BEHAVIOUR,
        file="include/linux/sched/signal.h",
        function="fault_signal_pending",
        what="After RETRY, a user-mode fault leaves for any pending signal. The handler runs, the "
        "instruction runs again, and a new exception begins.",
        shown="S9, S9-swap",
        rows=(
            ("RETRY, user mode, no signal", "retry", "retry"),
            ("RETRY, user mode, a signal", "retry", "leave"),
            ("RETRY, user mode, SIGKILL", "leave", "leave"),
            ("RETRY, kernel mode, a signal", "retry", "retry"),
            ("RETRY, kernel mode, SIGKILL", "leave", "leave"),
            ("no RETRY, any signal", "go on", "go on"),
        ),
        note="The wait for the disk is not one millisecond shorter: what is saved is the second half.",
        facts=("p09-any-signal", "signal-fault-test", "count-major-vanishes"),
    ),
    Patch(
        number=10,
        title="userfaultfd: don't retake mmap_sem to emulate NOPAGE",
        kind=Kind.BEHAVIOUR,
        file="fs/userfaultfd.c",
        function="handle_userfault",
        what="After a signal, handle_userfault gives RETRY without the lock. It no longer takes the lock "
        "again to give NOPAGE, which looked as if nothing had happened to it.",
        shown="S10a, S10b; S10c, syzbot-2017, um-signal",
        rows=(
            ("woken by the monitor, or userfaultfd closed", "RETRY, dropped", "RETRY, dropped"),
            ("woken by SIGKILL", "RETRY, dropped", "RETRY, dropped"),
            ("woken by SIGUSR1, user mode", "NOPAGE, taken again", "RETRY, dropped"),
            ("SIGUSR1, kernel mode", "not woken", "not woken"),
        ),
        note="9 must come before 10: without it, a signal during a user fault ends in SIGBUS (S10c).",
        facts=("p10-no-nopage", "p10-needs-p09", "uffd-nopage-after-signal", "count-nopage-is-minor"),
    ),
    Patch(
        number=11,
        title="mm: introduce FAULT_FLAG_DEFAULT",
        kind=Kind.REFACTOR,
        file="include/linux/mm.h",
        function="FAULT_FLAG_DEFAULT",
        what="22 architectures write one name for ALLOW_RETRY and KILLABLE.",
        shown="names only",
        commit="dde160724832",
        note="csky, khugepaged and get_user_pages do not use the name: they never had both flags.",
        facts=("p11-default", "flag-default", "khugepaged"),
    ),
    Patch(
        number=12,
        title="mm: introduce FAULT_FLAG_INTERRUPTIBLE",
        kind=Kind.ACCIDENT,
        file="include/linux/mm.h, fs/userfaultfd.c",
        function="FAULT_FLAG_DEFAULT, handle_userfault",
        what="The sleep in handle_userfault is chosen by a flag, and DEFAULT gives the flag to kernel-mode "
        "faults as well. Its text says that nothing changes.",
        shown="S12, 12-and-13",
        commit="c270a7eedcf2",
        rows=(
            ("user mode, a signal", "interruptible", "interruptible"),
            ("kernel mode, no signal", "sleeps, state D", "sleeps, state S"),
            ("kernel mode, a signal", "sleeps, state D", "does not sleep"),
            ("get_user_pages, a signal", "sleeps, state D", "sleeps, state D"),
        ),
        note="With 12 alone write() ends in EFAULT; with 13 it spins until the page is there. B5 is our fix.",
        facts=("p12-interruptible", "p12-without-p13", "p12-p13-busy-loop", "uffd-kernel-sleep-letter"),
    ),
    Patch(
        number=13,
        title="mm: allow VM_FAULT_RETRY for multiple times",
        kind=Kind.BEHAVIOUR,
        file="arch/*/mm/fault.c, include/linux/mm.h, mm/filemap.c",
        function="do_user_addr_fault, fault_flag_allow_retry_first",
        what="ALLOW_RETRY stays set in every attempt. Who waits for a page lock still drops mmap_sem in the "
        "first attempt only.",
        shown="S13, W1, W2, W3; S12, B5, count-riscv, um-signal",
        commit="4064b9827063",
        rows=(
            ("attempt 1, page locked", "drop, wait, RETRY", "drop, wait, RETRY"),
            ("attempt 2 and later, page locked", "keep the lock, wait", "keep the lock, wait"),
            ("attempt 1, userfaultfd", "wait, RETRY", "wait, RETRY"),
            ("attempt 2 and later, userfaultfd", "SIGBUS", "wait, RETRY"),
        ),
        note="9 must come before 13: without it a signal is an endless loop in user mode.",
        facts=(
            *("p13-multi-retry", "p13-needs-p09", "third-attempt"),
            *("wake-is-fatal-before", "wake-is-harmless-after"),
        ),
    ),
    Patch(
        number=14,
        title="mm/gup: allow VM_FAULT_RETRY for multiple times",
        kind=Kind.BEHAVIOUR,
        file="mm/gup.c",
        function="__get_user_pages_locked, fixup_user_fault, faultin_page",
        what="get_user_pages goes on asking as well. As merged it has two faults: B2 and B3.",
        shown="S14, S14-kill",
        commit="4426e945df58",
        rows=(
            ("second pass, userfaultfd", "EFAULT", "wait, RETRY, once more"),
            ("SIGKILL between two passes, nothing pinned", "one more pass", "0 pages (B2)"),
            ("fixup_user_fault, second RETRY", "EFAULT", "0 without a page (B3)"),
        ),
        note="mlock had no limit before either: each of its passes is a first one.",
        facts=("p14-gup-multi-retry", "b2-zero-pages", "b3-fixup-success"),
    ),
    Patch(
        number=15,
        title="mm/gup: allow to react to fatal signals",
        kind=Kind.BEHAVIOUR,
        file="mm/gup.c, mm/hugetlb.c",
        function="faultin_page, __get_user_pages_locked",
        what="SIGKILL ends a wait inside get_user_pages, also the wait for mmap_sem. As merged it has one "
        "fault: B1.",
        shown="S15, S15b, swap-kill",
        commit="71335f37c5e8",
        rows=(
            ("page lock", "SIGKILL waits for the disk", "SIGKILL ends the wait"),
            ("mmap_sem behind a writer", "SIGKILL waits for the writer", "EINTR"),
            ("userfaultfd", "killable", "killable"),
            ("no variable handed over", "not killable", "not killable"),
        ),
        note="Where the fault itself reads the page, 5.7 still waits to the end.",
        facts=("p15-gup-killable", "b1-bad-unlock"),
    ),
    Patch(
        number=16,
        title="mm/userfaultfd: honor FAULT_FLAG_KILLABLE in fault path",
        kind=Kind.REFACTOR,
        file="fs/userfaultfd.c",
        function="userfaultfd_get_blocking_state",
        what="Without FAULT_FLAG_KILLABLE a fault would sleep deaf to SIGKILL. No caller comes without it.",
        shown="proof; 15-before-16",
        note="15 must come before 16: it is 15 that gives get_user_pages the flag.",
        facts=("p16-honour-killable", "p15-before-p16", "uffd-sleep-5-7"),
    ),
)
