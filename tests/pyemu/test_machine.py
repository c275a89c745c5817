"""The machine as a whole: the numbers of the series' own table, results, and what a run promises."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyemu import COMPILED, Machine, Scenario, Tree, run
from pyemu.effects.handles import Vma, current
from pyemu.effects.locks import up_read
from pyemu.errors import FaultlabError, HandlerError, HardwareError
from pyemu.machine import Result
from pyemu.trace import Level
from tests.pyemu.scenes import COPY, READ, WAIT, Lab, monitor, pause, scene, send, task, victim

GOLDEN = Path(__file__).with_name("golden")
NINE = Tree.upto(10) - 9


def numbers(result: Result) -> tuple[Any, ...]:
    one = result.tasks["T"]
    return (
        one.outcome,
        one.stats["exceptions"],
        one.stats["attempts"],
        one.stats["messages_queued"],
        one.counters["maj_flt"],
        one.counters["min_flt"],
        one.stats["acquisitions"],
    )


# outcome, exceptions, attempts, messages, maj, min, acquisitions of mmap_sem
BUS = ("SIGBUS(code=2)", 1, 2, 1, 0, 0, 2)
NEWER = (*map(Tree.upto, (10, 11, 12, 13)), Tree.after, Tree.v5_7)
TABLE: dict[str, dict[Tree, tuple[Any, ...]]] = {
    "S13": {
        **dict.fromkeys((Tree.before, *map(Tree.upto, (8, 9, 10, 11, 12)), NINE), BUS),
        Tree.upto(13): ("ret=5", 1, 3, 2, 1, 0, 3),
        Tree.after: ("ret=5", 1, 3, 2, 1, 0, 3),
        Tree.v5_7: ("ret=5", 1, 3, 2, 1, 0, 3),
    },
    "S10a": {
        **dict.fromkeys((Tree.before, Tree.upto(8), Tree.upto(9)), ("ret=5", 2, 3, 2, 1, 1, 4)),
        **dict.fromkeys(NEWER, ("ret=5", 2, 3, 2, 1, 0, 3)),
        NINE: BUS,  # S10c: 10 without 9 kills the task
    },
    "S10b": {
        **dict.fromkeys((Tree.before, Tree.upto(8), Tree.upto(9)), ("ret=0", 2, 2, 1, 0, 2, 3)),
        **dict.fromkeys(NEWER, ("ret=0", 2, 2, 1, 0, 1, 2)),
    },
}
ROWS = [(name, tree, row) for name, rows in TABLE.items() for tree, row in rows.items()]


@pytest.mark.parametrize(("name", "tree", "row"), ROWS, ids=[f"{name}-{tree}" for name, tree, _ in ROWS])
def test_the_numbers_of_the_series_table(name: str, tree: Tree, row: tuple[Any, ...]) -> None:
    assert numbers(run(name, tree)) == row


def test_a_second_signal_leaves_again_and_each_exit_costs_an_exception() -> None:
    twice = scene(
        victim(),
        monitor(
            WAIT,
            *[step for _ in range(3) for step in (pause(50), send("SIGUSR1"))],
            pause(50),
            COPY,
        ),
    )
    for tree, minor in ((Tree.before, 3), (Tree.after, 0)):
        result = run(twice, tree, strict=True)
        one = result.tasks["T"]
        assert (one.stats["exceptions"], one.stats["handler_runs"], one.counters["min_flt"]) == (4, 3, minor)


@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
@pytest.mark.parametrize("how", ["ignored", "blocked", "default ignore"])
def test_a_signal_that_is_not_pending_changes_nothing(tree: Tree, how: str) -> None:
    table: dict[str, dict[str, Any]] = {
        "ignored": {"signals": {"SIGUSR1": "ignore"}},
        "blocked": {"signals": {"SIGUSR1": "handler"}, "blocked": ["SIGUSR1"]},
        "default ignore": {},
    }
    keys = table[how]
    signal = "SIGCHLD" if how == "default ignore" else "SIGUSR1"
    quiet = scene(task("T", READ, **keys), monitor(WAIT, pause(10), send(signal), pause(10), COPY))
    assert numbers(run(quiet, tree, strict=True)) == ("ret=5", 1, 2, 1, 1, 0, 2)


def test_n_wakes_cost_n_attempts_after_thirteen() -> None:
    wake = {"do": "wake", "area": "V", "page": 1}
    for n in (1, 2, 7):
        waits = scene(victim(), monitor(*[WAIT, pause(10), wake] * n, WAIT, COPY))
        assert numbers(run(waits, Tree.after, strict=True)) == ("ret=5", 1, n + 2, n + 1, 1, 0, n + 2)
        assert run(waits, Tree.before).tasks["T"].outcome == "SIGBUS(code=2)"


# ------------------------------------------------------------------------------------------ results


def test_a_result_says_what_happened_in_a_line() -> None:
    assert str(run("S13", Tree.before)) == "S13 on tree before: T: SIGBUS(code=2)"


def test_every_documented_statistic_is_there_even_when_it_is_zero() -> None:
    result = run("S13", Tree.after)
    for one in result.tasks.values():
        assert {
            *("exceptions", "attempts", "acquisitions", "messages", "messages_queued", "sleeps"),
            *("handler_runs", "stops", "spins"),
        } <= set(one.stats)
    assert result.tasks["T"].stats["handler_runs"] == 0
    assert set(result.vmstat) == {"pgfault", "pgmajfault"}


def test_a_result_can_not_be_changed() -> None:
    result = run("S13", Tree.after)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.end = "other"  # type: ignore[misc]


def test_broken_rules_stand_in_the_order_in_which_they_were_broken() -> None:
    async def handle_mm_fault(vma: Vma, address: int, flags: int) -> int:
        await up_read(await current.mm)
        return 0

    reads = [{"do": "read", "area": "V", "page": page} for page in range(3)]
    two = scene(
        task("T", pause(5), *reads, process="P"), task("U", *reads, process="P"), machine={"max_ticks": 500}
    )
    result = run(two, Tree.after, {"handle_mm_fault": handle_mm_fault})
    events = [(result.trace.task_name(e.task), e.a, e.b) for e in result.trace.select("violation")]
    assert [(one.task, one.rule, one.text) for one in result.violations] == events
    assert events[0][0] == "U"


def test_a_stop_is_no_sleep() -> None:
    stopped = scene(victim(), monitor(WAIT, send("SIGSTOP"), pause(50), send("SIGCONT"), pause(50), COPY))
    for tree in (Tree.before, Tree.after):
        stats = run(stopped, tree, strict=True).tasks["T"].stats
        assert (stats["sleeps"], stats["stops"]) == (2, 1)


def test_a_task_without_an_access_has_no_outcome() -> None:
    assert run("S13", Tree.after).tasks["M"].outcome == "none"


def test_the_default_tree_is_after() -> None:
    assert run("S13").trace.to_jsonl() == run("S13", Tree.after).trace.to_jsonl()


def test_a_machine_runs_once() -> None:
    machine = Machine("S13")
    machine.run()
    with pytest.raises(FaultlabError, match="has run already: make a new one"):
        machine.run()


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ({"do_user_addr_falt": lambda: None}, "there is no kernel function 'do_user_addr_falt' to replace"),
        ({"handle_mm_fault": lambda v, a, f: 0}, "is a plain function: write `async def"),
        ({"handle_mm_fault": 3}, "is a int, not a function|is of type int"),
    ],
    ids=["unknown", "not async", "no function"],
)
def test_an_override_that_does_not_fit_is_refused(override: dict[str, Any], says: str) -> None:
    with pytest.raises(HandlerError, match=says):
        run("S13", Tree.after, override)


def test_an_override_with_other_parameters_is_refused() -> None:
    async def handle_mm_fault(vma: Any, address: int) -> int:
        return 0

    with pytest.raises(HandlerError, match=r"takes \(vma, address\), the kernel calls it with"):
        run("S13", Tree.after, {"handle_mm_fault": handle_mm_fault})


def test_a_scenario_may_have_two_address_spaces_with_a_userfaultfd_each() -> None:
    two = Scenario.from_dict(
        {
            "version": 1,
            "name": "two",
            "title": "two served processes",
            "areas": [
                {"name": "V", "process": "P", "pages": 2, "userfaultfd": True},
                {"name": "W", "process": "Q", "pages": 2, "userfaultfd": True},
            ],
            "tasks": [
                task("T", READ, process="P"),
                task("U", {**READ, "area": "W"}, process="Q"),
                task("M", WAIT, {**COPY, "byte": 1}, monitor=True, serves="P"),
                task("N", WAIT, {**COPY, "area": "W", "byte": 2}, monitor=True, serves="Q"),
            ],
        }
    )
    result = run(two, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == ("ret=1", "ret=2")


# ------------------------------------------------------------------------------------------ determinism

TWINS = ["ref", *(["fast"] if COMPILED else [])]


@pytest.mark.parametrize("name", Scenario.library())
@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
def test_the_same_inputs_give_the_same_bytes(name: str, tree: Tree) -> None:
    first = run(name, tree).trace.to_jsonl()
    for twin in (*TWINS, *TWINS):
        assert run(name, tree, twin=twin).trace.to_jsonl() == first


@pytest.mark.skipif(not COMPILED, reason="this install has no compiled twin to compare with")
def test_a_longer_program_gives_the_same_bytes_on_both_twins() -> None:
    reads = [{"do": do, "area": "V", "page": (7 * n) % 64} for n in range(200) for do in ("read", "write")]
    gone = [{"do": "madvise_dontneed", "area": "V", "page": 3, "pages": 20}]
    busy = scene(
        victim(*reads[:200], *gone, *reads[200:]),
        area={"pages": 64, "userfaultfd": False},
        machine={"ram_pages": 1024},
    )
    ref, fast = run(busy, twin="ref"), run(busy, twin="fast")
    assert ref.trace.to_jsonl() == fast.trace.to_jsonl()


def test_an_unknown_twin_is_refused() -> None:
    with pytest.raises(HardwareError, match="'quick'"):
        run("S13", twin="quick")


EVERYTHING = """
import hashlib
from pyemu import Scenario, Tree, run
from tests.pyemu.scenes import COPY, WAIT, monitor, pause, scene, send, victim
spin = scene(victim(), monitor(WAIT, pause(10), send("SIGUSR1"), pause(500), COPY))
digest = hashlib.sha256()
for one in (*Scenario.library(), spin):
    for tree in (Tree.before, Tree.upto(13) - 9, Tree.after):
        result = run(one, tree)
        digest.update(result.trace.to_jsonl().encode())
        digest.update(repr((result.tasks, result.vmstat, result.violations, result.reports)).encode())
print(digest.hexdigest())
"""


def digest_with(seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_seed_of_pythons_hashes_changes_nothing() -> None:
    assert len({digest_with(seed) for seed in ("0", "1", "4242")}) == 1


def test_a_run_leaves_no_trace_in_the_next() -> None:
    alone = run("S10a", Tree.after).trace.to_jsonl()
    run("S13", Tree.before)
    run(scene(victim(), machine={"max_ticks": 10}), Tree.after)
    assert run("S10a", Tree.after).trace.to_jsonl() == alone


# ------------------------------------------------------------------------------------------ golden traces


@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
def test_the_trace_of_s13_is_the_golden_one(tree: Tree) -> None:
    """To renew after a wanted change: REGENERATE=1 pytest -k golden, and read the difference."""
    file = GOLDEN / f"S13-{tree}.txt"
    text = run("S13", tree).trace.text(Level.HARDWARE) + "\n"
    if os.environ.get("REGENERATE"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_a_lab_of_the_tests_leaves_nothing_behind() -> None:
    lab = Lab("T")
    lab.close()
    assert not lab.task("T").frames
