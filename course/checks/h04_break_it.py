"""The checks of exercise H4: a scenario that breaks each of five faulty handlers, and not the right one."""

from __future__ import annotations

from course.checks.call_case import CallCase
from course.checks.draw import Draw
from course.checks.h04_causes import CAUSES, LOOP
from course.checks.h04_trial import BROKEN, trial
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

WHY = {
    1: "No number of attempts is enough: a wake says nothing of the page, and each one costs an attempt.",
    2: "While the lock is dropped, anybody may change the areas. Each attempt looks as the first one did.",
    3: "Kernel code can't be left for a harmless signal: its copy would fail.",
    4: "SIGKILL during a copy: whoever only returns makes the kernel's instruction fault again, for ever.",
    5: "An error is no RETRY: handle_mm_fault has kept the lock, and somebody has to release it.",
}


def _check(number: int) -> Check:
    def cases(draw: Draw) -> tuple[CallCase, ...]:
        return (trial(number),)

    return Check(cases, (BROKEN,), WHY[number])


CHECKS = Checks(
    answers=("BREAKS",),
    checks={f"handler-{number}": _check(number) for number in WHY},
    causes=CAUSES,
    read=LOOP,
)
