"""A kernel copy with a signal pending goes round in circles: counted in full, ended by page or SIGKILL."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.machine import Result
from pyemu.sched import executor
from tests.pyemu.scenes import COPY, PAGE, WAIT, monitor, pause, scene, send, victim

COPIES = ["read_zero", "tmpfs_write", "pipe_write", "pipe_read"]
SPINS = [Tree.upto(13), Tree.after, Tree.v5_7]
LATER = [Tree.later("5.10"), Tree.later("6.1"), Tree.later("6.12"), Tree.later("6.18")]


def copied(do: str, *answers: dict[str, Any], **machine: Any) -> Scenario:
    """T copies page 1 in the kernel; SIGUSR1 comes while it waits, then what M does."""
    step = {"do": do, "area": "V", "page": 1}
    return scene(victim(step), monitor(WAIT, pause(10), send("SIGUSR1"), *answers), machine=machine)


def numbers(result: Result) -> dict[str, Any]:
    one = result.tasks["T"]
    stats = {key: n for key, n in one.stats.items() if key != "spins"}
    return {"outcome": one.outcomes, "stats": stats, "counters": one.counters, "vmstat": result.vmstat}


@pytest.mark.parametrize("do", COPIES)
@pytest.mark.parametrize("tree", [*SPINS, *LATER], ids=str)
def test_a_kernel_copy_spins_until_the_page_comes(tree: Tree, do: str) -> None:
    result = run(copied(do, pause(50_000), COPY), tree)
    one = result.tasks["T"]
    assert (result.end, one.outcome, one.stats["spins"]) == ("done", f"ret={PAGE}", 1)
    assert one.stats["attempts"] == one.stats["messages_queued"] + 1 > 50_000
    assert one.stats["sleeps"] == 1  # before the signal came
    assert one.counters["maj_flt"] == 1
    assert one.stats["handler_runs"] == 1
    assert len(result.trace) < 2_000
    assert not result.violations


@pytest.mark.parametrize("do", COPIES)
@pytest.mark.parametrize(
    "tree", [Tree.before, Tree.upto(9), Tree.upto(11), *(one + "B5" for one in (Tree.v5_7, *LATER))], ids=str
)
def test_without_twelve_or_with_five_a_kernel_copy_sleeps_in_state_d(tree: Tree, do: str) -> None:
    result = run(copied(do, pause(50_000), COPY), tree, strict=True)
    one = result.tasks["T"]
    assert (one.outcome, one.stats["attempts"], one.stats["messages_queued"]) == (f"ret={PAGE}", 2, 1)
    assert [event.a for event in result.trace.select("sleep", task="T")] == [0x102]
    order = [event.kind for event in result.trace.select("uffd", "pte", "signal_taken")]
    assert order[-1] == "signal_taken"  # the handler runs after the copy


@pytest.mark.parametrize("do", COPIES)
def test_twelve_alone_makes_the_copy_fail(do: str) -> None:
    result = run(copied(do, pause(50_000), COPY), Tree.upto(12), strict=True)
    assert result.tasks["T"].outcome == "EFAULT"
    assert result.tasks["T"].stats["exceptions"] == (2 if do.startswith("pipe") else 1)


@pytest.mark.parametrize("ticks", [50, 999, 1_000])
@pytest.mark.parametrize("tree", [Tree.v5_7, Tree.later("6.1")], ids=str)
def test_skipped_rounds_of_a_kernel_copy_count_as_if_they_had_run(
    tree: Tree, ticks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = copied("read_zero", pause(ticks), COPY)
    skipped = run(scenario, tree)
    monkeypatch.setattr(executor, "MARKERS", frozenset())
    in_full = run(scenario, tree)
    assert len(in_full.trace) > len(skipped.trace)
    assert numbers(skipped) == numbers(in_full)


@pytest.mark.parametrize("tree", [*SPINS, *LATER], ids=str)
def test_sigkill_ends_the_spin_of_a_kernel_copy(tree: Tree) -> None:
    result = run(copied("tmpfs_write", pause(5_000), send("SIGKILL")), tree)
    assert (result.end, result.tasks["T"].outcome) == ("done", "killed:9")
    assert result.ticks < 5_100


@pytest.mark.parametrize("signal", ["SIGSTOP", "SIGUSR2"])
def test_any_signal_that_is_not_ignored_or_blocked_makes_a_copy_spin(signal: str) -> None:
    step = {"do": "read_zero", "area": "V", "page": 1}
    signals = {"SIGUSR2": "handler"}
    answers = [WAIT, pause(10), send(signal), pause(500), send("SIGCONT"), pause(500), COPY]
    result = run(scene(victim(step, signals=signals), monitor(*answers)), Tree.v5_7)
    assert result.tasks["T"].outcome == f"ret={PAGE}"
    assert result.tasks["T"].stats["attempts"] > 900


@pytest.mark.parametrize("how", [{"signals": {"SIGUSR1": "ignore"}}, {"blocked": ["SIGUSR1"]}])
def test_a_signal_that_is_ignored_or_blocked_changes_nothing(how: dict[str, Any]) -> None:
    step = {"do": "read_zero", "area": "V", "page": 1}
    scenario = scene(victim(step, **how), monitor(WAIT, pause(10), send("SIGUSR1"), pause(500), COPY))
    result = run(scenario, Tree.v5_7, strict=True)
    assert (result.tasks["T"].stats["attempts"], result.tasks["T"].stats["sleeps"]) == (2, 1)


@pytest.mark.parametrize("do", COPIES)
def test_on_one_cpu_without_preemption_the_spin_is_the_end(do: str) -> None:
    result = run(copied(do, pause(500), COPY, n_cpus=1), Tree.v5_7)
    assert (result.end, result.tasks["T"].outcome) == ("hang", "none")
    assert "it keeps the only CPU" in result.end_text


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7 + "B5", *LATER], ids=str)
def test_other_kernels_leave_the_only_cpu_to_the_monitor(tree: Tree) -> None:
    result = run(copied("read_zero", pause(500), COPY, n_cpus=1), tree)
    assert (result.end, result.tasks["T"].outcome) == ("done", f"ret={PAGE}")


def test_with_preemption_one_cpu_is_enough() -> None:
    result = run(copied("read_zero", pause(500), COPY, n_cpus=1, preemption=True), Tree.v5_7)
    assert (result.end, result.tasks["T"].outcome) == ("done", f"ret={PAGE}")
    assert result.tasks["T"].stats["spins"] == 1
