"""Pipes: bytes go through, who must wait sleeps, and any signal ends such a sleep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.effects import Effect
from pyemu.effects.handles import Pipe
from pyemu.effects.pipes import make_pipe, pipe_dequeue, pipe_queue, pipe_wake
from pyemu.errors import HandlerError
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, WAIT, WAKE, Lab, drive, monitor, pause, scene, send, task, victim

PLAIN = {"userfaultfd": False, "pages": 50}


def step(do: str, page: int = 0, pages: int = 1, pipe: str = "p") -> dict[str, Any]:
    return {"do": do, "area": "V", "page": page, "pages": pages, "pipe": pipe}


def read(page: int = 0, pages: int = 1) -> dict[str, Any]:
    return step("pipe_read", page, pages)


def write(page: int = 0, pages: int = 1) -> dict[str, Any]:
    return step("pipe_write", page, pages)


def outcomes(result: Result, name: str = "T") -> tuple[str, ...]:
    return result.tasks[name].outcomes


def sleeps(result: Result, name: str) -> list[int]:
    return [int(event.a) for event in result.trace.select("sleep", task=name)]


def test_what_one_task_writes_another_reads() -> None:
    fill = {"do": "write", "area": "V", "offset": 9, "byte": 77}
    look = {"do": "read", "area": "V", "page": 1, "offset": 9}
    result = run(scene(victim(fill, write()), task("U", read(1), look, process="T"), area=PLAIN), strict=True)
    assert outcomes(result, "U") == ("ret=4096", "ret=77")


def test_a_reader_sleeps_until_there_is_data() -> None:
    result = run(scene(victim(read()), task("U", pause(500), write(1), process="T"), area=PLAIN), strict=True)
    assert outcomes(result) == ("ret=4096",)
    assert sleeps(result, "T") == [1]
    assert result.trace.select("wake", task="T")[0].t >= 500


def test_a_reader_gets_what_there_is_and_does_not_wait_for_the_rest() -> None:
    result = run(scene(victim(write(), read(1, 3)), area=PLAIN), strict=True)
    assert outcomes(result) == ("ret=4096", "ret=4096")


def test_a_writer_sleeps_while_all_sixteen_buffers_are_full() -> None:
    result = run(
        scene(
            victim(write(0, 18)),
            task("U", pause(500), read(20), pause(500), read(21), pause(500), read(22, 16), process="T"),
            area=PLAIN,
        ),
        strict=True,
    )
    assert outcomes(result) == (f"ret={18 * 4096}",)
    assert [state for state in sleeps(result, "T") if state == 1] == [1, 1]
    assert outcomes(result, "U") == ("ret=4096", "ret=4096", f"ret={16 * 4096}")


@pytest.mark.parametrize("do", ["pipe_read", "pipe_write"])
@pytest.mark.parametrize(
    ("signal", "outcome"), [("SIGUSR1", "EINTR"), ("SIGUSR2", "ret=4096"), ("SIGCHLD", "ret=4096")]
)
def test_a_signal_ends_the_sleep_and_its_disposition_decides_what_then(
    do: str, signal: str, outcome: str
) -> None:
    # SIGUSR1 has a handler, SIGUSR2 one that asks for a restart; SIGCHLD is ignored and wakes nobody.
    full = [write(0, 16)] if do == "pipe_write" else []
    other = [pause(900), read(20, 16)] if do == "pipe_write" else [pause(900), write(20)]
    result = run(Scenario.from_dict(shared(full, do, other, signal)), strict=True)
    assert outcomes(result)[-1] == outcome
    assert result.tasks["T"].stats["handler_runs"] == (signal != "SIGCHLD")


def shared(full: list[Any], do: str, other: list[Any], signal: str) -> dict[str, Any]:
    """T and U are processes of their own, each with memory V or W, and share a pipe."""
    mine = [{**one, "area": "W"} if "area" in one else one for one in other]
    return {
        "version": 1,
        "name": "pipe",
        "title": "A signal while a task waits at a pipe",
        "areas": [{"name": "V", "pages": 20}, {"name": "W", "process": "U", "pages": 40}],
        "tasks": [
            {
                "name": "T",
                "program": [*full, step(do, 1)],
                "signals": {"SIGUSR1": "handler", "SIGUSR2": "restart"},
            },
            {"name": "U", "program": mine},
            {"name": "M", "monitor": True, "program": [pause(300), send(signal)]},
        ],
    }


def test_a_writer_that_has_written_some_reports_that_and_no_error() -> None:
    data = shared([], "pipe_write", [pause(900)], "SIGUSR1")
    data["tasks"][0]["program"] = [write(0, 18)]
    result = run(Scenario.from_dict(data), strict=True)
    assert outcomes(result) == (f"ret={16 * 4096}",)


def test_a_stop_without_a_handler_makes_the_call_again() -> None:
    data = shared([], "pipe_read", [pause(900), {**write(20), "area": "W"}], "SIGSTOP")
    data["tasks"][2]["program"] += [pause(100), send("SIGCONT")]
    result = run(Scenario.from_dict(data), strict=True)
    assert outcomes(result) == ("ret=4096",)
    assert result.tasks["T"].stats["stops"] == 1


@pytest.mark.parametrize("do", ["pipe_read", "pipe_write"])
@pytest.mark.parametrize(("wakes", "outcome"), [(1, "ret=4096"), (2, "EFAULT"), (3, "EFAULT")])
def test_before_the_series_a_copy_has_two_faults_with_a_wait_each(do: str, wakes: int, outcome: str) -> None:
    # The record of 5.4.59 shows this for pipe_write: the tail of the copy routine tries once more.
    result = run(uffd(do, wakes), Tree.before, strict=True)
    numbers = result.tasks["T"]
    assert (numbers.outcome, numbers.stats["exceptions"], numbers.stats["messages_queued"]) == (outcome, 2, 2)
    assert numbers.counters["page-faults"] == 2
    assert numbers.counters["maj_flt"] == (wakes == 1)


@pytest.mark.parametrize("do", ["pipe_read", "pipe_write"])
@pytest.mark.parametrize("wakes", [1, 2, 5])
def test_after_the_series_a_copy_has_one_fault_that_waits_as_often_as_it_takes(do: str, wakes: int) -> None:
    result = run(uffd(do, wakes), Tree.after, strict=True)
    numbers = result.tasks["T"]
    assert (numbers.outcome, numbers.stats["exceptions"]) == ("ret=4096", 1)
    assert numbers.stats["messages_queued"] == wakes + 1


def uffd(do: str, wakes: int) -> Scenario:
    """T copies page 1 by a pipe of its own; M wakes it so many times and then brings the page."""
    answers = [WAIT, pause(100), WAKE] * wakes
    return scene(victim(step(do, 1, 1, "")), monitor(*answers, WAIT, pause(100), COPY))


def test_the_lock_of_a_pipe_is_held_while_the_copy_waits_for_its_page() -> None:
    lab = drive(
        scene(
            victim(write(1)),
            task("U", pause(10), read(0), process="T"),
            monitor(WAIT, pause(100), COPY),
            area={"populated": [0]},
        )
    )
    lab.until("T", "schedule")
    lab.settle("U")
    lab.world.clock = 90
    lab.settle("U")
    assert lab.state("U") == 2  # asleep in state D: only the owner of the lock can wake it
    assert lab.world.state.data["pipe", 1].owner == lab.task("T").id
    lab.close()


def test_what_a_failed_write_leaves_behind_is_skipped_by_readers() -> None:
    scenario = scene(
        victim(
            {"do": "munmap", "area": "V", "page": 1},
            write(1),
            write(0),
            {"do": "pipe_read", "area": "V", "page": 2, "pipe": "p"},
            {"do": "read", "area": "V", "page": 2},
        ),
        area={**PLAIN, "populated": [0]},
    )
    result = run(scenario, strict=True)
    assert outcomes(result) == ("EFAULT", "ret=4096", "ret=4096", "ret=0")


def test_a_short_read_of_a_page_leaves_the_rest_in_the_pipe() -> None:
    # The second page of the read can't be had: what was copied counts, the rest stays for the next reader.
    scenario = scene(
        victim(
            {"do": "munmap", "area": "V", "page": 3},
            write(0, 2),
            step("pipe_read", 2, 2),
            step("pipe_read", 4, 2),
        ),
        area=PLAIN,
    )
    result = run(scenario, strict=True)
    assert outcomes(result) == ("ret=8192", "ret=4096", "ret=4096")


def test_a_wake_is_for_one_reader_who_hands_on_what_is_left() -> None:
    readers = [task(name, read(page), process="T") for page, name in enumerate(["R1", "R2"], 10)]
    result = run(scene(victim(pause(500), write(0, 2)), *readers, area=PLAIN), strict=True)
    assert [outcomes(result, name) for name in ("R1", "R2")] == [("ret=4096",), ("ret=4096",)]


def test_a_wake_is_for_one_writer_who_hands_on_what_room_is_left() -> None:
    writers = [task(name, pause(100), write(20), process="T") for name in ("W1", "W2")]
    result = run(
        scene(victim(write(0, 16), pause(500), read(0, 2)), *writers, area=PLAIN),
        strict=True,
    )
    assert [outcomes(result, name) for name in ("W1", "W2")] == [("ret=4096",), ("ret=4096",)]


def test_a_reader_looks_after_its_sleep_whether_a_writer_waits_for_room() -> None:
    # It slept at an empty pipe, and takes the first page of a full one.
    writer = task("W", pause(500), write(0, 17), process="T")
    result = run(scene(victim(read(20)), writer, area=PLAIN), strict=True)
    assert (outcomes(result), outcomes(result, "W")) == (("ret=4096",), (f"ret={17 * 4096}",))


def test_a_reader_that_finds_only_empty_buffers_wakes_a_writer_before_it_sleeps() -> None:
    # Sixteen failed writes fill a pipe with nothing.
    failed = [write(1)] * 16
    scenario = scene(
        victim({"do": "munmap", "area": "V", "page": 1}, *failed, pause(500), read(2)),
        task("W", pause(300), write(0), process="T"),
        area={**PLAIN, "populated": [0]},
    )
    result = run(scenario, strict=True)
    assert outcomes(result) == (*["EFAULT"] * 16, "ret=4096")
    assert [event.t for event in result.trace.select("wake", task="W")][-1] >= 500
    assert outcomes(result, "W") == ("ret=4096",)


@pytest.mark.parametrize("operation", [pipe_queue, pipe_dequeue, pipe_wake], ids=lambda one: one.__name__)
def test_a_side_that_no_pipe_has_is_refused(operation: Callable[[Pipe, str], Effect[None]]) -> None:
    lab = Lab("T")
    pipe = lab.do("T", make_pipe())
    with pytest.raises(HandlerError, match="a pipe has no side 'reader'; it has 'read' and 'write'"):
        lab.do("T", operation(pipe, "reader"))
    lab.close()
