"""The misconceptions of exercise E8: each is a rule of counting that no kernel has, or another one has.

A cause is shown when a function's numbers are those of the wrong rule in every fault of which they are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from course.checks.call_case import CallRun
from course.checks.e08_faults import Attempts, Fault
from course.checks.specification import Cause
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_TRIED,
    VM_FAULT_ERROR,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
)

__all__ = ["CAUSES", "ONCE"]

ONCE = "Linux v5.9, mm/memory.c, mm_account_fault"
X86 = "Linux v5.7, arch/x86/mm/fault.c, do_user_addr_fault, below the loop"
ARC = "Linux v5.7, arch/arc/mm/fault.c, do_page_fault"
RISCV = "Linux v5.7, arch/riscv/mm/fault.c, do_page_fault; most other architectures have the same lines"
EVENTS = "Linux v5.7, mm/memory.c, handle_mm_fault, and mm/filemap.c, filemap_fault"

Numbers = tuple[int, ...]
Shown = Mapping[str, int | str] | None
Rule = Callable[[Attempts], Numbers]


def _sum(majors: Iterable[bool]) -> Numbers:
    """Add up what was counted, each as major or not: (maj_flt, min_flt)."""
    each = list(majors)
    return sum(each), len(each) - sum(each)


def _slow(attempt: tuple[int, int, int]) -> bool:
    return bool(attempt[1] & VM_FAULT_MAJOR)


def _tried(attempt: tuple[int, int, int]) -> bool:
    return _slow(attempt) or bool(attempt[0] & FAULT_FLAG_TRIED)


def _served(attempts: Attempts, but: int = VM_FAULT_RETRY | VM_FAULT_ERROR) -> bool:
    return not attempts[-1][1] & but


def x86(attempts: Attempts) -> Numbers:
    """Give what x86 counts, if the fault is counted at all."""
    return _sum([any(map(_slow, attempts))])


def last(attempts: Attempts) -> Numbers:
    """Give what arc counts, if the fault is counted at all."""
    return _sum([_slow(attempts[-1])])


def allowed(attempts: Attempts) -> Numbers:
    """Give what riscv counts, if every attempt is counted that had ALLOW_RETRY."""
    return _sum(_slow(one) for one in attempts if one[0] & FAULT_FLAG_ALLOW_RETRY)


def once(attempts: Attempts) -> Numbers:
    """Give what Linux 5.9 counts, if the fault is counted at all."""
    return _sum([_tried(attempts[-1])])


COUNTED: Mapping[str, Rule] = {
    "count_x86": x86,
    "count_arc": last,
    "count_gated": allowed,
    "count_since_5_9": once,
}
"""What a function counts of a fault that was served."""


def each_attempt(attempts: Attempts) -> Numbers:
    """x86-each: every attempt by its own result."""
    return _sum(map(_slow, attempts)) if _served(attempts) else (0, 0)


def last_alone(attempts: Attempts) -> Numbers:
    """x86-last, 59-no-TRIED: the last attempt's bit alone, as on arc."""
    return last(attempts) if _served(attempts) else (0, 0)


def cumulative(attempts: Attempts) -> Numbers:
    """arc-cumulative: the rule of x86."""
    return x86(attempts) if _served(attempts) else (0, 0)


def gate_closes_last(attempts: Attempts) -> Numbers:
    """gated56-last: where a later attempt lacks ALLOW_RETRY, one count, by the last attempt."""
    closes = any(not one[0] & FAULT_FLAG_ALLOW_RETRY for one in attempts)
    return last_alone(attempts) if closes else allowed(attempts)


def first_alone(attempts: Attempts) -> Numbers:
    """gated57-first: one count, by the first attempt."""
    done = attempts if _served(attempts) else attempts[:-1]
    return _sum(map(_slow, done[:1]))


def retry_counts(attempts: Attempts) -> Numbers:
    """59-counts-retry: every attempt but an error."""
    return _sum(_tried(one) for one in attempts if not one[1] & VM_FAULT_ERROR)


def more_than_two(attempts: Attempts) -> Numbers:
    """rule-for-6.18: one wait is minor, more than one are major."""
    return _sum([_slow(attempts[-1]) or len(attempts) > 2]) if _served(attempts) else (0, 0)


def error_counts(function: str) -> Rule:
    """errors-count: an error is counted as if the page had come."""
    rule = COUNTED[function]
    return lambda attempts: rule(attempts) if _served(attempts, VM_FAULT_RETRY) else (0, 0)


def signal_counts(function: str) -> Rule:
    """signal-counts: a fault that was left is counted as if the page had come."""
    rule = COUNTED[function]
    return lambda attempts: rule(attempts) if _served(attempts, VM_FAULT_ERROR) else (0, 0)


def wrong_faults(run: CallRun) -> list[tuple[Fault, Numbers, Numbers]]:
    """Give the faults that are counted wrong, with a function's numbers and the right ones."""
    if not all(isinstance(run.mine.get(name), tuple) for name in run.wanted):
        return []
    faults = run.case.numbers["faults"]
    return [(faults[name], run.mine[name], run.wanted[name]) for name in run.wrong]


def by_rule(rule_of: Callable[[str], Rule], *functions: str) -> Callable[[CallRun], Shown]:
    """Make a cause of a rule that stands in the place of a function's own."""

    def shows(run: CallRun) -> Shown:
        function, wrong = run.case.numbers["function"], wrong_faults(run)
        if function not in functions or not wrong:
            return None
        rule = rule_of(function)
        same = all(mine[:2] == rule(fault.given) != right[:2] for fault, mine, right in wrong)
        return {"counts": sum(wrong[0][1][:2])} if same else None

    return shows


def gup_perf(run: CallRun) -> Shown:
    """Perf was told of what get_user_pages counted, and nothing else is wrong."""
    wrong = wrong_faults(run)
    told = all(mine[:2] == right[:2] and mine[2:] > right[2:] and not one.regs for one, mine, right in wrong)
    return {} if wrong and told else None


def vmstat_once(run: CallRun) -> Shown:
    """Faults of many attempts made pgfault grow by one."""
    if run.case.numbers["function"] != "vmstat_5_7":
        return None
    many = [right[0] for _, mine, right in wrong_faults(run) if mine[:1] == (1,) != right[:1]]
    return {"attempts": max(many)} if many else None


def pgmaj_uffd(run: CallRun) -> Shown:
    """Without a read from a disk, pgmajfault grew."""
    wrong = wrong_faults(run)
    if run.case.numbers["function"] != "vmstat_5_7" or not wrong:
        return None
    return {} if all(mine[:1] == right[:1] and mine[1:] > right[1:] for _, mine, right in wrong) else None


CAUSES = (
    Cause(
        "errors-count",
        by_rule(error_counts, *COUNTED),
        "You count a fault that ended in an error. Nothing was served, so no counter of the task grows.",
        X86,
    ),
    Cause(
        "signal-counts",
        by_rule(signal_counts, *COUNTED),
        "You count a fault whose last attempt gave RETRY. It was left for a signal; the access faults again, "
        "and that fault is counted.",
        X86,
    ),
    Cause(
        "x86-each",
        by_rule(lambda _: each_attempt, "count_x86"),
        "You count each attempt. x86 only collects MAJOR in its loop, and counts behind it.",
        X86,
    ),
    Cause(
        "x86-last",
        by_rule(lambda _: last_alone, "count_x86"),
        "You look at the last attempt alone. It found the page that an earlier one had waited for; x86 keeps "
        "the MAJOR of every attempt.",
        X86,
    ),
    Cause(
        "arc-cumulative",
        by_rule(lambda _: cumulative, "count_arc"),
        "You keep MAJOR over the attempts, as x86 does. arc has one variable, and each attempt puts its own "
        "value there.",
        ARC,
    ),
    Cause(
        "gated56-last",
        by_rule(lambda _: gate_closes_last, "count_gated"),
        "You count these faults at their end. They are counted in the loop, at an attempt that has "
        "ALLOW_RETRY; the second one of Linux 5.6 has it no more.",
        RISCV,
    ),
    Cause(
        "gated57-first",
        by_rule(lambda _: first_alone, "count_gated"),
        "You count the first attempt alone. That was meant, but the question is whether ALLOW_RETRY is set, "
        "and since patch 13 every attempt has it.",
        RISCV,
    ),
    Cause(
        "59-counts-retry",
        by_rule(lambda _: retry_counts, "count_since_5_9"),
        "You count attempts that gave RETRY. Since Linux 5.9 only the attempt counts that brings the page.",
        ONCE,
    ),
    Cause(
        "rule-for-6.18",
        by_rule(lambda _: more_than_two, "count_since_5_9"),
        "You call one wait minor. In Linux 6.18 it is, for user mode: its first attempt runs under the lock "
        "of the area, and the second has no TRIED yet. Ask for the flag, not for the number of attempts.",
        ONCE,
    ),
    Cause(
        "59-no-TRIED",
        by_rule(lambda _: last_alone, "count_since_5_9"),
        "You ask for MAJOR alone. A fault that comes for the second time is taken for one that has waited.",
        ONCE,
    ),
    Cause(
        "gup-perf",
        gup_perf,
        "You tell perf of every fault. It is told with the registers of the exception, and there was none.",
        ONCE,
    ),
    Cause(
        "vmstat-once",
        vmstat_once,
        "You count the fault. pgfault is counted at the top of handle_mm_fault, which is called once for "
        "each attempt.",
        EVENTS,
    ),
    Cause(
        "pgmaj-uffd",
        pgmaj_uffd,
        "You take MAJOR for a read. A fault that waits for a monitor says MAJOR, too, and reads nothing.",
        EVENTS,
    ),
)
