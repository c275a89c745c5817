"""The checks of exercise E10: four proofs that nothing can be seen of a patch."""

from __future__ import annotations

from course.checks.e10_causes import CAUSES, GUP
from course.checks.e10_proofs import TABLE, proof_case
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

CHECKS = Checks(
    answers=(
        *("domain_a", "same_a", "domain_b", "same_b", "happens_b", TABLE),
        *("domain_c", "same_c", "happens_c", "domain_d", "same_d"),
    ),
    checks={
        "a": Check(
            lambda _: (proof_case("a"),),
            (),
            "The walk of huge pages empties the count when it loses the lock. So the old loop stops.",
        ),
        "b": Check(
            lambda _: (proof_case("b"),),
            (),
            "Words without INTERRUPTIBLE and KILLABLE sleep in another way, and no caller has one, once "
            "patch 15 is there.",
        ),
        "c": Check(
            lambda _: (proof_case("c"),),
            (),
            "RETRY without ALLOW_RETRY comes only with SIGKILL, and then both sides leave.",
        ),
        "d": Check(
            lambda _: (proof_case("d"),),
            (),
            "The name is the two flags. Who did not start with both does not use it.",
        ),
    },
    causes=CAUSES,
    read=GUP,
)
