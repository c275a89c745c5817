"""The marked line of the source is one of the function's own, and holds the effect that was made."""

from __future__ import annotations

import pytest

from course.views.stepping.sources import sources
from course.views.steps import stepper
from pyemu import Scenario, Tree, run
from pyemu.calls import CALLS


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


def test_every_kernel_function_has_a_source():
    found = sources(list(CALLS))
    assert all(f"async def {one.name}(" in one.text for one in found)
