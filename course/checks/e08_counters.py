"""The checks of exercise E8: the rules by which a fault is counted, as functions of its attempts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from course.checks.call_case import CallCase
from course.checks.draw import Draw
from course.checks.e08_causes import CAUSES, ONCE
from course.checks.e08_faults import GATED, Attempts, Fault, driver_faults, slow_last, user_faults
from course.checks.facts import plural
from course.checks.specification import Check, Checks
from course.child_functions import Answers

__all__ = ["CHECKS"]

FLT, PERF, VMSTAT = ("maj_flt", "min_flt"), ("major-faults", "minor-faults"), ("pgfault", "pgmajfault")


def _case(
    function: str, happens: str, faults: Sequence[Fault], numbers: Callable[[Fault], tuple[int, ...]]
) -> CallCase:
    """Ask a function about faults."""
    with_regs = function == "count_since_5_9"

    def look(answers: Answers) -> dict[str, Any]:
        return answers.calls(
            {one.name: (function, one.given, *((one.regs,) if with_regs else ())) for one in faults}
        )

    return CallCase(
        function,
        f"{happens} {plural(len(faults), 'fault')} were counted, on several kernels.",
        look,
        {one.name: numbers(one) for one in faults},
        {"function": function, "faults": {one.name: one for one in faults}},
    )


def _flt(fault: Fault) -> tuple[int, ...]:
    return tuple(fault.counted.get(name, 0) for name in FLT)


def _flt_and_perf(fault: Fault) -> tuple[int, ...]:
    return (*_flt(fault), sum(fault.counted.get(name, 0) for name in PERF))


def _vmstat(fault: Fault) -> tuple[int, ...]:
    return tuple(fault.counted.get(name, 0) for name in VMSTAT)


def _by_rule(rule: str, attempts: Attempts) -> dict[str, int]:
    """Count by one of the emulator's rules, for a fault that no scenario makes."""
    from pyemu.kernel.accounting import COUNTS, Attempt

    counts = COUNTS[rule]([Attempt(flags, bits) for flags, bits, _ in attempts])
    return {
        "maj_flt": counts.maj,
        "min_flt": counts.min,
        "major-faults": counts.maj,
        "minor-faults": counts.min,
    }


def _own_rule(function: str, rule: str, arches: Sequence[str], draw: Draw) -> tuple[CallCase, ...]:
    """Up to Linux 5.8: an architecture counts by itself."""
    arch = draw("arch", arches)
    faults = [*user_faults(draw, arch, ("before", "v5_7"))]
    waited = next(one for one in reversed(faults) if len(one.attempts) > 1)
    count = partial(_by_rule, rule)
    faults.append(slow_last(faults[0], "a page that is read without a retry", count))
    faults.append(slow_last(waited, "a page that is read once more at the end", count))
    return (_case(function, f"The fault handler is that of {arch}, up to Linux 5.8.", faults, _flt),)


def _once(draw: Draw) -> tuple[CallCase, ...]:
    arch = draw("arch", ("x86", "riscv", "arc"))
    faults = [*user_faults(draw, arch, ("v5_10", "v6_1")), *user_faults(draw, "x86", ("v6_18",))]
    faults.append(slow_last(faults[0], "a page that is read without a retry", partial(_by_rule, "5.9")))
    happens = f"The fault handler is that of {arch}, since Linux 5.9."
    return (_case("count_since_5_9", happens, faults, _flt_and_perf),)


def _gup(draw: Draw) -> tuple[CallCase, ...]:
    faults = [*user_faults(draw, "x86", ("v5_10",)), *driver_faults(draw, "v5_10")]
    happens = "In some of these faults get_user_pages works for a driver, so `regs` is False."
    return (_case("count_since_5_9", happens, faults, _flt_and_perf),)


def _of_vmstat(draw: Draw) -> tuple[CallCase, ...]:
    faults = [*user_faults(draw, "x86", ("v5_7",))]
    return (_case("vmstat_5_7", "These are the faults of the first check.", faults, _vmstat),)


CHECKS = Checks(
    answers=("count_x86", "count_arc", "count_gated", "count_since_5_9", "vmstat_5_7"),
    checks={
        "x86": Check(
            lambda draw: _own_rule("count_x86", "x86", ("x86", "arm64", "powerpc"), draw),
            (),
            "x86 keeps MAJOR in a variable of its own, and counts behind the loop: once, and only a fault "
            "that was served.",
        ),
        "arc": Check(
            lambda draw: _own_rule("count_arc", "arc", ("arc",), draw),
            (),
            "arc asks the value of the last attempt, and the last attempt usually finds the page.",
        ),
        "gated": Check(
            lambda draw: _own_rule("count_gated", "gated", GATED, draw),
            (),
            "These handlers counted in the loop, while ALLOW_RETRY was set. That meant the first attempt, "
            "until patch 13 let the flag stay.",
        ),
        "once": Check(
            _once,
            (),
            "One rule, in one place: RETRY and errors count nothing; else it is major if this attempt says "
            "MAJOR, or was tried before.",
        ),
        "gup": Check(
            _gup,
            (),
            "Perf events belong to an exception. get_user_pages has no registers, so only the task is told.",
        ),
        "vmstat": Check(
            _of_vmstat,
            (),
            "Both are counted where the work is: pgfault at the top of handle_mm_fault, pgmajfault where a "
            "read from the disk begins.",
        ),
    },
    causes=CAUSES,
    read=ONCE,
)
