"""Architectures, as far as the series treats them differently.

Read from their fault handlers in Linux v5.6.4 and v5.7.14. A row is one source file; sparc has two. What a
row tells: [fact:b7-livelock] [fact:count-gated] [fact:count-arc] [fact:count-arm-attempts]
[fact:count-x86-own].
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ARCHES", "Accounting", "Arch", "PageFaults", "Reaction", "arch_of", "converted_by"]


class Reaction(StrEnum):
    """What a kernel-mode fault does when SIGKILL ends it."""

    FIXUP = "exception table"
    REPEAT = "runs the same instruction again"  # a livelock until the wait is over
    EXIT = "exit_exception"  # sparc64: no fixup on that path either
    OPEN = "open-coded"  # um: never converted
    NONE = "no retry"  # csky: never allows one


class Accounting(StrEnum):
    """When a fault is counted in min_flt or maj_flt, before patch 13."""

    ORED = "once, MAJOR or-ed over the attempts"
    LAST = "once, by the last attempt"
    GATED = "by the first attempt alone"  # counted only while ALLOW_RETRY is set
    UNKNOWN = "not read"


class PageFaults(StrEnum):
    """Where the perf event page-faults stands."""

    ENTRY = "once, before the first attempt"
    ATTEMPT = "in each attempt"
    END = "at the end"
    UNKNOWN = "not read"


@dataclass(frozen=True, slots=True)
class Arch:
    """One fault handler.

    Attributes
    ----------
    name : str
        The architecture; ``sparc32`` and ``sparc64`` for the two files of sparc.
    file : str
        Its source file.
    patch : int or None
        The patch that gave it fault_signal_pending(); None when none did.
    reaction : Reaction
        In kernel mode, with SIGKILL.
    sets_tried : bool
        Sets TRIED on a retry before patch 13.
    accounting : Accounting
        How min_flt and maj_flt are counted.
    page_faults : PageFaults
        Where the perf event page-faults is counted.
    nowait : bool
        Asks with RETRY_NOWAIT, for guests of KVM.
    """

    name: str
    file: str
    patch: int | None
    reaction: Reaction
    sets_tried: bool = True
    accounting: Accounting = Accounting.GATED
    page_faults: PageFaults = PageFaults.UNKNOWN
    nowait: bool = False


_AGAIN, _TABLE = Reaction.REPEAT, Reaction.FIXUP
ARCHES = (
    Arch("alpha", "arch/alpha/mm/fault.c", 3, _AGAIN, sets_tried=False),
    Arch("arm", "arch/arm/mm/fault.c", 3, _TABLE, page_faults=PageFaults.ATTEMPT),
    Arch("hexagon", "arch/hexagon/mm/vm_fault.c", 3, _AGAIN),
    Arch("ia64", "arch/ia64/mm/fault.c", 3, _AGAIN),
    Arch("m68k", "arch/m68k/mm/fault.c", 3, _AGAIN),
    Arch("microblaze", "arch/microblaze/mm/fault.c", 3, _AGAIN),
    Arch("mips", "arch/mips/mm/fault.c", 3, _AGAIN, page_faults=PageFaults.ATTEMPT),
    Arch("nds32", "arch/nds32/mm/fault.c", 3, _TABLE),
    Arch("nios2", "arch/nios2/mm/fault.c", 3, _AGAIN),
    Arch("openrisc", "arch/openrisc/mm/fault.c", 3, _AGAIN),
    Arch("parisc", "arch/parisc/mm/fault.c", 3, _AGAIN, sets_tried=False),
    Arch("riscv", "arch/riscv/mm/fault.c", 3, _AGAIN, page_faults=PageFaults.ENTRY),
    Arch("s390", "arch/s390/mm/fault.c", 3, _TABLE, page_faults=PageFaults.ENTRY, nowait=True),
    Arch("sparc32", "arch/sparc/mm/fault_32.c", 3, _AGAIN, page_faults=PageFaults.ENTRY),
    Arch("sparc64", "arch/sparc/mm/fault_64.c", 3, Reaction.EXIT, page_faults=PageFaults.ENTRY),
    Arch("unicore32", "arch/unicore32/mm/fault.c", 3, _AGAIN, sets_tried=False),
    Arch("xtensa", "arch/xtensa/mm/fault.c", 3, _AGAIN, page_faults=PageFaults.END),
    Arch(
        *("x86", "arch/x86/mm/fault.c", 4, _TABLE),
        accounting=Accounting.ORED,
        page_faults=PageFaults.ENTRY,
    ),
    Arch("arc", "arch/arc/mm/fault.c", 5, _TABLE, accounting=Accounting.LAST, page_faults=PageFaults.END),
    Arch(
        *("arm64", "arch/arm64/mm/fault.c", 6, _TABLE),
        accounting=Accounting.ORED,
        page_faults=PageFaults.ENTRY,
    ),
    Arch(
        *("powerpc", "arch/powerpc/mm/fault.c", 7, _TABLE),
        accounting=Accounting.ORED,
        page_faults=PageFaults.ENTRY,
    ),
    Arch("sh", "arch/sh/mm/fault.c", 8, _TABLE, page_faults=PageFaults.ENTRY),
    Arch("um", "arch/um/kernel/trap.c", None, Reaction.OPEN),
    Arch(
        *("csky", "arch/csky/mm/fault.c", None, Reaction.NONE),
        sets_tried=False,
        accounting=Accounting.UNKNOWN,
    ),
)


def arch_of(name: str) -> Arch:
    """Give the row of an architecture."""
    return next(arch for arch in ARCHES if arch.name == name)


def converted_by(patch: int) -> tuple[Arch, ...]:
    """Give the fault handlers that a patch gave fault_signal_pending()."""
    return tuple(arch for arch in ARCHES if arch.patch == patch)
