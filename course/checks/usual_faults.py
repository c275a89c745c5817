"""Faults that wait for no monitor, for exercises about those that do: a loop has to serve these as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from course.checks.draw import Draw
from course.checks.e03_scenarios import beyond, forbidden, plain, unmapped
from course.checks.e03_waits import slow
from course.checks.kernel_case import KernelCase

__all__ = ["usual"]

CASES: dict[str, Callable[[Draw], KernelCase]] = {
    "Fresh memory": plain,
    "A page on the disk": slow,
    "A page beyond the end": beyond,
    "Not to be written": forbidden,
    "No area": unmapped,
}


def usual(draw: Draw) -> tuple[KernelCase, ...]:
    """Give a case of each kind, on the tree after the series."""
    cases = ((name, case(draw)) for name, case in CASES.items())
    return tuple(replace(case, tree=None, scenario=replace(case.scenario, name=name)) for name, case in cases)
