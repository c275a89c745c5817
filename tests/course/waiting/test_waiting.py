"""Scenes of waiting: who waits for mmap_sem, and how long."""

from __future__ import annotations

import pytest

from course.waiting import lock_waits, readers, slow_page
from course.waiting.waits import waited
from pyemu import Tree, run


def test_readers_share_and_queue_behind_a_writer() -> None:
    result = run(readers(), Tree.before)
    assert [waited(result, name) for name in "ABWC"] == [0, 0, 9_000, 8_000]
    assert "task C     8000" in str(lock_waits(result))


@pytest.mark.parametrize(("arch", "waits"), [("csky", [9_001, 8_000]), ("x86", [0, 0])])
def test_a_slow_page_stops_a_writer_where_the_lock_is_kept(arch: str, waits: list[int]) -> None:
    result = run(slow_page(arch, reader=True), Tree.before)
    assert [waited(result, name) for name in "WU"] == waits


def test_runs_of_one_scenario_are_told_apart_by_their_trees() -> None:
    older, newer = (run("vma-lock", Tree.parse(name)) for name in ("v6_1", "v6_8"))
    title, _, head, *_ = str(lock_waits(older, newer)).splitlines()
    assert title == "Waits for mmap_sem, us"
    assert head.split() == ["tree", "v6_1", "tree", "v6_8"]
