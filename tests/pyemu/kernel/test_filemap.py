"""filemap_fault: what is read, who waits for what, and what the next attempt finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.calls.filemap import filemap_fault
from pyemu.effects.areas import find_vma
from pyemu.effects.handles import Mm
from pyemu.effects.locks import down_read
from pyemu.effects.records import Found
from pyemu.flags import (
    FAULT_FLAG_ALLOW_RETRY,
    FAULT_FLAG_KILLABLE,
    FAULT_FLAG_RETRY_NOWAIT,
    FAULT_FLAG_TRIED,
    VM_FAULT_LOCKED,
    VM_FAULT_MAJOR,
    VM_FAULT_RETRY,
)
from pyemu.machine import Result
from pyemu.state import State
from tests.pyemu.scenes import PAGE, Lab, V, drive, monitor, pause, plain, scene, send, task, victim

OLD, NEW = Tree.before, Tree.v5_7
TREES = [OLD, Tree.upto(9), Tree.upto(12), NEW]
FIRST = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE


def read(page: int = 1) -> dict[str, Any]:
    return {"do": "read", "area": "V", "page": page}


def mapped(*tasks: Mapping[str, Any], area: Mapping[str, Any] | None = None, **file: Any) -> Scenario:
    """A shared, read-only mapping of a file of 64 pages, and these tasks."""
    here = {"pages": 64, "prot": "r", "file": "F", "shared": True, "userfaultfd": False, **(area or {})}
    files = [{"name": "F", "pages": 64, "io_ticks": 1000, **file}]
    return Scenario.from_dict(plain(*map(dict, tasks), area=here, files=files))


def cached(state: State) -> list[int]:
    """Which pages of the file are in memory."""
    places = (place for place, pfn in state.data.items() if place[0] == "cache" and pfn is not None)
    return sorted(place[2] for place in places)


def ran(scenario: Scenario, tree: Tree = NEW) -> tuple[Result, State]:
    machine = Machine(scenario, tree)
    return machine.run(strict=True), machine.world.state


def counts(result: Result, name: str = "T") -> tuple[int, int, int, int]:
    """Attempts, major and minor faults of a task, and pgmajfault."""
    one = result.tasks[name]
    return (
        one.stats["attempts"],
        one.counters["maj_flt"],
        one.counters["min_flt"],
        result.vmstat["pgmajfault"],
    )


# ------------------------------------------------------------------------------------ what is read


@pytest.mark.parametrize("tree", TREES, ids=str)
@pytest.mark.parametrize("random", [False, True], ids=["readahead", "random"])
def test_a_cold_page_takes_two_attempts_and_is_major(tree: Tree, random: bool) -> None:
    result, _ = ran(mapped(victim(read()), area={"random": random}), tree)
    assert result.tasks["T"].outcome == "ret=1"
    assert counts(result) == (2, 1, 0, 1)
    assert result.tasks["T"].stats["acquisitions"] == 2


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_cached_page_takes_one_attempt_and_is_minor(tree: Tree) -> None:
    result, _ = ran(mapped(victim(read()), cached=True), tree)
    assert counts(result) == (1, 0, 1, 0)
    assert result.ticks < 1000


WINDOWS = {  # page read -> pages in memory afterwards, and the one that is marked
    "in the middle": (20, 32, range(4, 36), 28),
    "at the start": (3, 32, range(32), 24),
    "at the end": (60, 32, range(44, 64), None),
    "a small window": (20, 8, range(16, 24), 22),
    "one page": (20, 1, range(20, 21), None),
    "none": (20, 0, range(20, 21), None),
}


@pytest.mark.parametrize(("page", "size", "pages", "marked"), WINDOWS.values(), ids=WINDOWS)
def test_the_pages_around_a_missing_one_are_read(
    page: int, size: int, pages: range, marked: int | None
) -> None:
    result, state = ran(mapped(victim(read(page)), read_ahead=size))
    assert cached(state) == list(pages)
    ahead = [one for one in pages if state.data["frame", state.data["cache", 1, one]].ahead]
    assert ahead == ([] if marked is None else [marked])
    assert len(result.trace.select("disk", task="T")) == 1


def test_random_access_reads_nothing_ahead() -> None:
    _, state = ran(mapped(victim(read(20)), area={"random": True}))
    assert cached(state) == [20]


def test_pages_that_are_there_split_the_request() -> None:
    result, state = ran(mapped(victim(read(20)), cached=[10, 11, 30]))
    assert cached(state) == list(range(4, 36))
    asked = [str(event.b) for event in result.trace.select("disk", task="T")]
    assert asked == [f"is asked to read pages {one} of F" for one in ("4 to 9", "12 to 29", "31 to 35")]


def test_who_meets_the_marked_page_has_the_next_window_read_and_comes_back_for_it() -> None:
    result, state = ran(mapped(victim(read(20), pause(2000), read(28))))
    assert cached(state) == list(range(4, 64))
    # The second fault finds its page, drops the lock for the readahead, and is retried all the same.
    assert counts(result) == (2 + 2, 1, 1, 1)
    assert not state.data["frame", state.data["cache", 1, 28]].ahead


def test_the_marked_page_asks_once() -> None:
    result, _ = ran(mapped(victim(read(20), pause(2000), read(28), {"do": "munmap", "area": "V"}, read(29))))
    assert len(result.trace.select("disk", task="T")) == 2


def test_with_random_access_a_mark_means_nothing() -> None:
    scenario = mapped(victim(read(20), pause(2000), read(28)), area={"random": True}, cached=[28])
    machine = Machine(scenario, NEW)
    place = ("frame", machine.world.state.data["cache", 1, 28])
    machine.world.state.data[place] = replace(machine.world.state.data[place], ahead=True)
    assert len(machine.run(strict=True).trace.select("disk", task="T")) == 1


def test_the_page_holds_what_the_disk_holds() -> None:
    result, _ = ran(mapped(victim(read()), byte=77))
    assert result.tasks["T"].outcome == "ret=77"


# ------------------------------------------------------------------------------------ who waits


def test_the_fault_lasts_as_long_as_the_disk() -> None:
    result, _ = ran(mapped(victim(read())))
    assert [event.t for event in result.trace.select("value")] == [1002]  # two attempts, a tick each


def test_who_comes_while_a_page_is_read_waits_for_it_and_counts_minor() -> None:
    two = mapped(
        victim(read(), process="P"), task("U", pause(500), read(), process="P"), area={"process": "P"}
    )
    result, _ = ran(two)
    assert [result.tasks[name].outcome for name in "TU"] == ["ret=1", "ret=1"]
    assert counts(result, "T") == (2, 1, 0, 1)
    assert counts(result, "U") == (2, 0, 1, 1)


def test_two_tasks_that_miss_one_page_at_once_read_each_page_once() -> None:
    two = mapped(victim(read(), process="P"), task("U", read(), process="P"), area={"process": "P"})
    result, state = ran(two)
    assert [result.tasks[name].outcome for name in "TU"] == ["ret=1", "ret=1"]
    assert result.vmstat["pgmajfault"] == 2  # each found the cache empty
    added = [str(event.b) for event in result.trace.select("cache")]
    assert len(added) == len(set(added)) == len(cached(state)) == 32


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_page_that_somebody_holds_is_waited_for_without_mmap_sem(tree: Tree) -> None:
    scenario = mapped(
        victim(pause(10), read(), process="P"),
        task("H", {"do": "hold_page", "file": "F", "page": 1, "ticks": 500}, process="H", monitor=True),
        task("W", pause(100), {"do": "munmap", "area": "V", "page": 40}, process="P"),
        area={"process": "P"},
        cached=True,
    )
    result, _ = ran(scenario, tree)
    assert counts(result) == (2, 0, 1, 0)
    dropped = [event.t for event in result.trace.select("lock_dropped", task="W")]
    assert dropped == [100]  # the writer need not wait for T


def test_the_second_attempt_waits_with_mmap_sem_and_a_writer_waits_for_it() -> None:
    hold = {"do": "hold_page", "file": "F", "page": 1, "ticks": 500}
    scenario = mapped(
        victim(pause(10), read(), process="P"),
        task("H", hold, hold, hold, process="H", monitor=True),
        task("W", pause(700), {"do": "munmap", "area": "V", "page": 40}, process="P"),
        area={"process": "P"},
        cached=True,
    )
    result, _ = ran(scenario)
    assert counts(result) == (2, 0, 1, 0)
    dropped = [event.t for event in result.trace.select("lock_dropped", task="W")]
    assert dropped == [1000]


def test_who_drops_the_lock_at_every_attempt_is_sent_back_every_time() -> None:
    machine = Machine("S9-relock", NEW)
    machine.world.policies = replace(machine.world.policies, drops_on_first_try_only=False)
    result = machine.run()
    assert result.tasks["T"].stats["attempts"] == 6  # five holds, and one to map the page
    assert {one.rule for one in result.violations} == {"I6"}


@pytest.mark.parametrize(
    ("tree", "random", "dies_at"),
    [
        (OLD, False, 300),
        (NEW, False, 300),
        (OLD, True, 1001),
        (NEW, True, 1001),
        (Tree.later("5.10"), True, 1001),
        (Tree.later("6.1"), True, 300),
    ],
    ids=str,
)
def test_sigkill_ends_every_wait_but_that_of_a_fault_for_its_own_read(
    tree: Tree, random: bool, dies_at: int
) -> None:
    scenario = mapped(victim(read()), task("S", pause(300), send("SIGKILL")), area={"random": random})
    result = run(scenario, tree)
    assert result.tasks["T"].outcome == "killed:9"
    (gone,) = result.trace.select("exit", task="T")
    assert abs(gone.t - dies_at) <= 1
    assert result.violations == ()


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_stopped_task_has_waited_for_its_page_first(tree: Tree) -> None:
    scenario = mapped(
        victim(read()),
        monitor(
            pause(300),
            send("SIGSTOP"),
            pause(200),
            {"do": "sample", "task": "T", "label": "early"},
            pause(1000),
            {"do": "sample", "task": "T", "label": "late"},
            send("SIGCONT"),
        ),
    )
    result = run(scenario, tree)
    told = {what: value for _, _, what, value in result.reports if what.startswith("sample")}
    assert told == {"sample early": "D", "sample late": "T"}
    assert result.tasks["T"].outcome == "ret=1"


# ------------------------------------------------------------------------------------ the end of a file


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_page_beyond_the_end_is_sigbus_and_counts_no_fault(tree: Tree) -> None:
    result, _ = ran(mapped(victim(read(3)), pages=3), tree)
    assert result.tasks["T"].outcome == "SIGBUS(code=2)"
    assert counts(result) == (1, 0, 0, 0)
    assert result.tasks["T"].counters["page-faults"] == 1


def test_a_page_that_is_truncated_while_it_is_read_is_sigbus() -> None:
    scenario = mapped(victim(read(40)), task("U", pause(500), {"do": "truncate", "file": "F", "size": 8}))
    result, state = ran(scenario)
    assert result.tasks["T"].outcome == "SIGBUS(code=2)"
    assert cached(state) == []


def test_a_page_that_was_truncated_just_before_its_lock_is_looked_up_again() -> None:
    shrink, grow = ({"do": "truncate", "file": "F", "size": size} for size in (1, 9))
    lab = drive(mapped(victim(read()), task("U", shrink, grow), cached=True))
    state = lab.world.state
    before = state.data["cache", 1, 1]
    # Somebody has the page locked, so fault-around leaves it out.
    state.data["frame", before] = replace(state.data["frame", before], locked_by=99)
    lab.until("T", "trylock_page")
    state.data["frame", before] = replace(state.data["frame", before], locked_by=None)
    while not lab.task("U").ended:
        assert lab.turn("U")
    lab.settle("T", "disk")
    lab.world.clock += 1000
    lab.settle("T", "disk")
    assert ("T", "outcome", "ret=0") in [one[1:] for one in lab.world.reports]  # not what was there before
    assert lab.world.violations == []
    lab.close()


def test_what_a_file_gains_is_zeros() -> None:
    scenario = mapped(victim(read(5), {"do": "truncate", "file": "F", "size": 9}, read(5)), pages=3, byte=4)
    result, _ = ran(scenario)
    assert result.tasks["T"].outcomes == ("SIGBUS(code=2)", "ret=0")


# ------------------------------------------------------------------------------------ called with any flags


class Asked:
    """T holds mmap_sem and calls filemap_fault for page 1 with these flags; the disk can be stepped."""

    def __init__(self, flags: int, *, cached: bool = False, random: bool = False) -> None:
        self.got: list[Found] = []

        async def program() -> None:
            await down_read(Mm(1))
            vma = await find_vma(Mm(1), V)
            assert vma is not None
            self.got.append(await filemap_fault(vma, V + PAGE, flags))

        scenario = mapped(victim(), cached=cached, area={"random": random})
        self.lab = Lab(programs={"T": program}, scenario=scenario, tree=NEW)
        self.lab.settle()

    @property
    def has_mmap_sem(self) -> bool:
        return self.lab.task("T").holds_lock(1)

    def disk(self) -> None:
        """Let the disk finish."""
        self.lab.world.clock += 10_000
        self.lab.settle()


def bits(found: Found) -> int:
    return int(found.bits)


def test_a_first_try_drops_the_lock_and_gives_retry_and_major() -> None:
    asked = Asked(FIRST)
    assert not asked.got
    assert not asked.has_mmap_sem
    asked.disk()
    assert [bits(one) for one in asked.got] == [VM_FAULT_RETRY | VM_FAULT_MAJOR]
    assert not asked.has_mmap_sem


@pytest.mark.parametrize("flags", [0, FAULT_FLAG_KILLABLE, FIRST | FAULT_FLAG_TRIED], ids=hex)
@pytest.mark.parametrize("random", [False, True], ids=["readahead", "random"])
def test_who_may_not_retry_waits_with_the_lock_and_gets_the_page(flags: int, random: bool) -> None:
    asked = Asked(int(flags), random=random)
    assert asked.has_mmap_sem
    asked.disk()
    assert [bits(one) for one in asked.got] == [VM_FAULT_LOCKED | VM_FAULT_MAJOR]
    assert asked.has_mmap_sem


def test_who_will_not_wait_gets_retry_and_keeps_the_lock() -> None:
    asked = Asked(int(FIRST | FAULT_FLAG_RETRY_NOWAIT))
    assert [bits(one) for one in asked.got] == [VM_FAULT_RETRY | VM_FAULT_MAJOR]
    assert asked.has_mmap_sem


@pytest.mark.parametrize(
    "flags", [0, FIRST, FIRST | FAULT_FLAG_TRIED, FIRST | FAULT_FLAG_RETRY_NOWAIT], ids=hex
)
def test_a_cached_page_is_given_at_once(flags: int) -> None:
    asked = Asked(int(flags), cached=True)
    assert [bits(one) for one in asked.got] == [VM_FAULT_LOCKED]
    assert asked.has_mmap_sem
    frame = asked.lab.world.state.data["frame", asked.got[0].page]
    assert (frame.locked_by, frame.refcount) == (asked.lab.task("T").id, 2)


@pytest.mark.parametrize("tree", [Tree.before, Tree.after], ids=str)
def test_a_busy_disk_finishes_before_it_takes_the_next_request(tree: Tree) -> None:
    common = {"process": "P", "shared": True, "prot": "r"}
    scenario = scene(
        task("A", {"do": "read", "area": "V", "page": 1}, process="P"),
        task("B", pause(500), {"do": "read", "area": "W", "page": 0}, process="P"),
        area={"userfaultfd": False, "file": "F", **common},
        more=[{"name": "W", "file": "G", **common}],
        files=[{"name": name, "pages": 2, "io_ticks": 10_000} for name in ("F", "G")],
    )
    told = run(scenario, tree).trace.select("disk")
    assert [event.t for event in told if event.text.startswith("the disk has read")] == [10_001, 20_001]
