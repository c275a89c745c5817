"""Spins are found, time passes in them, and what is skipped is counted as if it had run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.effects.handles import Wait, current
from pyemu.effects.locks import down_read, up_read
from pyemu.effects.records import Regs
from pyemu.machine import Result
from pyemu.sched import executor
from pyemu.sched.spin import LONGEST, ROUNDS, SpinWatch
from tests.pyemu.scenes import COPY, READ, WAIT, monitor, pause, poll, scene, send, task, victim

THIRTEEN_WITHOUT_NINE = Tree.upto(13) - 9


def storm(ticks: int, **machine: Any) -> Scenario:
    """T waits with a signal pending; the page comes after `ticks`."""
    return scene(
        victim(),
        monitor(WAIT, pause(10), send("SIGUSR1"), pause(ticks), COPY),
        machine=machine,
    )


def numbers(result: Result) -> dict[str, Any]:
    one = result.tasks["T"]
    stats = {key: n for key, n in one.stats.items() if key != "spins"}
    return {"outcome": one.outcomes, "stats": stats, "counters": one.counters, "vmstat": result.vmstat}


def test_thirteen_without_nine_spins_until_the_page_comes() -> None:
    result = run(storm(100_000), THIRTEEN_WITHOUT_NINE)
    assert (result.end, result.spins) == ("done", 1)
    (spin,) = result.trace.select("spin")
    assert spin.text.startswith("T goes round in circles without a wait: ")
    assert "1 attempts" in spin.text
    assert result.tasks["T"].outcome == "ret=5"
    assert result.tasks["T"].stats["attempts"] > 99_000
    assert len(result.trace) < 2_000


@pytest.mark.parametrize("tree", [Tree.upto(9), Tree.upto(13), Tree.after], ids=str)
def test_with_nine_there_is_no_spin(tree: Tree) -> None:
    assert run(storm(1_000), tree, strict=True).spins == 0


@pytest.mark.parametrize("ticks", [50, 999, 1_000])
def test_skipped_rounds_count_as_if_they_had_run(ticks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = run(storm(ticks), THIRTEEN_WITHOUT_NINE)
    monkeypatch.setattr(executor, "MARKERS", frozenset())
    in_full = run(storm(ticks), THIRTEEN_WITHOUT_NINE)
    assert len(in_full.trace) > len(skipped.trace)
    assert in_full.spins == 0
    assert numbers(skipped) == numbers(in_full)
    assert skipped.ticks == in_full.ticks


def test_a_spin_in_the_kernel_hangs_the_only_cpu_without_preemption() -> None:
    result = run(storm(1_000, n_cpus=1), THIRTEEN_WITHOUT_NINE)
    assert (result.end, result.spins) == ("hang", 1)
    assert result.end_text.endswith("it keeps the only CPU")


def test_preemption_lets_the_monitor_end_a_spin_on_one_cpu() -> None:
    result = run(storm(1_000, n_cpus=1, preemption=True), THIRTEEN_WITHOUT_NINE)
    assert (result.end, result.tasks["T"].outcome) == ("done", "ret=5")


def test_a_spin_that_calls_schedule_leaves_the_only_cpu_to_others() -> None:
    copy = {"do": "read_zero", "area": "V", "page": 1}
    busy = scene(
        victim(copy), monitor(WAIT, pause(50), send("SIGUSR1"), pause(500), COPY), machine={"n_cpus": 1}
    )
    found = {str(tree): run(busy, tree) for tree in (Tree.v5_7, Tree.later("5.10"), Tree.later("6.12"))}
    # From 5.9 on handle_userfault calls schedule(), signal or not; before, it looks for the signal first.
    assert {name: result.end for name, result in found.items()} == {
        "v5_7": "hang",
        "v5_10": "done",
        "v6_12": "done",
    }
    assert {result.tasks["T"].outcome for result in found.values() if result.end == "done"} == {"ret=4096"}
    assert all(result.spins for result in found.values())


async def does_nothing(regs: Regs, error_code: int, address: int) -> None:
    mm = await current.mm
    await down_read(mm)
    await up_read(mm)


def lone(*others: dict[str, Any]) -> Scenario:
    return scene(task("T", READ, process="P"), *others)


def test_a_handler_that_never_maps_the_page_is_a_hang_at_once() -> None:
    result = run(lone(), override={"do_user_addr_fault": does_nothing})
    assert result.end == "hang"
    assert "1 exceptions" in result.end_text
    assert result.end_text.endswith("nothing will ever change that")
    assert len(result.trace) < 500


def test_two_tasks_that_never_get_their_page_are_a_hang_at_once() -> None:
    result = run(lone(task("U", READ, process="P")), override={"do_user_addr_fault": does_nothing})
    assert result.end == "hang"
    assert "T goes round" in result.end_text
    assert "U goes round" in result.end_text
    assert len(result.trace) < 2_000


def test_time_passes_in_a_spin_that_makes_no_attempt() -> None:
    timer = task("U", pause(5_000), {"do": "signal", "task": "T", "signal": "SIGKILL"}, process="Q")
    result = run(lone(timer), override={"do_user_addr_fault": does_nothing})
    assert (result.end, result.tasks["T"].outcome) == ("done", "killed:9")
    assert result.ticks == 5_000


def test_a_spin_through_user_mode_leaves_the_only_cpu_to_others() -> None:
    timer = task("U", pause(5_000), {"do": "signal", "task": "T", "signal": "SIGKILL"}, process="Q")
    only = scene(task("T", READ, process="P"), timer, machine={"n_cpus": 1})
    result = run(only, override={"do_user_addr_fault": does_nothing})
    assert (result.end, result.tasks["T"].outcome) == ("done", "killed:9")


def test_a_task_that_works_beside_a_spinning_one_gets_to_its_end() -> None:
    both = Scenario.from_dict(
        {
            "version": 1,
            "name": "two processes",
            "title": "one spins, one works",
            "areas": [{"name": "V", "process": "P"}, {"name": "W", "process": "Q", "populated": [0]}],
            "tasks": [
                task("T", {"do": "read", "area": "V"}, process="P"),
                task("U", *[{"do": "read", "area": "W"}] * 30, process="Q"),
            ],
        }
    )
    result = run(both, override={"do_user_addr_fault": does_nothing})
    assert result.tasks["U"].outcomes == ("ret=0",) * 30


# ------------------------------------------------------------------------------------------- the watch


def windows(watch: SpinWatch, *runs: str) -> list[int]:
    """Feed one window a word, an effect a letter; what each marker says."""
    said = []
    for word in runs:
        for letter in word:
            watch.effect(letter, (), None)
        said.append(watch.marker(Counter()))
    return said


LATER = Tree.parse("v6_1")


def polled(ticks: int, n: int = 1) -> Scenario:
    """A copy of the kernel that spins, beside a monitor in poll(), which later kernels wake each time."""
    return scene(
        victim({"do": "tmpfs_write", "area": "V", "page": 1}),
        monitor(WAIT, send("SIGUSR1"), *[poll(ticks)] * n, COPY),
    )


@pytest.mark.parametrize("n", [1, 3])
def test_a_monitor_that_is_woken_in_each_round_does_not_hide_a_spin(n: int) -> None:
    result = run(polled(50_000, n), LATER)
    assert (result.end, result.tasks["T"].outcome) == ("done", "ret=4096")
    assert result.spins == n
    assert len(result.trace) < 20_000
    # Each poll ends in its time.
    assert result.tasks["T"].stats["attempts"] == pytest.approx(50_000 * n, abs=3 * n)
    assert result.ticks == pytest.approx(50_000 * n, abs=3 * n)


def test_a_spin_beside_a_polling_monitor_counts_as_if_it_had_run(monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = run(polled(1_000), LATER)
    monkeypatch.setattr(executor, "MARKERS", frozenset())
    in_full = run(polled(1_000), LATER)
    assert len(in_full.trace) > 2 * len(skipped.trace)
    for key in ("attempts", "exceptions", "messages_queued", "acquisitions"):
        one, other = (numbers(result)["stats"][key] for result in (skipped, in_full))
        assert abs(one - other) <= 2, key


def test_a_task_that_takes_signals_of_others_does_not_spin() -> None:
    # One ring for each attempt: three equal rounds, and then none any more.
    rings = scene(
        victim(
            {"do": "setitimer", "ticks": 0, "interval": 1, "count": 3}, READ, signals={"SIGALRM": "handler"}
        ),
        monitor(WAIT, pause(50), COPY),
    )
    result = run(rings, Tree.before, strict=True)
    assert result.tasks["T"].stats["handler_runs"] == 3
    assert result.tasks["T"].outcome == "ret=5"


def test_a_handler_of_sigsegv_that_returns_spins() -> None:
    # The signal is of the access itself: nobody else will ever stop sending it.
    lost = scene(victim({"do": "munmap", "area": "V", "page": 1}, READ, signals={"SIGSEGV": "handler"}))
    result = run(lost, Tree.after)
    assert (result.end, result.spins) == ("hang", 1)


def stirs(steps: str) -> bool:
    watch = SpinWatch()
    for step in steps:
        watch.effect(step, (), None)
        if step == "s":
            watch.reset()  # it falls asleep
    return watch.stirs()


def test_who_does_the_same_between_its_sleeps_stirs_and_who_goes_on_does_not() -> None:
    assert stirs("abcs" * 48)
    assert not stirs("abcs" * 47)  # not for long enough
    assert not stirs("abcs" * 47 + "abds")
    assert not stirs("".join(chr(1_000 + n) for n in range(192)))


def test_a_time_that_gets_less_does_not_hide_that_a_task_stirs() -> None:
    watch = SpinWatch()
    for ticks in range(192, 0, -1):
        watch.effect("schedule_timeout", (ticks,), None)
    assert watch.stirs()


def test_three_equal_windows_after_a_first_one_are_a_spin() -> None:
    assert windows(SpinWatch(), "x", "ab", "ab", "ab") == [0, 0, 0, 1]


def test_a_round_may_have_several_windows() -> None:
    assert windows(SpinWatch(), "x", *"abababc")[-1] == 0
    assert windows(SpinWatch(), "x", *"ababab")[-1] == 2
    assert windows(SpinWatch(), "x", *("abcd" * ROUNDS))[-1] == LONGEST


def test_one_different_result_is_no_spin() -> None:
    watch = SpinWatch()
    for result in (0, 1, 1, 2, 1):
        watch.effect("get_pte", (), result)
        watch.marker(Counter())
    assert watch.length == 0


def test_a_wait_forgets_everything() -> None:
    watch = SpinWatch()
    windows(watch, "x", "a", "a")
    watch.reset()
    assert windows(watch, "a", "a", "a") == [0, 0, 0]


def test_counters_and_numbers_of_handles_do_not_hide_a_spin() -> None:
    watch = SpinWatch()
    for n in range(5):
        watch.effect("count", ("min_flt",), n)
        watch.effect("userfaultfd_dequeue", (Wait(n),), None)
        watch.marker(Counter())
    assert watch.length == 1
