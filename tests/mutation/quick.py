"""The quickest tests of the kernel, in one process: the library of scenarios and every recorded row.

``python -m tests.mutation.quick`` gives status 0 when each scenario does what it says and each record is
matched, and 1 with the first that doesn't. Nothing is tested here that the tests don't test as well: it is
their order, and no pytest, that makes most mutants die within seconds.
"""

from __future__ import annotations

import sys

import tests.mutation.plugin as _plugin  # before the kernel is imported: it puts the mutant in its place
from course.conform.records import read_records
from course.conform.replay import Verdict, replay
from pyemu import Scenario, Tree, run
from pyemu.expect import unexpected
from tests.mutation.paths import ROOT

RECORDS = ("tests/data/records", "tests/data/single_patches")


def library() -> str:
    """Run each scenario on the trees it speaks of; give what is unexpected first."""
    for name in Scenario.library():
        for said in Scenario.load(name).expect:
            for tree in said.trees:
                found = unexpected(run(name, Tree.parse(tree)))
                if found:
                    return f"{name} on tree {tree}: {found[0]}"
    return ""


def records() -> str:
    """Replay each record, kinds and kernels mixed; give the first that is not matched."""
    found = read_records(path for folder in RECORDS for path in sorted((ROOT / folder).glob("*.jsonl")))
    for first in range(37):
        for row in replay(found, found[first::37]):
            if row.verdict is not Verdict.MATCH:
                return f"{row.record.place}: {row.verdict}"
    return ""


if __name__ == "__main__":
    wrong = library() or records()
    print(wrong or f"all is as it should be ({_plugin.__name__})")
    sys.exit(bool(wrong))
