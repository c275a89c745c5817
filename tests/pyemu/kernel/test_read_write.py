"""read(2) of /dev/zero and write(2) to a file in memory: bytes, short counts, who touches pages when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyemu import Tree, run
from pyemu.calls.read_write import sys_pwrite, sys_read_zero
from pyemu.calls.uaccess import put_user
from pyemu.effects import Effect
from pyemu.effects.entries import zap_pte
from pyemu.effects.files import memfd_create
from pyemu.effects.handles import current
from pyemu.effects.signals import send_signal
from pyemu.flags import EFAULT, EINTR, SIGKILL, SIGUSR1
from pyemu.sched.semantics import Footprint
from pyemu.sched.tasks import Task
from tests.pyemu.scenes import COPY, PAGE, WAIT, WAKE, Lab, V, monitor, pause, scene, victim

OLD, NEW = Tree.before, Tree.v5_7
COPY_FIRST = Tree.later("6.18")
ALL = [OLD, NEW, Tree.later("5.10"), Tree.later("6.1"), Tree.later("6.12"), COPY_FIRST, Tree.later("7.2")]
END = V + 4 * PAGE  # the area has four pages


def result_of(
    program: Callable[[], Awaitable[Any]], tree: Tree = NEW, override: Any = None, **area: Any
) -> tuple[Any, Lab]:
    """Run a program of kernel code to its end; what it gave, and the machine."""
    given: list[Any] = []

    async def whole() -> None:
        given.append(await program())

    lab = Lab(
        programs={"T": whole},
        tree=tree,
        override=override,
        area={"process": "P", "userfaultfd": False, **area},
        signals={"SIGUSR1": "handler"},
    )
    lab.settle()
    assert lab.task("T").ended
    assert not lab.world.violations
    return given[0] if given else None, lab


def content(lab: Lab, index: int) -> bytes:
    """A page of the one file that was made."""
    data = lab.world.state.data
    (pfn,) = [value for place, value in data.items() if place[0] == "cache" and place[2] == index]
    return bytes(lab.world.state.ram[pfn * PAGE : (pfn + 1) * PAGE])


def exceptions(lab: Lab) -> list[int]:
    return [(int(event.a) - V) // PAGE for event in lab.world.trace.select("exception")]


# ------------------------------------------------------------------------------------ /dev/zero


@pytest.mark.parametrize("tree", ALL, ids=str)
def test_zeros_are_read_into_every_page(tree: Tree) -> None:
    async def reads() -> int:
        await put_user(V + 2 * PAGE, 9)
        return int(await sys_read_zero(V, 3 * PAGE))

    given, lab = result_of(reads, tree)
    assert given == 3 * PAGE
    entry = lab.world.state.get_pte(lab.task("T").mm, V + 2 * PAGE)
    assert lab.world.state.ram[entry & 0xFFFFFFFFF000] == 0
    assert exceptions(lab) == [2, 0, 1]


@pytest.mark.parametrize("tree", ALL, ids=str)
@pytest.mark.parametrize(("pages", "given"), [(1, -EFAULT), (2, PAGE), (3, 2 * PAGE)])
def test_a_page_that_can_not_be_written_ends_a_read(tree: Tree, pages: int, given: int) -> None:
    async def reads() -> int:
        return int(await sys_read_zero(END - (pages - 1) * PAGE, pages * PAGE))

    assert result_of(reads, tree)[0] == given


@pytest.mark.parametrize("tree", ALL, ids=str)
def test_a_signal_ends_a_read_after_the_page_that_it_met(tree: Tree) -> None:
    async def reads() -> int:
        await send_signal(current, SIGUSR1)
        return int(await sys_read_zero(V, 3 * PAGE))

    assert result_of(reads, tree)[0] == PAGE


@pytest.mark.parametrize(
    ("tree", "n"), [(OLD, 2), (NEW, 2), (Tree.later("5.10"), 1), (Tree.later("6.12"), 1)], ids=str
)
def test_up_to_5_9_a_read_asks_once_more_for_the_rest_of_a_chunk(tree: Tree, n: int) -> None:
    # The chunk of one page begins inside a page and ends in the next, which can't be had.
    async def reads() -> int:
        return int(await sys_read_zero(END - 100, PAGE))

    given, lab = result_of(reads, tree)
    assert given == 100
    assert exceptions(lab) == [3, *[4] * n]


# ------------------------------------------------------------------------------------ write(2)


async def written(address: int, n: int, position: int = 0) -> int:
    """Write to a fresh file."""
    file = await memfd_create()
    return int(await sys_pwrite(file, address, n, position))


@pytest.mark.parametrize("tree", ALL, ids=str)
def test_the_bytes_are_in_the_pages_of_the_file(tree: Tree) -> None:
    async def writes() -> int:
        await put_user(V + 5, 66)
        await put_user(V + PAGE, 77)
        return await written(V, 2 * PAGE)

    given, lab = result_of(writes, tree)
    assert given == 2 * PAGE
    assert (content(lab, 0)[5], content(lab, 1)[0]) == (66, 77)
    assert lab.world.state.data["file", 1_000_001].pages == 2


def test_a_write_may_begin_inside_a_page_of_the_file() -> None:
    async def writes() -> int:
        await put_user(V, 66)
        return await written(V, PAGE, PAGE + 10)

    given, lab = result_of(writes)
    assert given == PAGE
    assert content(lab, 1)[10] == 66
    assert lab.world.state.data["file", 1_000_001].pages == 3


@pytest.mark.parametrize("pages", [1, 2, 3])
def test_a_file_is_as_long_as_what_was_written_to_it(pages: int) -> None:
    _, lab = result_of(lambda: written(V, pages * PAGE))
    assert lab.world.state.data["file", 1_000_001].pages == pages


def test_the_page_of_the_file_is_locked_until_its_bytes_are_there_and_it_is_dirty() -> None:
    locked: list[tuple[str, bool]] = []
    page_of = {"copy_user": 3, "set_page_dirty": 0}  # which argument names it

    def observer(one: Task, effect: Effect[Any], footprint: Footprint, result: Any) -> None:
        if effect.op in page_of:
            frame = lab.world.state.data["frame", effect.args[page_of[effect.op]]]
            locked.append((effect.op, frame.locked_by == one.id))

    lab = Lab(programs={"T": lambda: written(V, PAGE)}, area={"userfaultfd": False}, observer=observer)
    lab.settle()
    assert locked == [("copy_user", True), ("set_page_dirty", True)]


@pytest.mark.parametrize("tree", ALL, ids=str)
@pytest.mark.parametrize(("pages", "given"), [(1, -EFAULT), (2, PAGE), (3, 2 * PAGE)])
def test_a_page_that_can_not_be_read_ends_a_write(tree: Tree, pages: int, given: int) -> None:
    async def writes() -> int:
        return await written(END - (pages - 1) * PAGE, pages * PAGE)

    assert result_of(writes, tree)[0] == given


@pytest.mark.parametrize(
    ("tree", "given"),
    [
        (OLD, -EFAULT),
        (NEW, -EFAULT),
        (Tree.later("5.10"), -EFAULT),
        (Tree.later("6.1"), 100),
        (COPY_FIRST, 100),
    ],
    ids=str,
)
def test_half_a_chunk_is_nothing_up_to_5_15_and_a_short_count_since(tree: Tree, given: int) -> None:
    async def writes() -> int:
        return await written(END - 100, PAGE)

    assert result_of(writes, tree)[0] == given


def test_each_page_is_touched_before_it_is_copied() -> None:
    _, lab = result_of(lambda: written(V, 2 * PAGE))
    kinds = [event.kind for event in lab.world.trace.select("exception", "copied")]
    assert kinds == ["exception", "copied", "exception", "copied"]
    assert lab.world.state.data["counter", 1, "page-faults"] == 2


@pytest.mark.parametrize("tree", [COPY_FIRST, Tree.later("7.2")], ids=str)
def test_later_kernels_copy_first_and_touch_only_what_was_missing(tree: Tree) -> None:
    _, lab = result_of(lambda: written(V, 2 * PAGE), tree)
    assert exceptions(lab) == [0, 0, 1, 1]  # the atomic copy, which nobody counts, and then the touch
    assert lab.world.state.data["counter", 1, "page-faults"] == 2
    _, lab = result_of(lambda: written(V, 2 * PAGE), tree, populated=[0, 1])
    assert exceptions(lab) == []


def test_a_page_that_went_away_after_it_was_touched_is_touched_again() -> None:
    from pyemu.kernel import load

    touch, n = load()["fault_in_readable"], 0

    async def fault_in_readable(address: int, length: int) -> int:
        nonlocal n
        n += 1
        absent = await touch(address, length)
        if n == 1:
            await zap_pte(await current.mm, address)
        return int(absent)

    given, lab = result_of(lambda: written(V, PAGE), override={"fault_in_readable": fault_in_readable})
    assert (given, n) == (PAGE, 2)
    # The touch, the atomic copy and its second try, the touch once more.
    assert exceptions(lab) == [0, 0, 0, 0]
    assert lab.world.state.data["counter", 1, "page-faults"] == 2


def test_a_task_that_is_being_killed_writes_nothing_more() -> None:
    async def writes() -> int:
        await send_signal(current, SIGKILL)
        return await written(V, PAGE)

    given, lab = result_of(writes)
    assert given == -EINTR
    assert not lab.world.trace.select("copied")


# ------------------------------------------------------------------------------------ userfaultfd


def step(do: str, page: int, pages: int) -> dict[str, Any]:
    return {"do": do, "area": "V", "page": page, "pages": pages}


ONE_WAKE = [WAIT, pause(100), WAKE, WAIT, pause(100), COPY]


@pytest.mark.parametrize("do", ["read_zero", "tmpfs_write"])
@pytest.mark.parametrize(("page", "pages", "old"), [(1, 1, "EFAULT"), (0, 2, "ret=4096")])
def test_one_wake_without_the_page_is_an_error_or_a_short_count_before_the_series(
    do: str, page: int, pages: int, old: str
) -> None:
    scenario = scene(victim(step(do, page, pages)), monitor(*ONE_WAKE), area={"populated": [0]})
    before = run(scenario, OLD, strict=True).tasks["T"]
    assert (before.outcome, before.stats["messages_queued"], before.stats["exceptions"]) == (old, 1, 1)
    after = run(scenario, NEW, strict=True).tasks["T"]
    assert (after.outcome, after.stats["messages_queued"]) == (f"ret={pages * PAGE}", 2)


def test_two_missing_pages_have_a_wait_each() -> None:
    second = {**COPY, "page": 2}
    scenario = scene(victim(step("tmpfs_write", 1, 2)), monitor(WAIT, pause(9), COPY, WAIT, pause(9), second))
    numbers = run(scenario, OLD, strict=True).tasks["T"]
    assert (numbers.outcome, numbers.counters["maj_flt"], numbers.stats["exceptions"]) == ("ret=8192", 2, 2)


@pytest.mark.parametrize("tree", ALL, ids=str)
def test_a_write_is_served_by_the_monitor_in_every_kernel(tree: Tree) -> None:
    scenario = scene(victim(step("tmpfs_write", 1, 1)), monitor(WAIT, pause(100), COPY))
    numbers = run(scenario, tree, strict=True).tasks["T"]
    assert (numbers.outcome, numbers.counters["maj_flt"], numbers.counters["page-faults"]) == (
        "ret=4096",
        1,
        1,
    )
    assert numbers.stats["exceptions"] == (2 if tree in ALL[5:] else 1)
