"""The way back to user mode: frames of handlers on the stack, masks, one thread of several."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.kernel.signal import FRAME_SIZE
from pyemu.machine import Result
from tests.pyemu.scenes import COPY, READ, WAIT, monitor, pause, plain, poll, sample, send, task

S = 0x7F00_4000_0000  # the second area of a scenario
TOP = S + 2 * 4096
HANDLED = {"SIGUSR1": "handler", "SIGUSR2": "handler"}


def with_stack(*tasks: dict[str, Any], stack: dict[str, Any] | None = None, **keys: Any) -> Scenario:
    """A scenario whose area S, of two pages, is T's stack."""
    data = plain(*tasks, **keys)
    data["areas"].append({"name": "S", "pages": 2, **(stack or {})})
    return Scenario.from_dict(data)


def victim(*program: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return task("T", *(program or (pause(100),)), stack="S", **{"signals": HANDLED, **keys})


def faults(result: Result) -> list[int]:
    return [int(event.a) for event in result.trace.select("exception", task="T")]


def test_a_frame_on_a_missing_page_costs_one_fault_of_the_kernel() -> None:
    result = run(with_stack(victim(pause(100), pause(100)), monitor(pause(10), send("SIGUSR1"))), strict=True)
    assert faults(result) == [TOP - FRAME_SIZE]
    event = result.trace.select("exception")[0]
    assert "USER" not in event.text
    assert result.tasks["T"].counters["min_flt"] == 1
    assert result.tasks["T"].stats["handler_runs"] == 1


def test_a_frame_on_a_present_page_costs_nothing() -> None:
    touched = {"do": "write", "area": "S", "page": 1}
    result = run(with_stack(victim(touched, pause(100)), monitor(pause(10), send("SIGUSR1"))), strict=True)
    assert faults(result) == [S + 4096]
    assert result.tasks["T"].stats["handler_runs"] == 1


def test_the_next_frame_takes_the_place_of_the_last_one() -> None:
    again = with_stack(
        victim(pause(20), pause(100)), monitor(pause(10), send("SIGUSR1"), pause(50), send("SIGUSR1"))
    )
    result = run(again, strict=True)
    assert faults(result) == [TOP - FRAME_SIZE]
    assert result.tasks["T"].stats["handler_runs"] == 2


def test_signals_that_come_together_stack_their_frames() -> None:
    names = ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGTERM"]  # five frames: one page and a quarter
    together = with_stack(
        victim(
            *[{"do": "block", "signal": name} for name in names],
            pause(50),
            {"do": "unblock", "signal": "SIGUSR1"},
            signals=dict.fromkeys(names, "handler"),
        ),
        monitor(pause(10), *[send(name) for name in names]),
    )
    assert run(together, strict=True).tasks["T"].stats["handler_runs"] == 1
    at_once = with_stack(
        victim(pause(50), signals=dict.fromkeys(names, "handler")),
        monitor(*[send(name) for name in names]),
        machine={"n_cpus": 2},
    )
    result = run(at_once, strict=True)
    assert result.tasks["T"].stats["handler_runs"] == 5
    assert faults(result) == [TOP - FRAME_SIZE, TOP - 5 * FRAME_SIZE]


@pytest.mark.parametrize(
    ("stack", "why"),
    [({"prot": "r"}, "read-only"), ({"pages": 1}, "too short")],
    ids=["read-only", "too short"],
)
def test_a_stack_that_cannot_be_written_kills_by_sigsegv(stack: dict[str, Any], why: str) -> None:
    names = ["SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGTERM"]
    broken = with_stack(
        victim(pause(50), signals=dict.fromkeys(names, "handler")),
        monitor(*[send(name) for name in (names if why == "too short" else names[:1])]),
        stack=stack,
    )
    result = run(broken, strict=True)
    assert result.tasks["T"].outcome == "killed:11"
    assert result.tasks["T"].stats["handler_runs"] == (4 if why == "too short" else 0)


def test_a_handler_of_sigsegv_does_not_help_where_its_own_frame_has_no_place() -> None:
    broken = with_stack(
        victim(pause(50), signals={"SIGUSR1": "handler", "SIGSEGV": "escape"}),
        monitor(send("SIGUSR1")),
        stack={"prot": "r"},
    )
    result = run(broken, strict=True)
    assert result.tasks["T"].outcome == "killed:11"
    assert [(event.a, event.b) for event in result.trace.select("signal_taken")] == [(11, "kill")]


def test_a_frame_on_a_served_page_waits_for_the_monitor() -> None:
    served = with_stack(
        victim(pause(50)),
        monitor(send("SIGUSR1"), WAIT, pause(10), sample("frame"), {"do": "copy", "area": "S", "page": 1}),
        stack={"userfaultfd": True},
    )
    for tree, state in ((Tree.before, "D"), (Tree.after, "S")):
        result = run(served, tree, strict=True)
        samples = [value for _, _, what, value in result.reports if what == "sample frame"]
        assert samples == [state]
        assert result.tasks["T"].stats["handler_runs"] == 1


def test_a_second_signal_makes_the_frame_of_the_first_spin() -> None:
    # The busy loop of kernel-mode faults, where nobody looks for it: one signal waits, another one's frame
    # faults. The monitor must not wait for the message: nobody would wake it (S12b).
    two = with_stack(
        victim(pause(50)),
        monitor(send("SIGUSR1"), send("SIGUSR2"), pause(500), {"do": "copy", "area": "S", "page": 1}),
        stack={"userfaultfd": True},
        permits=["spin"],
    )
    for tree, spins in ((Tree.before, 0), (Tree.after, 1), (Tree.v5_7 + "B5", 0)):
        result = run(two, tree, strict=True)
        assert result.tasks["T"].stats["spins"] == spins, tree
        assert result.tasks["T"].stats["handler_runs"] == 2


def test_sigkill_while_a_frame_waits_ends_the_task() -> None:
    killed = with_stack(
        victim(pause(50)),
        monitor(send("SIGUSR1"), WAIT, pause(10), send("SIGKILL")),
        stack={"userfaultfd": True},
    )
    result = run(killed, strict=True)
    assert result.tasks["T"].outcome == "killed:9"
    assert result.tasks["T"].stats["handler_runs"] == 0


# ------------------------------------------------------------------------------------ calls made again


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [("restart", "handler", "ret=4096"), ("handler", "restart", "EINTR"), ("ignore", "handler", "EINTR")],
)
def test_the_first_of_two_handlers_decides_what_becomes_of_the_call(
    first: str, second: str, outcome: str
) -> None:
    # Signals are taken in the order of their numbers; whoever is ignored never comes.
    data = plain(
        task(
            "T",
            {"do": "pipe_read", "area": "V", "pipe": "p"},
            signals={"SIGUSR1": first, "SIGUSR2": second},
            process="P",
        ),
        task("U", pause(500), {"do": "pipe_write", "area": "V", "page": 1, "pipe": "p"}, process="P"),
        monitor(pause(10), *[{"do": "tkill", "task": "T", "signal": one} for one in ("SIGUSR1", "SIGUSR2")]),
        area={"userfaultfd": False},
    )
    result = run(Scenario.from_dict(data), strict=True)
    assert result.tasks["T"].outcome == outcome
    taken = [event.a for event in result.trace.select("signal_taken", task="T")]
    assert taken == ([12] if first == "ignore" else [10, 12])


# ------------------------------------------------------------------------------------ masks and threads


def test_three_of_a_kind_run_the_handler_once() -> None:
    merged = Scenario.from_dict(
        plain(
            task("T", {"do": "tmpfs_write", "area": "V", "page": 1}, signals=HANDLED),
            monitor(WAIT, send("SIGUSR1"), send("SIGUSR1"), send("SIGUSR1"), pause(10), COPY),
        )
    )
    assert run(merged, Tree.before, strict=True).tasks["T"].stats["handler_runs"] == 1


def test_a_blocked_signal_is_handled_when_it_is_unblocked() -> None:
    blocked = Scenario.from_dict(
        plain(
            task(
                "T",
                {"do": "block", "signal": "SIGUSR1"},
                READ,
                {"do": "mark", "label": "read"},
                {"do": "unblock", "signal": "SIGUSR1"},
                signals=HANDLED,
            ),
            monitor(WAIT, send("SIGUSR1"), pause(10), COPY),
        )
    )
    result = run(blocked, strict=True)
    events = result.trace.select("report", "signal_taken", task="T")
    assert [event.kind for event in events] == ["report", "report", "signal_taken"]
    assert result.tasks["T"].stats["exceptions"] == 1


def test_tkill_means_one_thread_and_kill_the_process() -> None:
    def runs(step: dict[str, Any]) -> tuple[int, int]:
        both = Scenario.from_dict(
            plain(
                task("T", pause(100), process="P", signals=HANDLED, blocked=["SIGUSR1"]),
                task("U", pause(100), process="P"),
                monitor(pause(10), step),
            )
        )
        result = run(both, strict=True)
        return result.tasks["T"].stats["handler_runs"], result.tasks["U"].stats["handler_runs"]

    assert runs(send("SIGUSR1")) == (0, 1)  # T blocks it, so U is told
    assert runs({"do": "tkill", "task": "T", "signal": "SIGUSR1"}) == (0, 0)
    assert runs({"do": "tkill", "task": "U", "signal": "SIGUSR1"}) == (0, 1)


def test_a_signal_of_the_process_wakes_one_thread_of_two_that_wait() -> None:
    both = Scenario.from_dict(
        plain(
            task("T", READ, process="P", signals=HANDLED),
            task("U", READ, process="P"),
            monitor(WAIT, WAIT, send("SIGUSR1", "U"), poll(100), COPY),
        )
    )
    for tree in (Tree.before, Tree.after):
        result = run(both, tree, strict=True)
        assert [result.tasks[name].stats["handler_runs"] for name in "TU"] == [0, 1]
        assert [result.tasks[name].stats["exceptions"] for name in "TU"] == [1, 2]
