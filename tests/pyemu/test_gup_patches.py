"""Real kernels with single patches, attempt by attempt: get_user_pages makes the same trace.

Each record is one script on one tree of a real kernel (see ORIGIN.md beside the records). Here are those
whose access gets pages by get_user_pages. The recording kernel noted what concerned the tested area only:
what the cold buffer of process_vm_readv costs is left out of the traces, not of the counters.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.machine import Result
from pyemu.trace import Event, Trace
from tests.pyemu.scenes import V
from tests.pyemu.test_single_patches import ASIDE, HELPER, MONITOR, RECORDS, SLOT, expected, name

ACCESS: dict[str, dict[str, Any]] = {
    "pvm": {"do": "process_vm_readv", "area": "V", "page": 1, "buffer": "B", "buffer_offset": 64},
    "pvm_tail": {"do": "process_vm_readv", "area": "V", "pages": 2, "buffer": "B", "buffer_offset": 64},
    "pvm4": {"do": "process_vm_readv", "area": "V", "pages": 4, "buffer": "B", "buffer_offset": 64},
    "futex_op": {"do": "futex_wake_op", "area": "V", "page": 1, "first": "B"},
}
ROWS = [
    row
    for row in map(json.loads, RECORDS.read_text(encoding="utf-8").splitlines())
    if row["access"] in ACCESS and row["mem"] == "anon"
]
TREES = {"upto8", "upto9", "upto10", "upto12", "upto13", "v5_7"}


def program_of(row: dict[str, Any]) -> Scenario:
    """The scenario that a record's script tells."""
    missing = 2 if row["access"] == "pvm4" else 1
    monitor: list[dict[str, Any]] = []
    helper: list[dict[str, Any]] = []
    late = helper_late = 0  # time since the monitor's, the helper's last step, in us
    for word in row["script"].split():
        if word == "m":
            monitor.append({"do": "wait_message"})
        elif word[0] == "p":
            late, helper_late = late + 1000 * int(word[1:]), helper_late + 1000 * int(word[1:])
        elif word in HELPER:
            helper += [{"do": "pause", "ticks": helper_late}, *HELPER[word]]
            late, helper_late = late + SLOT, SLOT
        else:
            step = MONITOR[word]
            monitor += [{"do": "pause", "ticks": late}, {**step, "page": missing} if "page" in step else step]
            late, helper_late = SLOT, helper_late + SLOT
    last = {**MONITOR["c"], "page": missing}
    monitor += [{"do": "pause", "ticks": late + 100_000}, last, {"do": "pause", "ticks": 100_000}]
    there = [0, 1, 3] if row["access"] == "pvm4" else [0]
    return Scenario.from_dict(
        {
            "version": 1,
            "name": row["script"],
            "title": "a script of a real kernel",
            "areas": [
                {"name": "V", "process": "P", "pages": 8, "populated": there, "userfaultfd": True},
                {"name": "B", "process": "P", "pages": 8},
            ],
            "tasks": [
                {
                    "name": "T",
                    "process": "P",
                    "program": [ACCESS[row["access"]]],
                    "signals": {"SIGBUS": "escape", "SIGSEGV": "escape", **ASIDE[row["signals"]]},
                },
                {"name": "H", "process": "P", "monitor": True, "thread": False, "program": helper},
                {"name": "M", "monitor": True, "program": [*monitor, MONITOR["kill"]]},
            ],
        }
    )


def as_recorded(trace: Trace) -> list[str]:
    """T's attempts in the words of the recording kernel, which noted what it did about one area only."""
    words: list[str] = []
    calls: list[str] = []
    waits_for_lock = elsewhere = False
    for event in trace.select(task="T"):
        match event.kind:
            case "call":
                calls.append(str(event.a))
            case "return" | "attempt_end":
                calls.pop()
            case "exception" | "find_vma":
                elsewhere = not V <= int(event.a) < V + (1 << 20)
            case "lock_taken" | "lock_granted":
                waits_for_lock = False
            case "lock_queued":
                waits_for_lock = True
        inside = calls[-1] if calls else ""
        word = "" if elsewhere else spelled(event, inside, "W" if words and words[-1][0] == "S" else "")
        if word and not (word[0] == "S" and waits_for_lock):
            words.append(word)
    return words


def spelled(event: Event, inside: str, woke: str) -> str:
    """One event as the recording kernel wrote it; nothing if it did not."""
    match event.kind:
        case "attempt":
            return f"h{event.a:x}"
        case "attempt_end":
            return f"H{event.a:x}"
        case "exception":
            return f"Xk{(int(event.a) - V) // 4096}"
        case "lock_taken" | "lock_granted":
            return {"__get_user_pages_locked": "L", "do_user_addr_fault": "A"}.get(inside, "")
        case "message":
            return "M0"
        case "sleep" if inside == "handle_userfault":
            return f"S{event.a:x}"
        case "wake" if inside == "handle_userfault":
            return woke
    return ""


def measured(result: Result) -> dict[str, Any]:
    """The fields of a record."""
    numbers = result.tasks["T"]
    words = as_recorded(result.trace)
    counted = {letter: sum(word[0] == letter for word in words) for letter in "XhLAMS"}
    return {
        "outcome": numbers.outcome,
        "handler_runs": numbers.stats.get("handler_runs", 0),
        "states": "".join(value for _, _, what, value in result.reports if what == "sample st"),
        "exceptions": counted["X"],
        "attempts": counted["h"],
        "acquisitions": counted["A"] + counted["L"],
        "messages": counted["M"],
        "sleeps": counted["S"],
        "minflt": numbers.counters["min_flt"],
        "majflt": numbers.counters["maj_flt"],
        "sw_page_faults": numbers.counters["page-faults"],
        "spin": result.spins > 0,
        "trace": " ".join(words),
    }


def test_each_access_is_recorded_on_six_trees() -> None:
    assert {(row["access"], row["tree"]) for row in ROWS} >= {(one, tree) for one in ACCESS for tree in TREES}


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_the_emulator_does_what_the_real_kernel_did(row: dict[str, Any]) -> None:
    result = run(program_of(row), Tree.parse(row["tree"]))
    found, wanted = measured(result), expected(row)
    assert {key: value for key, value in found.items() if key in wanted} == wanted
    assert len(wanted) > 8
    assert not result.violations


@pytest.mark.parametrize("patch", [14, 15])
def test_the_records_tell_a_tree_from_one_without_a_patch(patch: int) -> None:
    other = Tree.v5_7 - patch
    latest = [row for row in ROWS if row["tree"] == "v5_7"]
    different = [row for row in latest if measured(run(program_of(row), other))["trace"] != row["trace"]]
    assert different
