"""What the explorer finds: the known bugs with their shortest schedules, circles by kind, ends, budgets."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree
from pyemu.calls.userfaultfd import userfaultfd_must_wait
from pyemu.effects.handles import Vma
from pyemu.effects.locks import up_read
from pyemu.effects.sleeping import schedule, set_current_state
from pyemu.effects.uffd import userfaultfd_dequeue, userfaultfd_queue, wake_up_poll
from pyemu.errors import FaultlabError
from pyemu.explore import Exploration, explore, replay
from pyemu.explore.explorer import METHODS
from pyemu.explore.findings import shown
from pyemu.flags import PAGE_MASK, TASK_KILLABLE, TASK_RUNNING, VM_FAULT_RETRY
from tests.pyemu.scenes import CATCH, COPY, READ, WAIT, WAKE, monitor, pause, scene, send, task, victim

FIXED = "v5_7+B5"
LARGE = ("B1", "S15b", "signal-storm")  # too large for every run of the tests: see test_large.py


def on(scenario: str | Scenario, tree: str, *args: Any, **how: Any) -> Exploration:
    return explore(scenario, Tree.parse(tree), *args, **how)


# ------------------------------------------------------------------------------------ known bugs

# Scenario, tree with the bug, tree without it, what is found, in how many moves.
KNOWN = [
    ("syzbot-2017", "before", "upto10", "use after free", 41),
    ("S10b", "upto9", "upto10", "dangling vma", 40),
    ("S10c", "upto10-9", "upto10", "SIGBUS", 34),
    ("S12", "upto13", "upto11", "spin", 27),
    ("12-and-13", "upto13", FIXED, "spin", 26),
    ("S13", "upto12", "upto13", "SIGBUS", 37),
    ("W1", "upto12", "upto13", "SIGBUS", 49),
    ("W2", "upto12", "upto13", "SIGBUS", 41),
    ("S15", "upto14", "upto15", "SIGKILL waits", 43),
    ("B2", "after", "after+B2", "page never got", 37),
    ("B2'", "after", "after+B2'", "page never got", 24),
    ("B3", "after", "after+B3", "page never got", 51),
    ("B5", "v5_7", FIXED, "hang", 44),
]


@pytest.mark.parametrize(("scenario", "tree", "mended", "rule", "n_moves"), KNOWN)
def test_a_known_bug_is_found_by_its_shortest_schedule(
    scenario: str, tree: str, mended: str, rule: str, n_moves: int
) -> None:
    found = on(scenario, tree)
    assert found.finished
    bug = found.finding(rule)
    assert bug is not None
    assert len(bug.schedule) == n_moves
    mends = on(scenario, mended)
    assert mends.finished
    assert mends.finding(rule) is None


@pytest.mark.parametrize(
    ("scenario", "tree"), [("S10c", "upto10-9"), ("B2", "after"), ("12-and-13", "upto13")]
)
def test_no_method_finds_another_schedule_that_is_shorter(scenario: str, tree: str) -> None:
    full, sleep, local = (on(scenario, tree, method=method) for method in ("full", "sleep", "local"))
    assert (full.n_states, full.n_terminal) == (sleep.n_states, sleep.n_terminal)
    assert local.n_states < full.n_states
    lengths = [{one.rule: len(one.schedule) for one in found.findings} for found in (full, sleep, local)]
    assert lengths[0] == lengths[1]
    assert lengths[0].keys() == lengths[2].keys()
    assert all(lengths[0][rule] <= length for rule, length in lengths[2].items())
    assert full.endings.keys() == sleep.endings.keys() == local.endings.keys()


async def looks_before_it_queues(vma: Vma, address: int, flags: int, reason: int) -> int:
    mm = await vma.vm_mm
    context = await vma.vm_userfaultfd_ctx
    must_wait = await userfaultfd_must_wait(mm, address, reason)  # too early: who comes now wakes nobody
    wait = await userfaultfd_queue(context, address & PAGE_MASK, 0, TASK_KILLABLE)
    await up_read(mm)
    if must_wait:
        await wake_up_poll(context)
        await schedule()
    await set_current_state(TASK_RUNNING)
    await userfaultfd_dequeue(wait)
    return int(VM_FAULT_RETRY)


def test_a_lost_wake_up_is_found() -> None:
    asked = scene(victim(READ), monitor(COPY), area={"populated": [0]})
    override = {"handle_userfault": looks_before_it_queues}
    found = on(asked, "after", override)
    lost = found.finding("lost wake-up")
    assert lost is not None
    assert lost.schedule.count("M") > 2  # the page comes between the look and the queue
    assert found.finding("hang") is not None
    # A timed run sees nothing of it.
    assert replay(asked, Tree.after, lost, override).violations[0].rule == "lost wake-up"
    assert on(asked, "after").violations == ()


# ------------------------------------------------------------------------------------ the library


@pytest.mark.parametrize("name", [name for name in Scenario.library() if name not in LARGE])
def test_the_kernel_as_mended_breaks_nothing_that_its_scenario_does_not_permit(name: str) -> None:
    found = on(name, FIXED)
    assert found.finished
    assert found.violations == ()


# ------------------------------------------------------------------------------------ replaying


@pytest.mark.parametrize(
    ("scenario", "tree"), [("S10b", "upto9"), ("S12", "upto13"), ("S13", "upto12"), ("B5", "v5_7")]
)
def test_what_was_found_is_replayed_byte_for_byte(scenario: str, tree: str) -> None:
    found = on(scenario, tree)
    assert found.findings
    for one in found.findings:
        first, again = (replay(scenario, Tree.parse(tree), one) for _ in range(2))
        assert first.trace.to_jsonl() == again.trace.to_jsonl()
        text = shown((*one.schedule, *one.circle * 3))
        assert replay(scenario, Tree.parse(tree), text).trace.to_jsonl() == first.trace.to_jsonl()
        broken = {violation.rule for violation in first.violations}
        if one.rule == "SIGBUS":
            assert first.tasks[one.task].outcome.startswith("SIGBUS")
        elif one.circle:
            assert first.end == "stopped"
            assert len({event.text for event in first.trace if event.kind == "attempt"}) < len(one.circle)
        elif one.rule == "hang":
            assert first.end == "hang"
        else:
            assert one.rule in broken


def test_every_ending_is_replayed() -> None:
    found = on("S9", "after")
    assert len(found.endings) > 1
    for ending, schedule_ in found.endings.items():
        result = replay("S9", Tree.after, schedule_)
        for name, seen in ending.tasks:
            assert result.tasks[name].outcomes == tuple(one for one in seen if " " not in one)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("T X", "move 2 of the schedule is X's, who is no task of it."),
        ("M*5", "is M's, who can't move then; who can: T."),
        ("T*0", "'T*0' in a schedule: after * stands how often the task moves"),
        ("T*x", "'T*x' in a schedule"),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(FaultlabError) as error:
        replay("S13", Tree.after, text)
    assert message in str(error.value)


# ------------------------------------------------------------------------------------ circles and ends


def test_circles_are_told_apart() -> None:
    spin = on("S12", "upto13").finding("spin")
    assert spin is not None
    assert set(spin.circle) == {"T"}
    hang = on("B5", "v5_7").finding("hang")
    assert hang is not None
    assert "keeps the only CPU" in hang.text
    # Nobody is left who could bring the page: the same circle is a livelock.
    copies = {"do": "tmpfs_write", "area": "V", "page": 1}
    alone = scene(victim(copies), monitor(send("SIGUSR1")), area={"populated": [0]})
    livelock = on(alone, "upto13").finding("livelock")
    assert livelock is not None
    assert livelock.circle
    assert livelock.schedule.count("M") == 3  # all that M ever does
    assert on(alone, "upto11").finding("livelock") is None


def test_two_that_go_round_beside_each_other_are_a_livelock() -> None:
    copies = {"do": "tmpfs_write", "area": "V", "page": 1}
    tells = [{"do": "tkill", "task": name, "signal": "SIGUSR1"} for name in ("T", "U")]
    two = (victim(copies), task("U", copies, process="T", signals=CATCH))
    found = on(scene(*two, monitor(*tells)), "upto13")
    assert "T, U" in {one.task for one in found.findings if one.rule == "livelock"}
    # One that can still be ended by the other is none.
    found = on(scene(*two, monitor(tells[0], COPY)), "upto13")
    assert found.finding("spin") is not None
    assert found.finding("livelock") is None


def test_who_waits_for_ever_hangs() -> None:
    found = on(scene(victim(READ), monitor(WAIT)), "after")
    hang = found.finding("hang")
    assert hang is not None
    assert "handle_userfault" in hang.text
    assert [str(one) for one in found.endings] == ["T: never ends"]


def test_a_signal_that_is_lost_is_found_where_it_is_lost() -> None:
    from pyemu.effects.handles import current
    from pyemu.effects.signals import flush_signals, signal_pending

    async def forgets(bits: int, regs: Any) -> bool:
        if await signal_pending(current):
            await flush_signals(current)
        return False

    asked = scene(victim(READ), monitor(WAIT, send("SIGUSR1"), COPY))
    found = on(asked, "v5_7", {"fault_signal_pending": forgets})
    assert found.finding("lost signal") is not None


def test_time_may_pass_at_any_moment() -> None:
    # In a timed run M comes second; here either order is possible.
    asked = scene(victim(READ), monitor(pause(1_000), COPY), area={"populated": [0]})
    found = on(asked, "after")
    attempts = {replay(asked, Tree.after, one).tasks["T"].stats["attempts"] for one in found.endings.values()}
    assert found.finished
    assert attempts
    early = replay(asked, Tree.after, next(iter(found.endings.values())))
    assert early.end == "done"


# ------------------------------------------------------------------------------------ budgets and input


def test_a_budget_that_ends_proves_nothing() -> None:
    found = on("S13", "after", max_states=100)
    assert not found.finished
    assert 100 <= found.n_states < 110
    assert "not finished" in found.verdict
    assert "nothing is proven" in found.verdict


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    on("S13", "after", progress=lambda *one: told.append(one))
    assert told
    assert all(n > 0 for n, _ in told)


@pytest.mark.parametrize("how", [{"max_states": 0}, {"method": "guess"}])
def test_bad_input_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(FaultlabError):
        on("S13", "after", **how)


def test_the_same_exploration_again_gives_the_same() -> None:
    for method in METHODS:
        assert on("B2", "after", method=method) == on("B2", "after", method=method)


def test_a_wake_without_a_page_is_no_circle() -> None:
    found = on(scene(victim(READ), monitor(WAIT, WAKE, WAIT, COPY), area={"populated": [0]}), FIXED)
    assert found.n_circles == 0
