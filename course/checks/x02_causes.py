"""The misconceptions of exercise X2, as the answers show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course.checks.call_case import CallRun
from course.checks.specification import Cause

__all__ = ["CAUSES", "HANDLERS"]

HANDLERS = "Linux v5.7, arch/*/mm/fault.c, after handle_mm_fault"
X86 = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault and no_context"
POWERPC = "Linux v5.7, arch/powerpc/mm/fault.c, __do_page_fault, and bad_page_fault in its caller"
RISCV = "Linux v5.7, arch/riscv/mm/fault.c, do_page_fault"
UM = "Linux v5.7, arch/um/kernel/trap.c, handle_page_fault"
HELPER = "Linux v5.7, include/linux/sched/signal.h, fault_signal_pending"

Shown = Mapping[str, int | str] | None


def words(run: CallRun, arch: str, mode: str, signal: str) -> list[tuple[int, Any, Any]]:
    """Give (patches, the word given, the right word) of an architecture in a mode, with a signal."""
    cells = run.case.numbers.get("cells", {})
    return [
        (cell[-1], run.mine[name], run.wanted[name])
        for name, cell in cells.items()
        if cell[:-1] == (arch, mode, signal)
    ]


def killed(arch: str, shows: Callable[[list[tuple[int, Any, Any]]], bool]) -> Callable[[CallRun], Shown]:
    """Make a cause of what an architecture is said to do in kernel mode with SIGKILL."""

    def cause(run: CallRun) -> Shown:
        found = words(run, arch, "kernel", "SIGKILL")
        wrong = any(mine != right for _, mine, right in found)
        return {} if wrong and shows(sorted(found, key=lambda one: one[0])) else None

    return cause


def um_part_a(run: CallRun) -> Shown:
    """A handler that asks for SIGKILL alone was said to go back for SIGUSR1."""
    return {} if any(mine == "return" for _, mine, _ in words(run, "um", "user", "SIGUSR1")) else None


def counted(arch: str, pair: tuple[int, int]) -> Callable[[CallRun], Shown]:
    """Make a cause of a wrong pair of counters of an architecture."""

    def cause(run: CallRun) -> Shown:
        cells = run.case.numbers.get("counts", {})
        wrong = [name for name, (one, _) in cells.items() if one == arch and name in run.wrong]
        return {} if wrong and all(run.mine[name] == pair for name in wrong) else None

    return cause


def said(key: str, value: Any) -> Callable[[CallRun], Shown]:
    """Make a cause of a wrong entry of the table."""
    return lambda run: {} if key in run.wrong and run.mine[key] == value else None


def patch_order(run: CallRun) -> Shown:
    """A patch stands before the one that brings what it calls."""
    early = run.mine.get("patches before the one that they need")
    return {"patch": early[0]} if early else None


CAUSES = (
    Cause(
        "um-part-a",
        um_part_a,
        "You gave um the rule of patch 9. It does not call fault_signal_pending: it asks for SIGKILL in "
        "words of its own.",
        UM,
    ),
    Cause(
        "riscv-5.6-better",
        killed("riscv", lambda found: found[0][1] == "fixup" and found[-1][1] == "livelock"),
        "You say that the series broke it. The plain return stood there before; the helper made it easier to "
        "see.",
        RISCV,
    ),
    Cause(
        "all-fixup",
        killed("riscv", lambda found: found[-1][1] == "fixup"),
        "You give every handler a fixup. The one of riscv only returns, and a return from kernel mode goes "
        "to the instruction that faulted.",
        RISCV,
    ),
    Cause(
        "arm64-differs",
        killed("arm64", lambda found: found[0][1] != found[-1][1]),
        "You see a difference where patch 6 moved code. Before it, arm64 had the same test and the same "
        "fixup.",
        "Linux v5.7, arch/arm64/mm/fault.c, do_page_fault",
    ),
    Cause(
        "x86-return-kernel",
        killed("x86", lambda found: found[-1][1] in ("return", "livelock")),
        "You let x86 return into the kernel. It asks which mode was interrupted, and calls no_context for "
        "kernel mode.",
        X86,
    ),
    Cause(
        "powerpc-zero",
        killed("powerpc", lambda found: found[-1][1] in ("return", "livelock")),
        "You let powerpc return 0. That is what it does for user mode; for kernel mode it returns a signal "
        "number, and its caller then runs the fixup.",
        POWERPC,
    ),
    Cause(
        "arc-major",
        counted("arc", (1, 0)),
        "You keep MAJOR over the attempts. arc overwrites it with what the second attempt gave.",
        "Linux v5.7, arch/arc/mm/fault.c, do_page_fault",
    ),
    Cause(
        "um-counts-once",
        counted("um", (1, 0)),
        "You count um by its first attempt. The question is whether ALLOW_RETRY is set, and patch 13 lets it "
        "stay.",
        UM,
    ),
    Cause(
        "sh-no-bug",
        said("sh", (1, 1)),
        "You take patch 8 for a refactor. It releases the lock before it looks at the error, and the "
        "function for SIGBUS releases it as before.",
        "Linux v5.7, arch/sh/mm/fault.c, mm_fault_error and do_sigbus",
    ),
    Cause(
        "csky-retries",
        said("csky", 2),
        "You let csky try again. Its flags never hold ALLOW_RETRY, so the attempt waits with the lock held "
        "and comes back with the page.",
        "Linux v5.7, arch/csky/mm/fault.c, do_page_fault",
    ),
    Cause(
        "alpha-tried-5.6",
        said("alpha", (True, True)),
        "You take TRIED for given. alpha, parisc and unicore32 cleared ALLOW_RETRY and set nothing; patch 13 "
        "repaired that.",
        "Linux v5.7, arch/alpha/mm/fault.c, do_page_fault",
    ),
    Cause(
        "patch-order",
        patch_order,
        "You apply a patch that calls fault_signal_pending before the patch that writes it. The kernel "
        "between the two does not compile.",
        HELPER,
    ),
)
