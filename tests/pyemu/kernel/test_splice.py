"""vmsplice and O_DIRECT: pages handed on without a copy."""

from __future__ import annotations

from typing import Any

import pytest

from pyemu import Machine, Scenario, Tree, run
from pyemu.calls.pins import sys_odirect_write
from pyemu.effects import Effect
from tests.pyemu.scenes import COPY, WAIT, WAKE, Lab, V, monitor, pause, scene, send, task, victim

OLD, NEW, FIXED, LATE = Tree.before, Tree.after, Tree.v5_7, Tree.later("6.18")


def give(do: str = "vmsplice", page: int = 1, pages: int = 1, **keys: Any) -> dict[str, Any]:
    return {"do": do, "area": "V", "page": page, "pages": pages, **keys}


BOTH = pytest.mark.parametrize("do", ["vmsplice", "odirect_write"])


def given(do: str, *does: dict[str, Any], **keys: Any) -> Scenario:
    return scene(victim(give(do, **keys)), monitor(*does), area={"populated": [0]})


@BOTH
@pytest.mark.parametrize(
    ("tree", "flags"),
    [(OLD, 0x05), (NEW, 0x15), (FIXED, 0x15), (LATE, 0x14)],
    ids=["old", "new", "fixed", "late"],
)
def test_the_page_is_waited_for_and_read_as_a_write_up_to_five_seven(do: str, tree: Tree, flags: int) -> None:
    result = run(given(do, WAIT, pause(30), COPY), tree, strict=True)
    assert result.tasks["T"].outcome == "ret=4096"
    assert [event.a for event in result.trace.select("attempt")] == [flags]


@BOTH
@pytest.mark.parametrize(
    ("tree", "outcome"),
    [(OLD, "EFAULT"), (Tree.upto(13), "EFAULT"), (Tree.upto(14), "ret=4096"), (FIXED, "ret=4096")],
)
def test_one_wake_is_fatal_up_to_thirteen(do: str, tree: Tree, outcome: str) -> None:
    result = run(given(do, WAIT, pause(10), WAKE, WAIT, COPY), tree, strict=True)
    assert result.tasks["T"].outcome == outcome


@BOTH
@pytest.mark.parametrize("tree", [OLD, NEW, FIXED], ids=str)
def test_sigkill_ends_it_and_what_came_before_counts(do: str, tree: Tree) -> None:
    result = run(given(do, WAIT, pause(10), send("SIGKILL"), page=0, pages=2), tree)
    assert result.tasks["T"].outcome == "killed:9"
    assert not result.violations


@BOTH
def test_pages_before_a_hole_are_given(do: str) -> None:
    holed = scene(
        victim({"do": "munmap", "area": "V", "page": 2}, give(do, 0, 4)), area={"userfaultfd": False}
    )
    assert run(holed, FIXED, strict=True).tasks["T"].outcome == "ret=8192"


def frames(scenario: Scenario) -> list[tuple[int, int]]:
    machine = Machine(scenario, FIXED)
    machine.run(strict=True)
    found = [value for key, value in machine.world.state.data.items() if key[0] == "frame" and value]
    return sorted((one.mapcount, one.refcount) for one in found if one.mapcount)


def test_a_page_in_a_pipe_stays_pinned_and_one_that_was_written_does_not() -> None:
    for do, references in (("vmsplice", 2), ("odirect_write", 1)):
        assert frames(scene(victim(give(do, 0)), area={"populated": [0]})) == [(1, references)]


def test_a_page_of_which_one_byte_was_written_goes_back_too() -> None:
    async def write() -> None:
        written.append(await sys_odirect_write(V, 1))
        await Effect("park")  # so that nothing is undone at its end

    written: list[int] = []
    lab = Lab(programs={"T": write}, tree=FIXED, area={"userfaultfd": False})
    lab.settle()
    (page,) = (one for key, one in lab.world.state.data.items() if key[0] == "frame" and one.mapcount)
    assert (written, page.refcount) == ([1], 1)  # the reference is the entry's
    lab.close()


def test_a_pipe_holds_sixteen_pages_and_a_full_one_is_waited_for() -> None:
    full = scene(
        victim(give("vmsplice", 0, 20, pipe="p"), give("vmsplice", 0, 1, pipe="p"), process="P"),
        task("R", pause(100), {"do": "pipe_read", "area": "B", "pages": 2, "pipe": "p"}, process="P"),
        area={"userfaultfd": False, "pages": 20},
        more=[{"name": "B", "pages": 2}],
    )
    result = run(full, FIXED, strict=True)
    assert result.tasks["T"].outcomes == ("ret=65536", "ret=4096")
    assert result.tasks["R"].outcome == "ret=8192"
    assert result.ticks >= 100


def test_a_reader_that_waits_is_woken() -> None:
    shown = scene(
        victim(pause(100), give("vmsplice", 0, pipe="p"), process="P"),
        task("R", {"do": "pipe_read", "area": "B", "pipe": "p"}, process="P"),
        area={"userfaultfd": False},
        more=[{"name": "B"}],
    )
    result = run(shown, FIXED, strict=True)
    assert result.tasks["R"].outcome == "ret=4096"
    assert result.tasks["R"].stats["sleeps"] == 1


def test_a_batch_that_does_not_fit_is_cut_and_what_is_left_over_goes_back() -> None:
    twice = scene(
        victim(give("vmsplice", 0, 4, pipe="p"), give("vmsplice", 4, 16, pipe="p")),
        area={"userfaultfd": False, "pages": 20},
    )
    assert run(twice, FIXED, strict=True).tasks["T"].outcomes == ("ret=16384", "ret=49152")
    assert sorted(references for _, references in frames(twice)) == [1] * 4 + [2] * 16


def test_the_bytes_in_the_pipe_are_the_page_itself() -> None:
    shown = scene(
        victim(
            {"do": "write", "area": "V", "byte": 3},
            give("vmsplice", 0, pipe="p"),
            {**WRITE_AFTER},
            process="P",
        ),
        task(
            "R",
            pause(50),
            {"do": "pipe_read", "area": "B", "pipe": "p"},
            {"do": "read", "area": "B"},
            process="P",
        ),
        area={"userfaultfd": False},
        more=[{"name": "B"}],
    )
    assert run(shown, FIXED, strict=True).tasks["R"].outcomes == ("ret=4096", "ret=8")


WRITE_AFTER = {"do": "write", "area": "V", "byte": 8}
