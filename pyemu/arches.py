"""Architectures: what their page-fault handlers do differently, as rows of a table.

A row is one source file; sparc has two. It says what the handler does, and which patch or release changed
that; `pyemu.tree` turns a row and a tree into policies, and `pyemu.kernel.arch_fault` is the one handler that
obeys them. x86 has functions of its own (`pyemu.kernel.fault`), for reading.

Read in Linux v5.6.4 and v5.7.14, what came later in v5.8.1, v5.9.1, v6.0.19, v6.1.192 and v6.3.8:
[fact:arch-handlers] [fact:b7-livelock] [fact:b7-repaired] [fact:count-gated] [fact:count-arc]
[fact:count-arm-attempts] [fact:count-x86-own].
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ARCHES", "X86", "Accounting", "Arch", "PageFaults", "Reaction", "arch_of", "converted_by"]

Release = tuple[int, int]


class Reaction(StrEnum):
    """What a kernel-mode fault does when SIGKILL ends it."""

    FIXUP = "exception table"
    REPEAT = "runs the same instruction again"  # a livelock until the wait is over
    EXIT = "exit_exception"  # sparc64: leaves by another way, and runs the same instruction again, too
    OPEN = "open-coded"  # um: never converted; the copy that asked gets an error
    NONE = "no retry"  # csky: never allows one


class Accounting(StrEnum):
    """When a fault is counted in min_flt or maj_flt, before patch 13."""

    ORED = "once, MAJOR or-ed over the attempts"
    LAST = "once, by the last attempt"
    GATED = "by the first attempt alone"  # counted only while ALLOW_RETRY is set
    EACH = "in each attempt"  # csky: there is only one


class PageFaults(StrEnum):
    """Where the perf event page-faults stands."""

    ENTRY = "once, before the first attempt"
    ATTEMPT = "in each attempt"
    SERVED = "in each attempt without an error"
    END = "at the end"
    DONE = "at the end, without an error"
    NONE = "nowhere"


class PerfFlt(StrEnum):
    """What perf hears of minor and major faults."""

    WITH = "with maj_flt and min_flt"
    FLAGS = "at the end, major if the flags hold 4"  # xtensa: VM_FAULT_MAJOR looked for in the wrong word
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Arch:
    """One fault handler.

    Attributes
    ----------
    name : str
        The architecture; ``sparc32`` and ``sparc64`` for the two files of sparc.
    file, function : str
        Its source file, and the function in it that calls handle_mm_fault.
    patch : int or None
        The patch that gave it fault_signal_pending(); None when none did.
    reaction : Reaction
        In kernel mode, with SIGKILL.
    sets_tried : bool
        Sets TRIED on a retry before patch 13.
    accounting : Accounting
        How min_flt and maj_flt are counted, up to v5.8.
    page_faults : PageFaults
        Where the perf event page-faults is counted, up to v5.8; from v5.9 on at the entry, but for um.
    perf_flt : PerfFlt
        What perf hears of minor and major faults, up to v5.8.
    copies_as_user : bool
        A copy of the kernel asks for user memory as if user mode had (um, which copies page by page).
    until_mapped : bool
        Calls handle_mm_fault again, with the same area, until the page is mapped (um).
    nowait : bool
        Asks with RETRY_NOWAIT, for guests of KVM.
    trylock : bool
        Looks into the exception table before it waits for mmap_sem in kernel mode, up to v6.0.
    plain_lock : bool
        Still takes mmap_sem by a plain wait where others have lock_mm_and_find_vma (seen in 6.12.117).
    leaves_late_retry : bool
        Before its own patch, a RETRY that was not allowed ends the fault.
    early_release : bool
        Its own patch moved the release of mmap_sem before the look at the error, and left the later one where
        it was (sh).
    kernel_sigbus : bool
        A SIGBUS fault of kernel code sends the signal as well.
    oom_keeps_lock : bool
        Does not release mmap_sem when memory ran out, as long as it has no retry.
    vma_lock : (int, int) or None
        The release that was seen to try the lock of the area first; None where none was.
    repaired : (int, int) or None
        The release that was seen to run the fixup; None where that is no matter.
    retries_since : (int, int) or None
        The release that was seen to allow a retry; None: always did.
    gone_in : (int, int) or None
        The release that was seen to lack it.
    """

    name: str
    file: str
    function: str
    patch: int | None
    reaction: Reaction
    sets_tried: bool = True
    accounting: Accounting = Accounting.GATED
    page_faults: PageFaults = PageFaults.NONE
    perf_flt: PerfFlt = PerfFlt.NONE
    copies_as_user: bool = False
    until_mapped: bool = False
    nowait: bool = False
    trylock: bool = False
    plain_lock: bool = False
    leaves_late_retry: bool = False
    early_release: bool = False
    kernel_sigbus: bool = False
    oom_keeps_lock: bool = False
    vma_lock: Release | None = None
    repaired: Release | None = None
    retries_since: Release | None = None
    gone_in: Release | None = None

    @property
    def repeats(self) -> bool:
        """Whether kernel code that SIGKILL meets in a fault runs the same instruction again (B7)."""
        return self.reaction in (Reaction.REPEAT, Reaction.EXIT)


_AGAIN, _TABLE, _ORED = Reaction.REPEAT, Reaction.FIXUP, Accounting.ORED
_ENTRY, _WITH = PageFaults.ENTRY, PerfFlt.WITH
_AL_VIRO = (6, 3)  # his series of fixes
_VMA_LOCK = (6, 4)

X86 = Arch(
    *("x86", "arch/x86/mm/fault.c", "do_user_addr_fault", 4, _TABLE),
    accounting=_ORED,
    page_faults=_ENTRY,
    perf_flt=_WITH,
    trylock=True,
    leaves_late_retry=True,
    vma_lock=_VMA_LOCK,
)
ARCHES = (
    Arch(
        *("alpha", "arch/alpha/mm/fault.c", "do_page_fault", 3, _AGAIN),
        sets_tried=False,
        kernel_sigbus=True,
        repaired=_AL_VIRO,
    ),
    Arch(
        *("arm", "arch/arm/mm/fault.c", "do_page_fault", 3, _TABLE),
        page_faults=PageFaults.ATTEMPT,
        perf_flt=_WITH,
        trylock=True,
        vma_lock=(6, 8),
    ),
    Arch("hexagon", "arch/hexagon/mm/vm_fault.c", "do_page_fault", 3, _AGAIN, repaired=_AL_VIRO),
    Arch(
        *("ia64", "arch/ia64/mm/fault.c", "ia64_do_page_fault", 3, _AGAIN),
        plain_lock=True,
        repaired=_AL_VIRO,
        gone_in=(6, 8),
    ),
    Arch("m68k", "arch/m68k/mm/fault.c", "do_page_fault", 3, _AGAIN, plain_lock=True, repaired=_AL_VIRO),
    Arch(
        *("microblaze", "arch/microblaze/mm/fault.c", "do_page_fault", 3, _AGAIN),
        trylock=True,
        plain_lock=True,
        repaired=_AL_VIRO,
    ),
    Arch(
        *("mips", "arch/mips/mm/fault.c", "__do_page_fault", 3, _AGAIN),
        page_faults=PageFaults.ATTEMPT,
        perf_flt=_WITH,
        repaired=(6, 0),
    ),
    Arch(
        *("nds32", "arch/nds32/mm/fault.c", "do_page_fault", 3, _TABLE),
        page_faults=PageFaults.SERVED,
        perf_flt=_WITH,
        trylock=True,
        gone_in=(6, 0),
    ),
    Arch("nios2", "arch/nios2/mm/fault.c", "do_page_fault", 3, _AGAIN, trylock=True, repaired=_AL_VIRO),
    Arch(
        *("openrisc", "arch/openrisc/mm/fault.c", "do_page_fault", 3, _AGAIN),
        plain_lock=True,
        kernel_sigbus=True,
        repaired=_AL_VIRO,
    ),
    Arch(
        *("parisc", "arch/parisc/mm/fault.c", "do_page_fault", 3, _AGAIN),
        sets_tried=False,
        plain_lock=True,
        repaired=_AL_VIRO,
    ),
    Arch(
        *("riscv", "arch/riscv/mm/fault.c", "do_page_fault", 3, _AGAIN),
        page_faults=_ENTRY,
        perf_flt=_WITH,
        vma_lock=(6, 8),
        repaired=_AL_VIRO,
    ),
    Arch(
        *("s390", "arch/s390/mm/fault.c", "do_exception", 3, _TABLE),
        page_faults=_ENTRY,
        perf_flt=_WITH,
        nowait=True,
        plain_lock=True,
        vma_lock=_VMA_LOCK,
    ),
    Arch(
        *("sparc32", "arch/sparc/mm/fault_32.c", "do_sparc_fault", 3, _AGAIN),
        page_faults=_ENTRY,
        perf_flt=_WITH,
        kernel_sigbus=True,
        repaired=_AL_VIRO,
    ),
    Arch(
        *("sparc64", "arch/sparc/mm/fault_64.c", "do_sparc64_fault", 3, Reaction.EXIT),
        page_faults=_ENTRY,
        perf_flt=_WITH,
        trylock=True,
        plain_lock=True,
        kernel_sigbus=True,
        repaired=_AL_VIRO,
    ),
    Arch(
        *("unicore32", "arch/unicore32/mm/fault.c", "do_pf", 3, _AGAIN),
        sets_tried=False,
        trylock=True,
        gone_in=(5, 9),
    ),
    Arch(
        *("xtensa", "arch/xtensa/mm/fault.c", "do_page_fault", 3, _AGAIN),
        page_faults=PageFaults.DONE,
        perf_flt=PerfFlt.FLAGS,
        kernel_sigbus=True,
        repaired=(6, 0),
    ),
    X86,
    Arch(
        *("arc", "arch/arc/mm/fault.c", "do_page_fault", 5, _TABLE),
        accounting=Accounting.LAST,
        page_faults=PageFaults.END,
        perf_flt=_WITH,
    ),
    Arch(
        *("arm64", "arch/arm64/mm/fault.c", "do_page_fault", 6, _TABLE),
        accounting=_ORED,
        page_faults=_ENTRY,
        perf_flt=_WITH,
        trylock=True,
        vma_lock=_VMA_LOCK,
    ),
    Arch(
        *("powerpc", "arch/powerpc/mm/fault.c", "__do_page_fault", 7, _TABLE),
        accounting=_ORED,
        page_faults=_ENTRY,
        perf_flt=_WITH,
        trylock=True,
        leaves_late_retry=True,
        vma_lock=_VMA_LOCK,
    ),
    Arch(
        *("sh", "arch/sh/mm/fault.c", "do_page_fault", 8, _TABLE),
        page_faults=_ENTRY,
        perf_flt=_WITH,
        early_release=True,
        kernel_sigbus=True,
    ),
    Arch(
        *("um", "arch/um/kernel/trap.c", "handle_page_fault", None, Reaction.OPEN),
        copies_as_user=True,
        until_mapped=True,
    ),
    Arch(
        *("csky", "arch/csky/mm/fault.c", "do_page_fault", None, Reaction.NONE),
        sets_tried=False,
        accounting=Accounting.EACH,
        page_faults=_ENTRY,
        perf_flt=_WITH,
        oom_keeps_lock=True,
        retries_since=(6, 0),
    ),
)


def arch_of(name: str) -> Arch:
    """Give the row of an architecture.

    Parameters
    ----------
    name : str
        As in `ARCHES`.

    Returns
    -------
    Arch
        Its row.

    Examples
    --------
    >>> arch_of("riscv").reaction, arch_of("arc").accounting
    (<Reaction.REPEAT: 'runs the same instruction again'>, <Accounting.LAST: 'once, by the last attempt'>)
    """
    return next(arch for arch in ARCHES if arch.name == name)


def converted_by(patch: int) -> tuple[Arch, ...]:
    """Give the fault handlers that a patch gave fault_signal_pending()."""
    return tuple(arch for arch in ARCHES if arch.patch == patch)
