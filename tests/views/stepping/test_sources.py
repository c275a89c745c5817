"""The marked line of the source is one of the function's own, and holds the effect that was made."""

from __future__ import annotations

from typing import Any

import pytest

from course.views.stepping.sources import ELSEWHERE, sources
from course.views.stepping.wire import EVENT
from course.views.steps import stepper
from pyemu import Scenario, Tree, run
from pyemu.calls import CALLS
from pyemu.effects.handles import current
from pyemu.effects.locks import down_read, up_read


@pytest.mark.parametrize("name", Scenario.library())
def test_every_marked_line_is_one_of_its_function(name: str):
    names, run_ = stepper(run(name, Tree.after)).wire.names, run(name, Tree.after, history=True)
    known = {one["name"]: one for one in names["functions"]}
    for step in range(run_.history.last + 1):
        for view in run_.history.at(step).tasks.values():
            assert len(view.lines) == len(view.stack)
            for function, line in zip(view.stack, view.lines, strict=True):
                source = known[function]
                assert line == 0 or 0 < line - source["first"] < len(source["text"].split("\n"))


def test_the_line_that_waits_for_the_lock_says_so():
    kept = run("S13", Tree.after, history=True)
    (first, *_) = kept.trace.select("lock_taken", task="T")
    view = kept.history.at(first.step - 1).task("T")
    (source,) = sources([view.stack[-1]])
    line = source.text.split("\n")[view.lines[-1] - source.first]
    assert view.next == "down_read_trylock"
    assert "await lock_mm(" in line  # the helper that makes this effect


async def of_a_learner(regs: Any, error_code: int, address: int) -> None:
    """Serve no fault; the parameters are those of do_user_addr_fault."""
    mm = await current.mm
    await down_read(mm)
    await up_read(mm)


def test_a_learners_function_is_no_line_of_ours():
    mine = run("S13", Tree.after, override={"do_user_addr_fault": of_a_learner}, history=True)
    wire = stepper(mine).wire
    start, size = wire.names["sections"]["events 0"]
    found = {
        wire.names["functions"][function - 1]["name"]: line
        for _, _, _, _, function, line, *_ in EVENT.iter_unpack(wire.data[start : start + size])
        if function
    }
    assert found["do_user_addr_fault"] == ELSEWHERE
    assert 0 < found["do_page_fault"] < ELSEWHERE


def test_every_kernel_function_has_a_source():
    found = sources(list(CALLS))
    assert all(f"async def {one.name}(" in one.text for one in found)
