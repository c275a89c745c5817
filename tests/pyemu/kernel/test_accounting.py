"""Who counts a fault: the rules on the same attempts, and the kernel of each release."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.flags import VM_FAULT_MAJOR, VM_FAULT_RETRY, VM_FAULT_SIGBUS
from pyemu.kernel.accounting import COUNTS, Attempt, Counts
from tests.pyemu.scenes import COPY, READ, WAIT, WAKE, monitor, pause, scene, send, victim

RETRY = VM_FAULT_RETRY
SLOW = VM_FAULT_RETRY | VM_FAULT_MAJOR

# A page lock: the first attempt waits with the lock dropped, the second maps the page. The flags are those of
# the trees: up to patch 12 the second attempt has lost ALLOW_RETRY.
OLD = [Attempt(0x54, SLOW), Attempt(0x70, 0)]
NEW = [Attempt(0x254, SLOW), Attempt(0x274, 0)]
LEFT = [Attempt(0x254, SLOW)]  # a signal ended the fault
BAD = [Attempt(0x54, RETRY), Attempt(0x70, VM_FAULT_SIGBUS)]
QUICK = [Attempt(0x254, 0)]
TWICE = [Attempt(0x254, SLOW), Attempt(0x274, RETRY), Attempt(0x274, 0)]  # two waits of a userfaultfd

NONE, MAJOR, MINOR = Counts(), Counts(maj=1), Counts(min=1)
TABLE: dict[str, dict[str, Counts]] = {
    "x86": {"OLD": MAJOR, "NEW": MAJOR, "LEFT": NONE, "BAD": NONE, "QUICK": MINOR, "TWICE": MAJOR},
    "arc": {"OLD": MINOR, "NEW": MINOR, "LEFT": NONE, "BAD": NONE, "QUICK": MINOR, "TWICE": MINOR},
    "gated": {
        "OLD": MAJOR,
        "NEW": Counts(1, 1),
        "LEFT": NONE,
        "BAD": MINOR,
        "QUICK": MINOR,
        "TWICE": Counts(1, 2),
    },
    "gup": {
        "OLD": Counts(1, 1),
        "NEW": Counts(1, 1),
        "LEFT": MAJOR,
        "BAD": MINOR,
        "QUICK": MINOR,
        "TWICE": Counts(1, 2),
    },
    "5.9": {"OLD": MAJOR, "NEW": MAJOR, "LEFT": NONE, "BAD": NONE, "QUICK": MINOR, "TWICE": MAJOR},
}
FAULTS = {"OLD": OLD, "NEW": NEW, "LEFT": LEFT, "BAD": BAD, "QUICK": QUICK, "TWICE": TWICE}
CASES = [(rule, fault) for rule, row in TABLE.items() for fault in row]


@pytest.mark.parametrize(("rule", "fault"), CASES)
def test_each_rule_counts_a_fault_in_its_own_way(rule: str, fault: str) -> None:
    assert COUNTS[rule](FAULTS[fault]) == TABLE[rule][fault]


def test_every_rule_is_in_the_table() -> None:
    assert set(TABLE) == set(COUNTS)


def test_one_page_lock_retry_counts_once_twice_once_on_riscv() -> None:
    # 5.6: the gate closes after the first attempt; 5.7: it never closes; 6.0: the one rule, and major.
    assert [COUNTS["gated"](OLD).total, COUNTS["gated"](NEW).total, COUNTS["5.9"](NEW).total] == [1, 2, 1]
    assert COUNTS["5.9"]([Attempt(0x254, RETRY), Attempt(0x274, 0)]) == MAJOR


# ------------------------------------------------------------------------------------ the kernels

ZERO: dict[str, Any] = {"do": "read_zero", "area": "V", "page": 1}
PLAIN = [WAIT, pause(100), COPY]
WOKEN = [WAIT, pause(100), WAKE, *PLAIN]
SIGNALLED = [WAIT, pause(100), send("SIGUSR1"), pause(100), COPY]


def counted(tree: Tree, step: dict[str, Any], answers: list[dict[str, Any]]) -> tuple[int, int, int]:
    """(minor, major, exceptions) of a fault that a monitor answers; perf must agree."""
    found = run(scene(victim(step), monitor(*answers)), tree, strict=True).tasks["T"].counters
    assert (found["min_flt"], found["maj_flt"]) == (found["minor-faults"], found["major-faults"])
    return found["min_flt"], found["maj_flt"], found["page-faults"]


LATER = [Tree.later("5.10"), Tree.later("6.1")]


@pytest.mark.parametrize(
    ("tree", "step", "answers", "expected"),
    [
        # The differences of the records between the events; 5.4, 5.7 and 6.1 are recorded.
        (Tree.before, READ, PLAIN, (0, 1, 1)),
        (Tree.before, READ, SIGNALLED, (1, 1, 2)),
        (Tree.v5_7, READ, PLAIN, (0, 1, 1)),
        (Tree.v5_7, READ, WOKEN, (0, 1, 1)),
        (Tree.v5_7, READ, SIGNALLED, (0, 1, 2)),
        *((tree, READ, PLAIN, (0, 1, 1)) for tree in LATER),
        *((tree, READ, WOKEN, (0, 1, 1)) for tree in LATER),
        *((tree, READ, SIGNALLED, (0, 1, 2)) for tree in LATER),
        *((tree, ZERO, PLAIN, (0, 1, 1)) for tree in (Tree.before, Tree.v5_7, *LATER)),
        *((tree, ZERO, WOKEN, (0, 1, 1)) for tree in (Tree.v5_7, *LATER)),
    ],
    ids=str,
)
def test_a_userfault_counts_as_the_records_say(
    tree: Tree, step: dict[str, Any], answers: list[dict[str, Any]], expected: tuple[int, int, int]
) -> None:
    assert counted(tree, step, answers) == expected


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7, *LATER], ids=str)
def test_a_page_that_needs_no_wait_is_minor(tree: Tree) -> None:
    found = run(scene(victim(READ), area={"userfaultfd": False}), tree, strict=True).tasks["T"].counters
    assert (found["min_flt"], found["maj_flt"], found["minor-faults"]) == (1, 0, 1)


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7, *LATER, Tree.later("6.18")], ids=str)
def test_a_fault_that_fails_counts_for_vmstat_alone(tree: Tree) -> None:
    short = scene(
        victim(READ),
        area={"file": "F", "userfaultfd": False},
        files=[{"name": "F", "pages": 1, "cached": True}],
    )
    result = run(short, tree, strict=True)
    found = result.tasks["T"].counters
    assert result.tasks["T"].outcome == "SIGBUS(code=2)"
    assert [found[f"{how}_flt"] + found[f"{how}or-faults"] for how in ("min", "maj")] == [0, 0]
    assert (found["page-faults"], result.vmstat["pgfault"]) == (1, 1)
