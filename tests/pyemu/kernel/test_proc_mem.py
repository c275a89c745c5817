"""/proc/PID/mem: never waits for a userfaultfd, waits for a disk with the lock held, gives what it has."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Scenario, Tree, run
from pyemu.calls.filemap import sys_ftruncate
from pyemu.calls.pins import access_remote_vm
from pyemu.effects.handles import File, Mm
from pyemu.effects.pages import alloc_page
from tests.pyemu.scenes import COPY, PAGE, WAIT, Lab, V, monitor, pause, scene, send, task, victim

EVERY = [Tree.before, Tree.after, Tree.v5_7, *map(Tree.later, ("5.10", "6.1", "6.18"))]


def read(area: str = "V", page: int = 1, pages: int = 1, **keys: Any) -> dict[str, Any]:
    return {"do": "procmem_read", "area": area, "page": page, "pages": pages, **keys}


@pytest.mark.parametrize("tree", EVERY, ids=str)
def test_a_page_of_a_userfaultfd_is_eio_at_once_without_a_message(tree: Tree) -> None:
    result = run(scene(victim(read()), monitor(WAIT, pause(50), COPY)), tree, strict=True)
    numbers = result.tasks["T"]
    assert (numbers.outcome, numbers.stats["messages_queued"], result.ticks) == ("EIO", 0, 1)
    assert (numbers.counters["min_flt"], numbers.counters["maj_flt"]) == (0, 0)


def test_what_comes_before_the_page_is_given() -> None:
    result = run(scene(victim(read(page=0, pages=3)), area={"populated": [0]}), strict=True)
    assert result.tasks["T"].outcome == "ret=4096"


def test_the_bytes_land_in_the_buffer() -> None:
    there = scene(
        victim({"do": "write", "area": "V"}, read(page=0, buffer="B"), {"do": "read", "area": "B"}),
        area={"userfaultfd": False},
        more=[{"name": "B"}],
    )
    assert run(there, strict=True).tasks["T"].outcomes == ("ret=7", "ret=4096", "ret=7")


def test_a_buffer_that_is_not_there_is_efault() -> None:
    lost = scene(
        victim({"do": "munmap", "area": "B"}, read(page=0, buffer="B")),
        area={"populated": [0]},
        more=[{"name": "B"}],
    )
    assert run(lost).tasks["T"].outcome == "EFAULT"


def test_another_s_memory_is_read_past_its_protection_and_none_of_it_when_it_is_gone() -> None:
    data = {
        "version": 1,
        "name": "n",
        "title": "t",
        "areas": [{"name": "V", "process": "O", "pages": 2, "populated": [0], "prot": "r"}],
        "tasks": [
            {"name": "O", "program": [pause(100)]},
            {"name": "T", "program": [read(page=0, pages=2, task="O"), pause(200), read(page=0, task="O")]},
        ],
    }
    assert run(Scenario.from_dict(data), strict=True).tasks["T"].outcomes == ("ret=8192", "ret=0")


@pytest.mark.parametrize("tree", [Tree.before, Tree.v5_7], ids=str)
def test_a_page_of_a_file_is_waited_for_with_the_lock_held(tree: Tree) -> None:
    slow = scene(
        victim(read("F", 0), process="P"),
        task("U", pause(10), {"do": "munmap", "area": "V"}, process="P"),
        more=[{"name": "F", "process": "P", "file": "F", "random": True, "prot": "r"}],
        files=[{"name": "F", "io_ticks": 1000}],
        area={"process": "P"},
    )
    result = run(slow, tree, strict=True)
    assert result.tasks["T"].outcome == "ret=4096"
    granted = [event.t for event in result.trace.select("lock_granted", task="U")]
    assert granted
    assert granted[0] >= 1000


def test_a_page_is_held_while_it_is_copied() -> None:
    # A file may be cut without the lock of who maps it.
    async def read_one() -> None:
        given.append(await access_remote_vm(Mm(1), V, await alloc_page(0)))

    async def cut() -> None:
        await sys_ftruncate(File(1), 0)

    given: list[int] = []
    scenario = scene(
        task("T", process="P"),
        task("U", process="P"),
        area={"process": "P", "file": "F", "shared": True, "userfaultfd": False},
        files=[{"name": "F", "pages": 4, "cached": True}],
    )
    lab = Lab(programs={"T": read_one, "U": cut}, scenario=scenario)
    state = lab.world.state
    page = state.data["cache", 1, 0]
    lab.until("T", "copy_page")
    lab.settle("U")
    assert lab.task("U").ended
    assert state.data["frame", page].refcount == 1
    lab.settle("T")
    assert given == [PAGE]
    assert not state.data["frame", page]


def test_the_wait_for_the_lock_can_be_killed_and_reads_nothing() -> None:
    slow = scene(
        task("R", read("F", 0), process="P", thread=False),
        task("W", pause(5), {"do": "munmap", "area": "V"}, process="P", thread=False),
        task("T", pause(10), read("V", 0), process="P"),
        task("K", pause(50), send("SIGKILL")),
        more=[{"name": "F", "process": "P", "file": "F", "random": True, "prot": "r"}],
        files=[{"name": "F", "io_ticks": 1000}],
        area={"process": "P", "userfaultfd": False},
    )
    result = run(slow, Tree.v5_7)
    assert result.tasks["T"].outcome == "killed:9"
    assert next(event.t for event in result.trace.select("exit", task="T")) < 60
