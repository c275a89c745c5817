"""get_user_pages over every kind of memory: attempts, copies on write, write protection, slow files."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, WRITE, monitor, pause, scene, send, task, victim

OLD, FIXED, LATER = Tree.before, Tree.v5_7, Tree.later("5.10")
PVM = {"do": "process_vm_readv", "area": "V", "page": 1, "buffer": "B"}
PLAIN = {"userfaultfd": False}
FILE = {"name": "F", "pages": 4, "io_ticks": 100}
B = {"name": "B"}


def flags(result: Result) -> list[int]:
    """Flags of T's attempts in get_user_pages: those of an exception have USER or come from the copy."""
    kernel = [int(event.a) for event in result.trace.select("attempt", task="T")]
    return [one for one in kernel if not one & 0x40 and one & ~0x200 != 0x15]


def made(scenario: Scenario, tree: Tree, outcome: str = "ret=4096") -> list[int]:
    result = run(scenario, tree, strict=True)
    assert result.tasks["T"].outcome == outcome
    return flags(result)


TABLE = {
    # what is there before, the area -> attempts on 5.4, 5.7.14 and 5.10
    "missing": ([], {}, [0x85], [0x95], [0x94]),
    "written": ([WRITE], {}, [], [], []),
    "the zero page": ([READ], {}, [0x85], [0x95], []),
    "missing, read-only": ([], {"prot": "r"}, [0x85] * 2, [0x95] * 2, [0x94]),
    "the zero page, read-only": ([READ], {"prot": "r"}, [0x85], [0x95], []),
    "shared": ([], {"kind": "shmem"}, [0x84], [0x94], [0x94]),
    "shared and written": ([WRITE], {"kind": "shmem"}, [], [], []),
    "private file": ([], {"file": "F"}, [0x85, 0xA1], [0x95, 0xB5], [0x94, 0xB4]),
    "private file, read-only": (
        [],
        {"file": "F", "prot": "r"},
        [0x85, 0xA1, 0xA1],
        [0x95, 0xB5, 0xB5],
        [0x94, 0xB4],
    ),
    "shared file": ([], {"file": "F", "shared": True}, [0x84, 0xA0], [0x94, 0xB4], [0x94, 0xB4]),
}


@pytest.mark.parametrize(("before", "area", "old", "fixed", "later"), TABLE.values(), ids=TABLE)
def test_a_read_faults_as_a_write_where_a_later_write_would_copy_the_page(
    before: list[dict[str, Any]], area: dict[str, Any], old: list[int], fixed: list[int], later: list[int]
) -> None:
    files = {"files": [FILE]} if "file" in area else {}
    read = scene(victim(*before, PVM), area={**PLAIN, **area}, more=[B], **files)
    assert made(read, OLD) == old
    assert made(read, FIXED) == fixed
    assert made(read, LATER) == later


@pytest.mark.parametrize(("tree", "messages"), [(FIXED, [1, 3]), (LATER, [0])], ids=str)
def test_a_read_of_a_write_protected_page_asks_the_monitor_up_to_five_seven(
    tree: Tree, messages: list[int]
) -> None:
    let_write = {"do": "writeprotect", "area": "V", "page": 1, "protect": False}
    protected = scene(
        victim(PVM),
        monitor(WAIT, pause(5), {**COPY, "protect": True}, WAIT, pause(5), let_write),
        area={"userfaultfd": "missing+wp"},
        more=[B],
    )
    result = run(protected, tree, strict=True)
    assert result.tasks["T"].outcome == "ret=4096"
    assert [event.b for event in result.trace.select("message")] == messages


@pytest.mark.parametrize(("tree", "attempts"), [(OLD, [0x85]), (FIXED, [0x95]), (LATER, [])], ids=str)
def test_a_page_shared_with_a_child_is_copied_first_up_to_five_seven(tree: Tree, attempts: list[int]) -> None:
    forked = scene(
        victim(WRITE, {"do": "fork", "child": "C"}, PVM, process="P"),
        task("C", pause(50), process="C", forked=True),
        area={**PLAIN, "process": "P"},
        more=[{**B, "process": "P"}],
    )
    assert made(forked, tree) == attempts


@pytest.mark.parametrize(
    ("tree", "attempts"),
    [(OLD, [0x05]), (FIXED, [0x15]), (LATER, [0x15]), (Tree.later("6.1"), [0x15])],
    ids=str,
)
def test_a_first_write_to_shared_memory_loses_the_lock_and_finds_the_page(
    tree: Tree, attempts: list[int]
) -> None:
    pin = {"do": "pin", "area": "V", "page": 1}
    result = run(scene(victim(pin), area={**PLAIN, "kind": "shmem"}), tree, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["T"].stats["acquisitions"]) == ("ret=1", 2)
    assert [event.a for event in result.trace.select("attempt")] == attempts


@pytest.mark.parametrize("tree", [OLD, FIXED], ids=str)
def test_nowait_does_not_wait_for_a_disk_either(tree: Tree) -> None:
    pin = {"do": "pin", "area": "V", "write": False, "nowait": True}
    result = run(scene(victim(pin), area={**PLAIN, "file": "F"}, files=[FILE]), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=0"
    assert [event.text for event in result.trace.select("gup")][-1] == "GUP gives 0 pages, *locked 1"
    assert result.tasks["T"].stats["sleeps"] == 0


SLOW = {"name": "F", "pages": 4, "io_ticks": 1000}


def killed_at(tree: Tree, step: dict[str, Any], *, random: bool) -> int:
    slow = scene(
        victim(step, process="P"),
        task("K", pause(100), send("SIGKILL"), monitor=True),
        area={**PLAIN, "file": "F", "process": "P", "random": random, "prot": "r"},
        more=[{**B, "process": "P"}],
        files=[SLOW],
    )
    result = run(slow, tree)
    assert result.tasks["T"].outcome == "killed:9"
    assert not result.violations
    return next(event.t for event in result.trace.select("exit", task="T"))


@pytest.mark.parametrize("step", [PVM, {"do": "mlock", "area": "V", "page": 1}], ids=["pvm", "mlock"])
def test_sigkill_in_a_wait_for_a_disk(step: dict[str, Any]) -> None:
    # Read ahead: the wait is for the page lock, and patch 15 makes it killable.
    assert [killed_at(tree, step, random=False) >= 1000 for tree in (OLD, Tree.upto(14))] == [True, True]
    assert [killed_at(tree, step, random=False) < 200 for tree in (Tree.upto(15), FIXED)] == [True, True]
    # Read by the fault itself: a plain wait up to 5.10.
    assert [killed_at(tree, step, random=True) >= 1000 for tree in (OLD, FIXED, LATER)] == [True] * 3
    assert killed_at(Tree.later("6.1"), step, random=True) < 200


@pytest.mark.parametrize("random", [False, True], ids=["read ahead", "read by itself"])
def test_proc_mem_waits_for_a_disk_and_can_t_be_killed_up_to_five_ten(random: bool) -> None:
    step = {"do": "procmem_read", "area": "V", "page": 1}
    assert [killed_at(tree, step, random=random) >= 1000 for tree in (OLD, FIXED)] == [True, True]
