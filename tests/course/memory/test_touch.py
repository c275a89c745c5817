"""Steps on a few pages: what each costs, told as records of a real kernel tell it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course.memory import touch
from pyemu.errors import FaultlabError
from pyemu.hw import x86
from pyemu.tree import Tree

RECORDS = Path(__file__).parents[2] / "data" / "records" / "5.7.14.jsonl"
# Case and step of a record -> steps that do the same, the last of them measured.
SAME = {
    ("demand_zero_write", "write 1st"): (("write 0x5010",), ""),
    ("demand_zero_write", "write again"): (("write 0x5010", "write 0x5010"), ""),
    ("zero_read_then_write", "write (break zero page)"): (("read 0x5010", "write 0x5010"), ""),
    ("fork_cow", "child write (copy)"): (("write 0x5010", "fork", "child write 0x5010"), ""),
    ("fork_cow", "parent write after child gone (reuse)"): (
        ("write 0x5010", "fork", "child exit", "write 0x5010"),
        "",
    ),
    ("fork_cow2", "parent write while child alive (copy)"): (("write 0x5010", "fork", "write 0x5010"), ""),
    ("madv_dontneed", "read refault"): (("write 0x5010", "drop 0x5000", "read 0x5010"), ""),
    ("mprotect_ro", "write -> SIGSEGV"): (("write 0x5010", "protect 0x5000 r", "write 0x5010"), ""),
    ("unmapped", "read -> SIGSEGV"): (("read 0x9010",), ""),
    ("file_ro_shared(random)", "read cold page 0"): (("read 0x5010",), "cold"),
}


@pytest.mark.parametrize("what", SAME, ids=" / ".join)
def test_a_step_costs_what_it_cost_a_real_kernel(what: tuple[str, str]) -> None:
    rows = map(json.loads, RECORDS.read_text(encoding="utf-8").splitlines())
    (row,) = [one for one in rows if (one.get("case"), one.get("step")) == what]
    steps, file = SAME[what]
    access = touch(*steps, file=file, tree=Tree.v5_7).accesses[-1]
    counted = [fault.counted for fault in access.faults]
    assert (counted.count("minor"), counted.count("major")) == (row["minflt"], row["majflt"])
    assert len(access.faults) == row["sw_page_faults"]
    assert ("code=" in access.outcome) == ("si_code" in row)


def test_the_copy_of_a_child_leaves_the_frame_of_its_parent_alone() -> None:
    touched = touch("write 0x5010 7", "fork", "child write 0x5010 9", "read 0x5010", "child read 0x5010")
    assert [one.outcome for one in touched.accesses] == ["ret=7", "", "ret=9", "ret=7", "ret=9"]
    (_, copied) = touched.faults
    assert (copied.did, copied.n_owners) == ("copies the page", 2)


def test_fork_leaves_both_entries_without_the_right_to_write() -> None:
    parent, _, child, again = touch("write 0x5010", "fork", "child read 0x5010", "read 0x5010").accesses
    assert parent.entry & x86.RW
    assert child.entry == again.entry == parent.entry & ~x86.RW


def test_a_kernel_access_has_no_u_bit_and_ends_in_an_error_number() -> None:
    touched = touch("read 0x6010", "syscall write 0x6000", file="cached", file_pages=1)
    assert [one.outcome for one in touched.accesses] == ["SIGBUS(code=2)", "EFAULT"]
    assert [fault.error_code for fault in touched.faults] == [4, 0]
    assert [fault.did for fault in touched.faults] == ["sends SIGBUS", "ends the copy at its fixup"]


def test_what_a_thread_maps_its_siblings_have_and_another_program_has_not() -> None:
    mine = touch("read 0x5010", "thread read 0x5010", "other read 0x5010", file="cached")
    assert [len(one.faults) for one in mine.accesses] == [1, 0, 1]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (("child read 0x5010",), "before a child was born"),
        (("jump 0x5010",), "is no step"),
        (("write 0x5010 x",), "is no step"),
        (("protect 0x5000 x",), "is no step"),
        (("read 0x4010",), "out of reach"),
        (("exit",), "only the child can exit"),
        (("fork", "fork"), "one fork"),
    ],
)
def test_a_step_that_is_none_is_told_of(steps: tuple[str, ...], said: str) -> None:
    with pytest.raises(FaultlabError, match=said):
        touch(*steps)


def test_a_file_is_cold_or_cached() -> None:
    with pytest.raises(FaultlabError, match="'warm'"):
        touch("read 0x5010", file="warm")
