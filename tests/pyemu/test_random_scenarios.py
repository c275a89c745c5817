"""Random scenarios: on every prefix of the series the kernel keeps its rules, and the books balance."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Machine, Scenario, Tree, run
from pyemu.machine import Result
from pyemu.scenario.steps import MODES
from pyemu.trace import Trace

pages = st.integers(0, 3)
ticks = st.sampled_from([0, 1, 2, 5, 30, 1_000])
areas = st.sampled_from(["V", "W"])


def step(do: str, **keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"do": st.just(do), **keys})


signals = st.sampled_from(["SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGSTOP", "SIGCONT", "SIGALRM"])
victims = st.lists(
    st.one_of(
        step("read", area=areas, page=pages, offset=st.integers(0, 4095)),
        step("write", area=areas, page=pages, byte=st.integers(0, 255)),
        step("read", area=areas, page=pages),
        step("write", area=areas, page=pages),
        step("pause", ticks=ticks),
        step("madvise_dontneed", area=areas, page=pages),
        step("munmap", area=areas, page=pages),
        step("mmap_fixed", area=areas, page=pages),
        step("signal", task=st.sampled_from(["T", "U"]), signal=signals),
        step("tkill", task=st.sampled_from(["T", "U"]), signal=signals),
        step("block", signal=signals),
        step("unblock", signal=signals),
        step("setitimer", ticks=ticks, interval=ticks, count=st.integers(1, 3)),
    ),
    max_size=6,
)
monitors = st.lists(
    st.one_of(
        step("wait_message"),
        step("copy", area=areas, page=pages, wake=st.booleans()),
        step("copy", area=areas, page=pages),
        step("copy", area=areas, page=pages, protect=st.booleans(), wake=st.booleans()),
        step("zeropage", area=areas, page=pages, wake=st.booleans()),
        step("writeprotect", area=areas, page=pages, protect=st.booleans(), wake=st.booleans()),
        step("register", area=areas, page=pages, pages=st.just(1), mode=st.sampled_from(sorted(MODES))),
        step("wake", area=areas, page=pages),
        step("poll", ticks=ticks),
        step("pause", ticks=ticks),
        step("unregister", area=areas, page=pages, pages=st.just(1)),
        step("close"),
        step("signal", task=st.sampled_from(["T", "U"]), signal=st.one_of(signals, st.just("SIGKILL"))),
        step("sample", task=st.sampled_from(["T", "U"])),
    ),
    max_size=10,
)
ASKED = {"SIGUSR1": "handler", "SIGALRM": "restart", "SIGSEGV": "escape", "SIGBUS": "escape"}


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    other = {
        "userfaultfd": draw(st.sampled_from([False, True, "missing", "wp", "missing+wp"])),
        "prot": draw(st.sampled_from(["r", "rw"])),
    }
    # The last word: whatever still waits is served, continued, or killed.
    last: list[dict[str, Any]] = [
        {"do": "pause", "ticks": 50},
        *[{"do": "signal", "task": task, "signal": "SIGCONT"} for task in ("T", "U")],
        {"do": "pause", "ticks": 50},
        {"do": "close"},
        {"do": "pause", "ticks": 50},
        {"do": "signal", "task": "T", "signal": "SIGKILL"},
        {"do": "signal", "task": "U", "signal": "SIGKILL"},
    ]
    return Scenario.from_dict(
        {
            "version": 1,
            "name": "random",
            "title": "whatever comes",
            "machine": {"n_cpus": draw(st.integers(1, 3)), "preemption": draw(st.booleans())},
            "areas": [
                {"name": "V", "process": "P", "pages": 4, "populated": [0], "userfaultfd": True},
                {"name": "W", "process": "P", "pages": 4, **other},
            ],
            "tasks": [
                {"name": "T", "process": "P", "signals": ASKED, "program": draw(victims)},
                {"name": "U", "process": "P", "blocked": ["SIGUSR1"], "program": draw(victims)},
                {"name": "M", "monitor": True, "program": [*draw(monitors), *last]},
            ],
        }
    )


def check(scenario: Scenario, tree: Tree) -> None:
    result = run(scenario, tree)
    assert result.violations == ()
    assert result.findings == ()
    if result.end == "hang":  # the monitor may wait for a message that never comes
        assert "M waits in sys_poll" in result.end_text
    else:
        assert result.end == "done"
    balance(result)


def balance(result: Result) -> None:
    """Counts of the trace, of the statistics and of the counters agree."""
    kinds = {name: Counter(event.kind for event in result.trace.select(task=name)) for name in result.tasks}
    for name, one in result.tasks.items():
        seen, stats, counters = kinds[name], one.stats, one.counters
        assert stats["exceptions"] == seen["exception"] == counters["page-faults"]
        assert stats["attempts"] == seen["attempt"]
        assert stats["accesses"] == seen["access"] == seen["exception"] + seen["value"]
        assert stats["acquisitions"] == seen["lock_taken"] + seen["lock_granted"]
        assert stats["messages_queued"] == seen["message"]
        assert stats["messages"] == seen["message_read"]
        assert counters["min_flt"] == counters["minor-faults"]
        assert counters["maj_flt"] == counters["major-faults"]
        assert counters["min_flt"] + counters["maj_flt"] <= stats["exceptions"]
        if result.end == "done" and name != "M":
            assert stats["acquisitions"] == seen["lock_dropped"]
            assert seen["call"] >= seen["return"]
    assert result.vmstat["pgfault"] == sum(one.stats["attempts"] for one in result.tasks.values())
    read = sum(one.stats["messages"] for one in result.tasks.values())
    assert read <= sum(one.stats["messages_queued"] for one in result.tasks.values())
    times = [event.t for event in result.trace]
    assert times == sorted(times)
    steps = [event.step for event in result.trace]
    assert steps == sorted(steps)
    assert Trace.from_jsonl(result.trace.to_jsonl()).to_jsonl() == result.trace.to_jsonl()


@settings(max_examples=150)
@given(scenarios(), st.integers(0, 16))
def test_every_prefix_of_the_series_keeps_its_rules_in_random_scenarios(scenario: Scenario, n: int) -> None:
    check(scenario, Tree.upto(n))


@pytest.mark.long
@settings(max_examples=2_000)
@given(scenarios(), st.integers(0, 16))
def test_every_prefix_keeps_its_rules_in_many_random_scenarios(scenario: Scenario, n: int) -> None:
    check(scenario, Tree.upto(n))


@settings(max_examples=40)
@given(scenarios())
def test_random_scenarios_give_the_same_bytes_twice_and_watched(scenario: Scenario) -> None:
    first = run(scenario).trace.to_jsonl()
    assert run(scenario).trace.to_jsonl() == first
    assert Machine(scenario, observer=lambda *_: None).run().trace.to_jsonl() == first
