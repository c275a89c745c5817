"""Which orders of a sleeper's lines lose a wake-up."""

from __future__ import annotations

from itertools import permutations

import pytest

from course.decide import try_wakeup
from course.decide.wakeup import interleavings, lost
from pyemu.errors import FaultlabError


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
