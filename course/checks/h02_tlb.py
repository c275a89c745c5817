"""The checks of exercise H2: a TLB with PCIDs, global entries and two page sizes."""

from __future__ import annotations

from course.checks.h02_causes import CAUSES, TLB
from course.checks.h02_scenarios import ANSWERS, eviction, flushes, hits, modulo, spaces
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=ANSWERS,
    checks={
        "hits": Check(
            hits,
            (),
            "A hit reads no table, so only the kernel can keep TLB and tables in step; a miss costs a walk.",
        ),
        "lru": Check(
            lambda draw: (*eviction(draw), *modulo(draw)),
            (),
            "Programs use again what they have just used: the entry that was not used for longest goes.",
        ),
        "pcid": Check(
            spaces,
            (),
            "With tags, a switch of address spaces forgets nothing; what is global serves them all.",
        ),
        "forget": Check(
            flushes,
            (),
            "The kernel says what to forget, as little as it can: a page, or an address space.",
        ),
    },
    causes=CAUSES,
    read=TLB,
    whose="The processor's",
)
