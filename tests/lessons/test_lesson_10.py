"""What lesson 10 says is what the runs give, and its tasks can be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course.decide import handler_of, relocked, wakes
from course.questions import questions_of
from course.sketch import sketch
from pyemu import Tree, run
from pyemu.calls.memory import handle_mm_fault
from pyemu.calls.signal import fault_signal_pending
from pyemu.effects.areas import find_vma
from pyemu.effects.locks import down_read
from pyemu.flags import FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_TRIED, VM_FAULT_RETRY
from pyemu.machine import Result
from tests.lessons.learner import FOLDER, Lesson, printed

LESSON = Lesson("10")
STUB = "        break  # decide, retry: yours"
DECIDE = """        if await fault_signal_pending(fault, regs):
            return None
        if not fault & VM_FAULT_RETRY:
            break
"""
TRIED = "        flags |= FAULT_FLAG_TRIED\n"
DATA = FOLDER.parent / "tests" / "data"


def records(path: Path, **wanted: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [one for one in rows if all(one.get(key) == value for key, value in wanted.items())]


def test_twenty_wakes_are_fatal_before_and_cost_twenty_one_messages_after() -> None:
    assert "SIGBUS(code=2)" in LESSON.shown("run-before")
    assert "The run gave 21." in LESSON.shown("run-after")
    assert LESSON.row("count", "page faults (exceptions)") == ["1", "1"]
    assert LESSON.row("count", "waits for the monitor (sleeps)") == ["1", "21"]
    assert "the 22 attempts are rounds" in LESSON.source("trace-text")
    assert "took 210 ms, and T slept 21 times" in LESSON.source("trace-text")


def test_the_flags_of_the_rounds_are_those_of_the_table() -> None:
    words = [
        int(line.split(" flags ")[1].split()[0], 16) for line in LESSON.shown("trace-attempts").splitlines()
    ]
    assert [bool(word & FAULT_FLAG_TRIED) for word in words] == [False, True, True, True]
    assert all(word & FAULT_FLAG_ALLOW_RETRY for word in words)


def test_who_waits_for_a_page_drops_the_lock_once() -> None:
    assert "The run gave 2." in LESSON.shown("run-relock")
    waits = [
        line for line in LESSON.shown("relock-trace").splitlines() if "wait " in line and "sleeps" in line
    ]
    assert [line.split()[-2] for line in waits] == ["free", "T"]


def test_a_learner_who_writes_the_loop_gets_there(tmp_path: Path) -> None:
    gaps = {'a=""': 'a="yes"', 'b=""': 'b="no"', 'c=""': 'c="yes"', 'd=""': 'd="no"', 'e=""': 'e="no"'}
    said = printed(
        LESSON.notebook,
        {
            "order-loop": {'""': '"C B E H F"'},
            "my-loop": {STUB: DECIDE + TRIED},
            "fill-doors": gaps,
        },
        tmp_path,
    )
    assert "All 5 lines are in place." in said["order-loop"]
    assert said["fill-doors"].endswith("All 5 right.\n")
    assert "Your loop does what the kernel's does, and breaks no rule." in said["try-loop"]
    assert said["break-relock"].endswith("- 2 attempts\n")


def test_without_tried_only_the_rule_tells_and_the_page_is_fought_for_to_the_end(tmp_path: Path) -> None:
    said = printed(LESSON.notebook, {"my-loop": {STUB: DECIDE}}, tmp_path)
    lines = said["try-loop"].splitlines()
    assert lines[1].count("ret=5, 22 attempts") == 2
    assert lines[3].count("ret=5, 3 attempts") == 2
    assert "Set TRIED in the flags" in " ".join(said["try-loop"].split())
    assert said["break-relock"].endswith("- 51 attempts\n")


def test_what_stands_there_at_first_is_told_what_retry_means() -> None:
    assert "after RETRY the callee has released it already" in " ".join(LESSON.shown("try-loop").split())


def test_a_copy_with_a_signal_pending_sleeps_fails_or_spins() -> None:
    assert "The run gave ret=4096 after 0 sleeps." in LESSON.shown("run-copy")
    assert LESSON.row("count-copy", "outcome") == ["ret=4096", "EFAULT", "ret=4096"]
    assert LESSON.row("count-copy", "waits for the monitor (sleeps)") == ["1", "0", "0"]
    assert LESSON.row("count-copy", "attempts (handle_mm_fault)") == ["2", "2", "10002"]
    assert "10,002 attempts and 10,001 messages" in LESSON.source("copy-explained")
    assert LESSON.shown("run-hang").startswith("hang\nT goes round in circles without a wait")


def test_thirteen_without_nine_is_deaf_to_a_stop() -> None:
    assert "The run gave R." in LESSON.shown("run-stop")
    whole = run("9-before-13", Tree.after)
    seen = {event.a: event.b for event in whole.trace.select("report", task="M")}
    assert seen["sample after stop"] == "T"


def test_the_circle_is_in_some_order_of_the_newer_kernel_and_in_none_of_the_mended_one() -> None:
    newer, mended = LESSON.shown("explore-copy").split("S12 on tree")[1:]
    assert "then again and again" in newer
    assert "No order of moves breaks a rule." in mended


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_real_kernel_needed_as_many_messages(n: int) -> None:
    (recorded,) = records(
        DATA / "records" / "5.7.14.jsonl",
        access="user_read",
        event=f"wake{n}",
        mem="anon",
        user_mode_only=False,
    )
    text = LESSON.source("real-kernels")
    assert text.split("after ")[1].split(" messages")[0].replace(" and", ",").split(", ")[n - 1] == str(
        recorded["messages"]
    )


def test_the_real_kernel_slept_and_spun_as_the_lesson_says() -> None:
    path, script = DATA / "single_patches" / "single-patches-5.7.14.jsonl", "m p30 st u1 p60 st c"
    rows = {
        one["tree"]: one
        for one in records(path, group="S12", access="tmpfs_write", script=script, mem="anon")
    }
    assert (rows["upto10"]["states"], rows["upto10"]["attempts"]) == ("DD", 2)
    assert rows["v5_7"]["spin"]
    assert rows["v5_7"]["attempts"] > 2000
    assert "h234 M0 H400 A h234 M0 H400" in rows["v5_7"]["trace"]


def right(name: str) -> str:
    return next(one.text for one in questions_of("10")[name].choices if one.right)


def sleeps_with_the_lock(done: Result) -> list[int]:
    """The attempts in which T falls asleep and holds mmap_sem."""
    found, held, attempt = [], False, 0
    for event in done.trace.select("lock_taken", "lock_dropped", "attempt", "sleep", task="T"):
        held = event.kind == "lock_taken" or (held and event.kind != "lock_dropped")
        attempt += event.kind == "attempt"
        if event.kind == "sleep" and held:
            found.append(attempt)
    return found


def test_who_waits_for_a_monitor_never_keeps_the_lock_and_who_waits_for_a_page_keeps_it_once() -> None:
    monitor, page = (run(one, Tree.v5_7) for one in (wakes(3), relocked(3)))
    n_monitor, n_page = (one.tasks["T"].stats["attempts"] for one in (monitor, page))
    assert (sleeps_with_the_lock(monitor), sleeps_with_the_lock(page)) == ([], [2])
    assert right("contention") == f"T {n_monitor} and U {n_page}. T never, U in its second attempt."


async def without_tried(mm: Any, regs: Any, address: int, flags: Any) -> Any:
    while True:
        await down_read(mm)
        vma = await find_vma(mm, address)
        assert vma is not None
        fault = await handle_mm_fault(vma, address, flags)
        if await fault_signal_pending(fault, regs):
            return None
        if not fault & VM_FAULT_RETRY:
            return fault


def test_without_tried_the_page_that_is_locked_again_alone_shows_other_numbers() -> None:
    signalled = sketch(
        "c",
        T="read 1",
        M="wait_message; signal task=T signal=SIGUSR1; wait_message; pause ticks=100; copy it",
    )
    runs = {"a": wakes(20), "b": relocked(5), "c": signalled}
    attempts = {
        name: tuple(
            run(scenario, Tree.v5_7, handlers).tasks["T"].stats["attempts"]
            for handlers in (None, handler_of(without_tried))
        )
        for name, scenario in runs.items()
    }
    with_line, without = attempts["b"]
    assert [name for name, (one, other) in attempts.items() if one != other] == ["b"]
    assert right("forgotten").startswith(f"(b): {without} attempts and not {with_line}")
    broken = run(relocked(5), Tree.v5_7, handler_of(without_tried))
    assert sleeps_with_the_lock(broken) == []


def test_get_user_pages_sleeps_through_sigusr1() -> None:
    monitor = "wait_message; signal task=T signal=SIGUSR1; pause ticks=1000; copy it"
    done = run(sketch("asked", T="process_vm_readv 1", M=monitor), Tree.v5_7)
    task = done.tasks["T"]
    assert (task.outcome, task.stats["sleeps"], task.stats["spins"]) == ("ret=4096", 1, 0)
    assert right("pages").startswith("It goes on sleeping")


def test_who_has_the_pages_lock_is_told_as_it_was() -> None:
    woken = [event.t for event in run(relocked(3), Tree.after).trace.select("wake", task="T")][1:]
    text = LESSON.source("relock-text")
    assert f"| `{woken[0]}` us | H again |" in text
    assert f"| `{woken[1]}` us | T |" in text


def test_the_predictions_cover_what_the_runs_give() -> None:
    came = {"messages": "21", "relock": "2", "copy": "ret=4096 after 0 sleeps", "stop": "R"}
    questions = questions_of("10")
    assert all(outcome in [one.outcome for one in questions[name].choices] for name, outcome in came.items())
