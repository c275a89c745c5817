"""The explorer against brute force: dependency traces, states, final states, broken rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pyemu import Scenario, Tree
from pyemu.explore.explorer import METHODS, Explorer
from pyemu.explore.kept import Kept
from pyemu.explore.moves import Moves
from pyemu.explore.search import Search, count_traces
from pyemu.sched.semantics import SEMANTICS
from tests.pyemu.explore.brute import Truth, Watched, every_schedule
from tests.pyemu.explore.tiny import TINY

TREE = Tree.after
N_STATES = 10_000


@pytest.fixture(params=TINY)
def scenario(request: pytest.FixtureRequest) -> Iterator[Scenario]:
    with TINY[request.param].installed() as found:
        yield found


def n_states(scenario: Scenario, **how: Any) -> int:
    search = Search(Moves(scenario, TREE), **how)
    for _ in search.run(N_STATES):
        pass
    assert search.finished
    return len(search.states)


def test_twelve_scenarios_and_four_with_a_queued_writer() -> None:
    assert len(TINY) >= 12
    assert sum(one.queued_writer and len(one.scripts) == 3 for one in TINY.values()) >= 4


def test_the_explorer_finds_what_brute_force_finds(scenario: Scenario) -> None:
    truth: Truth = every_schedule(lambda: Watched(scenario, TREE))
    assert count_traces(Moves(scenario, TREE), reduced=False) == truth.n_schedules
    assert count_traces(Moves(scenario, TREE)) == len(truth.traces)
    assert n_states(scenario, sleep_sets=False) == len(truth.states)
    found = {method: Explorer(scenario, TREE).run(method, N_STATES) for method in METHODS}
    for method, one in found.items():
        assert one.finished
        assert one.n_terminal == len(truth.ends), method
        broken = {
            (each.task, each.rule) for each in one.findings if each.rule not in ("hang", "SIGKILL waits")
        }
        assert broken == truth.broken, method
        assert one.endings.keys() == found["full"].endings.keys(), method
    assert found["sleep"].n_states == found["full"].n_states == len(truth.states)
    assert found["sleep"].n_moves <= found["full"].n_moves
    assert found["local"].n_states <= found["full"].n_states


def note_waiters(found: list[tuple[int, bool]], number: int, kept: Kept, able: tuple[int, ...]) -> None:
    found += kept.data["mmap_sem", 1].waiters


def test_a_writer_does_queue_and_a_lost_wake_up_is_lost() -> None:
    # What the scenarios are for: else they would compare nothing.
    for name, tiny in TINY.items():
        if not tiny.queued_writer:
            continue
        with tiny.installed() as scenario:
            moves, queued = Moves(scenario, TREE), list[tuple[int, bool]]()
            search = Search(moves, on_state=partial(note_waiters, queued))
            for _ in search.run(N_STATES):
                pass
        assert any(write for _, write in queued), name
    with TINY["a lost wake-up"].installed() as scenario:
        found = Explorer(scenario, TREE).run("sleep", N_STATES)
    assert {one.rule for one in found.findings} == {"lost wake-up", "hang"}


# A fault in the dependency relation: an operation forgets a kind of location in its footprint.
FAULTS = [
    ("two readers, a writer", "down_read", "mmap_sem"),
    ("two readers, a writer", "up_read", "mmap_sem"),
    ("two readers, a writer", "down_write", "state"),
    ("two writers, a reader", "up_write", "mmap_sem"),
    ("a killed reader behind a writer", "rwsem_wait", "signal"),
    ("a killed writer behind a reader", "send_signal", "signal"),
    ("trylock beside a queued writer", "down_read_trylock", "mmap_sem"),
    ("mapped, unmapped, looked at", "access", "pte"),
    ("mapped, unmapped, looked at", "zap_pte", "pte"),
    ("the lock of a page table", "spin_unlock", "ptl"),
    ("the lock of a page", "page_wait", "frame"),
    ("a killed waiter for a page", "send_signal", "state"),
    ("a post", "post", "posts"),
    ("a signal for a sleeper", "set_current_blocked", "sigpending"),
    ("SIGKILL for a sleeper", "set_current_state", "state"),
    ("a lost wake-up", "wake_userfault", "context"),
]


@pytest.mark.parametrize(("name", "op", "kind"), FAULTS)
def test_a_fault_in_the_dependency_relation_changes_a_count(
    name: str, op: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SEMANTICS[op]

    def forgets(*args: Any) -> tuple[list[Any], list[Any]]:
        reads, writes = right.footprint(*args)
        return [one for one in reads if one[0] != kind], [one for one in writes if one[0] != kind]

    with TINY[name].installed() as scenario:
        before = count_traces(Moves(scenario, TREE)), n_states(scenario)
        monkeypatch.setitem(SEMANTICS, op, replace(right, footprint=forgets))
        assert (count_traces(Moves(scenario, TREE)), n_states(scenario)) != before
