"""The checks of exercise H5: a walk in Cython, compared with the processor and raced against Python."""

from __future__ import annotations

from course.checks.h05_causes import CAUSES, DOCS
from course.checks.h05_scenarios import equal, faults, speed
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("SOURCE",),
    checks={
        "equal": Check(
            equal,
            (),
            "A type is a promise. Only a comparison on tables that nobody chose shows it kept.",
        ),
        "faults": Check(
            faults,
            (),
            "The kernel serves a fault before the program goes on; nothing comes in between.",
        ),
        "speed": Check(
            speed, (), "No object is left in the loop, and one call is enough for many addresses."
        ),
    },
    causes=CAUSES,
    read=DOCS,
    whose="The processor's",
)
