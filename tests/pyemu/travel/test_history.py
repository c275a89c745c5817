"""Time travel: after each step, forwards and backwards, the state is what a run up to there has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import Machine, Scenario, Tree, run
from pyemu.errors import FaultlabError
from pyemu.hw import x86
from pyemu.sched.semantics import World
from pyemu.sched.timed import Limits, TimedRun
from pyemu.travel import History, Snapshot, record
from pyemu.travel.log import LEAST_BETWEEN, MISSING
from tests.pyemu.scenes import V1, V, scene, victim
from tests.pyemu.test_memory_model import PROGRAMS, TREES, Step
from tests.pyemu.test_memory_model import scenario as memory
from tests.pyemu.test_random_scenarios import scenarios


class Watched(World):
    """A world that somebody looks at whenever a step ends. It knows nothing of logs."""

    on_step: Callable[[World], None]

    @property
    def step(self) -> int:
        return self.number

    @step.setter
    def step(self, number: int) -> None:
        self.on_step(self)
        self.number = number


def watch(scenario: Scenario | str, tree: Tree, look: Callable[[World], None]) -> None:
    """Run without a history, and look at the world after each step."""
    chosen = Scenario.load(scenario) if isinstance(scenario, str) else scenario
    machine, limits = Machine(chosen, tree), chosen.machine
    world = machine.world
    number = world.__dict__.pop("step")
    world.__dict__.update(on_step=look, number=number)
    world.__class__ = Watched
    TimedRun(machine.executor, Limits(limits.n_cpus, limits.preemption, limits.max_ticks)).run()
    look(world)
    for one in world.tasks.values():
        while one.frames:
            one.frames.pop().close()


FIELDS = ("name", "cpu", "attempt", "asleep", "stopped", "ended", "killed_by")


def seen(snapshot: Snapshot) -> tuple[Any, ...]:
    """What a snapshot says: everything that can be compared with a live world."""
    tasks = [
        [*(getattr(one, name) for name in FIELDS), one.stack, one.next, one.state]
        for one in snapshot.tasks.values()
    ]
    tlbs = {place[1:]: held for place, held in snapshot.values.items() if place[0] == "tlb" and held}
    return snapshot.step, snapshot.clock, snapshot.shared, snapshot.ram, tasks, tlbs


def of(world: World) -> tuple[Any, ...]:
    """The same of a live world, read from its own objects."""
    tasks = [
        [
            *(getattr(one, name) for name in FIELDS),
            tuple(name for name, _ in one.frame_args),
            one.pending.op if one.pending is not None else "",
            world.state.data.get(("state", one.id), 0),
        ]
        for one in world.tasks.values()
    ]
    tlbs = {
        (cpu, level, number): entries
        for cpu, mmu in enumerate(world.state.mmus)
        for level, arrays in zip(("L1", "L2"), mmu.tlb_entries(), strict=False)
        for array in arrays
        for number, entries in enumerate(array.sets)
        if entries
    }
    return world.step, world.clock, world.state.data, bytes(world.state.ram), tasks, tlbs


def unlike(snapshot: Snapshot, world: World) -> list[str]:
    """Which parts differ; the parts themselves are too long to read."""
    parts = ("step", "clock", "shared", "ram", "tasks", "tlbs")
    return [name for name, one, other in zip(parts, seen(snapshot), of(world), strict=True) if one != other]


def changed(one: Snapshot, other: Snapshot) -> list[Any]:
    """The locations at which two snapshots differ."""
    places = {*one.values, *other.values}
    return [place for place in places if one.get(place, MISSING) != other.get(place, MISSING)]


def check(history: History, scenario: Scenario | str, tree: Tree) -> None:
    """Compare a history with a run of its own: forwards, by jumps, and backwards from the end."""
    cursor, kept = history.cursor(), []

    def look(world: World) -> None:
        if world.step:
            cursor.forward()
        kept.append(cursor.now())
        assert unlike(kept[-1], world) == []
        hash(tuple(kept[-1].values.items()))  # so nothing that is kept can change behind our back

    watch(scenario, tree, look)
    assert len(kept) == history.last + 1
    for step in range(history.last, -1, -1):
        assert changed(cursor.now(), kept[step]) == []
        assert changed(history.at(step), kept[step]) == []
        if step:
            cursor.back()
    for step in range(0, history.last + 1, 7):
        cursor.seek(step * 31 % (history.last + 1))
        assert changed(cursor.now(), kept[cursor.step]) == []


@settings(max_examples=50)
@given(scenarios(), st.integers(0, 16))
def test_the_state_after_every_step_of_random_scenarios_is_that_of_a_run_up_to_there(
    scenario: Scenario, n: int
) -> None:
    tree = Tree.upto(n)
    result = run(scenario, tree, history=True)
    assert result.trace.to_jsonl() == run(scenario, tree).trace.to_jsonl()
    check(result.history, scenario, tree)


@pytest.mark.parametrize("name", Scenario.library())
def test_the_state_after_every_step_of_the_library_is_that_of_a_run_up_to_there(name: str) -> None:
    check(run(name, Tree.after, history=True).history, name, Tree.after)


@settings(max_examples=15)
@given(PROGRAMS, PROGRAMS, PROGRAMS, PROGRAMS, st.booleans(), st.sampled_from(TREES))
def test_disks_copied_pages_and_children_are_followed_too(
    parent: list[Step], child: list[Step], rest: list[Step], thread: list[Step], cached: bool, tree: Tree
) -> None:
    made = memory(parent, child, rest, cached=cached, thread=thread)
    together = replace(made, machine=replace(made.machine, ram_pages=80))  # RAM is compared at each step
    check(run(together, tree, history=True).history, together, tree)


COPIES = scene(
    victim({"do": "write", "area": "V", "page": 0, "byte": 7}, {"do": "read_zero", "area": "V", "pages": 3}),
    area={"userfaultfd": False},
)


def test_copies_of_kernel_code_are_followed_too() -> None:
    history = run(COPIES, Tree.after, history=True).history
    check(history, COPIES, Tree.after)
    shown = [history.at(step).byte(1, V) for step in range(history.last + 1)]
    assert [byte for byte, before in zip(shown, [0, *shown], strict=False) if byte != before] == [
        None,
        0,
        7,
        0,
    ]


# ------------------------------------------------------------------------------------ it can fail


def spoiled(spoil: Callable[[Any], None]) -> History:
    result = run("S13", Tree.after, history=True)
    spoil(result.history._log)
    return result.history


def changes(log: Any) -> list[int]:
    """Writes of steps from 1 on that change something."""
    return [i for i in range(log.ends[1], len(log.news)) if log.olds[i] != log.news[i]]


@pytest.mark.parametrize("nth", range(0, 100, 9))
def test_a_write_that_the_log_lacks_is_found(nth: int) -> None:
    def drop(log: Any) -> None:
        place = changes(log)[nth]
        log.news[place] = log.olds[place] if log.olds[place] is not MISSING else None

    with pytest.raises(AssertionError):
        check(spoiled(drop), "S13", Tree.after)


@pytest.mark.parametrize("nth", range(0, 100, 9))
def test_a_wrong_old_value_is_found(nth: int) -> None:
    def falsify(log: Any) -> None:
        place = changes(log)[nth]
        log.olds[place] = log.news[place]

    with pytest.raises(AssertionError):
        check(spoiled(falsify), "S13", Tree.after)


@pytest.mark.parametrize("way", ["set", "store", "set_entry", "access"])
def test_a_way_to_change_the_state_that_is_not_logged_is_found(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(record.LoggedState, way)
    with pytest.raises((AssertionError, KeyError)):
        check(run("S13", Tree.after, history=True).history, "S13", Tree.after)


def test_a_key_frame_with_a_wrong_value_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def falsify(log: Any) -> None:
        (_, first), *others = log.frames
        assert first == {}
        others[0][1]["clock",] += 1

    with pytest.raises(AssertionError):
        check(spoiled(falsify), "S13", Tree.after)


# ------------------------------------------------------------------------------------ what it says


def test_a_snapshot_tells_what_a_task_does() -> None:
    history = run("S13", Tree.after, history=True).history
    asleep = [step for step in range(history.last + 1) if history.at(step).task("T").asleep]
    now = history.at(asleep[0])
    victim = now.task("T")
    assert victim.stack == (
        *("do_page_fault", "do_user_addr_fault", "handle_mm_fault"),
        *("do_anonymous_page", "handle_userfault"),
    )
    assert (victim.next, victim.attempt, victim.ended) == ("schedule", 1, False)
    assert victim.calls[2][1][1] == V1
    assert now.get(("mmap_sem", 1)).readers == ()
    assert now.pte(1, V1) == 0
    assert now.byte(1, V1) is None
    assert list(now.tasks) == ["T", "M"]
    end = history.at(history.last)
    assert end.task("T").ended
    assert end.pte(1, V1) & (x86.P | x86.A) == x86.P | x86.A
    assert end.byte(1, V1) == end.page((end.pte(1, V1) & x86.ADDRESS) >> 12)[0] == 5


def test_the_writes_of_a_step_lead_from_one_state_to_the_next() -> None:
    history = run("S13", Tree.after, history=True).history
    values = dict(history.at(0).values)
    for step in range(1, history.last + 1):
        for write in history.writes(step):
            assert values.get(write.location, MISSING) == write.old
            values[write.location] = write.new
        assert history.at(step).values == values


def test_what_was_given_out_stays_as_it_was() -> None:
    cursor = run("S13", Tree.after, history=True).history.cursor()
    first = cursor.now()
    kept = dict(first.values)
    cursor.seek(100)
    assert first.values == kept != cursor.now().values
    assert cursor.get(("clock",)) == cursor.now().clock > first.clock
    with pytest.raises(TypeError):
        first.values[("clock",)] = 1  # type: ignore[index]  # that is the point


def test_key_frames_take_no_more_room_than_the_log() -> None:
    steps = [{"do": do, "area": "V", "page": 1} for _ in range(60) for do in ("write", "madvise_dontneed")]
    many = {"userfaultfd": False, "pages": 400, "populated": list(range(400))}
    long = scene(victim(*steps), area=many, machine={"ram_pages": 512})
    history = run(long, history=True).history
    log = history._log
    assert len(log.now) > LEAST_BETWEEN
    assert len(log.frames) > 4
    assert sum(len(values) for _, values in log.frames) <= len(log.news)
    places = [*history._frames[1:], len(log.news)]  # building the machine is one long step
    longest = max(len(history.writes(step)) for step in range(1, history.last + 1))
    for place, after in pairwise(places):
        assert after - place < max(LEAST_BETWEEN, len(log.now)) + longest


@pytest.mark.parametrize("step", [-1, 1 << 20, "3", True, None, 1.0])
def test_a_step_that_does_not_exist_is_refused_in_words(step: Any) -> None:
    history = run("S13", Tree.after, history=True).history
    cursor = history.cursor(7)
    for ask in (history.at, history.writes, history.cursor, cursor.seek):
        with pytest.raises(
            FaultlabError, match=rf"step {step!r} does not exist: .* steps 0 to {history.last}\."
        ):
            ask(step)
    assert cursor.step == 7
    assert cursor.now() == history.at(7)


def test_a_cursor_stops_at_both_ends() -> None:
    history = run("S13", Tree.after, history=True).history
    with pytest.raises(FaultlabError, match="step -1 does not exist"):
        history.cursor().back()
    with pytest.raises(FaultlabError, match=f"step {history.last + 1} does not exist"):
        history.cursor(history.last).forward()


def test_what_a_snapshot_lacks_is_refused_in_words() -> None:
    now = run("S13", Tree.after, history=True).history.at(3)
    with pytest.raises(FaultlabError, match="task 'X' is not in this run: its tasks are T, M"):
        now.task("X")
    with pytest.raises(FaultlabError, match="address space 9 does not exist: there are 1"):
        now.pte(9, V)
    for pfn in (-1, 1 << 20):
        with pytest.raises(FaultlabError, match=f"frame {pfn} does not exist: RAM has frames 0 to "):
            now.page(pfn)


def test_a_run_that_kept_no_history_says_how_to_keep_it() -> None:
    with pytest.raises(FaultlabError, match=r"S13 on tree after .* run\(\.\.\., history=True\)"):
        _ = run("S13", Tree.after).history
