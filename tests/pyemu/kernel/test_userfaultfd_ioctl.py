"""What a monitor can do with a userfaultfd, and what each of its ioctls refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.calls.mmap import sys_mprotect
from pyemu.calls.syscalls import sys_poll
from pyemu.calls.userfaultfd import (
    mcopy_atomic,
    mwriteprotect_range,
    userfaultfd_copy,
    userfaultfd_register,
    userfaultfd_release,
    userfaultfd_unregister,
    userfaultfd_wake,
    userfaultfd_writeprotect,
    userfaultfd_zeropage,
)
from pyemu.effects import Effect
from pyemu.effects.areas import find_vma, set_vma_context
from pyemu.effects.handles import Context, Task, current
from pyemu.effects.locks import down_write, up_write
from pyemu.effects.signals import send_signal
from pyemu.effects.uffd import (
    poll_dequeue,
    poll_queue,
    userfaultfd_next_message,
    wake_userfault,
)
from pyemu.flags import (
    EAGAIN,
    EBUSY,
    EEXIST,
    EINVAL,
    ENOENT,
    ENOMEM,
    PAGE_PRESENT,
    PAGE_RW,
    PAGE_UFFD_WP,
    SIGKILL,
    UFFD_PAGEFAULT_FLAG_WP,
    UFFD_PAGEFAULT_FLAG_WRITE,
    UFFDIO_COPY_MODE_DONTWAKE,
    UFFDIO_COPY_MODE_WP,
    UFFDIO_REGISTER_MODE_MISSING,
    UFFDIO_REGISTER_MODE_WP,
    UFFDIO_WRITEPROTECT_MODE_DONTWAKE,
    UFFDIO_WRITEPROTECT_MODE_WP,
    UFFDIO_ZEROPAGE_MODE_DONTWAKE,
    VM_FAULT_NOPAGE,
    VM_UFFD_MISSING,
    VM_UFFD_WP,
)
from pyemu.pages import write_entry
from pyemu.state import ContextState
from tests.pyemu.kernel.faulting import MM, NEW, OLD, UFFD, faulting
from tests.pyemu.scenes import (
    COPY,
    PAGE,
    READ,
    V1,
    WAIT,
    WAKE,
    WRITE,
    Lab,
    V,
    monitor,
    pause,
    plain,
    poll,
    sample,
    scene,
    send,
    task,
    victim,
)

# --------------------------------------------------------------------------- the monitor's side


def test_a_message_that_nobody_read_vanishes_with_its_entry() -> None:
    unread = scene(
        victim(),
        monitor(pause(100), send("SIGUSR1"), pause(100), poll(10), COPY),
    )
    result = run(unread, strict=True)
    # Two exceptions, two messages queued, but the first was gone before the monitor looked.
    assert result.tasks["T"].stats["messages_queued"] == 2
    assert result.tasks["M"].stats["messages"] == 1


def test_a_woken_entrys_unread_message_vanishes() -> None:
    it = faulting().run()
    assert it.messages() == 1
    it.tell("M", wake_userfault(it.uffd, V1, PAGE))
    assert it.messages() == 0
    assert it.lab.do("M", userfaultfd_next_message(it.uffd)) is None


@pytest.mark.parametrize(
    ("start", "length", "woken"),
    [
        (V1, PAGE, True),
        (V, 4 * PAGE, True),
        (V, PAGE, False),
        (V1 + PAGE, PAGE, False),
        (V, 2 * PAGE, True),
    ],
    ids=["page", "area", "page before", "page after", "two pages"],
)
def test_a_wake_means_a_range(start: int, length: int, woken: bool) -> None:
    it = faulting().run()
    it.tell("M", wake_userfault(it.uffd, start, length))
    assert it.lab.waits("T") is not woken


# --------------------------------------------------------------------------- copy, zeropage


def test_copy_without_wake_fills_the_page_and_wakes_nobody() -> None:
    silent = scene(
        victim(),
        monitor(WAIT, {**COPY, "wake": False}, pause(100), sample("later"), WAKE, pause(5)),
    )
    result = run(silent, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "ret=5"


@pytest.mark.parametrize(
    ("area", "address", "result"),
    [
        ({}, V1, 0),
        ({"populated": [1]}, V1, -EEXIST),
        ({}, V + 64 * PAGE, -ENOENT),
        ({"address": V + 16 * PAGE}, V1, -ENOENT),
    ],
    ids=["missing", "present", "no area", "before the area"],
)
def test_copy_says_what_is_wrong(area: dict[str, Any], address: int, result: int) -> None:
    async def program() -> None:
        found.append(await userfaultfd_copy(UFFD, address, PAGE, 9, 0))

    found: list[int] = []
    lab = Lab(programs={"T": program}, area=area)
    lab.settle()
    assert found == [result]
    assert not lab.task("T").holds


def test_copy_into_a_read_only_area_maps_a_read_only_page() -> None:
    it = scene(victim(READ, WRITE), monitor(WAIT, COPY), area={"prot": "r"})
    result = run(it, strict=True)
    assert result.tasks["T"].outcomes == ("ret=5", "SIGSEGV(code=2)")
    entry = int(result.trace.select("pte")[0].b)
    assert (bool(entry & PAGE_PRESENT), bool(entry & PAGE_RW)) == (True, False)


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_unregister_wakes_the_waiter_which_finds_plain_memory(tree: Tree) -> None:
    result = run(scene(victim(), monitor(WAIT, {"do": "unregister", "area": "V"})), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=0"
    assert result.tasks["T"].counters["maj_flt"] == 1


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_unregister_of_another_part_leaves_the_waiter_asleep(tree: Tree) -> None:
    other = {"do": "unregister", "area": "V", "page": 2, "pages": 2}
    result = run(scene(victim(), monitor(WAIT, other, pause(100), sample("later"), COPY)), tree, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "ret=5"


def test_a_part_that_was_unregistered_is_plain_and_the_rest_is_served() -> None:
    middle = {"do": "unregister", "area": "V", "page": 1, "pages": 2}
    served = scene(
        victim(pause(100), *[{"do": "read", "area": "V", "page": page} for page in range(4)]),
        monitor(middle, *[step for page in (0, 3) for step in (WAIT, {**COPY, "page": page})]),
    )
    result = run(served, strict=True)
    assert result.tasks["T"].outcomes == ("ret=5", "ret=0", "ret=0", "ret=5")


def test_unregister_wakes_under_the_lock_before_it_detaches() -> None:
    result = run(scene(victim(), monitor(WAIT, {"do": "unregister", "area": "V"})), strict=True)
    events = result.trace.select("lock_taken", "lock_dropped", "uffd", task="M")
    assert [event.kind for event in events] == ["lock_taken", "uffd", "lock_dropped"]


def test_unregister_of_an_area_without_userfaultfd_wakes_nobody() -> None:
    async def program() -> None:
        mm = await current.mm
        await down_write(mm)
        vma = await find_vma(mm, V)
        assert vma is not None
        await set_vma_context(vma, None, 0)
        await up_write(mm)
        await userfaultfd_unregister(UFFD, V, 4 * PAGE)

    lab = Lab(programs={"T": program})
    lab.settle()
    assert not lab.world.trace.select("uffd")


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_close_wakes_everybody_and_leaves_plain_memory(tree: Tree) -> None:
    two = scene(
        task("T", READ, process="P"),
        task("U", {**READ, "page": 3}, process="P"),
        monitor(WAIT, pause(10), {"do": "close"}),
    )
    result = run(two, tree, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == ("ret=0", "ret=0")


def test_a_fault_that_comes_while_a_userfaultfd_closes_sends_no_message_and_does_not_wait() -> None:
    it = faulting()
    it.lab.turn("T")  # it holds mmap_sem, so its area can't be detached yet
    it.lab.do("M", userfaultfd_release(it.uffd))
    it.lab.settle("M")
    assert it.lab.waits("M")
    assert it.run().outcome == (VM_FAULT_NOPAGE, "held")
    assert it.messages() == 0


def test_a_sleeping_poll_is_woken_by_a_fault_that_sleeps() -> None:
    result = run(scene(victim(), monitor(poll(10_000), COPY)), strict=True)
    assert result.trace.select("wake", task="M")[0].a == "message"


def test_leaving_poll_takes_the_monitor_out_of_its_queue() -> None:
    it = faulting()
    it.tell("M", poll_queue(it.uffd), poll_dequeue(it.uffd))
    assert it.lab.state("M") == 0
    assert it.lab.world.state.data["fd_wqh", it.mm] == ()


@pytest.mark.parametrize("first", ["message", "poll"])
def test_a_poll_that_found_a_message_is_in_no_queue_any_more(first: str) -> None:
    it = faulting()
    if first == "message":
        it.run()
    it.tell("M", sys_poll(it.uffd, -1))
    it.lab.settle("M")
    assert it.lab.waits("M") is (first == "poll")
    it.run()
    it.lab.settle("M")
    assert it.lab.results["M"] == [True]
    assert it.lab.world.state.data["fd_wqh", it.mm] == ()
    assert it.lab.state("M") == 0


@pytest.mark.parametrize("tree", [OLD, NEW], ids=str)
def test_unmapping_the_area_wakes_nobody_in_its_fault(tree: Tree) -> None:
    gone = scene(
        task("T", READ, process="P", signals={"SIGSEGV": "escape"}),
        task("U", pause(50), {"do": "munmap", "area": "V", "pages": 4}, process="P"),
        monitor(WAIT, pause(1_000), sample("later"), WAKE),
    )
    result = run(gone, tree, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "SIGSEGV(code=1)"


@pytest.mark.parametrize("access", [READ, WRITE], ids=["read", "write"])
def test_two_threads_at_one_page_send_two_messages_and_one_copy_serves_both(access: dict[str, Any]) -> None:
    two = scene(
        task("T", access, process="P"),
        task("U", access, process="P"),
        monitor(WAIT, WAIT, pause(10), COPY),
    )
    result = run(two, strict=True)
    assert result.tasks["T"].outcome == result.tasks["U"].outcome
    assert result.tasks["M"].stats["messages"] == 2
    assert [one.a for one in result.trace.select("wake", task="U")] == ["userfaultfd"]


# --------------------------------------------------------------------------- every ioctl and its errors

Builder = Callable[..., Effect[int]]
ZERO_LENGTH, CROOKED = (V1, 0), (V1 + 1, PAGE)
RANGES = {
    "nothing": ZERO_LENGTH,
    "a crooked start": CROOKED,
    "half a page": (V1, PAGE // 2),
    "page 0": (0, PAGE),
    "beyond user space": ((1 << 47) - PAGE, 2 * PAGE),
}
IOCTLS: dict[str, tuple[Builder, tuple[int, ...]]] = {
    "register": (userfaultfd_register, (UFFDIO_REGISTER_MODE_MISSING,)),
    "unregister": (userfaultfd_unregister, ()),
    "wake": (userfaultfd_wake, ()),
    "copy": (userfaultfd_copy, (5, 0)),
    "zeropage": (userfaultfd_zeropage, (0,)),
    "writeprotect": (userfaultfd_writeprotect, (UFFDIO_WRITEPROTECT_MODE_WP,)),
}


def results(*calls: tuple[Any, ...], area: Mapping[str, Any] | None = None, tree: Tree = NEW) -> list[int]:
    """What calls of kernel functions give to a task whose own area V is served."""

    async def program() -> None:
        left = list(calls)
        while left:
            function, *args = left.pop(0)
            found.append(await function(*args))

    found: list[int] = []
    lab = Lab(programs={"T": program}, area=area, tree=tree)
    lab.settle()
    assert not lab.task("T").holds
    assert lab.task("T").violations == []
    return found


@pytest.mark.parametrize("where", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("ioctl", IOCTLS)
def test_every_ioctl_refuses_a_range_that_is_none(ioctl: str, where: tuple[int, int]) -> None:
    function, rest = IOCTLS[ioctl]
    assert results((function, UFFD, *where, *rest), area={"userfaultfd": "missing+wp"}) == [-EINVAL]


BOTH = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP
MODE_ERRORS = [
    (userfaultfd_register, (0,), -EINVAL),
    (userfaultfd_register, (4,), -EINVAL),
    (userfaultfd_register, (BOTH,), 0),
    (userfaultfd_copy, (5, 4), -EINVAL),
    (userfaultfd_copy, (5, UFFDIO_COPY_MODE_WP | UFFDIO_COPY_MODE_DONTWAKE), 0),
    (userfaultfd_zeropage, (2,), -EINVAL),
    (userfaultfd_zeropage, (UFFDIO_ZEROPAGE_MODE_DONTWAKE,), 0),
    (userfaultfd_writeprotect, (4,), -EINVAL),
    (userfaultfd_writeprotect, (UFFDIO_WRITEPROTECT_MODE_WP,), 0),
    (userfaultfd_writeprotect, (UFFDIO_WRITEPROTECT_MODE_DONTWAKE,), 0),
    (userfaultfd_writeprotect, (UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE,), -EINVAL),
]


@pytest.mark.parametrize(("function", "rest", "result"), MODE_ERRORS)
def test_which_modes_an_ioctl_takes(function: Builder, rest: tuple[int, ...], result: int) -> None:
    assert results((function, UFFD, V1, PAGE, *rest), area={"userfaultfd": "missing+wp"}) == [result]


AREA_ERRORS: dict[str, tuple[Mapping[str, Any], tuple[Any, ...], int]] = {
    "register: no area above": ({}, (userfaultfd_register, UFFD, V + 64 * PAGE, PAGE, BOTH), -ENOMEM),
    "register: the area lies behind": ({}, (userfaultfd_register, UFFD, V - PAGE, PAGE, BOTH), -EINVAL),
    "register: a hole before": ({}, (userfaultfd_register, UFFD, V - PAGE, 2 * PAGE, BOTH), 0),
    "register: shared memory for missing pages": (
        {"kind": "shmem", "userfaultfd": False},
        (userfaultfd_register, UFFD, V, PAGE, UFFDIO_REGISTER_MODE_MISSING),
        0,
    ),
    "register: shared memory for writes": (
        {"kind": "shmem", "userfaultfd": False},
        (userfaultfd_register, UFFD, V, PAGE, BOTH),
        -EINVAL,
    ),
    "register: once more": ({}, (userfaultfd_register, UFFD, V, PAGE, UFFDIO_REGISTER_MODE_MISSING), 0),
    "unregister: no area above": ({}, (userfaultfd_unregister, UFFD, V + 64 * PAGE, PAGE), -ENOMEM),
    "unregister: the area lies behind": ({}, (userfaultfd_unregister, UFFD, V - PAGE, PAGE), -EINVAL),
    "unregister: plain memory": ({"userfaultfd": False}, (userfaultfd_unregister, UFFD, V, PAGE), 0),
    "copy: present": ({"populated": [1]}, (userfaultfd_copy, UFFD, V1, PAGE, 9, 0), -EEXIST),
    "copy: a part": ({"populated": [2]}, (userfaultfd_copy, UFFD, V1, 2 * PAGE, 9, 0), -EAGAIN),
    "copy: beyond the area": ({}, (userfaultfd_copy, UFFD, V1, 4 * PAGE, 9, 0), -ENOENT),
    "copy: before the area": ({}, (userfaultfd_copy, UFFD, V - PAGE, 2 * PAGE, 9, 0), -ENOENT),
    "copy: no area": ({}, (userfaultfd_copy, UFFD, V + 64 * PAGE, PAGE, 9, 0), -ENOENT),
    "copy: plain memory": ({"userfaultfd": False}, (userfaultfd_copy, UFFD, V1, PAGE, 9, 0), -ENOENT),
    "copy: protected, not registered for it": (
        {},
        (userfaultfd_copy, UFFD, V1, PAGE, 9, UFFDIO_COPY_MODE_WP),
        -EINVAL,
    ),
    "zeropage: present": ({"populated": [1]}, (userfaultfd_zeropage, UFFD, V1, PAGE, 0), -EEXIST),
    "zeropage: a part": ({"populated": [2]}, (userfaultfd_zeropage, UFFD, V1, 2 * PAGE, 0), -EAGAIN),
    "zeropage: plain memory": ({"userfaultfd": False}, (userfaultfd_zeropage, UFFD, V1, PAGE, 0), -ENOENT),
    "writeprotect: not registered for it": (
        {},
        (userfaultfd_writeprotect, UFFD, V1, PAGE, UFFDIO_WRITEPROTECT_MODE_WP),
        -ENOENT,
    ),
    "writeprotect: plain memory": (
        {"userfaultfd": False},
        (userfaultfd_writeprotect, UFFD, V1, PAGE, UFFDIO_WRITEPROTECT_MODE_WP),
        -ENOENT,
    ),
    "writeprotect: beyond the area": (
        {"userfaultfd": "wp"},
        (userfaultfd_writeprotect, UFFD, V1, 4 * PAGE, UFFDIO_WRITEPROTECT_MODE_WP),
        -ENOENT,
    ),
    "writeprotect: a missing page": (
        {"userfaultfd": "wp"},
        (userfaultfd_writeprotect, UFFD, V1, PAGE, UFFDIO_WRITEPROTECT_MODE_WP),
        0,
    ),
    "wake: nobody waits": ({}, (userfaultfd_wake, UFFD, V1, PAGE), 0),
}


@pytest.mark.parametrize(("area", "call", "result"), AREA_ERRORS.values(), ids=AREA_ERRORS)
def test_what_an_ioctl_finds_wrong_with_the_memory(
    area: Mapping[str, Any], call: tuple[Any, ...], result: int
) -> None:
    async def program() -> None:
        found.append(await call[0](*call[1:]))

    found: list[int] = []
    lab = Lab(programs={"T": program}, area=area)
    lab.world.state.data.setdefault(("context", 1), ContextState(1))
    lab.settle()
    assert found == [result]
    assert not lab.task("T").holds
    assert lab.task("T").violations == []


FILED = {
    "areas": [{"name": "F", "kind": "file", "file": "f", "pages": 2}],
    "files": [{"name": "f", "pages": 2}],
}


@pytest.mark.parametrize(
    "call",
    [
        (userfaultfd_register, UFFD, V, PAGE, UFFDIO_REGISTER_MODE_MISSING),
        (userfaultfd_unregister, UFFD, V, PAGE),
    ],
    ids=["register", "unregister"],
)
def test_a_file_of_a_disk_is_served_by_nobody(call: tuple[Any, ...]) -> None:
    async def program() -> None:
        found.append(await call[0](*call[1:]))

    found: list[int] = []
    data = {**plain(task("T")), **FILED}
    lab = Lab(programs={"T": program}, scenario=Scenario.from_dict(data))
    lab.world.state.data["context", 1] = ContextState(1)
    lab.settle("T")
    assert found == [-EINVAL]
    assert not lab.task("T").holds


def test_a_private_copy_of_shared_memory_is_filled_with_a_page_of_its_own() -> None:
    async def program() -> None:
        await userfaultfd_copy(UFFD, V1, PAGE, 9, 0)

    for shared in (True, False):
        lab = Lab(programs={"T": program}, area={"kind": "shmem", "shared": shared})
        lab.settle()
        frames = [one for key, one in lab.world.state.data.items() if key[0] == "frame" and one is not None]
        assert [frame.mapping is not None for frame in frames] == [shared]


def test_an_area_of_another_userfaultfd_is_busy_and_nothing_is_attached() -> None:
    async def program() -> None:
        found.append(await userfaultfd_unregister(UFFD, V, 2 * PAGE))
        found.append(await userfaultfd_register(Context(7), V, 4 * PAGE, BOTH))
        found.append(await userfaultfd_register(Context(7), V, 2 * PAGE, BOTH))

    found: list[int] = []
    lab = Lab(programs={"T": program})
    lab.world.state.data["context", 7] = ContextState(1)
    lab.settle()
    assert found == [0, -EBUSY, 0]
    state = lab.world.state
    areas = [state.data["vma", one] for one in state.data["vmas", 1]]
    assert [(one.start, one.end, one.context) for one in areas] == [
        (V, V + 2 * PAGE, 7),
        (V + 2 * PAGE, V + 4 * PAGE, 1),
    ]


def test_who_registers_once_more_replaces_the_modes() -> None:
    async def program() -> None:
        await userfaultfd_register(UFFD, V, PAGE, UFFDIO_REGISTER_MODE_WP)

    lab = Lab(programs={"T": program})
    lab.settle()
    state = lab.world.state
    modes = [int(state.data["vma", one].flags) & 0x1200 for one in state.data["vmas", 1]]
    assert modes == [int(VM_UFFD_WP), int(VM_UFFD_MISSING)]


@pytest.mark.parametrize("mode", [UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP, BOTH])
def test_registering_gives_no_right_to_an_area_without_any(mode: int) -> None:
    async def program() -> None:
        await sys_mprotect(V, 4 * PAGE, 0)
        await userfaultfd_register(UFFD, V, 4 * PAGE, mode)

    lab = Lab(programs={"T": program})
    lab.settle()
    modes = VM_UFFD_MISSING if mode & UFFDIO_REGISTER_MODE_MISSING else 0
    modes |= VM_UFFD_WP if mode & UFFDIO_REGISTER_MODE_WP else 0
    assert lab.world.state.data["vma", 1].flags == modes


def test_a_registered_range_is_served_from_then_on() -> None:
    served = scene(
        victim(
            {"do": "read", "area": "V", "page": 2},
            pause(100),
            READ,
            {"do": "read", "area": "V", "page": 3},
        ),
        monitor(pause(50), {"do": "register", "area": "V", "page": 1, "pages": 1}, WAIT, COPY),
        area={"userfaultfd": False},
    )
    result = run(served, strict=True)
    assert result.tasks["T"].outcomes == ("ret=0", "ret=5", "ret=0")


def test_unregister_wakes_only_who_waits_for_a_missing_page() -> None:
    # fs/userfaultfd.c wakes where an area was registered for missing pages; a writer is left to a wake.
    waits = scene(
        victim(WRITE),
        monitor(
            WAIT,
            {**COPY, "protect": True},
            WAIT,
            {"do": "register", "area": "V", "mode": "wp"},
            {"do": "unregister", "area": "V"},
            pause(100),
            sample("later"),
            WAKE,
        ),
        area={"userfaultfd": "missing+wp"},
    )
    result = run(waits, strict=True)
    assert ("sample later", "S") in [(what, value) for _, _, what, value in result.reports]
    assert result.tasks["T"].outcome == "ret=7"


def test_a_killed_monitor_stops_filling() -> None:
    async def program() -> None:
        found.append(await mcopy_atomic(MM, V, 4 * PAGE, 9, 0))

    found: list[int] = []
    lab = Lab("S", programs={"T": program}, processes={"S": "Q"})
    lab.do("S", send_signal(Task(lab.task("T").id), SIGKILL))
    lab.settle("T")
    assert found == [PAGE]


# --------------------------------------------------------------------------- what a program sees


def test_a_program_is_told_of_every_error_and_of_no_success() -> None:
    wrong = scene(
        victim(),
        monitor(
            WAIT,
            {**COPY, "page": 0},
            {**COPY, "protect": True},
            {"do": "writeprotect", "area": "V", "page": 1},
            {"do": "writeprotect", "area": "V", "page": 1, "wake": False},
            {"do": "zeropage", "area": "V", "page": 0},
            COPY,
        ),
        area={"populated": [0]},
    )
    result = run(wrong, strict=True)
    assert [value for _, _, what, value in result.reports if what == "ioctl"] == [
        "copy=EEXIST",
        "copy=EINVAL",
        "writeprotect=ENOENT",
        "writeprotect=EINVAL",
        "zeropage=EEXIST",
    ]
    assert result.tasks["T"].outcome == "ret=5"


def test_a_zero_page_is_shared_until_somebody_writes() -> None:
    zeros = scene(victim(READ, WRITE, READ), monitor(WAIT, {"do": "zeropage", "area": "V", "page": 1}))
    result = run(zeros, strict=True)
    assert result.tasks["T"].outcomes == ("ret=0", "ret=7", "ret=7")
    assert result.tasks["T"].counters["min_flt"] == 1  # the write gets a page of its own


def test_one_copy_fills_several_pages_and_wakes_their_waiters() -> None:
    two = scene(
        task("T", READ, process="P"),
        task("U", {"do": "read", "area": "V", "page": 2}, process="P"),
        monitor(WAIT, WAIT, {**COPY, "pages": 2}),
    )
    result = run(two, strict=True)
    assert (result.tasks["T"].outcome, result.tasks["U"].outcome) == ("ret=5", "ret=5")


# --------------------------------------------------------------------------- write protection

PROTECT = {"do": "writeprotect", "area": "V", "page": 1}
ALLOW = {**PROTECT, "protect": False}
SERVES_WRITES = {"userfaultfd": "missing+wp"}


def test_a_protected_page_can_be_read_and_its_writer_waits() -> None:
    waits = scene(
        victim(READ, WRITE, READ),
        monitor(WAIT, {**COPY, "protect": True}, WAIT, pause(10), sample("writes"), ALLOW),
        area=SERVES_WRITES,
    )
    result = run(waits, strict=True)
    assert result.tasks["T"].outcomes == ("ret=5", "ret=7", "ret=7")
    flags = [event.b for event in result.trace.select("message_read")]
    assert flags == [0, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP]


def test_protecting_a_page_flushes_what_a_cpu_may_write_by() -> None:
    armed = scene(
        victim(WRITE, pause(100), WRITE),
        monitor(pause(50), PROTECT, WAIT, ALLOW),
        area={**SERVES_WRITES, "populated": [1]},
    )
    result = run(armed, strict=True)
    assert [event.a for event in result.trace.select("flush", task="M")] == [V1, V1]
    assert len(result.trace.select("message")) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PAGE_PRESENT | PAGE_RW, PAGE_PRESENT | PAGE_UFFD_WP),
        (PAGE_PRESENT, PAGE_PRESENT | PAGE_UFFD_WP),
        (PAGE_PRESENT | PAGE_UFFD_WP, PAGE_PRESENT | PAGE_UFFD_WP),
        (0, 0),
    ],
)
@pytest.mark.parametrize("protects", [True, False])
def test_what_write_protection_makes_of_an_entry(before: int, after: int, protects: bool) -> None:
    # To allow writes gives no right by itself: the next write fault does.
    async def program() -> None:
        await mwriteprotect_range(MM, V1, PAGE, protects)

    lab = Lab(programs={"T": program}, area=SERVES_WRITES)
    state = lab.world.state
    page = (state.alloc_page() << 12) if before else 0
    write_entry(state, 1, V1, page | before)
    lab.settle()
    expected = page | (after if protects else before & PAGE_PRESENT)
    assert state.get_pte(1, V1) == expected


def test_a_write_to_an_area_that_lost_its_mode_is_served_by_the_kernel() -> None:
    # The mark in the entry stays, and means nothing without the area's mode.
    lost = scene(
        victim(READ, pause(100), WRITE),
        monitor(WAIT, {**COPY, "protect": True}, {"do": "register", "area": "V", "mode": "missing"}),
        area=SERVES_WRITES,
    )
    result = run(lost, strict=True)
    assert result.tasks["T"].outcomes == ("ret=5", "ret=7")
    assert len(result.trace.select("message")) == 1
