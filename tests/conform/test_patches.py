"""Which patches the records of 5.7.14 can tell: each is taken out of the kernel's tree, and rows must fail.

Of the scripts, those that were recorded with all patches on. Patch 12 can't be taken out alone: 16 reads the
flag that it introduces.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from course.conform.records import Record, read_records
from course.conform.replay import Verdict, replay
from pyemu import Tree

DATA = Path(__file__).parents[1] / "data"
FILES = (DATA / "records" / "5.7.14.jsonl", DATA / "single_patches" / "single-patches-5.7.14.jsonl")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [
        record for record in read_records(FILES) if record.kind != "script" or record.values["tree"] == "v5_7"
    ]


def failing(records: list[Record], *gone: int) -> list[str]:
    """Name the rows that no longer match without some patches: kind, access and what happens."""
    rows = replay(records, tree=Tree.v5_7 - gone)
    assert Verdict.NOT_MODELLED not in {row.verdict for row in rows}
    return [
        " ".join(
            str(row.record.values[key])
            for key in ("kind", "access", "path", "case", "event", "group", "step")
            if key in row.record.values
        )
        for row in rows
        if row.verdict is Verdict.MISMATCH
    ]


# Patches that are taken out -> how many rows fail, by kind.
TABLE: dict[tuple[int, ...], dict[str, int]] = {
    (9,): {"userfault": 6, "slow_file": 4, "script": 5},
    (10,): {"userfault": 2, "script": 5},
    (12, 16): {"userfault": 21, "script": 38},
    (13,): {"userfault": 24, "script": 30},
    (14,): {"userfault": 8, "script": 11},
    (15,): {"userfault": 4, "script": 23},
}
# Some of them.
AMONG = {
    (9,): ["userfault user_read sig1", "slow_file readahead sig1", "script user_read S10a"],
    (10,): ["userfault user_read stop", "userfault user_write stop", "script user_read S10b"],
    (12, 16): ["userfault read_zero none", "userfault read_zero kill", "script tmpfs_write S12"],
    (13,): ["userfault user_read wake1", "userfault pipe_write sig1", "script user_read S13"],
    (14,): ["userfault pvm_readv wake1", "userfault futex_op wake3", "script vmsplice S14"],
    (15,): ["userfault pvm_readv kill", "userfault mlock kill", "script mlock plain"],
}
# No row fails without one of these. 1 to 3, 5 to 8 and 11 rename and rearrange, or are for other machines; 4
# removes a branch that no callee reaches; 16 alone changes only a sleep without FAULT_FLAG_KILLABLE, which
# nobody asks for once 15 is in (with 15 out, 16 makes such a sleep deaf to SIGKILL).
UNSEEN = (1, 2, 3, 4, 5, 6, 7, 8, 11, 16)


def test_with_every_patch_all_rows_match(records: list[Record]) -> None:
    assert failing(records) == []


@pytest.mark.parametrize("gone", TABLE, ids=str)
def test_rows_fail_without_a_patch_that_changes_behaviour(
    gone: tuple[int, ...], records: list[Record]
) -> None:
    found = failing(records, *gone)
    assert Counter(name.split()[0] for name in found) == TABLE[gone]
    assert [name for name in AMONG[gone] if name not in found] == []


@pytest.mark.parametrize("gone", UNSEEN)
def test_no_row_fails_without_a_patch_that_only_rearranges(gone: int, records: list[Record]) -> None:
    assert failing(records, gone) == []


def test_patch_16_shows_only_where_15_is_missing(records: list[Record]) -> None:
    killed = {name for name in failing(records, 15) if name.endswith(("kill", "gupkill"))}
    assert killed == {
        *("userfault pvm_readv kill", "userfault pvm_readv_partial kill"),
        *("userfault mlock kill", "userfault futex_op kill"),
        *("script pvm gupkill", "script futex_op gupkill", "script mlock gupkill"),
    }
    assert not any(name.startswith("userfault") for name in failing(records, 15, 16))


def test_fix_b5_ends_the_busy_loops_and_changes_nothing_else(records: list[Record]) -> None:
    rows = replay(records, tree=Tree.v5_7 + "B5")
    changed = [row for row in rows if row.verdict is Verdict.MISMATCH]
    copies = {"read_zero", "read_zero_partial", "pipe_write", "tmpfs_write"}
    assert changed
    assert {str(row.record.values["access"]) for row in changed} <= copies
    for row in changed:  # a kernel copy's sleep is D again, and one message is enough
        values, differing = row.record.values, set(row.comparison.differing)
        busy = values.get("spin") or values.get("event") in ("sig1", "sig1r", "stop")
        assert (
            differing <= {"state_blocked", "state_after_action", "messages", "trace", "spin", "states"}
            or busy
        )
