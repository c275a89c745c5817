"""Scenes of waiting: who waits how long, and which orders lose a wake-up."""

from __future__ import annotations

from itertools import permutations

import pytest

from course.waiting import lock_waits, readers, slow_page, try_wakeup
from course.waiting.waits import waited
from course.waiting.wakeup import interleavings, lost
from pyemu import Tree, run
from pyemu.errors import FaultlabError


def test_readers_share_and_queue_behind_a_writer() -> None:
    result = run(readers(), Tree.before)
    assert [waited(result, name) for name in "ABWC"] == [0, 0, 9_500, 8_500]
    assert "task C     8500" in str(lock_waits(result))


@pytest.mark.parametrize(("arch", "waits"), [("csky", [9_001, 8_000]), ("x86", [0, 0])])
def test_a_slow_page_stops_a_writer_where_the_lock_is_kept(arch: str, waits: list[int]) -> None:
    result = run(slow_page(arch, reader=True), Tree.before)
    assert [waited(result, name) for name in "WU"] == waits


def test_only_queue_check_sleep_loses_no_wake_up() -> None:
    orders = ["".join(one) for one in permutations("QCZ")]
    assert [order for order in orders if not lost(order)] == ["QCZ"]
    assert lost("CQZ") == ["CPWQZ"]
    assert lost("QZC") == ["PWQZC"]


def test_an_interleaving_keeps_both_orders() -> None:
    every = list(interleavings("CQZ"))
    assert len(every) == len(set(every)) == 10
    assert all(one.replace("P", "").replace("W", "") == "CQZ" for one in every)
    assert all(one.index("P") < one.index("W") for one in every)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("qcz", "QCZ: in all 10 interleavings T gets its page."),
        ("CQZ", "CQZ: in 1 of 10 interleavings T sleeps for ever. One of them: T C checks"),
        ("CZQ", "The page is there, and the wake is over."),
        ("", "T has three lines: Q queues up;"),
    ],
)
def test_an_order_is_tried(order: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try_wakeup(order)
    assert said in " ".join(capsys.readouterr().out.split())


def test_another_text_is_no_order() -> None:
    with pytest.raises(FaultlabError, match="write Q, C and Z, each once"):
        try_wakeup("QQZ")
