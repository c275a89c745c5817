"""The checks of exercise H3: demand zero and copy on write, on a small memory."""

from __future__ import annotations

from course.checks.h03_causes import CAUSES, FAULT
from course.checks.h03_scenarios import (
    ANSWERS,
    copies,
    counts,
    errors,
    forks,
    given_back,
    last_owner,
    zero_page,
)
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=ANSWERS,
    checks={
        "zero": Check(
            zero_page,
            (),
            "All pages that were only read share one frame of zeros; who writes gets a frame.",
        ),
        "dontneed": Check(
            given_back,
            (),
            "An empty entry is all that it takes: the next access faults, and finds a page of zeros.",
        ),
        "segv": Check(
            errors,
            (),
            "The area decides whether an access is right; the entry only says whether to ask.",
        ),
        "fork": Check(
            forks,
            (),
            "fork copies entries, counts one more owner of each frame, and takes RW from both.",
        ),
        "cow": Check(
            copies,
            (),
            "The writer gets the copy, and every processor of its process forgets the old translation.",
        ),
        "reuse": Check(
            last_owner,
            (),
            "The last owner has nobody to be kept apart from: a right is given back, and nothing is copied.",
        ),
        "counters": Check(
            counts,
            (),
            "min_flt counts what was served without waiting; a fault that ends in a signal is neither.",
        ),
    },
    causes=CAUSES,
    read=FAULT,
)
