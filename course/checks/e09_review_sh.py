"""The checks of exercise E9: the review of patch 8, the handler of sh."""

from __future__ import annotations

from course.checks.e09_cases import errors, left_alone, reviewed, shown
from course.checks.e09_causes import CAUSES, HANDLER
from course.checks.facts import FACTS, Fact, counted
from course.checks.specification import Check, Checks

__all__ = ["CHECKS"]

OOM = Fact("oom", lambda result, task: result.tasks[task].stats["oom"], counted("call of the OOM killer"))
ENDS = ("outcome", "exceptions", "attempts", FACTS["minor"])

CHECKS = Checks(
    answers=("RELEASES", "PATCH", "TROUBLE", "SCENARIO", "sh_page_fault"),
    checks={
        "path": Check(
            lambda draw: (reviewed(),),
            (),
            "Patch 8 releases mmap_sem before it looks at the error. The functions for SIGBUS and SIGSEGV "
            "release it as before.",
        ),
        "scenario": Check(
            lambda draw: (shown(),),
            ("on sh, with patch 8", "on sh, before patch 8"),
            "One bad access is enough. Nobody seems to have made it on an sh with a check for lock balance.",
        ),
        "mend": Check(
            errors,
            ENDS,
            "One release for one hold: whoever makes it, each way out of the handler has exactly one.",
        ),
        "decoys": Check(
            left_alone,
            (*ENDS, OOM),
            "Out of memory has no function that releases, RETRY has released already, and a fault without an "
            "area needs the release in the function that patch 8 calls too.",
        ),
    },
    causes=CAUSES,
    read=HANDLER,
)
