"""The checks of exercise H1: the walk of the page tables, with all its rules."""

from __future__ import annotations

from course.checks.h01_causes import CAUSES, WALK
from course.checks.h01_scenarios import addresses, codes, marks, rights, sizes
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=("walk",),
    checks={
        "address": Check(
            addresses,
            (),
            "Four indices of nine bits, an offset of twelve: 48 bits, and the rest repeats the highest.",
        ),
        "sizes": Check(
            sizes,
            (),
            "PS at level 3 or 2 ends the walk early; what is left of the address is the offset.",
        ),
        "rights": Check(
            rights,
            (),
            "Each level can take a right away and none can give it back, so a table protects all below it.",
        ),
        "codes": Check(
            codes,
            (),
            "The kernel learns what was missing from the error code alone, and where from CR2.",
        ),
        "marks": Check(
            marks,
            (),
            "A says that a page is in use, D that it must be saved: the kernel reads both, and clears them.",
        ),
    },
    causes=CAUSES,
    read=WALK,
    whose="The processor's",
)
