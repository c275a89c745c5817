"""Real kernels with single patches, attempt by attempt: the emulator makes the same trace.

Each record is one script on one tree of a real kernel (see ORIGIN.md beside the records). Here are those
whose access is a read or write of anonymous memory, in user mode or by a copy of the kernel.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.machine import Result
from pyemu.trace import Trace
from tests.pyemu.scenes import V

RECORDS = Path(__file__).parents[1] / "data" / "single_patches" / "single-patches-5.7.14.jsonl"
ROWS = [
    row
    for row in map(json.loads, RECORDS.read_text(encoding="utf-8").splitlines())
    if row["access"] in ("user_read", "user_write", "read_zero", "tmpfs_write", "pipe_write")
    and row["mem"] == "anon"
]
PAGE = {"area": "V", "page": 1}
MONITOR: dict[str, dict[str, Any]] = {
    "w": {"do": "wake", **PAGE},
    "c": {"do": "copy", **PAGE},
    "cn": {"do": "copy", "wake": False, **PAGE},
    "st": {"do": "sample", "task": "T", "label": "st"},
    **{
        word: {"do": "signal", "task": "T", "signal": signal}
        for word, signal in {
            "u1": "SIGUSR1",
            "stop": "SIGSTOP",
            "cont": "SIGCONT",
            "chld": "SIGCHLD",
            "kill": "SIGKILL",
        }.items()
    },
}
HELPER: dict[str, list[dict[str, Any]]] = {
    "D": [{"do": "madvise_dontneed", **PAGE}],
    "U": [{"do": "munmap", **PAGE}],
    "O": [{"do": "mmap_fixed", **PAGE}, {"do": "write", "byte": 42, **PAGE}],
}
SLOT = 200  # us between two steps of a script: enough for one to have its effect
ASIDE = {
    "handler": {"SIGUSR1": "handler"},
    "restart": {"SIGUSR1": "restart"},
    "ignore": {"SIGUSR1": "ignore"},
    "block": {"SIGUSR1": "handler"},
}


def program_of(row: dict[str, Any]) -> Scenario:
    """The scenario that a record's script tells."""
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
            monitor += [{"do": "pause", "ticks": late}, MONITOR[word]]
            late, helper_late = SLOT, helper_late + SLOT
    monitor += [
        {"do": "pause", "ticks": late + 100_000},
        MONITOR["c"],
        {"do": "pause", "ticks": 100_000},
        MONITOR["kill"],
    ]
    access = {"do": row["access"].removeprefix("user_"), **PAGE}
    return Scenario.from_dict(
        {
            "version": 1,
            "name": row["script"],
            "title": "a script of a real kernel",
            "areas": [{"name": "V", "process": "P", "pages": 8, "populated": [0], "userfaultfd": True}],
            "tasks": [
                {
                    "name": "T",
                    "process": "P",
                    "program": [access],
                    "signals": {"SIGBUS": "escape", "SIGSEGV": "escape", **ASIDE[row["signals"]]},
                    "blocked": ["SIGUSR1"] if row["signals"] == "block" else [],
                },
                # It shares the memory and is no thread: signals to T are not its own.
                {"name": "H", "process": "P", "monitor": True, "blocked": ["SIGUSR1"], "program": helper},
                {"name": "M", "monitor": True, "program": monitor},
            ],
        }
    )


def as_recorded(trace: Trace) -> str:
    """T's attempts in the words of the recording kernel."""
    words: list[str] = []
    calls: list[str] = []
    waits_for_lock = user = False
    for event in trace.select(task="T"):
        inside = calls[-1] if calls else ""
        match event.kind:
            case "call":
                calls.append(str(event.a))
            case "return":
                if calls.pop() == "fault_signal_pending" and event.b:
                    words.append("Tuser" if user else "Tfixup")
            case "attempt_end":
                calls.pop()
                words.append(f"H{event.a:x}")
            case "exception":
                user = bool(int(event.b) & 4)
                words.append(f"X{'u' if user else 'k'}{(int(event.a) - V) // 4096}")
            case "lock_taken" | "lock_granted":
                words.append("R" if inside == "handle_userfault" else "A")
                waits_for_lock = False
            case "lock_queued":
                waits_for_lock = True
            case "attempt":
                words.append(f"h{event.a:x}")
            case "message":
                words.append("M0")
            case "sleep" if inside == "handle_userfault" and not waits_for_lock:
                words.append(f"S{event.a:x}")
            case "wake" if words and words[-1].startswith("S"):
                words.append("W")
            case "lock_dropped" if inside == "do_user_addr_fault":
                words.append("U")
    return " ".join(words)


def measured(result: Result) -> dict[str, Any]:
    """The fields of a record."""
    step = result.scenario.tasks[0].program[0].do
    own = step in ("read", "write")  # the recording program's own fault
    numbers = result.tasks["T"]
    trace = as_recorded(result.trace).split()
    return {
        "outcome": numbers.outcome,
        "handler_runs": numbers.stats.get("handler_runs", 0),
        "states": "".join(value for _, _, what, value in result.reports if what == "sample st"),
        "exceptions": numbers.stats["exceptions"],
        "attempts": numbers.stats["attempts"],
        "acquisitions": numbers.stats["acquisitions"],
        "messages": numbers.stats.get("messages_queued", 0),
        "sleeps": sum(word[0] == "S" for word in trace),
        "minflt": numbers.counters["min_flt"] + own,
        "majflt": numbers.counters["maj_flt"],
        "sw_page_faults": numbers.counters["page-faults"] + own,
        "spin": result.spins > 0,
        "trace": " ".join(trace),
    }


def up_to_the_first_repetition(trace: str) -> str:
    """The beginning of a busy loop's trace: how often it went round is a matter of the machine's speed."""
    words = trace.split()
    for start in range(len(words)):
        for length in range(2, 9):
            if words[start : start + length] == words[start + length : start + 2 * length]:
                return " ".join(words[: start + length])
    return trace


def expected(row: dict[str, Any]) -> dict[str, Any]:
    """What a record says; a killed task could not report its counters, and a spin is no clock."""
    same = {key: value for key, value in row.items() if key in FIELDS}
    if same["spin"]:
        same = {key: value for key, value in same.items() if key not in COUNTED_IN_A_SPIN}
        same["trace"] = up_to_the_first_repetition(same["trace"])
    if same["outcome"].startswith("HUNG"):
        same["outcome"] = "killed:9"
    if same["outcome"].startswith("killed"):
        same = {key: value for key, value in same.items() if key not in COUNTERS}
    return same


COUNTED_IN_A_SPIN = frozenset({"attempts", "acquisitions", "messages", "states"})
COUNTERS = frozenset({"minflt", "majflt", "sw_page_faults"})
FIELDS = COUNTERS | {
    *("outcome", "handler_runs", "states", "exceptions", "attempts", "acquisitions", "messages"),
    *("sleeps", "spin", "trace"),
}


def name(row: dict[str, Any]) -> str:
    return f"{row['tree']}-{row['access']}-{row['signals']}-{row['script'].replace(' ', '_')}"


def test_there_are_records_of_six_trees() -> None:
    assert {row["tree"] for row in ROWS} == {"upto8", "upto9", "upto10", "upto12", "upto13", "v5_7"}
    assert len(ROWS) > 60


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_the_emulator_does_what_the_real_kernel_did(row: dict[str, Any]) -> None:
    result = run(program_of(row), Tree.parse(row["tree"]))
    wanted = expected(row)
    found = measured(result)
    if wanted["spin"]:
        found["trace"] = up_to_the_first_repetition(found["trace"])
    assert {key: value for key, value in found.items() if key in wanted} == wanted
    assert not result.violations


@pytest.mark.parametrize("patch", [9, 10, 12, 13])
def test_the_records_tell_a_tree_from_one_without_a_patch(patch: int) -> None:
    other = Tree.v5_7 - (patch if patch != 12 else (12, 16))
    rows = [row for row in ROWS if row["tree"] == "v5_7"]
    different = [row for row in rows if measured(run(program_of(row), other))["trace"] != row["trace"]]
    assert different
